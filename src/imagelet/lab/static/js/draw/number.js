// One number taken apart: the window, the kernel, their products, the sum, the bias, what becomes of it.

import { has, t } from "../shared/i18n.js";
import { colourFor, rangeOf } from "../shared/maps.js";
import { error, h, number, replace, select, table } from "../shared/ui.js";
import { channelSums, strongest } from "./stage.js";

const LARGEST = 12; // terms of a long sum that are listed
const WIDEST = 9; // columns of a window that is written out

export function makeNumber() {
  const element = h("div", { class: "number-view" });

  function show(found, { classes, isLast, channel }) {
    const named = (at) => (isLast ? `${classes[at]}` : String(at));
    const place = found.place.length === 1 ? named(found.place[0]) : found.place.join(", ");
    replace(
      element,
      h("h3", null, t("draw.number_at", { layer: found.layer, place }), " ", h("strong", null, number(found.result, 4))),
      has(how(found)) && h("p", { class: "note" }, t(how(found))),
      working(found, { named, channel }),
      sumLine(found),
      h("p", { class: "working mono" }, found.text),
      following(found),
      formula(found),
    );
  }

  return {
    element,
    show,
    fail: (problem) => replace(element, error(problem)),
  };
}

/** The name of the text that says what was done. */
function how({ method, inputs }) {
  return method === "sum" && !Array.isArray(inputs[0]) ? "draw.how_sum_of_all" : `draw.how_${method}`;
}

function working(found, { named, channel }) {
  if (found.exponentials) return shares(found, named);
  if (Array.isArray(found.inputs[0])) return windows(found, channel);
  if (found.weights && found.inputs.length > 1) return terms(found);
  if (found.method === "normalised") return parts(found);
  return null;
}

/** Window × kernel = products, one channel at a time. */
function windows(found, onchannel) {
  const { inputs, weights, products, winner, first, step } = found;
  if (inputs[0].length > WIDEST) return null;
  const sums = products ? channelSums(products) : null;
  const place = h("div", { class: "windows" });
  const isWinner = (row, column) => winner && winner[0] === first[0] + row * step[0] && winner[1] === first[1] + column * step[1];
  const draw = (at) => {
    const of = (numbers) => numbers.map((line) => line.map((each) => each[at]));
    replace(
      place,
      grid(of(inputs), t("draw.window"), isWinner),
      products && [
        h("span", { class: "sign" }, "×"),
        grid(of(weights), t("draw.kernel")),
        h("span", { class: "sign" }, "="),
        grid(of(products), t("draw.products")),
      ],
    );
  };
  const start = strongest(found) ?? 0;
  if (!sums || sums.length === 1) {
    draw(0);
    return place;
  }
  draw(start);
  const ranked = sums.map((each, at) => [at, each]).sort((one, other) => Math.abs(other[1]) - Math.abs(one[1]));
  const list = select(ranked.map(([at, each]) => [at, t("draw.channel", { channel: at, sum: number(each, 3) })]), start, (each) => {
    draw(Number(each));
    onchannel(Number(each));
  });
  return [h("label", { class: "inline" }, h("span", null, t("draw.channel_of", { count: sums.length })), list), place];
}

function grid(numbers, name, marked = () => false) {
  const range = rangeOf(numbers.flat().map((each) => each ?? 0));
  return h(
    "table",
    { class: "grid-numbers" },
    h("caption", null, name),
    h(
      "tbody",
      null,
      numbers.map((line, row) =>
        h(
          "tr",
          null,
          line.map((each, column) => {
            if (each === null) return h("td", { class: "outside" }, "–");
            const { ground, ink } = colourFor(each, range);
            return h("td", { class: marked(row, column) ? "winner" : null, style: { "background-color": ground, color: ink } }, number(each, 2));
          }),
        ),
      ),
    ),
  );
}

/** The sum of the products, the bias, the result. */
function sumLine({ products, bias, result, inputs, method }) {
  if (!products || method !== "sum") return null;
  const windowed = Array.isArray(inputs[0]);
  const count = windowed ? inputs.length * inputs[0].length * inputs[0][0].length : inputs.length;
  return h(
    "p",
    { class: "sum-line" },
    h("span", null, h("small", null, t("draw.sum_of", { count: number(count, 9) })), number(result - bias, 4)),
    h("span", { class: "sign" }, "+"),
    h("span", null, h("small", null, t("draw.bias")), number(bias, 4)),
    h("span", { class: "sign" }, "="),
    h("span", { class: "result" }, h("small", null, t("draw.result")), number(result, 4)),
  );
}

function terms({ inputs, weights, products }) {
  const ranked = products.map((each, at) => at).sort((one, other) => Math.abs(products[other]) - Math.abs(products[one]));
  const listed = ranked.slice(0, LARGEST);
  const columns = [t("draw.value"), t("draw.input"), t("draw.weight"), t("draw.product")];
  const rows = listed.map((at) => [String(at), number(inputs[at], 4), number(weights[at], 4), number(products[at], 4)]);
  const rest = ranked.slice(LARGEST).reduce((sum, at) => sum + products[at], 0);
  if (ranked.length > LARGEST) rows.push([t("draw.others", { count: ranked.length - LARGEST }), "", "", number(rest, 4)]);
  return table(columns.map((label, at) => ({ label, numeric: at > 0 })), rows, { caption: t("draw.largest_terms") });
}

function shares({ inputs, exponentials, place }, named) {
  const total = exponentials.reduce((sum, each) => sum + each, 0);
  const columns = [t("draw.class"), "z", "exp(z)", "exp(z) / Σ"];
  const rows = inputs.map((each, at) => {
    const row = [named(at), number(each, 4), number(exponentials[at], 4), number(exponentials[at] / total, 4)];
    return at === place.at(-1) ? row.map((cell) => h("strong", null, cell)) : row;
  });
  rows.push(["Σ", "", number(total, 4), "1"]);
  return table(columns.map((label, at) => ({ label, numeric: at > 0 })), rows, { caption: t("draw.exponentials") });
}

function parts({ parts: told, inputs }) {
  const rows = [[t("draw.input"), number(inputs.flat(Infinity)[0], 4)], ...Object.entries(told).map(([name, value]) => [has(`draw.part_${name}`) ? t(`draw.part_${name}`) : name, number(value, 4)])];
  return table([{ label: "", head: true }, { label: "", numeric: true }], rows, { caption: t("draw.parts") });
}

/** What the layers after make of the number. */
function following({ following: after, result }) {
  if (!after.length) return null;
  return h(
    "div",
    null,
    h("h3", null, t("draw.following")),
    h(
      "ol",
      { class: "chain" },
      h("li", null, number(result, 4)),
      after.map((each) => h("li", null, h("small", null, each.name), each.value === null ? t("draw.joined") : number(each.value, 4))),
    ),
  );
}

function formula({ size_formula: told }) {
  if (!told) return null;
  const lines = Array.isArray(told) ? told : [told];
  return h("div", { class: "size" }, h("h3", null, t("draw.size")), lines.map((each) => h("p", { class: "mono" }, each)));
}
