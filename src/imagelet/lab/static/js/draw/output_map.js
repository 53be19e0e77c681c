// @ts-check
// The large map, in which a place is chosen by mouse or arrow keys.

import { t } from "../shared/i18n.js";
import { drawMap } from "../shared/maps.js";
import { h, replace } from "../shared/ui.js";
import { layOver } from "./overlay.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** `pick(place)` is called with [row, column], `hover(place)` while the mouse is there; null when it leaves. */
export function makeOutputMap({ pick, hover }) {
  const canvas = h("canvas", { class: "large" });
  const veil = h("canvas", { class: "veil", "aria-hidden": "true", hidden: true });
  const cell = h("div", { class: "chosen-place", hidden: true });
  const name = h("span");
  let [size, chosen] = [[1, 1], null];

  function placeOf(event) {
    const box = canvas.getBoundingClientRect();
    const shares = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
    return shares.map((share, axis) => Math.max(0, Math.min(size[axis] - 1, Math.floor(share * size[axis]))));
  }

  function onkeydown(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    pick(chosen ? chosen.map((at, axis) => (at + step[axis] + size[axis]) % size[axis]) : [0, 0]);
  }

  const onpointermove = (event) => hover(placeOf(event));
  const handlers = { onclick: (event) => pick(placeOf(event)), onpointermove, onpointerleave: () => hover(null), onkeydown };
  const face = h("div", { class: "laid framed pickable", tabindex: "0", role: "group", ...handlers }, canvas, veil, cell);
  return {
    element: h("figure", null, h("figcaption", null, name), face),

    show(layer, map, range) {
      const [height, width, count] = layer.shape;
      size = [height, width];
      drawMap(canvas, layer.values, width, height, range, { first: map, step: count });
      face.setAttribute("aria-label", t("draw.map_large", { layer: layer.name, map }));
      replace(name, `${layer.name}, ${t("draw.map", { map })}`);
    },

    mark(place) {
      chosen = place;
      cell.hidden = !place;
      if (place) layOver(cell, place, [1, 1], size);
    },

    /** Show so many places alone, row by row; null for all. */
    uncover(count) {
      veil.hidden = count === null;
      if (count !== null) drawVeil(veil, count, size);
    },
  };
}

/** Cover all places but the first `count`. */
function drawVeil(veil, count, size) {
  const [height, width] = size;
  [veil.width, veil.height] = [width, height];
  const context = veil.getContext("2d");
  context.fillStyle = getComputedStyle(veil).color;
  const [row, column] = [Math.floor(count / width), count % width];
  context.fillRect(column, row, width - column, 1);
  context.fillRect(0, row + 1, width, height);
}
