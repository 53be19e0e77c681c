// @ts-check
// Pictures in another size, to the last bit as Pillow does it: two passes, bytes rounded behind each.
//
// Source: Pillow's Resample.c and Reduce.c.

import { channelOf, clamp, merged } from "./planes.js";

/** @typedef {import("./planes.js").Plane} Plane */
/** @typedef {import("./planes.js").Picture} Picture */

const ONE = 2 ** 22; // what a weight of 1 is among the whole ones for bytes

/** A filter's reach in pixels, and the weight at a distance. */
const KERNELS = {
  box: { reach: 0.5, weigh: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { reach: 1, weigh: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { reach: 2, weigh: (x) => cubic(Math.abs(x)) },
  lanczos: { reach: 3, weigh: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function cubic(x) {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((x - 5) * x + 8) * x * -0.5 + 2 : 0;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/**
 * A plane in another size.
 * @param {Plane} plane
 * @param {number} height
 * @param {number} width
 * @param {keyof typeof KERNELS} filter
 * @param {number} [gap] first reduced by whole numbers where it stays so many times larger than wanted
 * @returns {Plane}
 */
export function resizePlane(plane, height, width, filter, gap) {
  let [source, rows, columns] = [plane, plane.height, plane.width];
  if (gap) {
    /** @type {any} */
    const factors = [rows / height, columns / width].map((scale) => Math.max(1, Math.trunc(scale / gap)));
    if (Math.max(...factors) > 1) {
      source = reduced(plane, factors);
      [rows, columns] = [rows / factors[0], columns / factors[1]];
    }
  }
  const needed = (size, to, span) => size !== to || span !== to;
  if (needed(source.width, width, columns)) source = along(source, 1, windowsOf(source.width, columns, width, filter));
  if (needed(source.height, height, rows)) source = along(source, 0, windowsOf(source.height, rows, height, filter));
  return source;
}

/** A picture in another size, channel by channel. */
export function resizePicture(/** @type {Picture} */ picture, height, width, filter, gap) {
  const planes = Array.from({ length: picture.channels }, (_, channel) => channelOf(picture, channel));
  return merged(planes.map((plane) => resizePlane(plane, height, width, filter, gap)));
}

/** For each place the first pixel that counts there, and the weights from there on. */
function windowsOf(size, span, places, filter) {
  const { reach, weigh } = KERNELS[filter];
  const scale = span / places;
  const wide = Math.max(scale, 1);
  return Array.from({ length: places }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach * wide + 0.5));
    const count = Math.min(size, Math.trunc(centre + reach * wide + 0.5)) - first;
    const weights = Array.from({ length: count }, (__, index) => weigh((index + first - centre + 0.5) * (1 / wide)));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => (sum === 0 ? weight : weight / sum)) };
  });
}

/** One pass: along the rows (axis 0, down) or along the columns (axis 1, across). */
function along({ height, width, data }, axis, windows) {
  const [lines, step, between] = axis ? [height, 1, width] : [width, width, 1];
  const size = lines * windows.length;
  const isBytes = data instanceof Uint8Array;
  const made = isBytes ? new Uint8Array(size) : new Float32Array(size);
  const [toStep, toBetween] = axis ? [1, windows.length] : [width, 1];
  windows.forEach(({ first, weights }, place) => {
    const whole = isBytes ? weights.map((weight) => Math.trunc(weight * ONE + (weight < 0 ? -0.5 : 0.5))) : weights;
    for (let line = 0; line < lines; line++) {
      let sum = 0;
      let at = line * between + first * step;
      for (let index = 0; index < whole.length; index++, at += step) sum += data[at] * whole[index];
      made[line * toBetween + place * toStep] = isBytes ? clamp(Math.floor((sum + ONE / 2) / ONE), 0, 255) : sum;
    }
  });
  return axis ? { height, width: windows.length, data: made } : { height: windows.length, width, data: made };
}

/** Bytes whose cells of so many rows and columns become one, their mean. */
function reduced({ height, width, data }, [down, across]) {
  const [rows, columns] = [Math.ceil(height / down), Math.ceil(width / across)];
  const made = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [bottom, right] = [Math.min(height, (row + 1) * down), Math.min(width, (column + 1) * across)];
      const count = (bottom - row * down) * (right - column * across);
      let sum = Math.floor(count / 2);
      for (let y = row * down; y < bottom; y++) {
        for (let x = column * across; x < right; x++) sum += data[y * width + x];
      }
      made[row * columns + column] = Math.floor((sum * Math.floor(2 ** 24 / count)) / 2 ** 24);
    }
  }
  return { height: rows, width: columns, data: made };
}
