// @ts-check
// One number taken apart: the window, the kernel, their products, the sum, the bias, what becomes of it.
//
// A unit is that number with all that makes it, as the server's /api/number has it.

import { has, t } from "../shared/i18n.js";
import { colourFor, rangeOf } from "../shared/maps.js";
import { error, h, inline, number, replace, select, table } from "../shared/ui.js";
import { channelSums, strongestChannel } from "./layer_values.js";

const LARGEST = 12; // terms of a long sum that are listed
const WIDEST = 9; // columns of a window that is written out

export function makeNumber() {
  const element = h("div", { class: "number-view" });

  /** `classes` are the names of the layer's values, or null; `showChannel(index)` shows another one of the window's. */
  function show(unit, { classes, showChannel }) {
    const nameOf = (index) => classes?.[index] ?? String(index);
    const place = unit.index.length === 1 ? nameOf(unit.index[0]) : unit.index.join(", ");
    const note = methodText(unit);
    replace(
      element,
      h("h3", null, t("draw.number_at", { layer: unit.layer, place }), " ", h("strong", null, number(unit.result, 4))),
      has(note) && h("p", { class: "note" }, t(note)),
      working(unit, { nameOf, showChannel }),
      sumLine(unit),
      h("p", { class: "working mono" }, unit.text),
      nextLayers(unit),
      sizeFormula(unit),
    );
  }

  return { element, show, fail: (problem) => replace(element, error(problem)) };
}

/** Whether the number is made from a window (rows, columns, channels), not from a row of values. */
function isWindowed({ inputs }) {
  return Array.isArray(inputs[0]);
}

/** The key of the text that says what was done. */
function methodText(unit) {
  return unit.method === "sum" && !isWindowed(unit) ? "draw.how_sum_of_all" : `draw.how_${unit.method}`;
}

function working(unit, { nameOf, showChannel }) {
  if (unit.exponentials) return softmax(unit, nameOf);
  if (isWindowed(unit)) return windows(unit, showChannel);
  if (unit.weights && unit.inputs.length > 1) return largestTerms(unit);
  if (unit.method === "normalised" || unit.method === "added") return partsOf(unit);
  return null;
}

/** Window × kernel = products, one channel at a time. */
function windows(unit, showChannel) {
  if (unit.inputs[0].length > WIDEST) return null;
  const sums = unit.products ? channelSums(unit.products) : [0];
  const start = sums.length > 1 ? strongestChannel(unit) : 0;
  const place = h("div", { class: "windows" }, windowOf(unit, start));
  if (sums.length === 1) return place;
  const nameOf = (channel) => t("draw.channel", { channel, sum: number(sums[channel], 3) });
  const list = select(byMagnitude(sums).map((channel) => [channel, nameOf(channel)]), start, (index) => {
    replace(place, windowOf(unit, Number(index)));
    showChannel(Number(index));
  });
  return [inline(t("draw.channel_of", { count: sums.length }), list), place];
}

function windowOf({ inputs, weights, products, winner, first, step }, channel) {
  const ofChannel = (numbers) => numbers.map((line) => line.map((place) => place[channel]));
  const sign = (text) => h("span", { class: "sign" }, text);
  const isWinner = (...place) => winner?.every((at, axis) => axis > 1 || at === first[axis] + place[axis] * step[axis]);
  return [
    grid(ofChannel(inputs), t("draw.window"), isWinner),
    products && [sign("×"), grid(ofChannel(weights), t("draw.kernel"))],
    products && [sign("="), grid(ofChannel(products), t("draw.products"))],
  ];
}

function grid(numbers, name, isMarked = (_row, _column) => false) {
  const range = rangeOf(numbers.flat().map((value) => value ?? 0));
  const cell = (value, row, column) => {
    if (value === null) return h("td", { class: "outside" }, "–");
    const { ground, ink } = colourFor(value, range);
    const style = { "background-color": ground, color: ink };
    return h("td", { class: isMarked(row, column) ? "winner" : null, style }, number(value, 2));
  };
  const lines = numbers.map((line, row) => h("tr", null, line.map((value, column) => cell(value, row, column))));
  return h("table", { class: "grid-numbers" }, h("caption", null, name), h("tbody", null, lines));
}

/** The sum of the products, the bias, the result. */
function sumLine(unit) {
  const { products, bias, result, inputs, method } = unit;
  if (!products || method !== "sum") return null;
  const count = isWindowed(unit) ? inputs.length * inputs[0].length * inputs[0][0].length : inputs.length;
  const sign = (text) => h("span", { class: "sign" }, text);
  const part = (name, value, kind = null) => h("span", { class: kind }, h("small", null, name), number(value, 4));
  return h(
    "p",
    { class: "sum-line" },
    part(t("draw.sum_of", { count: number(count, 9) }), result - bias),
    sign("+"),
    part(t("draw.bias"), bias),
    sign("="),
    part(t("draw.result"), result, "result"),
  );
}

/** The places of numbers, the one farthest from 0 first. */
function byMagnitude(numbers) {
  return numbers.map((_, index) => index).sort((one, other) => Math.abs(numbers[other]) - Math.abs(numbers[one]));
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
