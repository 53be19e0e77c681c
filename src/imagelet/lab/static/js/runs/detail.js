// One run: figures with intervals, curves, confusion matrix, how and where it was made, and what to do with it.

import { t } from "../shared/i18n.js";
import { state as address } from "../shared/state.js";
import { byHandText } from "../train/by_hand.js";
import { curves } from "../shared/charts.js";
import { button, duration, h, number, percent, table } from "../shared/ui.js";
import { matrix } from "./confusion.js";
import { downloads } from "./download.js";
import { scaleOf, whisker } from "./interval.js";
import { keptOf } from "./list.js";
import { fieldName, quoted } from "./naming.js";

/** The run as GET /api/runs/{name} tells it. `remove()` deletes it; `opened(label, answer)`: a cell is chosen. */
export function detail(name, run, { remove, opened }) {
  const { experiment, metrics, history, confusion } = run;
  const finished = run.state === "finished";
  const recipe = experiment.recipe?.name;
  return [
    h(
      "header",
      { class: "run-head" },
      h("a", { href: address.link("runs", keptOf(address)), class: "back", onclick: goBack }, `← ${t("runs.back")}`),
      h("h2", { tabindex: "-1", class: "run-name" }, name),
      h("p", { class: "hint" }, [experiment.dataset, experiment.network, recipe].filter(Boolean).join(" · ")),
      h(
        "div",
        { class: "row" },
        finished && h("a", { class: "button", href: address.link("draw", { run: name }) }, t("runs.draw")),
        button(t("runs.delete"), remove, { danger: true }),
      ),
    ),
    !finished && h("p", { class: "note" }, t("runs.unfinished"), " ", h("a", { href: address.link("train") }, t("runs.in_training"))),
    figures(run, finished),
    history?.length > 0 && h("section", { class: "card" }, h("h3", null, t("runs.curves")), plots(history), finished && h("p", { class: "hint" }, t("runs.curves.note", { precision: run.environment?.precision ?? "–" }))),
    h(
      "div",
      { class: "run-lower" },
      h(
        "section",
        { class: "card" },
        h("h3", null, t("runs.confusion")),
        confusion?.table?.length ? matrix(confusion, opened) : h("p", { class: "empty" }, t("runs.confusion.none")),
      ),
      h(
        "div",
        { class: "card facts" },
        finished && downloads(name),
        h("details", { class: "group" }, h("summary", null, h("span", null, t("runs.settings"))), facts(flat(experiment))),
        h("details", { class: "group" }, h("summary", null, h("span", null, t("runs.environment"))), facts(flat(run.environment ?? {}))),
      ),
    ),
  ];
}

function goBack(event) {
  event.preventDefault();
  address.set({ open: null, cell: null });
}

function figures({ metrics, experiment, history, test_evaluations, terminal }, finished) {
  const { validation, test } = metrics;
  const scale = validation && test && scaleOf([validation.interval, test.interval]);
  const [validationLabel, testLabel] = [t("runs.accuracy.validation"), t("runs.accuracy.test")];
  const small = (label, value) => h("div", null, h("dt", null, label), h("dd", null, value));
  const parameters = metrics.parameters ?? experiment.resolved?.parameters;
  const seconds = metrics.seconds?.training ?? metrics.seconds?.total;
  return h(
    "section",
    { class: "card run-figures", "aria-label": t("runs.figures") },
    h(
      "div",
      { class: "accuracies" },
      validation ? accuracy(validationLabel, validation, scale) : unknown(validationLabel, "–"),
      test ? accuracy(testLabel, { ...test, test_evaluations }, scale) : finished ? notEvaluated(testLabel, terminal) : unknown(testLabel, "–"),
    ),
    h(
      "dl",
      { class: "readings" },
      small(t("runs.loss"), number(validation?.loss, 3)),
      small(t("runs.calibration"), percent(validation?.calibration_error, 2)),
      small(t("runs.parameters"), number(parameters, 12)),
      small(t("runs.best_epoch"), metrics.best_epoch ? t("runs.best_of", { best: metrics.best_epoch, epochs: metrics.epochs }) : String(history.length || "–")),
      small(t("runs.training_time"), duration(seconds)),
    ),
    metrics.by_hand?.length > 0 &&
      h("ul", { class: "by-hand hint", "aria-label": t("runs.by_hand.all") }, metrics.by_hand.map((each) => h("li", null, byHandText(each, "runs")))),
  );
}

/** A share with its interval; drawn beside another's on the same scale, where there are two. */
function accuracy(label, told, scale) {
  return h(
    "div",
    { class: "accuracy" },
    h("h3", null, label),
    h("p", { class: "big" }, percent(told.accuracy, 2)),
    scale && whisker([{ value: told.accuracy, interval: told.interval, kind: "accent" }], ...scale, { width: 220 }),
    h(
      "p",
      { class: "hint" },
      t("runs.interval", { low: percent(told.interval[0], 2), high: percent(told.interval[1], 2) }),
      " · ",
      t("runs.images", { count: number(told.images, 9) }),
      told.test_evaluations > 0 && ` · ${t("runs.test_evaluations", { count: told.test_evaluations })}`,
    ),
  );
}

function unknown(label, text, ...hint) {
  return h("div", { class: "accuracy none" }, h("h3", null, label), h("p", { class: "big" }, text), hint.length > 0 && h("p", { class: "hint" }, hint));
}

function notEvaluated(label, name) {
  return unknown(label, t("runs.test.none"), t("runs.test.hint"), " ", h("code", null, `imagelet evaluate ${quoted(name)}`));
}

function plots(history) {
  const draw = (name, share) => {
    const place = h("div", { class: "plot" }, h("h4", null, t(share ? "runs.curve.accuracy" : "runs.loss")));
    const line = (key) => history.map((each) => [each.epoch, each[key]]).filter(([, value]) => Number.isFinite(value));
    const validation = line(`val_${name}`);
    curves(
      place,
      [
        { name: t("runs.curve.training"), points: line(name), kind: "muted" },
        ...(validation.length ? [{ name: t("runs.curve.validation"), points: validation, kind: "accent" }] : []),
      ],
      {
        title: t(share ? "runs.curve.accuracy" : "runs.loss"),
        height: 250,
        x: t("runs.curve.epoch"),
        share,
        xRange: [1, Math.max(2, history.length)],
        yRange: share ? [null, 1] : [0, null],
        format: share ? (value) => `${number(Number((100 * value).toFixed(1)), 3)} %` : (value) => number(value, 2),
        formatX: (value) => (Number.isInteger(value) ? String(value) : ""),
      },
    );
    return place;
  };
  return h("div", { class: "plots" }, draw("loss", false), draw("accuracy", true));
}

/** Nested data as rows: "recipe.epochs" → 10. */
function flat(data, before = "") {
  return Object.entries(data).flatMap(([name, value]) => {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return flat(value, `${before}${name}.`);
    const listed = Array.isArray(value) && value.every((each) => typeof each !== "object");
    return [[`${before}${name}`, listed ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value)]];
  });
}

function facts(rows) {
  return table(
    [{ label: t("runs.compared.setting"), head: true }, t("runs.value")],
    rows.map(([name, value]) => [fieldName(name), h("span", { class: "setting-value" }, value)]),
    { caption: "" },
  );
}
