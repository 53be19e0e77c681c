// A drawing as letters and digits, so that the address can hold it: four for each point, two for each of its axes.

const FINEST = 36 * 36 - 1; // steps along a side of the sheet
const APART = 1 / 150; // of the side; nearer points add nothing to a line so thick
const LONGEST = 4000; // letters
const FORM = /^-?(?:[0-9a-z]{4})+(?:\.-?(?:[0-9a-z]{4})+)*$/;

/** Write strokes [{points: [{x, y}…], erase}] on a sheet of that side; null if it would take too long an address. */
export function written(strokes, side) {
  const axis = (value) => Math.round(Math.max(0, Math.min(1, value / side)) * FINEST).toString(36).padStart(2, "0");
  const lines = strokes.map(({ points, erase }) => {
    const line = thinned(points, side * APART);
    return (erase ? "-" : "") + line.map(({ x, y }) => axis(x) + axis(y)).join("");
  });
  const text = lines.join(".");
  return text && text.length <= LONGEST ? text : null;
}

/** Read what was written; null for anything else. */
export function read(text, side) {
  if (text.length > LONGEST || !FORM.test(text)) return null;
  const axis = (letters) => (parseInt(letters, 36) / FINEST) * side;
  return text.split(".").map((line) => ({
    erase: line.startsWith("-"),
    points: line.match(/[0-9a-z]{4}/g).map((point) => ({ x: axis(point.slice(0, 2)), y: axis(point.slice(2)) })),
  }));
}

/** Leave out points that are nearer than `apart` to the one before; the ends stay. */
function thinned(points, apart) {
  const kept = [points[0]];
  for (const each of points.slice(1)) {
    const { x, y } = kept.at(-1);
    if (Math.hypot(each.x - x, each.y - y) >= apart) kept.push(each);
  }
  if (points.length > 1 && kept.at(-1) !== points.at(-1)) kept.push(points.at(-1));
  return kept;
}
