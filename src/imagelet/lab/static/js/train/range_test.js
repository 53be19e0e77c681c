// @ts-check
// The learning rate range test: it runs in a dialog with its progress, and its suggestion can be taken into the form.

import { api } from "../shared/api.js";
import { curves } from "../shared/charts.js";
import { t } from "../shared/i18n.js";
import { button, dialog, error, h, number, remark, replace } from "../shared/ui.js";

const PAUSE = 300; // milliseconds between two questions how far it is
const HEIGHT = 220; // pixels of the chart
const ROOM = 1.15; // of the losses that are drawn: the explosion at the end would flatten all others

/**
 * What a test measured, as /api/learning-rates has it.
 * @typedef {{settings: Record<string, number>, suggestion: number, steepest: number, tenth_of_lowest: number,
 * lowest: number, exploded: boolean, rates: number[], losses: number[], smoothed: number[]}} Measured
 */

/** A button that opens the test of `setup()`; `take(settings)` gets what is taken of it. */
export function rangeTestButton(setup, take) {
  return button(t("train.range.find"), () => new RangeTest(setup(), take));
}

class RangeTest {
  constructor(setup, take) {
    this.take = take;
    this.id = null;
    this.isClosed = false;
    this.bar = h("progress", { max: "1", "aria-label": t("train.range.progress") });
    this.said = h("p", { role: "status" }, t("train.range.reading"));
    const cancel = button(t("train.range.cancel"), () => this.dialog.close());
    this.content = h("div", null, h("div", { class: "row" }, this.bar, cancel), this.said);
    this.dialog = dialog(t("train.range.title"), h("div", { class: "range-test" }, remark(t("train.range.about")), this.content));
    this.dialog.addEventListener("close", () => this.close());
    this.run(setup);
  }

  async run({ test: _, name: _name, ...setup }) {
    try {
      let test = await api.post("/api/learning-rates", setup);
      this.id = test.id;
      if (this.isClosed) this.close(); // while it was being started
      while (!this.isClosed && test.state === "running") {
        this.showProgress(test);
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
        if (!this.isClosed) test = await api.get(`/api/learning-rates/${this.id}`);
      }
      if (this.isClosed) return;
      if (test.result) this.showResult(test.result);
      else replace(this.content, error(Object.assign(new Error(), test.error, { name: "ApiError" })));
    } catch (problem) {
      if (!this.isClosed) replace(this.content, error(problem));
    }
  }

  showProgress({ step, steps }) {
    if (!steps) return;
    this.bar.value = step / steps;
    this.said.textContent = t("train.range.step", { step, steps });
  }

  showResult(/** @type {Measured} */ measured) {
    const { settings, exploded, suggestion } = measured;
    const fact = (key, value) => h("div", null, h("dt", null, t(`train.range.${key}`)), h("dd", null, number(value, 2)));
    const chart = h("div");
    const primary = button(t("train.range.take"), () => {
      this.take(settings);
      this.dialog.close();
    }, { primary: true });
    const suggested = h("strong", null, t("train.range.suggestion", { rate: number(suggestion, 2) }));
    replace(
      this.content,
      h("p", { role: "status" }, suggested, " ", t(`train.range.${exploded ? "exploded" : "reached"}`)),
      chart,
      h("dl", { class: "range-facts" }, fact("steepest", measured.steepest), fact("tenth", measured.tenth_of_lowest)),
      h("div", { class: "row" }, primary, button(t("train.range.leave"), () => this.dialog.close())),
    );
    drawRange(chart, measured);
    primary.focus();
  }

  /** The dialog is closed: what runs is ended. */
  close() {
    this.isClosed = true;
    if (this.id) api.del(`/api/learning-rates/${this.id}`).catch(() => null); // it is gone in any case
  }
}

/** The losses over the logarithm of the learning rate, up to a little above where they began. */
function drawRange(parent, /** @type {Measured} */ { rates, losses, smoothed, suggestion }) {
  const fall = smoothed.slice(0, smoothed.indexOf(Math.min(...smoothed)) + 1);
  const top = ROOM * Math.max(...fall);
  const points = (values) => values.map((loss, index) => [Math.log10(rates[index]), loss]).filter(([, loss]) => loss <= top);
  const series = [
    { name: t("train.range.losses"), points: points(losses), kind: "muted" },
    { name: t("train.range.smoothed"), points: points(smoothed) },
  ];
  curves(parent, series, {
    title: t("train.range.title"), height: HEIGHT, yRange: [0, top], upright: Math.log10(suggestion),
    xName: t("train.rate"), xFormat: (/** @type {number} */ power) => number(10 ** power, 2),
  });
}
