// One layer opened: all its maps, one of them large beside what it is made from, a number taken apart.

import { has, t } from "../shared/i18n.js";
import { drawMap, legend } from "../shared/maps.js";
import { busy, button, h, number, replace } from "../shared/ui.js";
import { makeNumber } from "./number.js";
import { strongestPlace } from "./numbers.js";
import { rangeIn } from "./ranges.js";
import { makeStage } from "./stage.js";
import { drawCells, shapeText } from "./strip.js";

const FEW = 20; // flat values that have a bar each; more are cells

/**
 * The opened layer. `change({layer, map, place})` is called when something else is chosen; `askNumber(layer, place)`
 * gives a number taken apart. Until a place is chosen, it is that of the strongest number.
 */
export function makeLayer({ change, askNumber }) {
  const element = h("section", { class: "layer card", hidden: true, "aria-labelledby": "layer-name" });
  const numberView = makeNumber();
  let shown = null; // {layers, layer, seen, classes, map, place, picked, range}
  let built = "";
  let parts = null;
  let asking = 0;

  const rangeFor = (map = null) => rangeIn(shown, shown.layer, map);

  function build() {
    const { layer } = shown;
    const spatial = layer.shape.length === 3;
    parts = { grid: h("div"), legend: legend({ low: 0, high: 0 }), stage: null };
    if (spatial) {
      parts.grid = mapGrid(layer, (map) => change(shown.picked ? { map, place: shown.place } : { map }));
      parts.stage = makeStage({ pick: (place) => change({ place }), askNumber });
    } else parts.grid = h("div", { class: "flat-values" });
    const kind = h("span", { class: "kind" }, layer.kind);
    replace(
      element,
      h(
        "header",
        { class: "layer-head" },
        h("h2", { id: "layer-name" }, layer.name, " ", kind, " ", h("span", { class: "shape" }, shapeText(layer.shape))),
        button("✕", () => change({ layer: null, map: null, place: null }), { quiet: true, label: t("draw.close_layer") }),
      ),
      has(`draw.kind_${layer.kind}`) && h("p", { class: "note kind-note" }, t(`draw.kind_${layer.kind}`)),
      h(
        "div",
        { class: spatial ? "layer-body" : "layer-body one" },
        h("div", { class: "layer-maps" }, parts.legend, parts.grid, !spatial && h("p", { class: "hint" }, t("draw.pick_value"))),
        h("div", { class: "layer-number" }, parts.stage?.element, numberView.element),
      ),
    );
  }

  function draw() {
    const { layers, layer, map, place, picked, seen, classes } = shown;
    parts.legend.update(rangeFor(map));
    if (layer.shape.length === 3) {
      parts.grid.show(layer, map, rangeFor);
      const at = layers.indexOf(layer);
      parts.stage.show({ layer, before: layers[at - 1] ?? null, seen, map, place, picked, range: rangeFor(map) });
    } else replace(parts.grid, flatValues(layer, classes, place[0], rangeFor(), (value) => change({ place: [value] })));
  }

  async function takeApart() {
    const { layer, map, place, classes } = shown;
    asking += 1;
    const mine = asking;
    const at = layer.shape.length === 3 ? [...place, map] : place;
    try {
      const found = await busy(numberView.element, askNumber(layer.name, at));
      if (mine !== asking) return;
      numberView.show(found, { classes, isLast: layer.shape.length === 1 && layer.shape[0] === classes.length, channel: (each) => parts.stage?.channel(each) });
      parts.stage?.window(found);
    } catch (problem) {
      if (mine === asking) numberView.fail(problem);
    }
  }

  /** Show a layer of these; null closes. */
  function show(next) {
    shown = next && { ...next, picked: next.place !== null, place: next.place ?? strongestPlace(next.layer, next.map) };
    element.hidden = next === null;
    if (!next) {
      built = "";
      parts?.stage?.stop();
      replace(element);
      return;
    }
    const wanted = `${next.layer.name} ${shapeText(next.layer.shape)}`;
    if (wanted !== built) {
      parts?.stage?.stop();
      build();
      built = wanted;
    }
    draw();
    takeApart();
  }

  return { element, show, stop: () => parts?.stage?.stop() };
}

/** All maps as small pictures, one of them chosen; arrow keys go from one to the next. */
function mapGrid(layer, choose) {
  const [height, width, channels] = layer.shape;
  const tiles = Array.from({ length: channels }, (_, map) => {
    const canvas = h("canvas", { "aria-hidden": "true" });
    const tile = h("button", { type: "button", role: "radio", "aria-label": t("draw.map", { map }), title: t("draw.map", { map }), onclick: () => choose(map) }, canvas);
    return { canvas, tile };
  });
  const element = h("div", { class: "map-grid", role: "radiogroup", "aria-label": t("draw.maps", { count: channels }) }, tiles.map(({ tile }) => tile));
  element.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const from = tiles.findIndex(({ tile }) => tile === document.activeElement);
    const to = (from + step + channels) % channels;
    tiles[to].tile.focus();
    choose(to);
  });
  element.show = (next, chosen, rangeFor) => {
    tiles.forEach(({ canvas, tile }, first) => {
      drawMap(canvas, next.values, width, height, rangeFor(first), { first, step: channels });
      tile.setAttribute("aria-checked", String(first === chosen));
      tile.tabIndex = first === chosen ? 0 : -1;
    });
  };
  return element;
}

/** Flat values: a bar each, or cells where there are many. */
function flatValues(layer, classes, chosen, range, choose) {
  const count = layer.values.length;
  if (count > FEW) return cells(layer, chosen, range, choose);
  const limit = Math.max(...Array.from(layer.values, Math.abs), 1e-9);
  const signed = layer.low < 0;
  return h(
    "ol",
    { class: `value-bars${signed ? " signed" : ""}` },
    Array.from(layer.values, (value, at) => {
      const bar = h("span", { class: `bar${value < 0 ? " below" : ""}` });
      bar.style.width = `${(Math.abs(value) / limit) * (signed ? 50 : 100)}%`;
      const name = count === classes.length ? classes[at] : String(at);
      return h(
        "li",
        null,
        h(
          "button",
          { type: "button", "aria-pressed": String(at === chosen), onclick: () => choose(at) },
          h("span", { class: "class" }, name),
          h("span", { class: "track" }, bar),
          h("span", { class: "share" }, number(value, 4)),
        ),
      );
    }),
  );
}

function cells(layer, chosen, range, choose) {
  const count = layer.values.length;
  const canvas = drawCells(h("canvas", { class: "framed cells", role: "img", "aria-label": t("draw.cells", { count }) }), layer.values, range);
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
    const at = Math.floor(((event.clientY - box.top) / box.height) * canvas.height) * canvas.width + column;
    if (at < count) choose(at);
  });
  const input = h("input", { type: "number", min: "0", max: String(count - 1), value: chosen ?? "", onchange: () => input.value !== "" && choose(Math.max(0, Math.min(count - 1, Number(input.value)))) });
  return [canvas, h("label", { class: "inline" }, h("span", null, t("draw.value_number", { last: count - 1 })), input)];
}
