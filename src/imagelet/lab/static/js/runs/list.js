// @ts-check
// The table of all runs, sorted, filtered, selected; and the deleted ones, which can be restored.

import { whisker, whiskerScale } from "../shared/charts.js";
import { currentLanguage, t } from "../shared/i18n.js";
import { stateMark } from "../shared/jobs.js";
import { state as address } from "../shared/state.js";
import { debounced } from "../shared/timing.js";
import { button, duration, field, focusWithin, h, number, replace, select, uniqueId } from "../shared/ui.js";
import { intervalText } from "./figures.js";
import { accuracyText, groupName, itemsOf, openedItems, runsAmong } from "./groups.js";

/**
 * A run as /api/runs lists it.
 * @typedef {{name: string, state: string, problem: string | null, dataset: string, network: string, parameters: number,
 * epochs: number, seconds: number, validation: import("./figures.js").Accuracy, test: import("./figures.js").Accuracy,
 * test_evaluations: number, created: string}} RunRow
 */
/**
 * A run, alone or in a group; or a group, which has a kind and parts.
 * @typedef {Partial<Omit<RunRow, "validation" | "test">> & Pick<RunRow, "name" | "state">
 * & Partial<Omit<import("./groups.js").Group, "validation" | "test">>
 * & {validation?: any, test?: any, number?: number, group?: Item, parts?: Item[]}} Item
 */

/** What each column is sorted by. @type {Record<string, (run: RunRow) => string | number | null>} */
const VALUES = {
  name: (run) => run.name.toLowerCase(),
  validation: (run) => run.validation?.accuracy,
  test: (run) => run.test?.accuracy,
  test_evaluations: (run) => run.test_evaluations,
  dataset: (run) => run.dataset,
  network: (run) => run.network,
  parameters: (run) => run.parameters,
  epochs: (run) => run.epochs,
  seconds: (run) => run.seconds,
  state: (run) => run.state,
  created: (run) => run.created,
};
const COLUMNS = Object.keys(VALUES);
const NUMERIC = new Set(["parameters", "epochs", "seconds", "validation", "test", "test_evaluations"]);
const DOWN_FIRST = new Set([...NUMERIC, "created"]);
const ADDRESS_WAIT = 300; // milliseconds without typing before the address says it
const NEWEST_FIRST = "-created";
const KEPT = ["sort", "words", "state", "selected", "compare", "groups"];

/** What the address says of the table, to be kept while a run is open. */
export function keptParameters() {
  return Object.fromEntries(KEPT.map((name) => [name, address.get(name)]).filter(([, value]) => value !== null));
}

/** The order and the filter that an address names. */
export function readView(/** @type {(name: string) => string | null} */ get) {
  const named = get("sort") ?? NEWEST_FIRST;
  const sort = COLUMNS.includes(named.replace(/^-/, "")) ? named : NEWEST_FIRST;
  return { column: sort.replace(/^-/, ""), down: sort.startsWith("-"), words: get("words") ?? "", state: get("state") ?? "" };
}

/**
 * What an address says of the table that is not there, [name, value] each.
 * @param {(name: string) => string | null} get  a parameter's value
 * @param {Item[]} items
 * @param {string[]} names  of the runs
 * @returns {[string, string][]}
 */
export function unknownIn(get, items, names) {
  const listed = (name) => (get(name) ?? "").split(",").filter(Boolean).map(decodeURIComponent);
  const groups = items.filter(({ kind }) => kind).map(({ name }) => name);
  const allowed = {
    sort: COLUMNS.flatMap((column) => [column, `-${column}`]),
    state: [...new Set([...items, ...runsAmong(items)].map(({ state }) => state))],
    groups,
    selected: get("compare") ? listed("selected") : names, // the comparison says it, and knows the shipped classifiers
  };
  const parts = (name) => (name === "sort" || name === "state" ? [get(name)].filter(Boolean) : listed(name));
  return Object.entries(allowed).flatMap(([name, known]) =>
    parts(name).filter((value) => !known.includes(value)).map((value) => /** @type {[string, string]} */ ([name, value])),
  );
}

/** The runs and groups that fit a view, or have a run that does, in its order; what is unknown comes last either way. */
export function visibleRuns(/** @type {Item[]} */ runs, { column, down, words, state }) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (run) => {
    const text = `${run.name} ${run.dataset} ${run.network}`.toLowerCase();
    return (!state || run.state === state) && wanted.every((word) => text.includes(word));
  };
  const fits = (run) => [run, ...(run.parts ?? [])].some(matches);
  const isUnknown = (value) => value === null || value === undefined || value === "";
  const compare = (one, other) => {
    const [left, right] = [VALUES[column](one), VALUES[column](other)];
    if (isUnknown(left) || isUnknown(right)) return Number(isUnknown(left)) - Number(isUnknown(right));
    const order = Number(left) - Number(right) || String(left).localeCompare(String(right), undefined, { numeric: true });
    return down ? -order : order;
  };
  return runs.filter(fits).sort(compare);
}

/** The table; order and filter are in the address. */
export class RunTable {
  /** @param {{onselect: (names: string[]) => void, onremove: (name: string, kind: "runs" | "studies") => void}} handlers */
  constructor({ onselect, onremove }) {
    this.onselect = onselect;
    this.onremove = onremove;
    /** @type {RunRow[]} */
    this.runs = [];
    /** @type {Item[]} */
    this.items = [];
    /** @type {Set<string>} */
    this.selected = new Set();
    this.remember = debounced(() => this.writeAddress({}), ADDRESS_WAIT);
    this.words = h("input", {
      type: "search", placeholder: t("runs.filter.hint"), autocomplete: "off", spellcheck: "false",
      oninput: () => {
        this.draw();
        this.remember();
      },
    });
    this.states = h("div");
    this.count = h("p", { class: "hint run-count", role: "status" });
    this.heads = Object.fromEntries(COLUMNS.map((column) => [column, this.head(column)]));
    this.body = h("tbody");
    this.none = h("p", { class: "empty" });
    this.scroll = this.table();
    this.element = h(
      "div",
      { class: "run-list" },
      h("div", { class: "run-tools" }, field(t("runs.filter"), this.words), this.states, this.count),
      this.none,
      this.scroll,
    );
  }

  table() {
    const spoken = (text) => h("span", { class: "visually-hidden" }, text);
    const chooseHead = h("th", { scope: "col", class: "choose" }, spoken(t("runs.column.select")));
    const head = h("tr", null, chooseHead, Object.values(this.heads), h("th", { scope: "col" }, spoken(t("runs.delete"))));
    const caption = h("caption", { class: "visually-hidden" }, t("runs.table"));
    const table = h("table", { class: "run-table" }, caption, h("thead", null, head), this.body);
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("runs.table") }, table);
  }

  head(column) {
    const arrow = h("span", { class: "arrow", "aria-hidden": "true" });
    const text = t(`runs.column.${column}`);
    const sort = h("button", { type: "button", class: "sort", onclick: () => this.sortBy(column) }, text, arrow);
    return h("th", { scope: "col", class: NUMERIC.has(column) ? `number col-${column}` : `col-${column}` }, sort);
  }

  /** What is shown: by the address, but for words that are being typed, and a state that no run has any more. */
  get view() {
    const view = readView(address.get);
    const state = this.known.includes(view.state) ? view.state : "";
    return { ...view, state, words: this.words.value.trim() };
  }

  sortBy(column) {
    const { view } = this;
    const down = view.column === column ? !view.down : DOWN_FIRST.has(column);
    const sort = `${down ? "-" : ""}${column}`;
    this.writeAddress({ sort: sort === NEWEST_FIRST ? null : sort });
  }

  /** Write the words and further parameters into the address, which shows the table anew. */
  writeAddress(parameters) {
    this.remember.cancel();
    if (!this.element.isConnected) return; // it is another tab's address
    address.set({ words: this.words.value.trim() || null, ...parameters }, { replace: true });
  }

  /** The states that there are. */
  get known() {
    return [...new Set([...this.items, ...this.runs].map(({ state }) => state))];
  }

  /** The names of the groups that are open, as the address says. */
  get open() {
    return new Set((address.get("groups") ?? "").split(",").filter(Boolean).map(decodeURIComponent));
  }

  toggle(name) {
    const { open } = this;
    if (!open.delete(name)) open.add(name);
    this.writeAddress({ groups: [...open].map(encodeURIComponent).join(",") || null });
  }

  /**
   * Show runs and groups.
   * @param {RunRow[]} runs
   * @param {import("./groups.js").Group[]} groups
   * @param {string[]} selected
   */
  show(runs, groups, selected) {
    this.runs = runs;
    this.items = itemsOf(runs, groups);
    this.selected = new Set(selected.filter((name) => runs.some((run) => run.name === name)));
    if (document.activeElement !== this.words) this.words.value = readView(address.get).words;
    const states = this.known;
    const choices = [["", t("runs.filter.all")], ...states.map((name) => [name, t(`runs.state.${name}`)])];
    const choice = select(choices, this.view.state, (name) => this.writeAddress({ state: name || null }));
    this.states.hidden = states.length < 2;
    replace(this.states, field(t("runs.filter.state"), choice));
    this.draw();
  }

  draw() {
    const { view, runs, open } = this;
    const fitting = visibleRuns(this.items, view);
    const shown = openedItems(fitting, open);
    const focused = document.activeElement?.getAttribute("data-key");
    for (const [column, cell] of Object.entries(this.heads)) {
      cell.setAttribute("aria-sort", view.column !== column ? "none" : view.down ? "descending" : "ascending");
    }
    const runsShown = runsAmong(fitting).filter(({ kind }) => !kind);
    this.count.textContent = t("runs.count", { shown: runsShown.length, count: runs.length });
    this.scroll.hidden = this.count.hidden = !shown.length;
    this.none.hidden = shown.length > 0;
    const toTrain = [t("runs.none"), " ", h("a", { href: address.link("train") }, t("runs.none.train"))];
    replace(this.none, this.items.length ? t("runs.none.found") : toTrain);
    const scale = whiskerScale(shown.flatMap((run) => [run.validation?.interval, run.test?.interval]));
    replace(this.body, shown.map((item) => this.row(item, scale, open.has(item.name))));
    if (focused) focusWithin(this.body, `[data-key="${CSS.escape(focused)}"]`);
  }

  row(/** @type {Item} */ run, scale, isOpen) {
    const { name, kind, group } = run;
    const title = t("runs.delete.one", { run: name });
    const remove = (what) => button("✕", () => this.onremove(name, what), { quiet: true, label: title, title });
    const numberCell = (text) => h("td", { class: "number" }, text);
    const classes = [this.selected.has(name) && "selected", group && "part", kind && "group-row"].filter(Boolean).join(" ");
    return h(
      "tr",
      { class: classes || null },
      h("td", { class: "choose" }, !kind && this.checkbox(run)),
      h("th", { scope: "row", class: "col-name" }, kind ? this.groupName(run, isOpen) : runName(run)),
      accuracyCell(run.validation, scale),
      accuracyCell(run.test, scale),
      numberCell(number(run.test_evaluations, 4)),
      h("td", { class: "col-dataset" }, run.dataset ?? "–"),
      h("td", { class: "col-network", title: run.network }, run.network ?? "–"),
      numberCell(number(run.parameters, 12)),
      numberCell(number(run.epochs, 6)),
      numberCell(duration(run.seconds)),
      h("td", { class: "col-state" }, stateMark(run.state, "runs")),
      h("td", { class: "col-created" }, dateText(run.created)),
      h("td", { class: "remove" }, kind === "study" ? remove("studies") : !kind && remove("runs")),
    );
  }

  groupName(item, isOpen) {
    const { name } = item;
    const href = address.link("runs", { ...keptParameters(), study: name });
    return groupName(item, { isOpen, href, toggle: () => this.toggle(name) });
  }

  checkbox(/** @type {Item} */ { name, state }) {
    const box = h("input", {
      type: "checkbox",
      id: uniqueId("select"),
      checked: this.selected.has(name),
      "aria-label": t("runs.select", { run: name }),
      disabled: state !== "finished",
      dataset: { key: `select ${name}` },
      onchange: () => {
        this.selected[box.checked ? "add" : "delete"](name);
        box.closest("tr").classList.toggle("selected", box.checked);
        this.onselect([...this.selected]);
      },
    });
    return box;
  }
}

/** A run's name, which opens it; in a group with its seed or its fold. */
function runName(/** @type {Item} */ { name, problem, group, number: place }) {
  const href = address.link("runs", { ...keptParameters(), open: name });
  return [
    h("a", { href, dataset: { key: `open ${name}` } }, name),
    group && h("p", { class: "hint" }, t(`runs.group.one.${group.kind}`, { number: place })),
    problem && h("p", { class: "problem" }, problem),
  ];
}

function accuracyCell(/** @type {import("./figures.js").Accuracy | null} */ figures, [low, high]) {
  if (!figures) return h("td", { class: "number" }, "–");
  const { accuracy, interval } = figures;
  const text = interval ? intervalText("runs.interval", interval) : "";
  return h(
    "td",
    { class: "number figure", title: text },
    h("span", null, accuracyText(figures)),
    whisker([{ value: accuracy, interval, kind: "accent" }], low, high, { width: 96 }),
    h("span", { class: "visually-hidden" }, text),
  );
}

/** When a run was made, short. */
function dateText(created) {
  const date = new Date(created ?? NaN);
  if (Number.isNaN(date.getTime())) return "–";
  return date.toLocaleString(currentLanguage(), { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}

/** The deleted runs and studies; `restore(name)` is called for the one that is wanted. */
export function deletedRuns(restore) {
  const summary = h("summary");
  const list = h("ul");
  const element = h("details", { class: "trash", hidden: true }, summary, list);
  const item = ({ name }) => {
    const label = t("runs.trash.back_named", { run: name });
    return h("li", null, h("span", null, name), button(t("runs.trash.back"), () => restore(name), { label }));
  };
  return {
    element,
    /** @param {{name: string}[]} deleted */
    show(deleted) {
      element.hidden = !deleted.length;
      replace(summary, t("runs.trash", { count: deleted.length }));
      replace(list, deleted.map(item));
    },
  };
}
