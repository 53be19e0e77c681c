// @ts-check
// A layer's numbers as pictures: small maps of which one is chosen, bars of flat values, or cells where there are many.

import { numberField } from "../shared/field.js";
import { t } from "../shared/i18n.js";
import { drawMap } from "../shared/maps.js";
import { h, inline, number } from "../shared/ui.js";
import { cellGrid, isFlat } from "./layer_values.js";

const FEW = 20; // flat values that have a bar each
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Draw the first maps of a layer on so many canvases; flat values on the first of them. */
export function drawFirstMaps(canvases, layer, rangeFor) {
  if (isFlat(layer)) {
    drawCells(canvases[0], layer.values, rangeFor(null));
    return;
  }
  const [height, width, step] = layer.shape;
  canvases.forEach((canvas, first) => drawMap(canvas, layer.values, width, height, rangeFor(first), { first, step }));
}

/**
 * All maps of a layer, one of them chosen; arrow keys go from one to the next. `choose(map)` is called with another.
 * Returns {element, show(layer, map, rangeFor(map)), switchOff(maps)}.
 */
export function makeMapGrid(layer, choose) {
  const [height, width, channels] = layer.shape;
  const tiles = Array.from({ length: channels }, (_, map) => {
    const label = t("draw.map", { map });
    const canvas = h("canvas", { "aria-hidden": "true" });
    const attributes = { role: "radio", "aria-label": label, title: label, onclick: () => choose(map) };
    const tile = h("button", { type: "button", ...attributes }, canvas);
    return { canvas, tile };
  });

  function onkeydown(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const from = tiles.findIndex(({ tile }) => tile === document.activeElement);
    const to = (from + step + channels) % channels;
    tiles[to].tile.focus();
    choose(to);
  }

  return {
    element: h(
      "div",
      { class: "map-grid", role: "radiogroup", "aria-label": t("draw.maps", { count: channels }), onkeydown },
      tiles.map(({ tile }) => tile),
    ),
    show({ values }, chosen, rangeFor) {
      tiles.forEach(({ canvas, tile }, first) => {
        drawMap(canvas, values, width, height, rangeFor(first), { first, step: channels });
        tile.setAttribute("aria-checked", String(first === chosen));
        tile.tabIndex = first === chosen ? 0 : -1;
      });
    },
    switchOff: (maps) => tiles.forEach(({ tile }, map) => tile.classList.toggle("off", maps.includes(map))),
  };
}

/** Draw flat values as cells, row by row; places beyond the last stay empty. */
function drawCells(canvas, values, range) {
  const [rows, columns] = cellGrid(values.length);
  const filled = new Float32Array(rows * columns);
  filled.set(values);
  return drawMap(canvas, filled, columns, rows, range);
}

/** A bar for each value, or cells. `choose(index)` is called with another value; classes name as many values. */
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
  const typed = numberField({ high: last, onvalue: choose });
  typed.show(chosen);
  return [canvas, inline(t("draw.value_number", { last }), typed.input), typed.problem];
}
