/** The layers as boxes, from the image to the classes: as high and wide as their maps, as deep as their channels. */

import { t } from "../shared/i18n.js";
import { h, number, replace, svg } from "../shared/ui.js";

const HIGHEST = 104; // pixels of the drawing
const LARGEST_SHEET = 76;
const SMALLEST_SHEET = 7;
const BETWEEN_SHEETS = 4;
const MOST_SHEETS = 8;
const BAR = 14;
const MOST_CELLS = 12; // so many flat values are drawn one by one
const KEEPS_SHAPE = /^(relu|gelu|silu|tanh|sigmoid|softmax|dropout)|norm/i;
const FAMILIES = [
  [/^(conv|depthwise|whiten)/i, "convolution"],
  [/pool|^global/, "pooling"],
  [/^(dense|linear)/i, "dense"],
];

/** Return { element, show(summary), stale(on) }; `pointed(name | null)` when a layer is looked at. */
export function diagram({ pointed }) {
  const element = h("ol", { class: "diagram", "aria-label": t("network.diagram") });
  return {
    element,
    stale(on) {
      if (!element.children.length) replace(element, h("li", { class: "note" }, t("network.not_yet")));
      element.classList.toggle("stale", on && !element.querySelector(".note"));
    },
    show(summary) {
      const blocks = grouped(summary);
      const sides = blocks.filter(({ shape }) => shape.length === 3).flatMap(({ shape }) => shape.slice(0, 2));
      const scale = {
        side: Math.max(...sides),
        flat: Math.max(...blocks.filter(({ shape }) => shape.length === 1).map(({ shape }) => shape[0]), 2),
      };
      replace(element, blocks.map((block) => item(block, scale, pointed)));
      element.classList.remove("stale");
    },
  };
}

/** Return the layers that have a box: what leaves the shape as it is, is said under the box before it. */
function grouped({ input_shape: shape, layers }) {
  const blocks = [{ name: "input", label: t("network.input"), kind: "input", shape, parameters: 0, tags: [] }];
  for (const layer of layers) {
    const last = blocks.at(-1);
    const same = layer.shape.join() === last.shape.join();
    if (KEEPS_SHAPE.test(layer.kind) && same && last.kind !== "input") {
      last.tags.push(layer.name.replace(/\d+$/, ""));
      last.parameters += layer.parameters;
    } else {
      blocks.push({ ...layer, label: layer.name, tags: [] });
    }
  }
  return blocks;
}

function item(block, scale, pointed) {
  const { label, name, shape, parameters, tags } = block;
  return h(
    "li",
    { class: `block ${familyOf(block)}`, onpointerenter: () => pointed(name), onpointerleave: () => pointed(null) },
    drawing(shape, scale),
    h("span", { class: "block-name" }, label),
    h("span", { class: "block-shape" }, shape.map((side) => number(side, 6)).join(" × ")),
    h("span", { class: "block-parameters" }, parameters ? t("network.parameters_count", { count: number(parameters, 12) }) : ""),
    tags.length ? h("span", { class: "block-tags" }, tags.map((tag) => h("span", null, tag))) : null,
  );
}

function drawing(shape, scale) {
  const [width, height, shapes] = shape.length === 3 ? sheets(shape, scale.side) : bar(shape[0], scale.flat);
  const top = (HIGHEST - height) / 2;
  return svg(
    "svg",
    { width: width + 2, height: HIGHEST, viewBox: `-1 ${-top} ${width + 2} ${HIGHEST}`, "aria-hidden": "true", focusable: "false" },
    shapes,
  );
}

/** Draw a map for some of the channels, one behind the other, the nearest last. */
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

/** Draw flat values: one by one where they are few, else a bar, the longer the more. */
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

function familyOf({ kind, name }) {
  return FAMILIES.find(([pattern]) => pattern.test(kind) || pattern.test(name))?.[1] ?? "";
}
