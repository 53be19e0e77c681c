// @ts-check
// Pixels, and what is measured on them. The framing of pictures is imagelet's own, step by step; see its
// package `preprocessing`, whose names the functions have here.

/** @typedef {{height: number, width: number, data: Uint8Array | Float32Array}} Plane one number for each pixel */
/** @typedef {{height: number, width: number, channels: number, data: Uint8Array}} Picture channels last, 1 or 3 */
/** @typedef {{top: number, bottom: number, left: number, right: number}} Part bottom and right are not inside */

/** A whole number; of two that are as near the even one, as Python rounds. */
export function rounded(/** @type {number} */ value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 ? below + 1 : below;
}

export function clamp(/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) {
  return Math.min(Math.max(value, low), high);
}

/** A new plane whose numbers a function makes of another's. */
export function mapped(/** @type {Plane} */ plane, /** @type {(value: number, index: number) => number} */ change) {
  const { height, width, data } = plane;
  const made = new Float32Array(data.length);
  for (let index = 0; index < data.length; index++) made[index] = change(data[index], index);
  return { height, width, data: made };
}

/** One channel of a picture. */
export function channelOf(/** @type {Picture} */ { height, width, channels, data }, /** @type {number} */ channel) {
  const made = new Uint8Array(height * width);
  for (let pixel = 0; pixel < made.length; pixel++) made[pixel] = data[pixel * channels + channel];
  return { height, width, data: made };
}

/** A picture of planes, one for each channel. */
export function merged(/** @type {Plane[]} */ planes) {
  const [{ height, width }] = planes;
  const channels = planes.length;
  const data = new Uint8Array(height * width * channels);
  planes.forEach((plane, channel) => {
    for (let pixel = 0; pixel < height * width; pixel++) data[pixel * channels + channel] = plane.data[pixel];
  });
  return { height, width, channels, data };
}

/** A picture as grey: ITU-R 601 luma, as Pillow rounds it. */
export function greyOf(/** @type {Picture} */ picture) {
  if (picture.channels === 1) return channelOf(picture, 0);
  const { height, width, data } = picture;
  const made = new Uint8Array(height * width);
  for (let pixel = 0; pixel < made.length; pixel++) {
    const at = 3 * pixel;
    made[pixel] = (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16;
  }
  return { height, width, data: made };
}

/** A picture with 1 or 3 channels. */
export function withChannels(/** @type {Picture} */ picture, /** @type {number} */ channels) {
  if (picture.channels === channels) return picture;
  return channels === 1 ? merged([greyOf(picture)]) : merged(Array(3).fill(channelOf(picture, 0)));
}

/** The outermost numbers, each once. */
export function border(/** @type {Plane} */ { height, width, data }) {
  const made = new Float64Array(height < 3 || width < 3 ? height * width : 2 * (height + width) - 4);
  let count = 0;
  for (let row = 0; row < height; row++) {
    const step = row === 0 || row === height - 1 ? 1 : Math.max(1, width - 1);
    for (let column = 0; column < width; column += step) made[count++] = data[row * width + column];
  }
  return made;
}

/** A part, cut out. */
export function cut(/** @type {Plane} */ { width, data }, /** @type {Part} */ { top, bottom, left, right }) {
  const [rows, columns] = [bottom - top, right - left];
  const made = data instanceof Uint8Array ? new Uint8Array(rows * columns) : new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const start = (top + row) * width + left;
    made.set(data.subarray(start, start + columns), row * columns);
  }
  return { height: rows, width: columns, data: made };
}

/** The same in the middle of more room; outside is 0, or `ground`. */
export function placed(/** @type {Plane} */ plane, height, width, top, left, ground = 0) {
  const data = plane.data instanceof Uint8Array ? new Uint8Array(height * width) : new Float32Array(height * width);
  data.fill(ground);
  for (let row = 0; row < plane.height; row++) {
    const line = plane.data.subarray(row * plane.width, (row + 1) * plane.width);
    data.set(line, (top + row) * width + left);
  }
  return { height, width, data };
}

/**
 * The part that the pixels take for which `isInside` holds; null where it holds nowhere.
 * @returns {Part | null}
 */
export function extent(/** @type {Plane} */ { height, width, data }, isInside = (value) => value > 0) {
  let [top, bottom, left, right] = [height, 0, width, 0];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (!isInside(data[row * width + column])) continue;
      top = Math.min(top, row);
      bottom = row + 1;
      left = Math.min(left, column);
      right = Math.max(right, column + 1);
    }
  }
  return bottom ? { top, bottom, left, right } : null;
}

const inOrder = new WeakMap(); // numbers → the same, sorted: they are asked for more than once

/** The quantiles of some numbers, which stay as they are; linear between two. */
export function quantiles(values, /** @type {number[]} */ shares) {
  if (!inOrder.has(values)) inOrder.set(values, values.slice().sort());
  const sorted = inOrder.get(values);
  return shares.map((share) => {
    const place = share * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return low + (high - low) * (place - Math.floor(place));
  });
}

export function median(values) {
  return quantiles(values, [0.5])[0];
}

export function largest(values) {
  let most = -Infinity;
  for (const value of values) if (value > most) most = value;
  return most;
}

export function sumOf(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** How many of some numbers fulfil a condition, from 0 to 1. */
export function shareOf(values, isCounted) {
  let count = 0;
  for (const value of values) if (isCounted(value)) count += 1;
  return count / values.length;
}
