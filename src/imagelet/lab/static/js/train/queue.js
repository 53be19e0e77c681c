// @ts-check
// The trainings of the lab: the one under way, the ones that wait, the ones that are done.

import { t } from "../shared/i18n.js";
import { ENDED, experimentText, stateMark } from "../shared/jobs.js";
import { button, focusWithin, h, percent, replace } from "../shared/ui.js";

/** @typedef {import("../shared/jobs.js").Job} Job */

/** What a training is called: as its run, once it has one. */
export function jobName(/** @type {Job} */ { run, name, continues }) {
  return run ?? name ?? (continues ? t("train.jobs.continued", { run: continues }) : t("train.jobs.unnamed"));
}

/** The order of the list: the one that trains, those that wait in their order, paused ones, then the latest first. */
export function ordered(/** @type {Job[]} */ jobs) {
  const groups = ["running", "queued", "paused"];
  const groupOf = ({ state }) => (groups.includes(state) ? groups.indexOf(state) : groups.length);
  const later = (one, other) => (one.id < other.id ? 1 : -1);
  const inGroup = (one, other) => (one.state === "queued" ? one.place - other.place : later(one, other));
  return [...jobs].sort((one, other) => groupOf(one) - groupOf(other) || inGroup(one, other));
}

/**
 * A list of jobs. `choose(id)` is called with the one that is to be shown; `change.place(job, place)`,
 * `change.remove(job)` and `change.clear()` alter the list.
 */
export function queue(choose, change) {
  const list = h("ol", { class: "job-list" });
  const waiting = h("p", { class: "hint" });
  const none = h("p", { class: "empty" }, t("train.jobs.none"));
  const clear = button(t("train.jobs.clear"), () => change.clear(), { quiet: true });
  const title = h("h2", { id: "jobs-title", tabindex: "-1" }, t("train.jobs"));
  const rows = new Map(); // id → {element, key}

  /** Make a job's row anew where it differs from what is shown. */
  function row(job, isChosen, queued) {
    const key = JSON.stringify([job.state, job.run, job.history?.length, isChosen, job.place, queued]);
    const shown = rows.get(job.id);
    if (shown?.key === key) return shown.element;
    const element = entry(job, { isChosen, queued, choose, change });
    const focused = shown?.element.contains(document.activeElement) && document.activeElement.className;
    shown?.element.replaceWith(element);
    rows.set(job.id, { element, key });
    if (focused) {
      const same = `button.${focused.split(" ").at(-1)}:not(:disabled)`;
      focusWithin(element, element.querySelector(same) ? same : "button");
    }
    return element;
  }

  function show(/** @type {Job[]} */ jobs, chosen) {
    const queued = jobs.filter((job) => job.state === "queued").length;
    none.hidden = jobs.length > 0;
    clear.hidden = !jobs.some((job) => job.state === "failed");
    waiting.hidden = !queued;
    waiting.textContent = t("train.jobs.waiting", { count: queued });
    const wanted = ordered(jobs).map((job) => row(job, job.id === chosen, queued));
    if (wanted.length !== list.children.length || wanted.some((element, index) => list.children[index] !== element)) {
      const focused = /** @type {HTMLElement} */ (document.activeElement);
      replace(list, wanted);
      if (list.contains(focused)) focused.focus(); // it was taken out for a moment
    }
  }

  const element = h("section", { class: "card jobs", "aria-labelledby": "jobs-title" }, title, none, list, waiting, clear);
  return { element, show, focus: () => title.focus() };
}

function entry(/** @type {Job} */ job, { isChosen, queued, choose, change }) {
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
    changes(job, queued, change),
  );
}

/** What can be done with a row: earlier, later, off. */
function changes(job, queued, change) {
  const act = (kind, sign, onclick, disabled = false) => {
    const label = t(`train.jobs.${kind}`, { name: jobName(job) });
    const element = button(sign, onclick, { quiet: true, label, title: label, disabled });
    element.classList.add(`job-${kind}`);
    return element;
  };
  const off = act("off", "✕", () => change.remove(job));
  if (job.state === "queued") {
    const earlier = act("earlier", "↑", () => change.place(job, job.place - 1), job.place === 0);
    const later = act("later", "↓", () => change.place(job, job.place + 1), job.place === queued - 1);
    return h("div", { class: "job-changes" }, queued > 1 && [earlier, later], off);
  }
  return ENDED.has(job.state) ? h("div", { class: "job-changes" }, off) : null;
}
