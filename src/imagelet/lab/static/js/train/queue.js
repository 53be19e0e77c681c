// The trainings of the lab: the one under way, those that wait, those that are done.

import { t } from "../shared/i18n.js";
import { h, percent, replace } from "../shared/ui.js";
import { inShort, nameOf, stateMark } from "./states.js";

/** A list of jobs. `choose(id)` shows one. Returns {element, show(jobs, chosen)}. */
export function queue(choose) {
  const list = h("ol", { class: "job-list" });
  const waiting = h("p", { class: "hint" });
  const none = h("p", { class: "empty" }, t("train.jobs.none"));
  const element = h("section", { class: "card jobs", "aria-labelledby": "jobs-title" }, h("h2", { id: "jobs-title" }, t("train.jobs")), none, list, waiting);
  const rows = new Map(); // id → {element, key}

  function show(jobs, chosen) {
    none.hidden = jobs.length > 0;
    const queued = jobs.filter((each) => each.state === "queued").length;
    waiting.hidden = !queued;
    waiting.textContent = t("train.jobs.waiting", { count: queued });
    for (const job of jobs) {
      const key = JSON.stringify([job.state, job.run, job.history?.length, job.id === chosen]);
      const row = rows.get(job.id);
      if (row?.key === key) continue;
      const next = entry(job, job.id === chosen, choose);
      const focused = row?.element.contains(document.activeElement);
      row?.element.replaceWith(next);
      rows.set(job.id, { element: next, key });
      if (focused) next.querySelector("button").focus();
    }
    const wanted = jobs.map((job) => rows.get(job.id).element);
    if (wanted.length !== list.children.length || wanted.some((each, at) => list.children[at] !== each)) replace(list, wanted);
  }

  return { element, show };
}

function entry(job, current, choose) {
  const last = job.history?.at(-1);
  return h(
    "li",
    { class: current ? "current" : null },
    h(
      "button",
      { type: "button", class: "job", "aria-current": current ? "true" : null, onclick: () => choose(job.id) },
      h("span", { class: "job-name" }, nameOf(job)),
      h("span", { class: "job-figure" }, Number.isFinite(last?.val_accuracy) ? percent(last.val_accuracy, 2) : ""),
      h("span", { class: "hint" }, inShort(job.experiment)),
      stateMark(job.state),
    ),
  );
}
