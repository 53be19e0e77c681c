// @ts-check
// The curves of loss and accuracy as they grow: smoothed, on a logarithmic axis, zoomed in, and as files.

import { curves } from "../shared/charts.js";
import { t } from "../shared/i18n.js";
import { button, group, h, uniqueId } from "../shared/ui.js";
import { csvOf, download, pngOf, svgOf } from "./export.js";

/** @typedef {import("./progress.js").Progress} Progress */

const STRONGEST = 0.95; // of the smoothing

/** The curves, what changes how they are drawn, and what to know of them. */
export function curvePanel() {
  /** @type {Progress | null} */
  let shown = null;
  const view = { smoothing: 0, isLog: false, isZoomed: false };
  const plots = ["loss", "accuracy"].map((figure) => plot(figure, view));
  const note = h("p", { class: "hint" }, t("train.curves.wait"));
  const redraw = () => shown && show(shown);
  const tools = viewTools(view, redraw);
  const files = exportRow(() => plots.map(({ face }) => face()), () => shown);
  const place = group(t("train.curves.view"), h("div", { class: "curve-tools" }, tools, files), { class: "group curve-view" });

  function show(/** @type {Progress} */ progress) {
    shown = progress;
    const { history, points } = progress;
    for (const one of plots) one.show(progress);
    const isUnvalidated = history.length && !history.some((epoch) => Number.isFinite(epoch.val_loss));
    const hasBegun = history.length || points.length;
    note.textContent = t(isUnvalidated ? "train.no_validation" : hasBegun ? "train.curves.note" : "train.curves.wait");
  }
  return { element: [h("div", { class: "plots" }, plots.map(({ element }) => element)), note, place], show };
}

/** What changes `view` and calls `redraw`. */
function viewTools(view, redraw) {
  const check = (name, key) => {
    const input = h("input", {
      type: "checkbox",
      onchange() {
        view[name] = input.checked;
        redraw();
      },
    });
    return h("label", { class: "curve-check" }, input, h("span", null, t(key)));
  };
  const id = uniqueId("smoothing");
  const output = h("output", { for: id }, "0");
  const slider = h("input", {
    type: "range", id, min: "0", max: String(STRONGEST), step: "0.05",
    oninput() {
      view.smoothing = Number(slider.value);
      output.textContent = slider.value;
      redraw();
    },
  });
  slider.value = "0";
  const smoothing = h("div", { class: "curve-smoothing" }, h("label", { for: id }, t("train.curves.smoothing")), slider, output);
  const checks = [check("isLog", "train.curves.log"), check("isZoomed", "train.curves.zoom")];
  return h("div", { class: "curve-options" }, checks, smoothing);
}

function exportRow(faces, progress) {
  const name = (kind) => `${progress()?.job?.run ?? "training"}-curves.${kind}`.replaceAll("/", "-");
  const makers = {
    PNG: () => pngOf(faces()),
    SVG: () => new Blob([svgOf(faces())], { type: "image/svg+xml" }),
    CSV: () => new Blob([csvOf(progress()?.history ?? [])], { type: "text/csv" }),
  };
  const buttons = Object.entries(makers).map(([kind, make]) =>
    button(kind, async () => download(name(kind.toLowerCase()), await make()), { label: t("train.curves.save", { kind }) }),
  );
  return h("div", { class: "curve-files" }, h("span", { class: "hint" }, t("train.curves.files")), buttons);
}

function plot(figure, view) {
  const isAccuracy = figure === "accuracy";
  const title = t(`train.${figure}`);
  const element = h("div", { class: "plot" }, h("h3", null, title));
  const chart = curves(element, [], { title, height: 230, isAccuracy });
  return {
    element,
    face: () => ({ title, svg: element.querySelector("svg"), key: [...element.querySelectorAll(".chart-key li")] }),
    show(/** @type {Progress} */ { history, points, total }) {
      const all = seriesOf(figure, history, points);
      const first = view.isZoomed ? interestingFrom(all) : 0;
      const isLog = view.isLog && !isAccuracy;
      const series = all.map((curve) => {
        const drawn = smoothed(curve.points, curve.dashed ? 0 : view.smoothing);
        return { ...curve, points: drawn.filter(([x, y]) => x >= first && (!isLog || y > 0)) };
      });
      const values = series.flatMap((curve) => curve.points.map(([, value]) => value)).filter(Number.isFinite);
      const yRange = isLog || view.isZoomed ? closeRange(values) : rangeOfFigure(isAccuracy, values);
      const last = Math.max(view.isZoomed ? first + 1 : total, history.length, points.at(-1)?.x ?? 0);
      chart.update(series, { xRange: [first, last], yRange, isLog });
    },
  };
}

/** The curves of a figure: training, the epoch under way (its mean until now), and validation. */
function seriesOf(figure, history, points) {
  const curve = (key) => history.map((epoch) => [epoch.epoch, epoch[key]]).filter(([, value]) => Number.isFinite(value));
  const [training, validation] = [curve(figure), curve(`val_${figure}`)];
  const now = points.map((point) => [point.x, point[figure]]);
  return [
    { name: t("train.training"), points: training, kind: "muted" },
    now.length && { name: t("train.training.now"), points: now, kind: "muted", dashed: true },
    validation.length && { name: t("train.validation.curve"), points: validation, kind: "accent" },
  ].filter(Boolean);
}

/** Accuracies from a little below the lowest, by twentieths, to 1; losses from 0 to a little above the highest. */
export function rangeOfFigure(isAccuracy, values) {
  if (!values.length) return [0, 1];
  if (isAccuracy) return [Math.max(0, Math.floor((Math.min(...values) - 0.02) * 20) / 20), 1];
  return [0, Math.max(...values) * 1.05];
}

/** The range of the values themselves. */
function closeRange(values) {
  return values.length ? [Math.min(...values), Math.max(...values)] : [null, null];
}

/** A running mean that forgets: each point is a mean of those until it, in which one counts `weight` times the next. */
export function smoothed(points, weight) {
  let [sum, total] = [0, 0];
  return points.map(([x, y]) => {
    if (!Number.isFinite(y)) return [x, y];
    [sum, total] = [weight * sum + y, weight * total + 1];
    return [x, sum / total];
  });
}

/** The x from which the curves change slowly: where the first has done nine tenths of all its change; 0 if they are short. */
export function interestingFrom(series) {
  const points = (series[0]?.points ?? []).filter(([, y]) => Number.isFinite(y));
  if (points.length < 4) return 0;
  const values = points.map(([, y]) => y);
  const [start, span] = [values[0], Math.max(...values) - Math.min(...values)];
  const at = values.findIndex((value) => Math.abs(value - start) >= 0.9 * span);
  return points[Math.min(Math.max(at, 0), points.length - 3)][0];
}
