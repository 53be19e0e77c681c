// The Runs tab: the table of all runs, several compared, or one opened.

import { cellFrom, openCell } from "../runs/cell.js";
import { comparison } from "../runs/compare.js";
import { detail } from "../runs/detail.js";
import { keptOf, list } from "../runs/list.js";
import { toast } from "../runs/toast.js";
import { trash } from "../runs/trash.js";

/** Fill `root`; see main.js. */
export async function open(root, { api, t, state, ui }) {
  const { h, replace } = ui;
  const problem = h("div", { "aria-live": "polite" });
  const selection = h("div", { class: "selection", hidden: true });
  const compared = h("section", { class: "card compared", "aria-labelledby": "compared-title", hidden: true });
  const table = list({ select, remove });
  const deleted = trash({ restore });
  const overview = h("div", { class: "overview" }, table.element, selection, compared, deleted.element);
  const one = h("div", { class: "one-run", hidden: true });
  replace(root, problem, overview, one);

  let runs = [];
  let shown = null; // the run that is open
  let confusion = null; // of that run, once it is there
  let cell = null; // the dialog of one of its cells: {key, dialog}
  let asked = null; // the comparison that is shown
  let turn = 0;
  let closed = false;
  await reload();
  await show();

  function selected() {
    return (state.get("selected") ?? "").split(",").filter(Boolean).map(decodeURIComponent);
  }

  function select(names) {
    state.set({ selected: names.map(encodeURIComponent).join(",") || null, compare: names.length < 2 ? null : state.get("compare") }, { replace: true });
  }

  async function reload() {
    try {
      const [found, gone] = await ui.busy(root, Promise.all([api.get("/api/runs"), api.get("/api/trash")]));
      runs = found;
      deleted.show(gone);
      replace(problem);
    } catch (refused) {
      replace(problem, ui.error(refused));
    }
  }

  async function show() {
    const name = state.get("open");
    overview.hidden = Boolean(name);
    one.hidden = !name;
    if (name) return openRun(name);
    const back = shown;
    shown = confusion = null;
    showCell();
    replace(one);
    table.show(runs, selected());
    if (back) overview.querySelector(`[data-key="${CSS.escape(`open ${back}`)}"]`)?.focus();
    showSelection();
    return showCompared();
  }

  function showSelection() {
    const names = selected();
    selection.hidden = !names.length;
    if (!names.length) return;
    const focused = selection.contains(document.activeElement);
    replace(
      selection,
      h("p", { role: "status" }, t("runs.selected", { count: names.length }), names.length < 2 && h("span", { class: "hint" }, ` · ${t("runs.compare.more")}`)),
      ui.button(t("runs.compare"), () => state.set({ compare: "yes" }), { primary: true, disabled: names.length < 2 }),
      ui.button(t("runs.clear"), () => state.set({ selected: null, compare: null }), { quiet: true }),
    );
    if (focused) selection.querySelector("button:not(:disabled)")?.focus();
  }

  async function showCompared() {
    const names = state.get("compare") ? selected() : [];
    const key = names.length > 1 ? names.join("\n") : null;
    if (key === asked) return;
    asked = key;
    turn += 1;
    const mine = turn;
    compared.hidden = !key;
    if (!key) return;
    const title = h("h2", { id: "compared-title", tabindex: "-1" }, t("runs.compared"));
    const body = h("div", { class: "compared-body" });
    replace(compared, title, body);
    title.focus({ preventScroll: true });
    compared.scrollIntoView({ block: "start", behavior: ui.calm() ? "auto" : "smooth" });
    try {
      const found = await ui.busy(compared, api.get(`/api/compare?runs=${names.map(encodeURIComponent).join(",")}`));
      if (mine === turn) replace(body, comparison(found));
    } catch (refused) {
      if (mine === turn) replace(body, ui.error(refused));
    }
  }

  async function openRun(name) {
    if (shown === name) return showCell();
    shown = name;
    confusion = null;
    turn += 1;
    const mine = turn;
    asked = null;
    replace(one, h("p", { class: "loading" }));
    try {
      const run = await ui.busy(one, api.get(`/api/runs/${encodeURIComponent(name)}`));
      if (mine !== turn) return;
      confusion = run.confusion;
      replace(one, detail(name, run, { remove: () => remove(name), opened: (label, answer) => state.set({ cell: `${label},${answer}` }) }));
      one.querySelector("h2").focus({ preventScroll: true });
      window.scrollTo({ top: 0 });
      showCell();
    } catch (refused) {
      if (mine !== turn) return;
      replace(one, h("a", { href: state.link("runs", keptOf(state)), class: "back" }, `← ${t("runs.back")}`), ui.error(refused));
    }
  }

  /** Open the cell that the address names, and close the one that it names no more. */
  function showCell() {
    const key = confusion && state.get("cell");
    if (key === (cell?.key ?? null)) return;
    closeCell();
    const place = cellFrom(key, confusion);
    if (!place) return;
    const dialog = openCell(api, shown, confusion, place);
    cell = { key, dialog };
    dialog.addEventListener("close", () => {
      if (cell?.dialog !== dialog) return; // the address has gone on by itself
      cell = null;
      state.set({ cell: null });
      one.querySelector(`[data-cell="${place}"]`)?.focus();
    });
  }

  function closeCell() {
    const open = cell?.dialog;
    cell = null;
    open?.close();
  }

  async function remove(name) {
    try {
      await api.del(`/api/runs/${encodeURIComponent(name)}`);
    } catch (refused) {
      replace(problem, ui.error(refused));
      return;
    }
    const names = selected().filter((each) => each !== name);
    await reload();
    state.set({ open: null, cell: null, selected: names.map(encodeURIComponent).join(",") || null, compare: names.length < 2 ? null : state.get("compare") });
    shown = null;
    await show();
    toast(t("runs.deleted", { run: name }), t("runs.undo"), () => restore(name)).focus();
  }

  async function restore(name) {
    try {
      await api.post(`/api/runs/${encodeURIComponent(name)}/restore`);
      toast(t("runs.restored", { run: name }), null, null, 4);
    } catch (refused) {
      if (!closed) replace(problem, ui.error(refused));
      return;
    }
    if (closed) return;
    await reload();
    await show();
    overview.querySelector(`[data-key="${CSS.escape(`open ${name}`)}"]`)?.focus();
  }

  return {
    changed: () => show(),
    close() {
      closed = true;
      turn += 1;
      closeCell();
    },
  };
}
