// @ts-check
// A training's figures while it runs: readings, a table of the epochs, and the first layer's filters.
//
// Each is {element, show(progress)}, but for the filters, which follow an event of their own.

import { decodeNumbers } from "../shared/encoding.js";
import { t } from "../shared/i18n.js";
import { drawImage, drawMap, legend, rangeOf } from "../shared/maps.js";
import { duration, group, h, number, percent, replace, table } from "../shared/ui.js";

/** @typedef {import("./progress.js").Progress} Progress */

const MOST_FILTERS = 48;
const LARGE_FILTER = 12; // pixels a side, from which a filter is drawn larger

/** Validation accuracy, time left, speed and learning rate. */
export function readings() {
  const [accuracy, left, speed, rate] = Array.from({ length: 4 }, () => h("dd", null, "–"));
  const entries = Object.entries({ "accuracy.validation": accuracy, left, speed, rate });
  const entry = ([name, value]) => h("div", null, h("dt", null, t(`train.${name}`)), value);
  return {
    element: h("dl", { class: "readings" }, entries.map(entry)),
    show(/** @type {Progress} */ { job, step, history, best, learningRate }) {
      const bestText = best && `${t("train.best", { epoch: best.epoch })} · ${percent(best.val_accuracy, 2)}`;
      replace(
        accuracy,
        best ? percent(history.at(-1).val_accuracy, 2) : "–",
        best && history.length > 1 && h("small", null, bestText),
      );
      left.textContent = job.state === "running" ? duration(step.seconds_left) : "–";
      speed.textContent = step.images_per_second ? number(Math.round(step.images_per_second), 4) : "–";
      rate.textContent = number(learningRate, 3);
    },
  };
}

/** An image with words below it. */
export function captioned(image, words, kind = null) {
  const canvas = drawImage(h("canvas", { "aria-hidden": "true" }), image);
  return h("li", { class: kind }, canvas, h("span", null, words));
}

/** The figures of each epoch, in a table that opens. */
export function epochTable() {
  const place = h("div", { class: "epoch-table" });
  const parts = [t("train.training"), t("train.validation.curve")];
  const figures = ["loss", "accuracy"].flatMap((figure) => parts.map((part) => `${t(`train.${figure}`)} · ${part}`));
  const columns = [
    { label: t("common.epoch"), numeric: true, head: true },
    ...[...figures, t("train.rate")].map((label) => ({ label, numeric: true })),
  ];
  let shown = "";
  return {
    element: group(t("train.table"), place),
    show(/** @type {Progress} */ { history }) {
      const key = `${history.length}:${history.at(-1)?.loss}`;
      if (key === shown) return;
      shown = key;
      const rows = history.map((epoch) => [
        epoch.epoch, fixed(epoch.loss), fixed(epoch.val_loss), percent(epoch.accuracy, 2), percent(epoch.val_accuracy, 2),
        number(epoch.learning_rate, 3),
      ]);
      replace(place, table(columns, rows, { caption: t("train.table") }));
    },
  };
}

const fixed = (value) => (Number.isFinite(value) ? value.toFixed(4) : "–");

/** The first layer's weights as small maps. `show(event)` draws those of an event of the training. */
export function filterPanel() {
  const about = h("p", { class: "hint" }, t("train.filters.wait"));
  const grid = h("div", { class: "filters", role: "img", hidden: true });
  const colours = legend({ low: 0, high: 0 });
  colours.hidden = true;
  let canvases = [];

  function show(event) {
    const { layer, epoch, shape } = event;
    const [count, height, width, channels = 1] = shape;
    if (shape.length < 3 || height * width < 4) {
      replace(about, t("train.filters.none"));
      return;
    }
    const maps = filterMaps(decodeNumbers(event).values, shape).slice(0, MOST_FILTERS);
    const range = rangeOf(maps.flatMap((map) => [Math.min(...map), Math.max(...map)]));
    if (canvases.length !== maps.length) {
      canvases = maps.map(() => h("canvas", { "aria-hidden": "true" }));
      replace(grid, canvases);
    }
    maps.forEach((map, index) => drawMap(canvases[index], map, width, height, range));
    grid.classList.toggle("large", width > LARGE_FILTER);
    grid.hidden = colours.hidden = false;
    grid.setAttribute("aria-label", t("train.filters.label", { layer, epoch }));
    colours.update(range);
    const texts = [
      t(event.family === "dense" ? "train.filters.units" : "train.filters.about", { layer, count, height, width }),
      epoch ? t("train.filters.after", { epoch }) : t("train.filters.first_step"),
      channels > 1 && t("train.filters.channels"),
      maps.length < count && t("train.filters.first", { shown: maps.length, count }),
    ];
    about.textContent = texts.filter(Boolean).join(" · ");
  }

  return { element: h("section", { class: "first-layer" }, h("h3", null, t("train.filters")), about, grid, colours), show };
}

/** Each filter's mean over its input channels. */
export function filterMaps(/** @type {Float32Array} */ values, [count, height, width, channels = 1]) {
  const pixels = height * width;
  return Array.from({ length: count }, (_, filter) =>
    Float32Array.from({ length: pixels }, (__, pixel) => {
      const first = (filter * pixels + pixel) * channels;
      return values.subarray(first, first + channels).reduce((sum, value) => sum + value, 0) / channels;
    }),
  );
}
