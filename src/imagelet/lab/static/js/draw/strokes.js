// @ts-check
// A drawing as letters and digits, so that the address can hold it: four for each point, two for each of its axes.

import { clamp } from "../shared/scales.js";

/** @typedef {{points: import("./steps.js").Point[], erase: boolean}} Line */

const FINEST = 36 * 36 - 1; // steps along a side of the sheet
const APART = 1 / 150; // of the side; nearer points add nothing to a line so thick
const LONGEST = 4000; // letters
const FORM = /^-?(?:[0-9a-z]{4})+(?:\.-?(?:[0-9a-z]{4})+)*$/;

/** Write strokes on a sheet of that side, in pixels; null where there is none, or it would take too long an address. */
export function written(/** @type {Line[]} */ strokes, /** @type {number} */ side) {
  const axis = (value) => Math.round(clamp(value / side, 0, 1) * FINEST).toString(36).padStart(2, "0");
  const lines = strokes.map(({ points, erase }) => {
    const line = thinned(points, side * APART);
    return (erase ? "-" : "") + line.map(({ x, y }) => axis(x) + axis(y)).join("");
  });
  const text = lines.join(".");
  return text && text.length <= LONGEST ? text : null;
}

/**
 * Read what was written; null for anything else.
 * @returns {Line[] | null}
 */
export function read(/** @type {string} */ text, /** @type {number} */ side) {
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
  for (const point of points.slice(1)) {
    const { x, y } = kept.at(-1);
    if (Math.hypot(point.x - x, point.y - y) >= apart) kept.push(point);
  }
  if (points.length > 1 && kept.at(-1) !== points.at(-1)) kept.push(points.at(-1));
  return kept;
}
