// @ts-check
// The values of a layer without maps: a bar each, or cells where there are many.

import { t } from "../shared/i18n.js";
import { drawMap } from "../shared/maps.js";
import { h, inline, number } from "../shared/ui.js";
import { cellGrid } from "./layer_values.js";

const FEW = 20; // values that have a bar each

/** Draw flat values as cells, row by row; places beyond the last stay empty. */
export function drawCells(canvas, values, range) {
  const [rows, columns] = cellGrid(values.length);
  const filled = new Float32Array(rows * columns);
  filled.set(values);
  return drawMap(canvas, filled, columns, rows, range);
}

/** `choose(index)` is called with another value; the classes name the values where there is one for each. */
export function flatValues(layer, { classes, chosen, range, choose }) {
  const { length } = layer.values;
  if (length > FEW) return cells(layer.values, chosen, range, choose);
  const names = length === classes.length ? classes : Array.from(layer.values, (_, index) => String(index));
  const largest = Math.max(...Array.from(layer.values, Math.abs), 1e-9);
  const signed = layer.low < 0;
  const bars = Array.from(layer.values, (value, index) => {
    const width = `${(Math.abs(value) / largest) * (signed ? 50 : 100)}%`;
    return h(
      "button",
      { type: "button", "aria-pressed": String(index === chosen), onclick: () => choose(index) },
      h("span", { class: "class" }, names[index]),
      h("span", { class: "track" }, h("span", { class: `bar${value < 0 ? " below" : ""}`, style: { width } })),
      h("span", { class: "share" }, number(value, 4)),
    );
  });
  return h("ol", { class: `value-bars${signed ? " signed" : ""}` }, bars.map((bar) => h("li", null, bar)));
}

function cells(values, chosen, range, choose) {
  const last = values.length - 1;
  const label = t("draw.cells", { count: values.length });
  const canvas = drawCells(h("canvas", { class: "framed cells", role: "img", "aria-label": label }), values, range);
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
    const row = Math.floor(((event.clientY - box.top) / box.height) * canvas.height);
    const index = row * canvas.width + column;
    if (index <= last) choose(index);
  });
  const input = h("input", {
    type: "number",
    min: "0",
    max: String(last),
    value: chosen,
    onchange: () => input.value !== "" && choose(Math.max(0, Math.min(last, Number(input.value)))),
  });
  return [canvas, inline(t("draw.value_number", { last }), input)];
}
