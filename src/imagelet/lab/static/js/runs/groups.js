// @ts-check
// Series and studies in the table of runs: one row each, which opens to the runs of the series.

import { t } from "../shared/i18n.js";
import { h, percent } from "../shared/ui.js";

/**
 * A series or a study as /api/groups lists it.
 * @typedef {{name: string, kind: "seeds" | "folds" | "study", state: string, problem: string | null, dataset: string,
 * network: string, planned: number, finished: number, runs: {number: number, name: string}[], validation: Mean | null,
 * test: Mean | null, seconds: number | null, created: string}} Group
 */
/** @typedef {{accuracy: number, interval: [number, number] | null, deviation: number | null, runs: number}} Mean */

/**
 * What the table lists: groups with their runs, and the runs that are in none.
 * @param {import("./list.js").RunRow[]} runs
 * @param {Group[]} groups
 * @returns {import("./list.js").Item[]}
 */
export function itemsOf(runs, groups) {
  const byName = new Map(runs.map((run) => [run.name, run]));
  const taken = new Set();
  const take = ({ number, name }) => {
    const run = byName.get(name);
    if (!run || taken.has(name)) return [];
    taken.add(name);
    return [{ ...run, number }];
  };
  const grouped = groups.map((group) => ({ ...group, parts: group.runs.flatMap(take) }));
  return [...grouped, ...runs.filter(({ name }) => !taken.has(name))];
}

/** The items with the runs of those groups that are open, each behind its group. */
export function openedItems(/** @type {import("./list.js").Item[]} */ items, /** @type {Set<string>} */ open) {
  return items.flatMap((item) => {
    if (!item.parts || !open.has(item.name)) return [item];
    return [item, ...item.parts.map((part) => ({ ...part, group: item }))];
  });
}

/** The runs among the items, those of groups too. */
export function runsAmong(/** @type {import("./list.js").Item[]} */ items) {
  return items.flatMap((item) => item.parts ?? [item]);
}

/** How far a group is: "3 of 10 seeds", "17 trials". */
export function progressText(/** @type {Pick<Group, "kind" | "finished" | "planned">} */ { kind, finished, planned }) {
  return t(`runs.group.${kind}`, { finished, planned });
}

/** An accuracy; the mean of several with its standard deviation. */
export function accuracyText({ accuracy, deviation = null }) {
  const text = percent(accuracy, 2);
  return deviation === null ? text : text.replace(/\s?%$/, (unit) => ` ± ${(100 * deviation).toFixed(2)}${unit}`);
}

/** A group's name: a button that opens its runs, or a link to the study. */
export function groupName(/** @type {Group} */ group, { isOpen, toggle, href }) {
  const { name, kind, problem } = group;
  const dataset = { key: `group ${name}` };
  const opener = () => {
    const mark = h("span", { class: "opener", "aria-hidden": "true" });
    const attributes = { type: "button", class: "group-name", "aria-expanded": String(isOpen), onclick: toggle, dataset };
    return h("button", attributes, mark, name);
  };
  const title = problem ? h("span", null, name) : kind === "study" ? h("a", { href, dataset }, name) : opener();
  return [title, problem ? h("p", { class: "problem" }, problem) : h("p", { class: "hint" }, progressText(group))];
}
