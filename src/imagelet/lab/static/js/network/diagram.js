// @ts-check
// The layers as boxes, from the image to the classes: as high and wide as their maps, as deep as their channels.

import { t } from "../shared/i18n.js";
import { h, number, replace, svg } from "../shared/ui.js";

/** @typedef {import("../shared/layers.js").Layer} Layer */

/**
 * A box: a layer, or the image, with the layers after it that leave the shape as it is; of a block of layers their boxes
 * stand inside, and `shortcut` are the layers that its input goes through before it is added.
 * @typedef {{name: string, label: string, family: string, shape: number[], parameters: number, tags: string[],
 * inside?: Block[], shortcut?: Layer[]}} Block
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
      const shapes = [shape, ...layers.map((layer) => layer.shape)];
      const sides = shapes.filter(({ length }) => length === 3).flatMap((sidesAndChannels) => sidesAndChannels.slice(0, 2));
      const flat = shapes.filter(({ length }) => length === 1).flat();
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
  return boxesOf(layers, "", [{ name: "input", label: t("network.input"), family: "input", shape, parameters: 0, tags: [] }]);
}

/** The boxes of the layers inside a block, "" for the network, after those that are there. @returns {Block[]} */
function boxesOf(layers, block, boxes = []) {
  for (const layer of layers.filter((one) => one.block === block)) {
    const last = boxes.at(-1);
    const label = layer.name.slice(block ? block.length + 1 : 0);
    if (layer.family === "block") boxes.push({ ...blockOf(layers, layer), label });
    else if (IN_A_BOX.has(layer.family) && last?.shape.join() === layer.shape.join() && last.family !== "input") {
      last.tags.push(layer.kind);
      last.parameters += layer.parameters;
    } else boxes.push({ ...layer, label, tags: [] });
  }
  return boxes;
}

/** A block of layers: its own, and those of the shortcut, from the sum back to what went into the block. */
function blockOf(layers, block) {
  const find = (name) => layers.find((layer) => layer.name === name && layer.block === block.name);
  const shortcut = [];
  for (let layer = find(block.sources[1]); layer; layer = find(layer.sources[0])) shortcut.unshift(layer);
  const inside = boxesOf(layers.filter((layer) => !shortcut.includes(layer)), block.name);
  const parameters = [...inside, ...shortcut].reduce((sum, part) => sum + part.parameters, 0);
  return { ...block, parameters, tags: [], inside, shortcut };
}

function item(/** @type {Block} */ block, scale, onpoint) {
  const { name, family, inside } = block;
  const point = { onpointerenter: () => onpoint(name), onpointerleave: () => onpoint(null) };
  if (!inside) return h("li", { class: `block ${family}`, ...point }, drawing(block.shape, scale), words(block));
  const sum = h("li", { class: "block sum", ...point }, plus(), words(block));
  return h(
    "li",
    { class: "group" },
    h("span", { class: "shortcut" }, h("span", null, shortcutText(block))),
    h("ol", null, inside.map((box) => item(box, scale, onpoint)), sum),
  );
}

/** What is under a drawing: name, shape, parameters, and the layers that share the box. */
function words({ label, shape, parameters, tags }) {
  return [
    h("span", { class: "block-name" }, label),
    h("span", { class: "block-shape" }, shape.map((side) => number(side, 6)).join(" × ")),
    h("span", { class: "block-parameters" }, parameters ? t("network.parameters_count", { count: number(parameters, 12) }) : ""),
    tags.length > 0 && h("span", { class: "block-tags" }, tags.map((tag) => h("span", null, tag))),
  ];
}

/** What goes past the layers of a block: its input as it is, or through some layers. */
function shortcutText({ shortcut = [] }) {
  const through = shortcut.map(({ kind }) => kind).join(" ");
  return through ? t("network.shortcut_through", { layers: through }) : t("network.shortcut");
}

function plus() {
  const cross = svg("path", { d: "M9 1v16M1 9h16" });
  const box = { width: 36, height: HIGHEST, viewBox: `-9 ${9 - HIGHEST / 2} 36 ${HIGHEST}` };
  return svg("svg", { ...box, "aria-hidden": "true", focusable: "false" }, [svg("circle", { cx: 9, cy: 9, r: 15 }), cross]);
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
