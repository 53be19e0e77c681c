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

/** The setting that the address names; what is missing or wrong in it is as in its example. */
export function readSetting(/** @type {{get(name: string): string | null}} */ state) {
  const setting = settingOf(EXAMPLES.find(({ name }) => name === state.get("example")) ?? EXAMPLES[0]);
  const use = (name, value, isAllowed) => {
    if (isAllowed) setting[name] = value;
  };
  const useWhole = (name, most) => {
    const value = Number(state.get(name));
    use(name, value, Number.isInteger(value) && value >= 1 && value <= most);
  };
  const [operation, padding, at] = ["operation", "padding", "at"].map((name) => state.get(name));
  const [image, kernel] = [matrixFromAddress(state.get("image")), matrixFromAddress(state.get("kernel"), MOST_WEIGHTS)];
  use("operation", operation, OPERATIONS.includes(operation));
  use("image", image, image);
  use("kernel", kernel, kernel);
  useWhole("size", MOST_WEIGHTS);
  useWhole("stride", LARGEST_STEP);
  useWhole("dilation", LARGEST_STEP);
  use("padding", padding, PADDINGS.includes(padding) || padding === "0");
  use("at", readPlace(at), at);
  return setting;
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
