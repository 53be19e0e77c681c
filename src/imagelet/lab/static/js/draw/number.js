// @ts-check
// One number taken apart: the window, the kernel, their products, the sum, the bias, what becomes of it.
//
// A unit is that number with all that makes it, as the server's /api/number has it.

import { has, t } from "../shared/i18n.js";
import { error, h, number, replace, table } from "../shared/ui.js";
import { byMagnitude } from "./layer_values.js";
import { makeWindows } from "./windows.js";

const LARGEST = 12; // terms of a long sum that are listed

/** `link([row, column])` is called with the cell of the window that is looked at; null: none is. */
export function makeNumber({ link }) {
  const element = h("div", { class: "number-view" });
  const windows = makeWindows({ link });

  /** `classes` are the names of the layer's values, or null; `showChannel(index)` shows another one of the window's. */
  function show(unit, { classes, showChannel }) {
    const nameOf = (index) => classes?.[index] ?? String(index);
    const place = unit.index.length === 1 ? nameOf(unit.index[0]) : unit.index.join(", ");
    const note = methodText(unit);
    const isInScene = windows.show(isWindowed(unit) ? unit : null, showChannel, sumLine(unit));
    replace(
      element,
      h("h3", null, t("draw.number_at", { layer: unit.layer, place }), " ", h("strong", null, number(unit.result, 4))),
      has(note) && h("p", { class: "note" }, t(note)),
      working(unit, nameOf),
      isInScene ? null : sumLine(unit),
      h("p", { class: "working mono" }, unit.text),
      nextLayers(unit),
      sizeFormula(unit),
    );
  }

  return { element, windows, show, fail: (problem) => replace(element, error(problem)) };
}

/** Whether the number is made from a window (rows, columns, channels), not from a row of values. */
function isWindowed({ inputs }) {
  return Array.isArray(inputs[0]);
}

/** The key of the text that says what was done. */
function methodText(unit) {
  return unit.method === "sum" && !isWindowed(unit) ? "draw.how_sum_of_all" : `draw.how_${unit.method}`;
}

function working(unit, nameOf) {
  if (unit.exponentials) return softmax(unit, nameOf);
  if (isWindowed(unit)) return null;
  if (unit.weights && unit.inputs.length > 1) return largestTerms(unit);
  if (unit.method === "normalised" || unit.method === "added") return partsOf(unit);
  return null;
}

/** The sum of the products, the bias, the result. */
function sumLine(unit) {
  const { products, bias, result, inputs, method } = unit;
  if (!products || method !== "sum") return null;
  const count = isWindowed(unit) ? inputs.length * inputs[0].length * inputs[0][0].length : inputs.length;
  const part = (name, value, kind = null) => h("span", { class: kind }, h("small", null, name), number(value, 4));
  const signed = (sign, element) => h("span", { class: "signed" }, h("span", { class: "sign" }, sign), element);
  return h(
    "p",
    { class: "sum-line" },
    part(t("draw.sum_of", { count: number(count, 9) }), result - bias),
    signed("+", part(t("draw.bias"), bias)),
    signed("=", part(t("draw.result"), result, "result")),
  );
}

/** A table whose first column is words, the others numbers. */
function numberTable(names, rows, caption) {
  return table(names.map((label, index) => ({ label, numeric: index > 0 })), rows, { caption });
}

function largestTerms({ inputs, weights, products }) {
  const ranked = byMagnitude(products);
  const terms = (index) => [inputs, weights, products].map((values) => number(values[index], 4));
  const rows = ranked.slice(0, LARGEST).map((index) => [index, ...terms(index)]);
  const others = ranked.slice(LARGEST);
  const rest = others.reduce((sum, index) => sum + products[index], 0);
  if (others.length) rows.push([t("draw.others", { count: others.length }), "", "", number(rest, 4)]);
  const names = [t("draw.value"), t("draw.input"), t("draw.weight"), t("draw.product")];
  return numberTable(names, rows, t("draw.largest_terms"));
}

function softmax({ inputs, exponentials, index: [unit] }, nameOf) {
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  const rows = inputs.map((input, index) => {
    const numbers = [input, exponentials[index], exponentials[index] / total];
    const row = [nameOf(index), ...numbers.map((value) => number(value, 4))];
    return index === unit ? row.map((cell) => h("strong", null, cell)) : row;
  });
  rows.push(["Σ", "", number(total, 4), "1"]);
  return numberTable([t("draw.class"), "z", "exp(z)", "exp(z) / Σ"], rows, t("draw.exponentials"));
}

/** The numbers by name that make this one: of a normalisation its mean and others, of a block what it adds up. */
function partsOf({ parts, inputs, method }) {
  const keyOf = (name) => (name === "input" ? "draw.input" : `draw.part_${name}`);
  const nameOf = (name) => (has(keyOf(name)) ? t(keyOf(name)) : name);
  const input = method === "normalised" ? { input: inputs.flat(Infinity)[0] } : {};
  const rows = Object.entries({ ...input, ...parts });
  const columns = [{ label: "", head: true }, { label: "", numeric: true }];
  return table(columns, rows.map(([name, value]) => [nameOf(name), number(value, 4)]), { caption: t("draw.parts") });
}

/** What the layers after make of the number. */
function nextLayers({ following, result }) {
  if (!following.length) return null;
  const layers = following.map(({ name, value }) =>
    h("li", null, h("small", null, name), value === null ? t("draw.joined") : number(value, 4)),
  );
  const chain = h("ol", { class: "chain" }, h("li", null, number(result, 4)), layers);
  return h("div", null, h("h3", null, t("draw.following")), chain);
}

function sizeFormula({ size_formula: formula }) {
  return formula && h("div", { class: "size" }, h("h3", null, t("draw.size")), h("p", { class: "mono" }, formula));
}
