// One run: figures with intervals, curves, confusion matrix, how and where it was made, and what to do with it.

import { curves } from "../charts.js";
import { t } from "../i18n.js";
import { state as address } from "../state.js";
import { button, duration, h, number, percent, table } from "../ui.js";
import { matrix } from "./confusion.js";
import { downloads } from "./download.js";
import { scaleOf, whisker } from "./interval.js";
import { fieldName } from "./naming.js";

/** The run as GET /api/runs/{name} tells it. `remove()` deletes it. */
export function detail(api, name, run, remove) {
  const { experiment, metrics, history, confusion } = run;
  const finished = run.state === "finished";
  const recipe = experiment.recipe?.name;
  return [
    h(
      "header",
      { class: "run-head" },
      h("a", { href: address.link("runs", { open: "" }), class: "back", onclick: goBack }, `← ${t("runs.back")}`),
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
    history?.length > 0 && h("section", { class: "card" }, h("h3", null, t("runs.curves")), plots(history)),
    h(
      "div",
      { class: "run-lower" },
      h(
        "section",
        { class: "card" },
        h("h3", null, t("runs.confusion")),
        confusion?.table?.length ? matrix(api, name, confusion) : h("p", { class: "empty" }, t("runs.confusion.none")),
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
  address.set({ open: null });
}

function figures({ metrics = {}, experiment, history = [], looks = 0 }, finished) {
  const scale = scaleOf([metrics.validation?.interval, metrics.test?.interval]);
  const small = (label, value) => h("div", null, h("dt", null, label), h("dd", null, value));
  const parameters = metrics.parameters ?? experiment.resolved?.parameters;
  const seconds = metrics.seconds?.training ?? metrics.seconds?.total;
  return h(
    "section",
    { class: "card run-figures", "aria-label": t("runs.figures") },
    h(
      "div",
      { class: "accuracies" },
      accuracy(t("runs.accuracy.validation"), metrics.validation, scale),
      accuracy(t("runs.accuracy.test"), metrics.test, scale, finished, looks),
    ),
    h(
      "dl",
      { class: "readings" },
      small(t("runs.loss"), number(metrics.validation?.loss, 3)),
      small(t("runs.calibration"), percent(metrics.validation?.calibration_error, 2)),
      small(t("runs.parameters"), number(parameters, 12)),
      small(t("runs.best_epoch"), metrics.best_epoch ? t("runs.best_of", { best: metrics.best_epoch, epochs: metrics.epochs }) : String(history.length || "–")),
      small(t("runs.training_time"), duration(seconds)),
    ),
    metrics.by_hand?.length > 0 &&
      h("ul", { class: "by-hand hint", "aria-label": t("runs.by_hand.all") }, metrics.by_hand.map((each) => h("li", null, t("runs.by_hand", { ...each, change: changed(each.change) })))),
  );
}

function accuracy(label, told, [low, high], finished = true, looks = 0) {
  if (!told) {
    const hint = label === t("runs.accuracy.test") && finished;
    return h(
      "div",
      { class: "accuracy none" },
      h("h3", null, label),
      h("p", { class: "big" }, hint ? t("runs.test.none") : "–"),
      hint && h("p", { class: "hint" }, t("runs.test.hint"), " ", h("code", null, "imagelet evaluate")),
    );
  }
  return h(
    "div",
    { class: "accuracy" },
    h("h3", null, label),
    h("p", { class: "big" }, percent(told.accuracy, 2)),
    whisker([{ value: told.accuracy, interval: told.interval, kind: "accent" }], low, high, { width: 220 }),
    h(
      "p",
      { class: "hint" },
      t("runs.interval", { low: percent(told.interval[0], 2), high: percent(told.interval[1], 2) }),
      " · ",
      t("runs.images", { count: number(told.images, 9) }),
      looks > 0 && ` · ${t("runs.looks", { count: looks })}`,
    ),
  );
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
        width: 560,
        height: 250,
        x: t("runs.curve.epoch"),
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

/** What was changed by hand, in the page's language. */
function changed(change) {
  const [, factor] = change.match(/^learning rate × (\S+)$/) ?? [];
  return factor ? `${fieldName("learning_rate")} × ${factor}` : change;
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
