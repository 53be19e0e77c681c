/** What the page shows: one operation on one image. Plain data ↔ the address ↔ the server's request. */

import { EXAMPLES } from "./examples.js";
import { MOST_WEIGHTS, matrixFromAddress, readMatrix, sameMatrix, writeMatrix } from "./matrix.js";

export const OPERATIONS = ["convolve", "max", "average"];
export const PADDINGS = ["valid", "same", "1", "2", "3"];
export const LARGEST_STEP = 6; // of stride and dilation
const NAMES = ["example", "operation", "image", "kernel", "size", "stride", "padding", "dilation", "at"];

/** Return an example's setting: at = [row, column] of the output. */
export function settingOf(example) {
  return {
    operation: example.operation,
    image: readMatrix(example.image),
    kernel: readMatrix(example.kernel ?? "1 1; 1 1"),
    size: example.size ?? 2,
    stride: example.stride ?? 1,
    padding: example.padding ?? "valid",
    dilation: example.dilation ?? 1,
    at: place(example.at),
  };
}

/** Return the setting that the address names; what is missing or wrong in it is as in its example. */
export function readSetting(state) {
  const example = EXAMPLES.find(({ name }) => name === state.get("example")) ?? EXAMPLES[0];
  const setting = settingOf(example);
  const given = (name, allowed, value) => (allowed(value) ? { [name]: value } : {});
  const whole = (name, most) => {
    const value = Number(state.get(name));
    return given(name, () => Number.isInteger(value) && value >= 1 && value <= most, value);
  };
  const image = matrixFromAddress(state.get("image"));
  const kernel = matrixFromAddress(state.get("kernel"), MOST_WEIGHTS);
  return {
    ...setting,
    ...given("operation", (value) => OPERATIONS.includes(value), state.get("operation")),
    ...(image && { image }),
    ...(kernel && { kernel }),
    ...whole("size", MOST_WEIGHTS),
    ...whole("stride", LARGEST_STEP),
    ...whole("dilation", LARGEST_STEP),
    ...given("padding", (value) => PADDINGS.includes(value) || value === "0", state.get("padding")),
    ...(state.get("at") && { at: place(state.get("at")) }),
  };
}

/** Return what the address is to say: an example's name, or all that there is. */
export function writtenSetting(setting) {
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

/** Return the example with this setting's numbers, wherever one stands in it; undefined for numbers of one's own. */
export function exampleOf(setting) {
  return EXAMPLES.find((example) => {
    const other = settingOf(example);
    const convolving = setting.operation === "convolve";
    return (
      other.operation === setting.operation &&
      sameMatrix(other.image, setting.image) &&
      other.stride === setting.stride &&
      other.padding === setting.padding &&
      (convolving
        ? sameMatrix(other.kernel, setting.kernel) && other.dilation === setting.dilation
        : other.size === setting.size)
    );
  });
}

/** Return [path, body] for the server. */
export function requestFor({ operation, image, kernel, size, stride, padding, dilation }) {
  const how = { image, stride, padding: /^\d+$/.test(padding) ? Number(padding) : padding };
  return operation === "convolve"
    ? ["/api/convolve", { ...how, kernel, dilation }]
    : ["/api/pool", { ...how, size, kind: operation }];
}

function place(text) {
  const [row, column] = (text ?? "").split(/[_,]/).map(Number);
  const whole = [row, column].every((value) => Number.isInteger(value) && value >= 0);
  return whole ? [row, column] : [0, 0];
}
