// @ts-check
// The layers as boxes, from the image to the classes: as high and wide as their maps, as deep as their channels.

import { t } from "../shared/i18n.js";
import { h, number, replace, svg } from "../shared/ui.js";

/** @typedef {import("../shared/layers.js").Layer} Layer */

/**
 * A box: a layer, or the image, with the layers after it that leave the shape as it is.
 * @typedef {{name: string, label: string, family: string, shape: number[], parameters: number, tags: string[]}} Block
 */

const HIGHEST = 104; // pixels of the drawing
const LARGEST_SHEET = 76;
const SMALLEST_SHEET = 7;
const BETWEEN_SHEETS = 4;
const MOST_SHEETS = 8;
const BAR = 14;
const MOST_CELLS = 12; // so many flat values are drawn one by one
const IN_A_BOX = new Set(["activation", "normalization", "dropout", "softmax"]); // families that share the box before them

/** The diagram of a network; `onpoint(name | null)` is called when the pointer enters a layer. */
export function diagram(onpoint) {
  const element = h("ol", { class: "diagram", "aria-label": t("network.diagram") });
  return {
    element,
    markStale() {
      if (!element.children.length) replace(element, h("li", { class: "note" }, t("network.not_yet")));
      element.classList.toggle("stale", !element.querySelector(".note"));
    },
    /** @param {{input_shape: number[], layers: Layer[]}} summary */
    show({ input_shape: shape, layers }) {
      const blocks = blocksOf(shape, layers);
      const sides = blocks.filter((block) => block.shape.length === 3).flatMap((block) => block.shape.slice(0, 2));
      const flat = blocks.filter((block) => block.shape.length === 1).map((block) => block.shape[0]);
      const scale = { side: Math.max(...sides), flat: Math.max(...flat, 2) };
      replace(element, blocks.map((block) => item(block, scale, onpoint)));
      element.classList.remove("stale");
    },
  };
}

/**
 * The boxes of a network.
 * @param {number[]} shape  of the image
 * @param {Layer[]} layers
 * @returns {Block[]}
 */
export function blocksOf(shape, layers) {
  const blocks = [{ name: "input", label: t("network.input"), family: "input", shape, parameters: 0, tags: [] }];
  for (const layer of layers) {
    const last = blocks.at(-1);
    const { family } = layer;
    const isSameShape = layer.shape.join() === last.shape.join();
    if (IN_A_BOX.has(family) && isSameShape && last.family !== "input") {
      last.tags.push(layer.kind);
      last.parameters += layer.parameters;
    } else blocks.push({ ...layer, label: layer.name, tags: [] });
  }
  return blocks;
}

function item(/** @type {Block} */ { label, name, family, shape, parameters, tags }, scale, onpoint) {
  return h(
    "li",
    { class: `block ${family}`, onpointerenter: () => onpoint(name), onpointerleave: () => onpoint(null) },
    drawing(shape, scale),
    h("span", { class: "block-name" }, label),
    h("span", { class: "block-shape" }, shape.map((side) => number(side, 6)).join(" × ")),
    h("span", { class: "block-parameters" }, parameters ? t("network.parameters_count", { count: number(parameters, 12) }) : ""),
    tags.length > 0 && h("span", { class: "block-tags" }, tags.map((tag) => h("span", null, tag))),
  );
}

function drawing(shape, scale) {
  const [width, height, shapes] = shape.length === 3 ? sheets(shape, scale.side) : bar(shape[0], scale.flat);
  const top = (HIGHEST - height) / 2;
  const viewBox = `-1 ${-top} ${width + 2} ${HIGHEST}`;
  return svg("svg", { width: width + 2, height: HIGHEST, viewBox, "aria-hidden": "true", focusable: "false" }, shapes);
}

/** A map for some of the channels, one behind the other, the nearest last. @returns {[number, number, any[]]} */
function sheets([rows, columns, channels], largest) {
  const side = (cells) => SMALLEST_SHEET + (LARGEST_SHEET - SMALLEST_SHEET) * (cells / largest) ** 0.7;
  const [height, width] = [side(rows), side(columns)];
  const count = Math.min(MOST_SHEETS, Math.max(1, Math.round(Math.log2(channels + 1))));
  const reach = (count - 1) * BETWEEN_SHEETS;
  const drawn = Array.from({ length: count }, (_, place) => {
    const shift = (count - 1 - place) * BETWEEN_SHEETS;
    return svg("rect", { x: shift, y: reach - shift, width, height, rx: 1.5 });
  });
  return [width + reach, height + reach, drawn];
}

/** Flat values: one by one where they are few, else a bar, the longer the more. @returns {[number, number, any[]]} */
function bar(values, most) {
  if (values <= MOST_CELLS) {
    const cell = Math.min(9, (HIGHEST - 4) / values);
    const cells = Array.from({ length: values }, (_, place) =>
      svg("rect", { x: 0, y: place * cell, width: BAR, height: cell - 1.5, rx: 1 }),
    );
    return [BAR, values * cell, cells];
  }
  const height = 34 + (HIGHEST - 40) * (Math.log(values) / Math.log(most));
  return [BAR, height, [svg("rect", { x: 0, y: 0, width: BAR, height, rx: 2 })]];
}
