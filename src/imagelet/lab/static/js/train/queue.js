// @ts-check
// The trainings of the lab: the one under way, the ones that wait, the ones that are done.

import { t } from "../shared/i18n.js";
import { experimentText, stateMark } from "../shared/jobs.js";
import { h, percent, replace } from "../shared/ui.js";

/** @typedef {import("../shared/jobs.js").Job} Job */

/** What a training is called: as its run, once it has one. */
export function jobName(/** @type {Job} */ { run, name, continues }) {
  return run ?? name ?? (continues ? t("train.jobs.continued", { run: continues }) : t("train.jobs.unnamed"));
}

/** A list of jobs. `choose(id)` is called with the one that is to be shown. */
export function queue(choose) {
  const list = h("ol", { class: "job-list" });
  const waiting = h("p", { class: "hint" });
  const none = h("p", { class: "empty" }, t("train.jobs.none"));
  const title = h("h2", { id: "jobs-title" }, t("train.jobs"));
  const rows = new Map(); // id → {element, key}

  /** Make a job's row anew where it differs from what is shown. */
  function row(job, isChosen) {
    const key = JSON.stringify([job.state, job.run, job.history?.length, isChosen]);
    const shown = rows.get(job.id);
    if (shown?.key === key) return shown.element;
    const element = entry(job, isChosen, choose);
    const isFocused = shown?.element.contains(document.activeElement);
    shown?.element.replaceWith(element);
    rows.set(job.id, { element, key });
    if (isFocused) element.querySelector("button").focus();
    return element;
  }

  function show(/** @type {Job[]} */ jobs, chosen) {
    const queued = jobs.filter((job) => job.state === "queued").length;
    none.hidden = jobs.length > 0;
    waiting.hidden = !queued;
    waiting.textContent = t("train.jobs.waiting", { count: queued });
    const wanted = jobs.map((job) => row(job, job.id === chosen));
    if (wanted.length !== list.children.length || wanted.some((element, index) => list.children[index] !== element)) {
      replace(list, wanted);
    }
  }

  return { element: h("section", { class: "card jobs", "aria-labelledby": "jobs-title" }, title, none, list, waiting), show };
}

function entry(/** @type {Job} */ job, isChosen, choose) {
  const accuracy = job.history?.at(-1)?.val_accuracy;
  return h(
    "li",
    { class: isChosen ? "current" : null },
    h(
      "button",
      { type: "button", class: "job", "aria-current": isChosen ? "true" : null, onclick: () => choose(job.id) },
      h("span", { class: "job-name" }, jobName(job)),
      h("span", { class: "job-figure" }, Number.isFinite(accuracy) ? percent(accuracy, 2) : ""),
      h("span", { class: "hint" }, experimentText(job.experiment)),
      stateMark(job.state, "train"),
    ),
  );
}
