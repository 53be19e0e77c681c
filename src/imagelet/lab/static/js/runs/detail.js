// @ts-check
// One run: figures with intervals, curves, confusion matrix, how and where it was made, and what to do with it.

import { api } from "../shared/api.js";
import { whisker, whiskerScale } from "../shared/charts.js";
import { t } from "../shared/i18n.js";
import { changeList, experimentText } from "../shared/jobs.js";
import { state as address } from "../shared/state.js";
import {
  busy, button, command, duration, error, group, h, linkButton, number, percent, quoted, remark, replace, table,
} from "../shared/ui.js";
import { matrix } from "./confusion.js";
import { bestEpochText, fieldName, intervalText, plot } from "./figures.js";
import { keptParameters } from "./list.js";

/**
 * A run as /api/runs/NAME describes it.
 * @typedef {{name: string, state: string, experiment: any, metrics: any, history: import("../shared/jobs.js").Epoch[],
 * environment: any, confusion: import("./confusion.js").Confusion, test_evaluations: number, terminal: string}} Run
 */

/** A run's page. `remove()` deletes it; `openCell(cell)` is called for a cell of the matrix. */
export function detail(/** @type {Run} */ run, { remove, openCell }) {
  const { name, experiment, environment, history, confusion } = run;
  const isFinished = run.state === "finished";
  const trainingLink = h("a", { href: address.link("train") }, t("runs.in_training"));
  const curvesNote = t("runs.curves.note", { precision: environment?.precision ?? "–" });
  return [
    h(
      "header",
      { class: "run-head" },
      backLink(),
      h("h2", { tabindex: "-1", class: "run-name" }, name),
      remark(experimentText(experiment)),
      h(
        "div",
        { class: "row" },
        isFinished && linkButton(t("runs.draw"), address.link("draw", { run: name })),
        button(t("runs.delete"), remove, { danger: true }),
      ),
    ),
    !isFinished && h("p", { class: "note" }, t("runs.unfinished"), " ", trainingLink),
    figures(run),
    history?.length > 0 &&
      h("section", { class: "card" }, h("h3", null, t("runs.curves")), plots(history), isFinished && remark(curvesNote)),
    h(
      "div",
      { class: "run-lower" },
      h(
        "section",
        { class: "card" },
        h("h3", null, t("runs.confusion")),
        confusion?.table?.length ? matrix(confusion, openCell) : h("p", { class: "empty" }, t("runs.confusion.none")),
      ),
      h(
        "div",
        { class: "card facts" },
        isFinished && downloads(name),
        facts(t("runs.settings"), experiment),
        facts(t("runs.environment"), environment),
      ),
    ),
  ];
}

/** The way back to the table as it was left. */
export function backLink() {
  const onclick = (event) => {
    event.preventDefault();
    address.set({ open: null, study: null, cell: null });
  };
  return h("a", { href: address.link("runs", keptParameters()), class: "back", onclick }, `← ${t("runs.back")}`);
}

function figures(/** @type {Run} */ { state, metrics, experiment, history, test_evaluations: count, terminal }) {
  const { validation, test, seconds, manual_changes: changes } = metrics;
  const scale = validation && test && whiskerScale([validation.interval, test.interval]);
  const readings = {
    loss: number(validation?.loss, 3),
    calibration: percent(validation?.calibration_error, 2),
    parameters: number(metrics.parameters ?? experiment.resolved?.parameters, 12),
    best_epoch: bestEpochText(metrics) ?? String(history.length || "–"),
    training_time: duration(seconds?.training ?? seconds?.total),
  };
  const entry = ([key, text]) => h("div", null, h("dt", null, t(`runs.${key}`)), h("dd", null, text));
  const evaluate = h("code", null, `imagelet evaluate ${quoted(terminal)}`);
  const untested = state === "finished" ? [t("runs.test.hint"), " ", evaluate] : [];
  return h(
    "section",
    { class: "card run-figures", "aria-label": t("runs.figures") },
    h(
      "div",
      { class: "accuracies" },
      validation ? accuracy("validation", validation, scale) : unknown("validation", "–"),
      test ? accuracy("test", test, scale, count) : unknown("test", untested.length ? t("runs.test.none") : "–", ...untested),
    ),
    h("dl", { class: "readings" }, Object.entries(readings).map(entry)),
    changes?.length > 0 && h("ul", { class: "changes hint", "aria-label": t("runs.changes") }, changeList(changes)),
  );
}

/** An accuracy with its interval; drawn beside another's on the same scale, where there are two. */
function accuracy(part, /** @type {import("./figures.js").Accuracy} */ figure, scale, evaluations = 0) {
  const texts = [
    intervalText("runs.interval", figure.interval),
    t("runs.images", { count: number(figure.images, 9) }),
    figure.distinct_images < figure.images && t("runs.distinct", { count: number(figure.distinct_images, 9) }),
    figure.copies_of_training > 0 && t("runs.copies_of_training", { count: number(figure.copies_of_training, 9) }),
    evaluations > 0 && t("runs.test_evaluations", { count: evaluations }),
  ];
  return h(
    "div",
    { class: "accuracy" },
    h("h3", null, t(`runs.accuracy.${part}`)),
    h("p", { class: "big" }, percent(figure.accuracy, 2)),
    scale && whisker([{ value: figure.accuracy, interval: figure.interval, kind: "accent" }], scale[0], scale[1], { width: 220 }),
    remark(texts.filter(Boolean).join(" · ")),
    figure.uneven && unevenFigures(figure),
  );
}

/** What counts every class alike, where some have many images and others few. */
function unevenFigures(/** @type {import("./figures.js").Accuracy} */ figure) {
  const entry = (key) => {
    const interval = remark(intervalText("runs.interval", figure[`${key}_interval`]));
    return h("div", null, h("dt", null, t(`runs.${key}`)), h("dd", null, percent(figure[key], 2), " ", interval));
  };
  const { class: name, accuracy: reached } = figure.most_frequent;
  return h(
    "div",
    { class: "uneven" },
    h("dl", null, entry("balanced_accuracy"), entry("macro_f1")),
    remark(t("runs.baseline", { name, accuracy: percent(reached, 2) })),
  );
}

function unknown(part, text, ...hints) {
  const heading = h("h3", null, t(`runs.accuracy.${part}`));
  return h("div", { class: "accuracy none" }, heading, h("p", { class: "big" }, text), hints.length > 0 && remark(hints));
}

function plots(history) {
  const draw = (figure, title) => {
    const points = (key) => history.map((epoch) => [epoch.epoch, epoch[key]]).filter(([, value]) => Number.isFinite(value));
    const [training, validation] = [points(figure), points(`val_${figure}`)];
    return plot(title, figure === "accuracy", [
      { name: t("runs.curve.training"), points: training, kind: "muted" },
      ...(validation.length ? [{ name: t("runs.curve.validation"), points: validation, kind: "accent" }] : []),
    ]);
  };
  return h("div", { class: "plots" }, draw("loss", t("runs.loss")), draw("accuracy", t("runs.curve.accuracy")));
}

/**
 * Nested data as rows: "recipe.epochs" and "10".
 * @returns {[string, string][]}
 */
export function flat(data, prefix = "") {
  return Object.entries(data ?? {}).flatMap(([name, value]) => {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return flat(value, `${prefix}${name}.`);
    const isList = Array.isArray(value) && value.every((item) => typeof item !== "object");
    const text = isList ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);
    return [/** @type {[string, string]} */ ([`${prefix}${name}`, text])];
  });
}

/** Nested data in a table that opens. */
function facts(title, data) {
  const rows = flat(data).map(([name, value]) => [fieldName(name), h("span", { class: "setting-value" }, value)]);
  const columns = [{ label: t("runs.compared.setting"), head: true }, t("runs.value")];
  return group(title, table(columns, rows));
}

/** What can be taken away from a run: its classifier, and the report that is made on request. */
function downloads(name) {
  const fileName = name.split("/").at(-1); // of a course's run or a series'
  const path = `/api/runs/${encodeURIComponent(name)}`;
  const problem = h("div", { "aria-live": "polite" });
  const ready = h("span", { role: "status" });
  const report = button(t("runs.download.report"), async () => {
    replace(problem);
    report.disabled = true;
    report.textContent = t("runs.download.making");
    try {
      const link = linkButton(t("runs.download.ready"), URL.createObjectURL(await busy(row, api.file(`${path}/report`))));
      link.download = `${fileName}-report.html`;
      replace(ready, link);
      report.hidden = true;
      link.focus();
      link.click();
    } catch (refused) {
      replace(problem, error(refused));
    } finally {
      report.disabled = false;
      report.textContent = t("runs.download.report");
    }
  });
  const classifier = linkButton(t("runs.download.classifier"), `${path}/classifier`);
  classifier.download = `${fileName}.safetensors`;
  const row = h("div", { class: "row" }, classifier, report, ready);
  const use = [remark(t("runs.download.use")), command(`imagelet predict ${quoted(classifier.download)} picture.png`)];
  return h("section", { class: "downloads" }, h("h3", null, t("runs.download")), row, problem, use);
}
