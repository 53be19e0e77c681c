// Every layer in order, with a few of its maps; one of them can be opened.

import { t } from "../shared/i18n.js";
import { drawMap } from "../shared/maps.js";
import { h, replace } from "../shared/ui.js";
import { rangeIn } from "./ranges.js";

const MAPS = 4; // of each layer

export function shapeText(shape) {
  return shape.join(" × ");
}

/** How many cells lie side by side when flat values are laid out as cells. */
export function cellsAcross(count) {
  return count <= 16 ? count : Math.ceil(Math.sqrt(count));
}

/** Draw flat values as cells, row by row; places beyond the last stay empty. */
export function drawCells(canvas, values, range) {
  const across = cellsAcross(values.length);
  const down = Math.ceil(values.length / across);
  const filled = new Float32Array(across * down);
  filled.set(values);
  return drawMap(canvas, filled, across, down, range);
}

/** `open(name, map)` is called when a layer is chosen, with the map that was hit; with null and null to close it. */
export function makeStrip({ open }) {
  const list = h("ol", { class: "strip", "aria-label": t("draw.layers") });
  let cards = new Map();
  let chosen = null;

  function build(layers) {
    cards = new Map(
      layers.map((layer) => {
        const flat = layer.shape.length === 1;
        const count = flat ? 1 : Math.min(MAPS, layer.shape.at(-1));
        const canvases = Array.from({ length: count }, () => h("canvas", { "aria-hidden": "true" }));
        const face = h(
          "button",
          { type: "button", class: flat ? "flat" : null, "aria-expanded": String(layer.name === chosen), onclick: (event) => hit(layer.name, flat ? -1 : canvases.indexOf(event.target)) },
          h("span", { class: "name" }, layer.name),
          h("span", { class: "maps" }, canvases),
          h("span", { class: "shape" }, shapeText(layer.shape)),
        );
        return [layer.name, { face, canvases, shape: layer.shape }];
      }),
    );
    replace(list, [...cards.values()].map(({ face }) => h("li", null, face)));
  }

  /** A map opens its layer with it; a card's other places open the layer, or close it again. */
  function hit(name, map) {
    if (map < 0 && name === chosen) open(null, null);
    else open(name, map < 1 ? null : map);
  }

  /** Show these layers; their colours span the `range` of that name. */
  function show(layers, range) {
    const same = layers.length === cards.size && layers.every((each) => shapeText(cards.get(each.name)?.shape ?? []) === shapeText(each.shape));
    if (!same) build(layers);
    for (const layer of layers) {
      const { canvases } = cards.get(layer.name);
      const colours = (map) => rangeIn({ layers, range }, layer, map);
      if (layer.shape.length === 1) drawCells(canvases[0], layer.values, colours(null));
      else {
        const [height, width, channels] = layer.shape;
        canvases.forEach((canvas, first) => drawMap(canvas, layer.values, width, height, colours(first), { first, step: channels }));
      }
    }
  }

  function choose(name) {
    chosen = name;
    for (const [each, { face }] of cards) face.setAttribute("aria-expanded", String(each === name));
  }

  return { element: list, show, choose };
}
