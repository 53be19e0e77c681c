// @ts-check
// How a run's figures and settings are written and drawn: in the table, beside others, alone.

import { curves } from "../shared/charts.js";
import { has, t } from "../shared/i18n.js";
import { h, percent } from "../shared/ui.js";

/**
 * An accuracy as the server describes it; what counts every class alike is shown where classes are uneven.
 * @typedef {{accuracy: number, interval: [number, number], images: number, distinct_images?: number,
 * copies_of_training?: number, uneven?: boolean, balanced_accuracy?: number,
 * balanced_accuracy_interval?: [number, number], macro_f1?: number, macro_f1_interval?: [number, number],
 * most_frequent?: {class: string, accuracy: number}}} Accuracy
 */

/** The name of a setting such as "recipe.learning_rate": in words where there are some, else as it is. */
export function fieldName(setting) {
  const plain = setting.replace(/^recipe\./, "");
  return has(`runs.setting.${plain}`) ? t(`runs.setting.${plain}`) : plain;
}

/** An interval as two percentages, in the words of a text. */
export function intervalText(key, [low, high]) {
  return t(key, { low: percent(low, 2), high: percent(high, 2) });
}

/** An epoch that was the best, of how many. */
export function bestEpochText({ best_epoch: best, epochs }) {
  return best ? t("runs.best_of", { best, epochs }) : null;
}

/** A plot of curves over epochs; the figure is an accuracy or a loss, series as `curves` takes them. */
export function plot(title, isAccuracy, series) {
  const element = h("div", { class: "plot" }, h("h4", null, title));
  const xRange = [1, Math.max(2, ...series.map(({ points }) => points.length))];
  curves(element, series, { title, height: 250, isAccuracy, xRange, yRange: isAccuracy ? [null, 1] : [0, null] });
  return element;
}
