// @ts-check
// Several runs beside each other: curves, the settings that differ, and every pair in words.

import { whisker, whiskerScale } from "../shared/charts.js";
import { t } from "../shared/i18n.js";
import { duration, h, number, percent, remark, svg, table } from "../shared/ui.js";
import { bestEpochText, fieldName, intervalText, plot } from "./figures.js";

/**
 * Two runs as /api/compare describes them; the difference is b's accuracy less a's.
 * @typedef {{a: string, b: string, difference: number, interval: [number, number], p: number, corrected_p: number,
 * only_a: number, only_b: number}} Pair
 */

const KINDS = ["accent", "second", "muted", "wrong"]; // the last is hard to tell from the second

const lineOf = (index) => ({ kind: KINDS[index % KINDS.length], dashed: index >= KINDS.length });

/** A comparison as /api/compare describes it, as elements. */
export function comparison({ runs, pairs, settings, images, dataset }) {
  const reach = Math.max(0.002, ...pairs.flatMap((pair) => pair.interval.map(Math.abs))) * 1.05;
  const sentences = pairs.map((pair) => pairInWords(pair, pairs.length, reach));
  return [
    remark(t("runs.compared.on", { images: number(images, 9), dataset })),
    figureTable(runs),
    h(
      "div",
      { class: "compared-columns" },
      h("section", null, h("h3", null, t("runs.compared.pairs")), sentences),
      h("section", null, h("h3", null, t("runs.compared.settings")), settingTable(runs, settings)),
    ),
    overlay(runs),
    remark(t("runs.compared.about")),
  ];
}

function figureTable(runs) {
  const [low, high] = whiskerScale(runs.map((run) => run.interval));
  const numeric = (label) => ({ label, numeric: true });
  const columns = [
    { label: t("runs.column.name"), head: true },
    numeric(t("runs.accuracy.validation")),
    t("runs.compared.range"),
    ...["loss", "column.parameters", "best_epoch", "column.seconds"].map((key) => numeric(t(`runs.${key}`))),
  ];
  const rows = runs.map((run, index) => {
    const { kind, dashed } = lineOf(index);
    return [
      h("span", { class: `run-key ${kind}${dashed ? " dashed" : ""}` }, run.run),
      percent(run.accuracy, 2),
      [
        whisker([{ value: run.accuracy, interval: run.interval, kind: "accent" }], low, high, { width: 140 }),
        h("small", { class: "interval" }, intervalText("runs.compared.low_high", run.interval)),
      ],
      run.loss.toFixed(4),
      number(run.parameters, 12),
      bestEpochText(run) ?? "–",
      duration(run.seconds),
    ];
  });
  return table(columns, rows, { caption: t("runs.figures") });
}

function settingTable(runs, settings) {
  if (!settings.length) return h("p", null, t("runs.compared.same"));
  const text = (value) => (Array.isArray(value) ? value.join(" × ") : String(value ?? "–"));
  const cell = (value) => h("span", { class: "setting-value" }, text(value));
  return table(
    [{ label: t("runs.compared.setting"), head: true }, ...runs.map((run) => run.run)],
    settings.map(({ setting, values }) => [fieldName(setting), ...values.map(cell)]),
    { caption: t("runs.compared.settings") },
  );
}

/** The better run of a pair, and the difference as a positive number with its interval. */
export function orderedPair(/** @type {Pair} */ { a, b, difference, interval }) {
  if (difference >= 0) return { better: b, other: a, difference, interval };
  return { better: a, other: b, difference: -difference, interval: [-interval[1], -interval[0]] };
}

/** A pair's difference, its interval and p, in words. */
function pairInWords(/** @type {Pair} */ pair, pairs, reach) {
  const { a, b } = pair;
  const { better, other, difference, interval } = orderedPair(pair);
  const points = (share) => number(Number((100 * share).toFixed(2)), 3);
  const [low, high] = interval.map(points);
  const p = pairs > 1 ? pair.corrected_p : pair.p;
  const key = `p${p < 1e-4 ? "_small" : ""}${pairs > 1 ? "_corrected" : ""}`;
  const isEqual = difference === 0;
  const betterText = t("runs.compared.better", { better, other, points: points(difference) });
  const verdict = isEqual ? "none" : p < 0.05 ? "clear" : "unclear";
  return h(
    "div",
    { class: "pair" },
    h("p", { class: "pair-sentence" }, isEqual ? t("runs.compared.equal", { a, b }) : betterText),
    differenceLine(difference, interval, reach),
    h(
      "p",
      null,
      `${t("runs.compared.interval", { low, high })} · ${t(`runs.compared.${key}`, { p: number(p, 2), pairs })}. `,
      h("strong", null, t(`runs.compared.${verdict}`)),
    ),
    remark(t("runs.compared.only", { a, b, only_a: number(pair.only_a, 9), only_b: number(pair.only_b, 9) })),
  );
}

/** The difference with its interval on a line whose middle is 0. */
function differenceLine(value, /** @type {number[]} */ [low, high], reach) {
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

/** The validation curves of all runs that have some. */
function overlay(runs) {
  const lines = runs.map((run, index) => ({ name: run.run, history: run.history, ...lineOf(index) }));
  const known = lines.filter(({ history }) => history?.val_loss?.length);
  if (!known.length) return null;
  const draw = (figure, title) =>
    plot(
      title,
      figure === "val_accuracy",
      known.map(({ history, ...line }) => ({ ...line, points: history[figure].map((value, index) => [index + 1, value]) })),
    );
  const plots = [draw("val_accuracy", t("runs.accuracy.validation")), draw("val_loss", t("runs.loss"))];
  return h("section", null, h("h3", null, t("runs.compared.curves")), h("div", { class: "plots" }, plots));
}
