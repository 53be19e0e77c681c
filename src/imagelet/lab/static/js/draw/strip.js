// @ts-check
// Every layer in order, with a few of its maps; one of them can be opened. Layers that repeat are folded.

import { t } from "../shared/i18n.js";
import { button, h, replace } from "../shared/ui.js";
import { drawFirstMaps } from "./layer_pictures.js";
import { isFlat, repeatedLayers, shapeText } from "./layer_values.js";
import { rangeIn } from "./ranges.js";

const MAPS = 4; // of each layer

/** `open(name, map)` is called when a layer is chosen, with the map that was hit; with null and null to close it. */
export function makeStrip({ open }) {
  const list = h("ol", { class: "strip", "aria-label": t("draw.layers") });
  let cards = new Map(); // layer's name → its card
  let chosen = null;

  /** A map opens its layer with it; a card's other places open the layer, or close it again. */
  function hit(name, map) {
    if (map < 0 && name === chosen) open(null, null);
    else open(name, map < 1 ? null : map);
  }

  /** Show these layers; their colours span the `range` of that name. */
  function show(layers, range) {
    if (layers.length !== cards.size || layers.some(({ name, shape }) => cards.get(name)?.shape !== shapeText(shape))) {
      cards = new Map(layers.map((layer) => [layer.name, makeCard(layer, hit)]));
      replace(list, itemsOf(layers));
      choose(chosen);
    }
    for (const layer of layers) {
      drawFirstMaps(cards.get(layer.name).canvases, layer, (map) => rangeIn({ layers, range }, layer, map));
    }
  }

  /** A card for each layer; layers that come again and again are behind a button, as long as none of them is open. */
  function itemsOf(layers) {
    const items = layers.map(({ name }) => h("li", null, cards.get(name).face));
    const folded = repeatedLayers(layers).map(([start, end]) => {
      const hidden = items.slice(start, end);
      const item = h("li", null, button(t("draw.fold", { count: end - start }), () => unfold(true), { quiet: true }));
      const unfold = (focuses) => {
        item.remove();
        for (const one of hidden) one.hidden = false;
        if (focuses) hidden[0].querySelector("button").focus();
      };
      for (const one of hidden) one.hidden = true;
      for (const { name } of layers.slice(start, end)) cards.get(name).unfold = () => unfold(false);
      return { start, item };
    });
    for (const { start, item } of folded.reverse()) items.splice(start, 0, item);
    return items;
  }

  function choose(name) {
    chosen = name;
    cards.get(name)?.unfold?.();
    for (const [layer, { face }] of cards) face.setAttribute("aria-expanded", String(layer === name));
  }

  return { element: list, show, choose };
}

function makeCard(layer, hit) {
  const flat = isFlat(layer);
  const shape = shapeText(layer.shape);
  const count = flat ? 1 : Math.min(MAPS, layer.shape.at(-1));
  const canvases = Array.from({ length: count }, () => h("canvas", { "aria-hidden": "true" }));
  const onclick = (event) => hit(layer.name, flat ? -1 : canvases.indexOf(event.target));
  const face = h(
    "button",
    { type: "button", class: flat ? "flat" : null, onclick },
    h("span", { class: "name" }, breakable(layer.name)),
    h("span", { class: "maps" }, canvases),
    h("span", { class: "shape" }, shape),
  );
  return { face, canvases, shape };
}

/** A layer's name that may be broken behind the name of its block. */
function breakable(name) {
  return name.replaceAll(".", ".\u200b");
}
