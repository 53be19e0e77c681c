// @ts-check
// What the colours span: each map's own numbers, each layer's, or those of all layers.

import { t } from "../shared/i18n.js";
import { legend, rangeOf } from "../shared/maps.js";
import { choice, h } from "../shared/ui.js";
import { isFlat, mapOf } from "./layer_values.js";

export const RANGES = ["map", "layer", "all"];
const USUAL = "layer";

/** The range of that name; the usual one where there is none. */
export function rangeNamed(name) {
  return RANGES.includes(name) ? name : USUAL;
}

/** The numbers {low, high} that the colours stand for, in a map of a layer, or in the whole layer. */
export function rangeIn({ layers, range }, layer, map = null) {
  if (range === "all") return rangeOf(layers.flatMap(({ low, high }) => [low, high]));
  if (range === "layer" || map === null || isFlat(layer)) return rangeOf([layer.low, layer.high]);
  return rangeOf(mapOf(layer, map));
}

/** The choice beside the colours; `choose(range)` is called with another one. */
export function makeRanges({ choose }) {
  const options = choice(t("draw.range"), RANGES.map((name) => [name, t(`draw.range_${name}`)]), USUAL, choose);
  const colours = legend({ low: -1, high: 1 });
  return {
    element: h("div", { class: "ranges" }, options, colours),
    show(layers, range) {
      options.choose(range);
      if (range === "all" && layers.length) colours.update(rangeIn({ layers, range }, layers[0]));
      else colours.update({ low: -1, high: 1 }, { low: t("draw.range_lowest"), high: t("draw.range_highest") });
    },
  };
}
