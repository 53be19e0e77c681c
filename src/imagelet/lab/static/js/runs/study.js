// @ts-check
// One study: the best trial beside the start, its figures, its trials, and the recipe to train with.

import { t } from "../shared/i18n.js";
import { button, command, h, linkButton, number, percent, quoted, remark, table } from "../shared/ui.js";
import { backLink } from "./detail.js";
import { fieldName } from "./figures.js";

const MOST_TRIALS = 200; // in the table

/** @typedef {{number: number, settings: Record<string, any>, epochs: number, validation: number | null, state: string}} Trial */
/** @typedef {{trial: number | null, settings: Record<string, any>, seeds: number, validation: number, aside: number}} Standing */
/**
 * A study as /api/studies/NAME describes it.
 * @typedef {{name: string, dataset: string, recipe: string, recipe_file: string | null, figures: string[], resume: string,
 * result: Result | null}} Study
 */
/**
 * What a search has found, as imagelet tune --json prints it.
 * @typedef {{trials: Trial[], finalists: Standing[], start: Standing | null, verdict: string | null,
 * difference: number | null, interval: [number, number] | null, images: number | null}} Result
 */

/** A study's page. `remove()` deletes it. */
export function studyPage(/** @type {Study} */ study, { remove }) {
  const { name, dataset, recipe, result, resume } = study;
  const title = h("h2", { tabindex: "-1", class: "run-name" }, name);
  const tools = h("div", { class: "row" }, button(t("runs.study.delete"), remove, { danger: true }));
  const head = h("header", { class: "run-head" }, backLink(), title, remark([dataset, recipe].join(" · ")), tools);
  const toResume = h("section", { class: "card" }, h("h3", null, t("runs.study.resume")), command(resume));
  if (!result) return [head, h("p", { class: "note" }, t("runs.study.unfinished")), toResume];
  return [head, outcome(study, result), pictures(study), trialTable(result.trials), toResume];
}

function outcome(/** @type {Study} */ { name, dataset, recipe_file: file }, result) {
  const { verdict, difference, interval, images } = result;
  const points = (value) => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(2)}`;
  const figures = verdict && { difference: points(difference), low: points(interval[0]), high: points(interval[1]) };
  const sentence = verdict ? t(`runs.study.${verdict.replace(" ", "_")}`) : t("runs.study.no_final");
  const download = linkButton(t("runs.study.recipe"), `/api/studies/${encodeURIComponent(name)}/recipe.toml`);
  download.download = `${name}.toml`;
  return h(
    "section",
    { class: "card study-trials" },
    h("h3", null, t("runs.study.best")),
    h("p", { class: "pair-sentence" }, sentence),
    figures && remark(t("runs.study.difference", { ...figures, images: number(images, 9) })),
    standings(result),
    file && [h("p", { class: "row" }, download), command(`imagelet train ${quoted(dataset)} --recipe ${quoted(file)}`)],
  );
}

/** The start and the finalists, the winner first; without a final, the best trial. */
function standings(/** @type {Result} */ { start, finalists, trials }) {
  if (!finalists.length) {
    const [best] = byAccuracy(trials);
    const text = best && t("runs.study.best_trial", { number: best.number, accuracy: percent(best.validation, 2) });
    return best && remark(text, " ", settingsText(best.settings));
  }
  const startSettings = JSON.stringify(start?.settings);
  const others = finalists.filter((one) => one.trial !== null || JSON.stringify(one.settings) !== startSettings);
  const rows = [...others, ...(start ? [start] : [])].map((one) => [
    one.trial === null ? t("runs.study.start") : t("runs.study.trial", { number: one.trial }),
    percent(one.validation, 2),
    percent(one.aside, 2),
    String(one.seeds),
    h("span", { class: "setting-value" }, settingsText(one.settings)),
  ]);
  const numeric = (key) => ({ label: t(`runs.study.${key}`), numeric: true });
  const figures = ["validation", "aside", "seeds"].map(numeric);
  const columns = [{ label: t("runs.study.candidate"), head: true }, ...figures, t("runs.study.settings")];
  return table(columns, rows, { caption: t("runs.study.finalists") });
}

function pictures(/** @type {Study} */ { name, figures }) {
  if (!figures.length) return null;
  const picture = (file) => {
    const about = t(`runs.study.${file.replace(".png", "")}`);
    const image = h("img", { src: `/api/studies/${encodeURIComponent(name)}/${file}`, alt: about, loading: "lazy" });
    return h("figure", null, image, h("figcaption", { class: "hint" }, about));
  };
  return h("section", { class: "card study-figures" }, figures.map(picture));
}

/** The trials with the highest accuracy first, those without one last. */
function byAccuracy(/** @type {Trial[]} */ trials) {
  return [...trials].sort((one, other) => (other.validation ?? -1) - (one.validation ?? -1));
}

function trialTable(/** @type {Trial[]} */ trials) {
  const shown = byAccuracy(trials).slice(0, MOST_TRIALS);
  const rows = shown.map((trial) => [
    String(trial.number),
    percent(trial.validation, 2),
    String(trial.epochs),
    t(`runs.study.state.${trial.state}`),
    h("span", { class: "setting-value" }, settingsText(trial.settings) || t("runs.study.start")),
  ]);
  const numeric = (label) => ({ label, numeric: true });
  const columns = [
    { label: t("runs.study.number"), head: true, numeric: true }, numeric(t("runs.study.validation")),
    numeric(t("runs.column.epochs")), t("runs.study.ended"), t("runs.study.settings"),
  ];
  const count = trials.length;
  const some = shown.length < count && remark(t("runs.study.some", { shown: shown.length, count }));
  const caption = t("runs.study.trials_table", { count });
  return h("section", { class: "card study-trials" }, table(columns, rows, { caption }), some);
}

function settingsText(settings) {
  const text = (value) => (typeof value === "number" ? number(value, 3) : String(value));
  return Object.entries(settings).map(([name, value]) => `${fieldName(name)} ${text(value)}`).join(", ");
}
