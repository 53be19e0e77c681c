// @ts-check
// Arithmetic on what a layer makes of an image, and on one of its numbers. Nothing here draws.

/**
 * @typedef {{name: string, kind: string, family: string, channelwise: boolean, sources: string[],
 * shape: number[], low: number, high: number, values: Float32Array}} Layer
 *   shape: [height, width, channels], channels last, or [values]
 */

const MANY = 24; // layers; of fewer none is folded away
const LONGEST_REPEAT = 12; // layers
const FEWEST_TIMES = 3; // that layers come in a row before they are folded
const ONE_ROW = 16; // flat values that lie side by side; more are a square

/** @param {Layer} layer */
export function isFlat({ shape }) {
  return shape.length === 1;
}

export function shapeText(shape) {
  return shape.join(" × ");
}

/** A map's numbers, row by row. */
export function mapOf(/** @type {Layer} */ { shape, values }, /** @type {number} */ map) {
  const [height, width, channels] = shape;
  return Float32Array.from({ length: height * width }, (_, index) => values[index * channels + map]);
}

/** The number of a map at [row, column]. */
export function valueAt({ shape, values }, [row, column], map) {
  return values[(row * shape[1] + column) * shape[2] + map];
}

/** Where the number farthest from 0 lies: [row, column] in a map, [index] among flat values. */
export function strongestPlace(layer, map) {
  const values = isFlat(layer) ? layer.values : mapOf(layer, map);
  const index = farthestFromZero(values);
  return isFlat(layer) ? [index] : [Math.floor(index / layer.shape[1]), index % layer.shape[1]];
}

function farthestFromZero(values) {
  let best = 0;
  for (let index = 1; index < values.length; index++) {
    if (Math.abs(values[index]) > Math.abs(values[best])) best = index;
  }
  return best;
}

/** The place that is written as "row,column" or "index"; null where the shape has none such. */
export function placeFrom(text, shape) {
  const place = (text ?? "").split(",").filter(Boolean).map(Number);
  const isInside = (at, axis) => Number.isInteger(at) && at >= 0 && at < shape[axis];
  return place.length === (shape.length === 3 ? 2 : 1) && place.every(isInside) ? place : null;
}

/** Rows and columns of a grid of cells for so many flat values. */
export function cellGrid(count) {
  const columns = count <= ONE_ROW ? count : Math.ceil(Math.sqrt(count));
  return [Math.ceil(count / columns), columns];
}

/** The sum of a window's products for each channel; outside the image they are null. */
export function channelSums(products) {
  const places = products.flat();
  return places[0].map((_, channel) => places.reduce((sum, place) => sum + (place[channel] ?? 0), 0));
}

/** The channel whose products add up to most; of a window without products the window's own. */
export function strongestChannel({ products, first }) {
  return Array.isArray(products?.[0]) ? farthestFromZero(channelSums(products)) : first[2];
}

/** Rows and columns that a number's window spans, with what dilation leaves out. */
export function extentOf({ inputs, step }) {
  if (!Array.isArray(inputs[0])) return [1, 1];
  return [(inputs.length - 1) * step[0] + 1, (inputs[0].length - 1) * step[1] + 1];
}

/** The places of numbers, the one farthest from 0 first. */
export function byMagnitude(numbers) {
  return numbers.map((_, index) => index).sort((one, other) => Math.abs(numbers[other]) - Math.abs(numbers[one]));
}

/**
 * The places of a map that a pixel of the map before goes into: {first, extent}, or null where there are none.
 * @param {number[]} pixel [row, column]
 * @param {{first: number[], stride: number[], extent: number[]}} windows of the place [0, 0], and how they go on
 * @param {number[]} size [height, width] of the map
 */
export function placesFrom(pixel, { first, stride, extent }, size) {
  const range = pixel.map((at, axis) => {
    const step = stride[axis] || 1;
    const low = Math.max(0, Math.ceil((at - first[axis] - extent[axis] + 1) / step));
    return [low, Math.min(size[axis] - 1, Math.floor((at - first[axis]) / step))];
  });
  if (range.some(([low, high]) => high < low)) return null;
  return { first: range.map(([low]) => low), extent: range.map(([low, high]) => high - low + 1) };
}

/**
 * Where layers of the same kinds and shapes come again and again: [start, end] of those after the first time, whose
 * pictures may be folded away; none where there are few layers.
 * @param {{kind: string, shape: number[]}[]} layers
 * @returns {[number, number][]}
 */
export function repeatedLayers(layers) {
  if (layers.length <= MANY) return [];
  const keys = layers.map(({ kind, shape }) => `${kind} ${shapeText(shape)}`);
  /** @type {[number, number][]} */
  const ranges = [];
  for (let at = 0; at < keys.length; ) {
    const { period, times } = longestRepeat(keys, at);
    if (times >= FEWEST_TIMES) ranges.push([at + period, at + period * times]);
    at += times >= FEWEST_TIMES ? period * times : 1;
  }
  return ranges;
}

/** The shortest period of keys from a place on whose repetition reaches farthest, and how many times it comes. */
function longestRepeat(keys, at) {
  let best = { period: 1, times: 1 };
  for (let period = 1; period <= LONGEST_REPEAT; period++) {
    const isSame = (times) =>
      at + (times + 1) * period <= keys.length &&
      keys.slice(at, at + period).every((key, index) => key === keys[at + times * period + index]);
    let times = 1;
    while (isSame(times)) times += 1;
    if (times > 1 && times * period > best.times * best.period) best = { period, times };
  }
  return best;
}
