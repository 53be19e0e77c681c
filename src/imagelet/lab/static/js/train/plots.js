// The curves of a training as they grow.

import { t } from "../shared/i18n.js";
import { number, percent } from "../shared/ui.js";
import { curves } from "../shared/charts.js";

/** The two curves of a figure, training and validation. */
export function plot(place, name) {
  const share = name === "accuracy";
  const chart = curves(place, [], {
    title: t(`train.${name}`),
    height: 230,
    x: t("train.epoch"),
    share,
    format: share ? (value) => percent(value, value > 0.99 && value < 1 ? 1 : 0).replace(">", "") : (value) => number(value, 2),
    formatX: (value) => (Number.isInteger(value) ? String(value) : ""),
  });
  return {
    show(history, live, total) {
      const training = history.map((each) => [each.epoch, each[name]]);
      const underWay = live.map((each) => [each.x, each[name]]); // the mean of the epoch until now, not of a whole one
      const validation = history.map((each) => [each.epoch, each[`val_${name}`]]).filter(([, value]) => Number.isFinite(value));
      const values = [...training, ...underWay, ...validation].map(([, value]) => value).filter(Number.isFinite);
      const low = Math.min(...values);
      const bottom = !values.length ? 0 : share ? Math.max(0, Math.floor((low - 0.02) * 20) / 20) : 0;
      const top = share ? 1 : values.length ? Math.max(...values) * 1.05 : 1;
      const series = [
        { name: t("train.training"), points: training, kind: "muted" },
        ...(underWay.length ? [{ name: t("train.training.now"), points: underWay, kind: "muted", dashed: true }] : []),
        ...(validation.length ? [{ name: t("train.validation.curve"), points: validation, kind: "accent" }] : []),
      ];
      chart.update(series, { xRange: [0, Math.max(total, 1)], yRange: [bottom, top] });
    },
  };
}
