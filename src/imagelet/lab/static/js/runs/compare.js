// Several runs beside each other: curves, the settings that differ, and every pair in words.

import { t } from "../shared/i18n.js";
import { curves } from "../shared/charts.js";
import { h, number, percent, svg, table } from "../shared/ui.js";
import { scaleOf, whisker } from "./interval.js";
import { fieldName, secondsText } from "./naming.js";

const KINDS = ["accent", "second", "muted", "wrong"]; // the last is hard to tell from the second

/** What GET /api/compare found, as an element. */
export function comparison(found) {
  return [
    h("p", { class: "hint" }, t("runs.compared.on", { images: number(found.images, 9), dataset: found.dataset })),
    figures(found),
    h(
      "div",
      { class: "compared-columns" },
      h("section", null, h("h3", null, t("runs.compared.pairs")), found.pairs.map((pair) => inWords(pair, found.pairs.length, scaleOfPairs(found.pairs)))),
      h("section", null, h("h3", null, t("runs.compared.settings")), settings(found)),
    ),
    overlay(found),
    h("p", { class: "hint" }, t("runs.compared.about")),
  ];
}

function figures({ runs }) {
  const [low, high] = scaleOf(runs.map((run) => run.interval));
  return table(
    [
      { label: t("runs.column.name"), head: true },
      { label: t("runs.accuracy.validation"), numeric: true },
      t("runs.compared.range"),
      { label: t("runs.loss"), numeric: true },
      { label: t("runs.column.parameters"), numeric: true },
      { label: t("runs.best_epoch"), numeric: true },
      { label: t("runs.column.seconds"), numeric: true },
    ],
    runs.map((run, at) => [
      h("span", { class: `run-key ${KINDS[at % KINDS.length]}${at >= KINDS.length ? " dashed" : ""}` }, run.run),
      percent(run.accuracy, 2),
      [
        whisker([{ value: run.accuracy, interval: run.interval, kind: "accent" }], low, high, { width: 140 }),
        h("small", { class: "interval" }, t("runs.compared.low_high", { low: percent(run.interval[0], 2), high: percent(run.interval[1], 2) })),
      ],
      run.loss.toFixed(4),
      number(run.parameters, 12),
      run.best_epoch ? t("runs.best_of", { best: run.best_epoch, epochs: run.epochs }) : "–",
      secondsText(run.seconds),
    ]),
    { caption: t("runs.figures") },
  );
}

function settings({ runs, settings: differing }) {
  if (!differing.length) return h("p", null, t("runs.compared.same"));
  const text = (value) => (value === null || value === undefined ? "–" : typeof value === "number" ? String(value) : Array.isArray(value) ? value.join(" × ") : String(value));
  return table(
    [{ label: t("runs.compared.setting"), head: true }, ...runs.map((run) => run.run)],
    differing.map((each) => [fieldName(each.setting), ...each.values.map((value) => h("span", { class: "setting-value" }, text(value)))]),
    { caption: t("runs.compared.settings") },
  );
}

function scaleOfPairs(pairs) {
  return Math.max(0.002, ...pairs.flatMap((pair) => pair.interval.map(Math.abs))) * 1.05;
}

/** A pair's difference, its interval and p, in words. */
function inWords(pair, pairs, reach) {
  const b_better = pair.difference >= 0;
  const [better, other] = b_better ? [pair.b, pair.a] : [pair.a, pair.b];
  const [low, high] = b_better ? pair.interval : [-pair.interval[1], -pair.interval[0]];
  const points = (share) => number(Number((100 * share).toFixed(2)), 3);
  const p = pairs > 1 ? pair.corrected_p : pair.p;
  const sentence = pair.difference === 0 ? t("runs.compared.equal", { a: pair.a, b: pair.b }) : t("runs.compared.more_right", { b: better, a: other, points: points(Math.abs(pair.difference)) });
  const suffix = pairs > 1 ? "_corrected" : "";
  const values = { p: number(p, 2), pairs };
  return h(
    "div",
    { class: "pair" },
    h("p", { class: "pair-sentence" }, sentence),
    difference(b_better ? pair.difference : -pair.difference, [low, high], reach),
    h(
      "p",
      null,
      t("runs.compared.interval", { low: points(low), high: points(high) }),
      " · ",
      t(p < 1e-4 ? `runs.compared.p_small${suffix}` : `runs.compared.p${suffix}`, values),
      ". ",
      h("strong", null, t(`runs.compared.${pair.difference === 0 ? "none" : p < 0.05 ? "clear" : "unclear"}`)),
    ),
    h("p", { class: "hint" }, t("runs.compared.only", { a: pair.a, b: pair.b, only_a: number(pair.only_a, 9), only_b: number(pair.only_b, 9) })),
  );
}

/** The difference with its interval on a line whose middle is 0. */
function difference(value, [low, high], reach) {
  const [width, height] = [260, 30];
  const across = (share) => 6 + ((share + reach) / (2 * reach)) * (width - 12);
  return svg(
    "svg",
    { class: "whisker difference", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    svg("line", { class: "base", x1: 6, x2: width - 6, y1: 10, y2: 10 }),
    svg("line", { class: "zero", x1: across(0), x2: across(0), y1: 1, y2: 19 }),
    svg("text", { x: across(0), y: 29, "text-anchor": "middle" }, t("runs.compared.zero")),
    svg("line", { class: "span accent", x1: across(low), x2: across(high), y1: 10, y2: 10 }),
    svg("circle", { class: "dot accent", cx: across(value), cy: 10, r: 4 }),
  );
}

function overlay({ runs }) {
  const known = runs.map((run, at) => ({ run, at })).filter(({ run }) => run.history?.val_loss?.length);
  if (!known.length) return null;
  const places = ["val_accuracy", "val_loss"].map((name) => {
    const share = name === "val_accuracy";
    const place = h("div", { class: "plot" }, h("h4", null, t(share ? "runs.accuracy.validation" : "runs.loss")));
    const series = known.map(({ run, at }) => ({
      name: run.run,
      points: run.history[name].map((value, epoch) => [epoch + 1, value]),
      kind: KINDS[at % KINDS.length],
      dashed: at >= KINDS.length,
    }));
    const longest = Math.max(...series.map((each) => each.points.length));
    curves(place, series, {
      title: t(share ? "runs.accuracy.validation" : "runs.loss"),
      height: 250,
      x: t("runs.curve.epoch"),
      share,
      xRange: [1, Math.max(2, longest)],
      yRange: share ? [null, 1] : [0, null],
      format: share ? (value) => `${number(Number((100 * value).toFixed(1)), 3)} %` : (value) => number(value, 2),
      formatX: (value) => (Number.isInteger(value) ? String(value) : ""),
    });
    return place;
  });
  return h("section", null, h("h3", null, t("runs.compared.curves")), h("div", { class: "plots" }, places));
}
