// @ts-check
// The trainings of the lab (the server calls each a job): their states, and what was changed while they ran.

import { t } from "./i18n.js";
import { h } from "./ui.js";

/**
 * A training as /api/jobs describes it.
 * @typedef {{id: string, state: string, want: string, run: string, name: string, continues: string, experiment: any,
 * place: number | null, progress: any, history: Epoch[], can_resume: boolean, can_continue: boolean, can_retry: boolean,
 * learning_rate_factor: number,
 * error: any}} Job
 */

/**
 * The figures of an epoch.
 * @typedef {{epoch: number, loss: number, accuracy: number, val_loss: number, val_accuracy: number,
 * learning_rate: number}} Epoch
 */

export const ENDED = new Set(["stopped", "finished", "failed"]);
export const ACTIVE = new Set(["queued", "running", "paused"]);

const CHANGES = /** @type {const} */ ([
  [/^learning rate × (?<factor>\S+)$/, "rate"],
  [/^ended$/, "stopped"],
  [/^begun with the weights of the run (?<run>.+)$/, "weights"],
]);

/** A state as a word with a mark; `part` has the words. */
export function stateMark(name, part) {
  return h("span", { class: `state state-${name}` }, t(`${part}.state.${name}`));
}

/** What an experiment is about, in a few words. */
export function experimentText({ dataset, network, recipe } = /** @type {any} */ ({})) {
  return [dataset, network, recipe?.name].filter(Boolean).join(" · ");
}

/** The changes that were made by a person while a run trained: [{epoch, step, change}]. */
export function changeList(changes) {
  return changes.map(({ epoch, step, change }) =>
    h("li", null, t("common.change", { epoch, step, change: changeText(change) })),
  );
}

function changeText(change) {
  for (const [pattern, key] of CHANGES) {
    const match = change.match(pattern);
    if (match) return t(`common.change.${key}`, match.groups);
  }
  return change;
}
