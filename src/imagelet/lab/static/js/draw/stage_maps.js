// @ts-check
// The two maps of the stage: the one that a layer gets, with a window on it, and the large one that it gives.

import { t } from "../shared/i18n.js";
import { drawImage, drawMap, rangeOf } from "../shared/maps.js";
import { clamp } from "../shared/scales.js";
import { h, replace, select } from "../shared/ui.js";
import { isFlat } from "./layer_values.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const STYLES = [["top", "height"], ["left", "width"]]; // of each axis: where it begins, how far it reaches

/** The map, or the image, that a layer gets; `look([row, column])` is called with the pixel looked at; null: none. */
export function makeSourceMap({ look }) {
  const canvas = h("canvas", { role: "img", "aria-label": t("draw.made_from") });
  const mark = h("div", { class: "window-frame", hidden: true });
  const pixelMark = h("div", { class: "pixel-mark", hidden: true });
  const name = h("span");
  let pixel = null;
  const channels = h("label", { class: "inline", hidden: true });
  let [layer, framed, channel] = [null, null, 0];

  function draw() {
    channels.hidden = !(layer?.shape[2] > 1);
    if (!layer || isFlat(layer)) {
      drawImage(canvas, framed);
      replace(name, t("draw.image_seen"));
      return;
    }
    const [height, width, count] = layer.shape;
    channel = Math.min(channel, count - 1);
    drawMap(canvas, layer.values, width, height, rangeOf([layer.low, layer.high]), { first: channel, step: count });
    replace(name, layer.name);
    offerChannels(channels, `${layer.name} ${count}`, { count, channel, choose: showChannel });
  }

  function showChannel(index) {
    channel = index;
    draw();
  }

  const onpointermove = (event) => look(placeIn(canvas, [canvas.height, canvas.width], event));
  const handlers = { onpointermove, onpointerleave: () => look(null) };
  const face = h("div", { class: "laid framed source", ...handlers }, canvas, mark, pixelMark);
  return {
    element: h("figure", null, h("figcaption", null, name, channels), face),
    showChannel,

    /** The pixel that is marked, or null. */
    get marked() {
      return pixel;
    },

    /** Mark a pixel; null for none. */
    mark(next) {
      pixel = next;
      const size = [canvas.height, canvas.width];
      pixelMark.hidden = !next?.every((at, axis) => at >= 0 && at < size[axis]);
      if (!pixelMark.hidden) layOver(pixelMark, next, [1, 1], size);
    },

    /** Show what the layer before gives, or the image where there is none; `map` null leaves the channel. */
    show(before, image, map) {
      [layer, framed] = [before, image];
      showChannel(map ?? channel);
    },

    /** Frame a window at [row, column]; null for none. */
    frame(first, extent = [1, 1]) {
      mark.hidden = !first;
      if (first) layOver(mark, first, extent, [canvas.height, canvas.width]);
    },
  };
}

/** Offer the channels of a layer, of which one is shown; `of` names the layer, which has its list once. */
function offerChannels(channels, of, { count, channel, choose }) {
  if (channels.dataset.of !== of) {
    channels.dataset.of = of;
    const list = select([...Array(count).keys()], channel, (index) => choose(Number(index)));
    replace(channels, h("span", null, t("draw.map_word")), list);
  }
  channels.querySelector("select").value = String(channel);
}

/**
 * The large map, in which a place is chosen by mouse or arrow keys. `pick(place)` is called with [row, column],
 * `hover(place)` while the mouse is there; null when it leaves.
 */
export function makeOutputMap({ pick, hover }) {
  const canvas = h("canvas", { class: "large" });
  const veil = h("canvas", { class: "veil", "aria-hidden": "true", hidden: true });
  const cell = h("div", { class: "chosen-place", hidden: true });
  const fed = h("div", { class: "fed-places", hidden: true });
  const name = h("span");
  let [size, chosen] = [[1, 1], null];

  const placeOf = (event) => placeIn(canvas, size, event);

  function onkeydown(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    pick(chosen ? chosen.map((at, axis) => (at + step[axis] + size[axis]) % size[axis]) : [0, 0]);
  }

  const handlers = {
    onclick: (event) => pick(placeOf(event)),
    onpointermove: (event) => hover(placeOf(event)),
    onpointerleave: () => hover(null),
    onkeydown,
  };
  const attributes = { class: "laid framed pickable", tabindex: "0", role: "group" };
  const face = h("div", { ...attributes, ...handlers }, canvas, veil, fed, cell);
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

    /** Outline the places that a pixel goes into, {first, extent}; null for none. */
    feed(places) {
      fed.hidden = !places;
      if (places) layOver(fed, places.first, places.extent, size);
    },

    /** Show so many places alone, row by row; null for all. */
    uncover(count) {
      veil.hidden = count === null;
      if (count !== null) drawVeil(veil, count, size);
    },
  };
}

/** The cell of a canvas of `size` under the mouse. */
function placeIn(canvas, size, event) {
  const box = canvas.getBoundingClientRect();
  const fractions = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
  return fractions.map((fraction, axis) => clamp(Math.floor(fraction * size[axis]), 0, size[axis] - 1));
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

/** Lay an element over the cells from [row, column] on, `extent` rows and columns of a canvas of `size`. */
function layOver(element, first, extent, size) {
  STYLES.forEach(([begin, reach], axis) => {
    element.style[begin] = `${(first[axis] / size[axis]) * 100}%`;
    element.style[reach] = `${(extent[axis] / size[axis]) * 100}%`;
  });
}
