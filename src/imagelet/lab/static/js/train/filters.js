// The first layer's weights as small maps, drawn again after each epoch.

import { decodeNumbers } from "../shared/encoding.js";
import { t } from "../shared/i18n.js";
import { drawMap, legend, rangeOf } from "../shared/maps.js";
import { h, replace } from "../shared/ui.js";

const MOST = 48;

/** A place for filters. Returns {element, show({layer, epoch, shape, base64})}. */
export function filterPanel() {
  const about = h("p", { class: "hint" }, t("train.filters.wait"));
  const grid = h("div", { class: "filters", role: "img", hidden: true });
  const colours = legend({ low: 0, high: 0 });
  colours.hidden = true;
  const element = h("section", { class: "first-layer" }, h("h3", null, t("train.filters")), about, grid, colours);
  let canvases = [];

  function show({ layer, epoch, shape, base64 }) {
    const [count, height, width, channels] = fourfold(shape);
    if (!count || height * width < 4) {
      replace(about, t("train.filters.none"));
      return;
    }
    const { values } = decodeNumbers({ shape, base64 });
    const shown = Math.min(count, MOST);
    const size = height * width * channels;
    const maps = Array.from({ length: shown }, (_, at) => mean(values.subarray(at * size, (at + 1) * size), channels));
    const range = rangeOf(maps.flatMap((map) => [Math.min(...map), Math.max(...map)]));
    if (canvases.length !== shown) {
      canvases = maps.map(() => h("canvas", { "aria-hidden": "true" }));
      replace(grid, canvases);
    }
    maps.forEach((map, at) => drawMap(canvases[at], map, width, height, range));
    grid.classList.toggle("large", width > 12);
    grid.hidden = colours.hidden = false;
    grid.setAttribute("aria-label", t("train.filters.label", { layer, epoch }));
    colours.update(range);
    replace(
      about,
      [
        t(layer.startsWith("dense") ? "train.filters.units" : "train.filters.about", { layer, count, height, width }),
        epoch ? t("train.filters.after", { epoch }) : t("train.filters.first_step"),
        channels > 1 && t("train.filters.channels"),
        shown < count && t("train.filters.first", { shown, count }),
      ].filter(Boolean).join(" · "),
    );
  }

  return { element, show };
}

/** The shape as (filters, height, width, channels), whatever axes are missing. */
function fourfold(shape) {
  if (shape.length === 4) return shape;
  if (shape.length === 3) return [...shape, 1];
  return [0, 0, 0, 0];
}

/** A filter's mean over its input channels, which come last. */
function mean(filter, channels) {
  if (channels === 1) return filter;
  const found = new Float32Array(filter.length / channels);
  for (let at = 0; at < filter.length; at++) found[Math.floor(at / channels)] += filter[at] / channels;
  return found;
}
