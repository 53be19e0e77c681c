// @ts-check
// What is broken of a network on purpose, and how the picture is moved: plain data ↔ the address.

/**
 * @typedef {{maps: number[], biases: boolean, noise: number, degrees: number, right: number, down: number}} Broken
 *   maps: those that are off; biases: whether they are kept; noise: in standard deviations; right, down: pixels
 */
/** @typedef {{shape: number[], weights: boolean, biases: boolean, family: string}} Layer */

/** @type {Readonly<Broken>} */
export const WHOLE = Object.freeze({ maps: [], biases: true, noise: 0, degrees: 0, right: 0, down: 0 });

/** The numbers that can be changed: their name in the address, from where to where, and a slider's step. */
export const NUMBERS = /** @type {const} */ ({
  noise: { name: "noise", low: 0, high: 3, step: 0.1 },
  degrees: { name: "turn", low: -90, high: 90, step: 5 },
  right: { name: "right", low: -10, high: 10, step: 1 },
  down: { name: "down", low: -10, high: 10, step: 1 },
});
const OF_THE_LAYER = ["off", "biases", "noise"];
const NAMES = ["off", "biases", ...Object.values(NUMBERS).map(({ name }) => name)];
const NOT_BREAKABLE = new Set(["softmax", "reshape"]); // families of layers with nothing of their own to break

/** Whether something of a layer can be broken. */
export const isBreakable = (/** @type {Layer} */ { family }) => !NOT_BREAKABLE.has(family);

/** The numbers that can be changed with a layer: noise where it has weights. */
function numbersFor(/** @type {Layer} */ { weights }) {
  return Object.entries(NUMBERS).filter(([key]) => key !== "noise" || weights);
}

/**
 * What an address says is broken of a layer, and what of it cannot be: [name, value] each, with `low` and `high` where
 * a number is beyond them.
 * @param {(name: string) => string | null} get  a parameter's value
 * @param {Layer | null} layer  that is open
 * @returns {{broken: Broken, wrong: {name: string, value: string, low?: number, high?: number}[]}}
 */
export function readBroken(get, layer) {
  const given = NAMES.filter((name) => get(name) !== null);
  if (!layer || !isBreakable(layer)) return { broken: { ...WHOLE }, wrong: given.map((name) => ({ name, value: get(name) })) };
  const broken = { ...WHOLE };
  const wrong = [];
  const known = new Set(numbersFor(layer).map(([, { name }]) => /** @type {string} */ (name)));
  const listed = (get("off") ?? "").split(",").filter(Boolean);
  const isMap = (text) => /^\d+$/.test(text) && Number(text) < layer.shape.at(-1);
  broken.maps = [...new Set(listed.filter(isMap).map(Number))].sort((one, other) => one - other);
  for (const value of listed) if (!isMap(value)) wrong.push({ name: "off", value });
  if (get("biases") === "no" && layer.biases) broken.biases = false;
  else if (get("biases") !== null) wrong.push({ name: "biases", value: get("biases") });
  if (get("noise") !== null && !known.has("noise")) wrong.push({ name: "noise", value: get("noise") });
  for (const [key, { name, low, high }] of numbersFor(layer)) {
    const value = get(name);
    if (value === null) continue;
    if (!/^-?\d+(\.\d+)?$/.test(value)) wrong.push({ name, value });
    else if (Number(value) < low || Number(value) > high) wrong.push({ name, value, low, high });
    else broken[key] = Number(value);
  }
  return { broken, wrong };
}

/**
 * The address's parameters for what is broken; null takes one away.
 * @returns {Record<string, string | null>}
 */
export function writtenBroken(/** @type {Broken} */ broken) {
  const numbers = Object.entries(NUMBERS).map(([key, { name }]) => [name, broken[key] === 0 ? null : String(broken[key])]);
  return { off: broken.maps.join(",") || null, biases: broken.biases ? null : "no", ...Object.fromEntries(numbers) };
}

/** What of it an address does not keep when another layer is opened, or none: `next` is its name, or null. */
export function leftBehind(/** @type {string | null} */ before, /** @type {string | null} */ next) {
  if (next === before) return {};
  return Object.fromEntries((next === null ? NAMES : OF_THE_LAYER).map((name) => [name, null]));
}
