// @ts-check
// The window goes over the whole input, place by place, while the map fills.

import { clamp } from "../shared/scales.js";
import { makeTurns } from "../shared/timing.js";
import { extentOf } from "./layer_values.js";

const SECONDS = 12; // of a large map; a small one takes its time for each place
const FRAMES = 60; // a second, at most
const LONGEST = 400; // milliseconds of one place
const EARLY = 4; // milliseconds that a frame may come before its time

/**
 * `fill(count, windows)` is called when so many places are filled; `ended(count)` when it stops, at the end or before.
 * `windows` is {first, stride, extent}, from two numbers that `fetchNumber(layer, place)` takes apart.
 */
export function makePlayer({ fetchNumber, fill, ended }) {
  const windowsOf = makeWindowsOf(fetchNumber);
  let [timer, filled] = [null, 0];
  const nextTurn = makeTurns(); // what is stopped while it waits for its windows does not begin

  /** Go on from where it stopped; from the start once it has been at the end. */
  async function start(layer, map) {
    const isNewest = nextTurn();
    const windows = await windowsOf(layer, map);
    if (!isNewest()) return;
    const places = layer.shape[0] * layer.shape[1];
    if (filled >= places) filled = 0;
    const wait = clamp((SECONDS * 1000) / places, 1000 / FRAMES, LONGEST);
    const step = Math.max(1, places / (SECONDS * FRAMES));
    let [reached, last] = [filled, performance.now()];
    const next = (now) => {
      if (now - last >= wait - EARLY) {
        last = now;
        reached += step;
        filled = Math.min(places, Math.floor(reached));
        fill(filled, windows);
      }
      if (filled >= places) stop();
      else timer = requestAnimationFrame(next);
    };
    timer = requestAnimationFrame(next);
  }

  function stop() {
    nextTurn();
    if (timer === null) return;
    cancelAnimationFrame(timer);
    timer = null;
    ended(filled);
  }

  return {
    start,
    stop,
    windowsOf,
    /** Begin at this count of places the next time; `ended` is not called. */
    reset(count = 0) {
      nextTurn();
      if (timer !== null) cancelAnimationFrame(timer);
      [timer, filled] = [null, count];
    },
    get playing() {
      return timer !== null;
    },
  };
}

/** A function that finds out how the windows of a layer go over its input; each layer is asked about once. */
function makeWindowsOf(fetchNumber) {
  const known = new Map(); // layer's name → its windows

  return async function windowsOf({ name, shape }, map) {
    if (!known.has(name)) {
      const [row, column] = [0, 1].map((axis) => Math.min(1, shape[axis] - 1));
      const corner = await fetchNumber(name, [0, 0, map]);
      const next = await fetchNumber(name, [row, column, map]);
      const stride = [0, 1].map((axis) => next.first[axis] - corner.first[axis]);
      known.set(name, { first: corner.first, stride, extent: extentOf(next) });
    }
    return known.get(name);
  };
}
