// @ts-check
// What there is to see of a training now and then: the spread of its weights, misread images, a single step's batch.
//
// Each is {element, show(event)}, for an event of the server.

import { t } from "../shared/i18n.js";
import { group, h, number, percent, replace, svg } from "../shared/ui.js";
import { captioned } from "./figures.js";

const [WIDTH, HEIGHT] = [120, 44]; // of a histogram

/** Histograms of each layer's weights: those of now, and dashed those that were seen first. */
export function weightPanel() {
  const about = h("p", { class: "hint" }, t("train.weights.wait"));
  const list = h("ul", { class: "histograms" });
  const first = new Map(); // layer → what was seen first

  function show({ epoch, layers }) {
    about.textContent = t(epoch ? "train.weights.about" : "train.weights.first", { epoch });
    replace(
      list,
      layers.map((layer) => {
        if (!first.has(layer.layer)) first.set(layer.layer, layer);
        return h("li", null, h("code", null, layer.layer), histogram(layer, first.get(layer.layer)), rangeText(layer));
      }),
    );
  }
  return { element: group(t("train.weights"), h("div", null, about, list), { class: "group weights" }), show };
}

function rangeText({ limit, count }) {
  return h("span", { class: "hint" }, t("train.weights.range", { limit: number(limit, 2), count: number(count, 12) }));
}

/** The points of an outline of counts that lie from -limit to limit, in a picture of that reach. */
export function outline({ counts, limit }, reach, highest) {
  const across = (value) => ((value / reach + 1) / 2) * WIDTH;
  const wide = (2 * limit) / counts.length;
  const share = (count) => Math.sqrt(count / highest); // or a layer's middle would hide its ends
  const steps = counts.flatMap((count, bin) => [
    [across(-limit + bin * wide), HEIGHT - share(count) * HEIGHT],
    [across(-limit + (bin + 1) * wide), HEIGHT - share(count) * HEIGHT],
  ]);
  return steps.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
}

function histogram(now, before) {
  const reach = Math.max(now.limit, before.limit);
  // In as many bins on another range the same weights are higher or lower:
  const highest = ({ counts, limit }) => Math.max(...counts) / limit;
  const top = Math.max(highest(now), highest(before));
  const drawn = (layer, kind) => svg("polyline", { class: kind, points: outline(layer, reach, top * layer.limit) });
  return svg(
    "svg",
    { class: "histogram", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, "aria-hidden": "true" },
    svg("line", { x1: WIDTH / 2, x2: WIDTH / 2, y1: 0, y2: HEIGHT }),
    before !== now && drawn(before, "before"),
    drawn(now, "now"),
  );
}

/** Validation images that are misread after the last epoch. */
export function misreadPanel() {
  const about = h("p", { class: "hint" }, t("train.misread.wait"));
  const list = h("ul", { class: "pictures" });

  function show({ epoch, images }) {
    about.textContent = t(images.length ? "train.misread.about" : "train.misread.none", { epoch });
    replace(list, images.map(({ image, label, predicted }) => captioned(image, `${label} → ${predicted}`)));
  }
  return { element: h("section", { class: "misread" }, h("h3", null, t("train.misread")), about, list), show };
}

/** What a single step learned from. */
export function batchPanel() {
  const about = h("p", { class: "hint" });
  const list = h("ul", { class: "pictures" });
  const element = h("section", { class: "batch", hidden: true, role: "status" }, h("h3", null, t("train.batch")), about, list);

  function show({ epoch, step, loss, count, correct, images }) {
    element.hidden = false;
    const values = { epoch, step, count, correct, loss: number(loss, 4), shown: images.length };
    about.textContent = t("train.batch.about", values);
    const words = ({ label, predicted, probability }) =>
      label === predicted ? `${label} ${percent(probability, 0)}` : `${label} → ${predicted}`;
    replace(list, images.map((one) => captioned(one.image, words(one), one.label === one.predicted ? null : "wrong")));
  }
  return { element, show };
}
