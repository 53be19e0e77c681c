// @ts-check
// All maps of a layer as small pictures, one of them chosen; arrow keys go from one to the next.

import { t } from "../shared/i18n.js";
import { drawMap } from "../shared/maps.js";
import { h } from "../shared/ui.js";

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** `choose(map)` is called with another map. Returns {element, show(layer, map, rangeFor(map))}. */
export function makeMapGrid(layer, choose) {
  const [height, width, channels] = layer.shape;
  const tiles = Array.from({ length: channels }, (_, map) => {
    const label = t("draw.map", { map });
    const canvas = h("canvas", { "aria-hidden": "true" });
    const tile = h("button", { type: "button", role: "radio", "aria-label": label, title: label, onclick: () => choose(map) }, canvas);
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
  };
}
