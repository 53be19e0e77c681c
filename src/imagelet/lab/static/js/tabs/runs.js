// @ts-check
// The Runs tab: the table of all runs, several compared, or one opened.

import { comparison } from "../runs/compare.js";
import { cellDialog, readCell } from "../runs/confusion.js";
import { backLink, detail } from "../runs/detail.js";
import { itemsOf } from "../runs/groups.js";
import { RunTable, deletedRuns, unknownIn } from "../runs/list.js";
import { studyPage } from "../runs/study.js";
import { toast } from "../runs/toast.js";
import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { state } from "../shared/state.js";
import { makeTurns } from "../shared/timing.js";
import { busy, button, calm, error, focusWithin, h, replace, unknownValues } from "../shared/ui.js";

const RESTORED_SECONDS = 4; // that the sentence stays

/** The names of the runs that are selected in the address. */
function selectedNames() {
  return (state.get("selected") ?? "").split(",").filter(Boolean).map(decodeURIComponent);
}

/** The address's parameters for a selection; a comparison is of two runs or more. */
function selectionOf(names) {
  return { selected: names.map(encodeURIComponent).join(","), compare: names.length < 2 ? null : state.get("compare") };
}

class RunsTab {
  constructor(root) {
    this.root = root;
    this.runs = [];
    this.groups = [];
    this.run = null; // the name of the run or study that is open
    this.confusion = null; // of that run, once it is there
    this.cell = null; // one of its cells that is open: {key, dialog}
    this.compared = null; // the selection whose comparison is shown
    this.closed = false;
    this.isLoaded = false;
    this.nextTurn = makeTurns();
    this.problem = h("div", { "aria-live": "polite" });
    this.unknown = h("div", { role: "status" }); // what the address names and is not there
    this.table = new RunTable({
      onselect: (names) => state.set(selectionOf(names), { replace: true }),
      onremove: (name, kind) => this.remove(name, kind),
    });
    this.deleted = deletedRuns((name) => this.restore(name));
    this.selection = h("div", { class: "selection", hidden: true });
    this.comparison = h("section", { class: "card compared", "aria-labelledby": "compared-title", hidden: true });
    this.overview = h("div", { class: "overview" }, this.table.element, this.selection, this.comparison, this.deleted.element);
    this.detail = h("div", { class: "one-run", hidden: true });
    replace(root, this.problem, this.unknown, this.overview, this.detail);
  }

  async load() {
    try {
      const asked = ["runs", "groups", "trash"].map((what) => api.get(`/api/${what}`));
      const [runs, groups, deleted] = await busy(this.root, Promise.all(asked));
      this.runs = runs;
      this.groups = groups;
      this.deleted.show(deleted);
      this.isLoaded = true;
      replace(this.problem);
    } catch (problem) {
      if (problem.unreachable && !this.isLoaded) throw problem; // there may be runs
      replace(this.problem, error(problem));
    }
  }

  /** The server answers again: what was not shown meanwhile is asked for anew. */
  async recovered() {
    await this.load();
    this.run = this.compared = null;
    await this.changed();
  }

  /** Show what the address names. */
  changed() {
    const [name, study] = [state.get("open"), state.get("study")];
    const names = this.runs.map((run) => run.name);
    replace(this.unknown, name || study ? null : unknownValues(unknownIn(state.get, itemsOf(this.runs, this.groups), names)));
    this.overview.hidden = Boolean(name || study);
    this.detail.hidden = !this.overview.hidden;
    if (name) return this.showRun(name);
    return study ? this.showStudy(study) : this.showOverview();
  }

  showOverview() {
    const left = this.run;
    this.run = this.confusion = null;
    this.showCell();
    replace(this.detail);
    this.table.show(this.runs, this.groups, selectedNames());
    if (left) this.focusRun(left);
    this.showSelection();
    return this.showComparison();
  }

  focusRun(name) {
    focusWithin(this.overview, ["open", "group"].map((kind) => `[data-key="${CSS.escape(`${kind} ${name}`)}"]`).join(", "));
  }

  showSelection() {
    const count = selectedNames().length;
    this.selection.hidden = !count;
    if (!count) return;
    const isFocused = this.selection.contains(document.activeElement);
    const more = count < 2 && h("span", { class: "hint" }, ` · ${t("runs.compare.more")}`);
    replace(
      this.selection,
      h("p", { role: "status" }, t("runs.selected", { count }), more),
      button(t("runs.compare"), () => state.set({ compare: "yes" }), { primary: true, disabled: count < 2 }),
      button(t("runs.clear"), () => state.set({ selected: null, compare: null }), { quiet: true }),
    );
    if (isFocused) focusWithin(this.selection, "button:not(:disabled)");
  }

  async showComparison() {
    const names = selectedNames();
    const wanted = state.get("compare") && names.length > 1 ? names.map(encodeURIComponent).join(",") : null;
    if (wanted === this.compared) return;
    this.compared = wanted;
    const isNewest = this.nextTurn();
    this.comparison.hidden = !wanted;
    if (!wanted) return;
    const title = h("h2", { id: "compared-title", tabindex: "-1" }, t("runs.compared"));
    const body = h("div", { class: "compared-body" });
    replace(this.comparison, title, body);
    title.focus({ preventScroll: true });
    this.comparison.scrollIntoView({ block: "start", behavior: calm() ? "auto" : "smooth" });
    try {
      const result = await busy(this.comparison, api.get(`/api/compare?runs=${wanted}`));
      if (isNewest()) replace(body, comparison(result));
    } catch (problem) {
      if (isNewest()) replace(body, error(problem));
    }
  }

  async showRun(name) {
    if (this.run === name) {
      this.showCell();
      return;
    }
    this.run = name;
    this.confusion = null;
    this.compared = null;
    const isNewest = this.nextTurn();
    replace(this.detail, h("p", { class: "loading" }));
    try {
      const run = await busy(this.detail, api.get(`/api/runs/${encodeURIComponent(name)}`));
      if (!isNewest()) return;
      this.confusion = run.confusion;
      replace(this.detail, detail(run, { remove: () => this.remove(name), openCell: (cell) => state.set({ cell }) }));
      focusWithin(this.detail, "h2", { preventScroll: true });
      window.scrollTo({ top: 0 });
      this.showCell();
    } catch (problem) {
      if (isNewest()) replace(this.detail, backLink(), error(problem));
    }
  }

  async showStudy(name) {
    if (this.run === name) return;
    this.run = name;
    this.confusion = this.compared = null;
    this.showCell();
    const isNewest = this.nextTurn();
    replace(this.detail, h("p", { class: "loading" }));
    try {
      const study = await busy(this.detail, api.get(`/api/studies/${encodeURIComponent(name)}`));
      if (!isNewest()) return;
      replace(this.detail, studyPage(study, { remove: () => this.remove(name, "studies") }));
      focusWithin(this.detail, "h2", { preventScroll: true });
      window.scrollTo({ top: 0 });
    } catch (problem) {
      if (isNewest()) replace(this.detail, backLink(), error(problem));
    }
  }

  /** Open the cell that the address names, and close the one that it names no more. */
  showCell() {
    const key = this.confusion && state.get("cell");
    if (key === (this.cell?.key ?? null)) return;
    this.closeCell();
    const cell = readCell(key, this.confusion);
    if (key && !cell) replace(this.unknown, unknownValues([["cell", key]]));
    if (!cell) return;
    const dialog = cellDialog(this.run, this.confusion, cell);
    this.cell = { key, dialog };
    dialog.addEventListener("close", () => {
      if (this.cell?.dialog !== dialog) return; // the address has changed by itself
      this.cell = null;
      state.set({ cell: null });
      focusWithin(this.detail, `[data-cell="${cell}"]`);
    });
  }

  closeCell() {
    const { cell } = this;
    this.cell = null;
    cell?.dialog.close();
  }

  /** Delete a run or a study; the sentence that says so can undo it. */
  async remove(name, /** @type {"runs" | "studies"} */ kind = "runs") {
    try {
      await api.del(`/api/${kind}/${encodeURIComponent(name)}`);
    } catch (problem) {
      replace(this.problem, error(problem));
      return;
    }
    await this.load();
    state.set({ open: null, study: null, cell: null, ...selectionOf(selectedNames().filter((selected) => selected !== name)) });
    this.run = null;
    await this.changed();
    toast(t("runs.deleted", { run: name }), t("runs.undo"), () => this.restore(name)).focus();
  }

  async restore(name) {
    try {
      await api.post(`/api/runs/${encodeURIComponent(name)}/restore`);
    } catch (problem) {
      if (!this.closed) replace(this.problem, error(problem));
      return;
    }
    toast(t("runs.restored", { run: name }), null, null, RESTORED_SECONDS);
    if (this.closed) return;
    await this.load();
    await this.changed();
    this.focusRun(name);
  }

  close() {
    this.closed = true;
    this.nextTurn();
    this.closeCell();
  }
}

/** Fill `root`; see main.js. */
export async function open(root) {
  const tab = new RunsTab(root);
  await tab.load();
  await tab.changed();
  return tab;
}
