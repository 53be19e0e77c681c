// @ts-check
// What the page shows: one operation on one image. Plain data ↔ the address ↔ the server's request.

import { EXAMPLES } from "./examples.js";
import { MOST_WEIGHTS, matrixFromAddress, readMatrix, sameMatrix, writeMatrix } from "./matrix.js";

/**
 * @typedef {{operation: string, image: number[][], kernel: number[][], size: number, stride: number, padding: string,
 *   dilation: number, at: number[]}} Setting
 *   operation: one of OPERATIONS; size: a side of a pooling's window; padding: one of PADDINGS, or "0"; at: [row, column]
 */

export const OPERATIONS = ["convolve", "max", "average"];
export const PADDINGS = ["valid", "same", "1", "2", "3"];
export const LARGEST_STEP = 6; // of stride and dilation
const NAMES = ["example", "operation", "image", "kernel", "size", "stride", "padding", "dilation", "at"];

/**
 * An example's setting.
 * @returns {Setting}
 */
export function settingOf(example) {
  return {
    operation: example.operation,
    image: readMatrix(example.image),
    kernel: readMatrix(example.kernel ?? "1 1; 1 1"),
    size: example.size ?? 2,
    stride: example.stride ?? 1,
    padding: example.padding ?? "valid",
    dilation: example.dilation ?? 1,
    at: readPlace(example.at),
  };
}

const oneOf = (names) => (text) => (names.includes(text) ? text : null);
const wholeNumber = (most) => (text) => (/^[1-9]\d*$/.test(text) && Number(text) <= most ? Number(text) : null);

/** How each part of a setting is read from the address; null where it says nothing that is known. */
const READERS = {
  operation: oneOf(OPERATIONS),
  image: (text) => matrixFromAddress(text),
  kernel: (text) => matrixFromAddress(text, MOST_WEIGHTS),
  size: wholeNumber(MOST_WEIGHTS),
  stride: wholeNumber(LARGEST_STEP),
  dilation: wholeNumber(LARGEST_STEP),
  padding: oneOf([...PADDINGS, "0"]),
  at: (text) => (/^\d+[_,]\d+$/.test(text) ? readPlace(text) : null),
};

/** The setting that the address names; what is missing or wrong in it is as in its example. */
export function readSetting(/** @type {{get(name: string): string | null}} */ state) {
  const setting = settingOf(EXAMPLES.find(({ name }) => name === state.get("example")) ?? EXAMPLES[0]);
  for (const [name, read] of Object.entries(READERS)) setting[name] = read(state.get(name) ?? "") ?? setting[name];
  return setting;
}

/**
 * The names in the address whose values say nothing that is known.
 * @returns {string[]}
 */
export function unknownNames(/** @type {{get(name: string): string | null}} */ state) {
  const isUnknown = (name, isKnown) => state.get(name) !== null && !isKnown(state.get(name));
  const isExample = (text) => EXAMPLES.some(({ name }) => name === text);
  const parts = Object.entries(READERS).filter(([name, read]) => isUnknown(name, (text) => read(text) !== null));
  return [...(isUnknown("example", isExample) ? ["example"] : []), ...parts.map(([name]) => name)];
}

/** What the address is to say: an example's name, or all that there is. */
export function writtenSetting(/** @type {Setting} */ setting) {
  const example = exampleOf(setting);
  const [row, column] = setting.at;
  const nothing = Object.fromEntries(NAMES.map((name) => [name, null]));
  const at = row || column ? `${row}_${column}` : null;
  if (example) return { ...nothing, example: example.name, at: at ?? (example.at ? "0_0" : null) };
  const convolving = setting.operation === "convolve";
  return {
    ...nothing,
    operation: setting.operation,
    image: writeMatrix(setting.image),
    kernel: convolving ? writeMatrix(setting.kernel) : null,
    size: convolving ? null : String(setting.size),
    stride: String(setting.stride),
    padding: setting.padding,
    dilation: convolving ? String(setting.dilation) : null,
    at,
  };
}

/** The example with this setting's numbers, at whatever place; undefined for numbers of one's own. */
export function exampleOf(/** @type {Setting} */ setting) {
  const same = (other) =>
    ["operation", "stride", "padding"].every((name) => other[name] === setting[name]) &&
    sameMatrix(other.image, setting.image) &&
    (setting.operation === "convolve"
      ? sameMatrix(other.kernel, setting.kernel) && other.dilation === setting.dilation
      : other.size === setting.size);
  return EXAMPLES.find((example) => same(settingOf(example)));
}

/** [path, body] for the server. */
export function requestFor(/** @type {Setting} */ { operation, image, kernel, size, stride, padding, dilation }) {
  const options = { image, stride, padding: /^\d+$/.test(padding) ? Number(padding) : padding };
  return operation === "convolve"
    ? ["/api/convolve", { ...options, kernel, dilation }]
    : ["/api/pool", { ...options, size, kind: operation }];
}

function readPlace(text) {
  const place = (text ?? "").split(/[_,]/).map(Number);
  return place.length > 1 && place.every((at) => Number.isInteger(at) && at >= 0) ? place.slice(0, 2) : [0, 0];
}
