// The window goes over the whole input, place by place, while the map fills.

const SECONDS = 12; // of a large map; a small one takes its time for each place
const FRAMES = 60; // a second, at most
const LONGEST = 400; // milliseconds of one place

/**
 * `at(count, windows)` is called when so many places are filled; `ended(count)` when it stops, at the end or before.
 * `windows` is {first, stride, extent}, from two numbers that `askNumber(layer, place)` takes apart.
 */
export function makePlayer({ askNumber, at, ended }) {
  const known = new Map(); // layer → its windows
  let [timer, filled, places] = [null, 0, 0];

  async function windowsOf({ name, shape }, map) {
    if (known.has(name)) return known.get(name);
    const [height, width] = shape;
    const corner = await askNumber(name, [0, 0, map]);
    const next = await askNumber(name, [Math.min(1, height - 1), Math.min(1, width - 1), map]);
    const stride = [0, 1].map((axis) => next.first[axis] - corner.first[axis]);
    known.set(name, { first: corner.first, stride, extent: extentOf(next) });
    return known.get(name);
  }

  /** Go on from where it stopped; from the start once it has been at the end. */
  async function start(layer, map) {
    const windows = await windowsOf(layer, map);
    places = layer.shape[0] * layer.shape[1];
    if (filled >= places) filled = 0;
    const wait = Math.max(1000 / FRAMES, Math.min(LONGEST, (SECONDS * 1000) / places));
    const step = Math.max(1, places / (SECONDS * FRAMES));
    let [reached, last] = [filled, performance.now()];
    const next = (now) => {
      if (now - last >= wait - 4) {
        last = now;
        reached += step;
        filled = Math.min(places, Math.floor(reached));
        at(filled, windows);
      }
      if (filled >= places) stop();
      else timer = requestAnimationFrame(next);
    };
    timer = requestAnimationFrame(next);
  }

  function stop() {
    if (timer === null) return;
    cancelAnimationFrame(timer);
    timer = null;
    ended(filled);
  }

  return {
    start,
    stop,
    /** Begin at this count of places the next time; without a word if it is playing. */
    reset(count = 0) {
      if (timer !== null) cancelAnimationFrame(timer);
      timer = null;
      filled = count;
    },
    get playing() {
      return timer !== null;
    },
  };
}

/** Rows and columns that a window spans, with what dilation leaves out. */
export function extentOf({ inputs, step }) {
  if (!Array.isArray(inputs[0])) return [1, 1];
  return [(inputs.length - 1) * step[0] + 1, (inputs[0].length - 1) * step[1] + 1];
}
