// The states of a training, as words and as groups.

import { t } from "../shared/i18n.js";
import { h } from "../shared/ui.js";

export const ENDED = new Set(["stopped", "finished", "failed"]);
export const ACTIVE = new Set(["queued", "running", "paused"]);

/** A state as a word with a mark. */
export function stateMark(name) {
  return h("span", { class: `state state-${name}` }, t(`train.state.${name}`));
}

/** What an experiment is about, in a few words. */
export function inShort(experiment = {}) {
  return [experiment.dataset, experiment.network, experiment.recipe?.name].filter(Boolean).join(" · ");
}

/** What a training is called: as its run, once it has one. */
export function nameOf(job) {
  if (job.run || job.name) return job.run ?? job.name;
  return job.continues ? t("train.jobs.continued", { run: job.continues }) : t("train.jobs.unnamed");
}
