// The table of all runs: sorted, filtered, selected.

import { t } from "../shared/i18n.js";
import { state as address } from "../shared/state.js";
import { field, h, number, percent, replace, select, uniqueId } from "../shared/ui.js";
import { scaleOf, whisker } from "./interval.js";
import { secondsText } from "./naming.js";

const NUMERIC = new Set(["parameters", "epochs", "seconds", "validation", "test", "test_evaluations"]);
const DOWN_FIRST = new Set([...NUMERIC, "created"]);
const VALUES = {
  name: (run) => run.name.toLowerCase(),
  validation: (run) => run.validation?.accuracy,
  test: (run) => run.test?.accuracy,
  test_evaluations: (run) => run.test_evaluations,
  dataset: (run) => run.dataset ?? "",
  network: (run) => run.network ?? "",
  parameters: (run) => run.parameters,
  epochs: (run) => run.epochs,
  seconds: (run) => run.seconds,
  state: (run) => run.state ?? "",
  created: (run) => run.created,
};
const COLUMNS = Object.keys(VALUES);
const PATIENCE = 300; // milliseconds without typing before the address says it
const USUAL = "-created"; // the newest first
const KEPT = ["sort", "words", "state", "selected", "compare"];

/** What the address says of the table, to be kept while a run is open. */
export function keptOf(state) {
  return Object.fromEntries(KEPT.map((name) => [name, state.get(name)]).filter(([, value]) => value !== null));
}

/**
 * The table. `runs` as the server lists them; on.select(names), on.remove(name). Order and filter stand in the address.
 * Returns {element, show(runs, selected)}.
 */
export function list(on) {
  let runs = [];
  let selected = new Set();
  let order = { column: "created", down: true };
  let pause = null;
  const words = h("input", { type: "search", placeholder: t("runs.filter.hint"), oninput: typed, autocomplete: "off", spellcheck: "false" });
  const states = h("div");
  let wantedState = "";
  const count = h("p", { class: "hint run-count", role: "status" });
  const heads = new Map();
  const body = h("tbody");
  const head = h(
    "tr",
    null,
    h("th", { scope: "col", class: "choose" }, h("span", { class: "visually-hidden" }, t("runs.column.select"))),
    COLUMNS.map((column) => {
      const sort = h("button", { type: "button", class: "sort", onclick: () => sortBy(column) }, t(`runs.column.${column}`), h("span", { class: "arrow", "aria-hidden": "true" }));
      const cell = h("th", { scope: "col", class: NUMERIC.has(column) ? `number col-${column}` : `col-${column}` }, sort);
      heads.set(column, cell);
      return cell;
    }),
    h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, t("runs.delete"))),
  );
  const caption = h("caption", { class: "visually-hidden" }, t("runs.table"));
  const scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("runs.table") }, h("table", { class: "run-table" }, caption, h("thead", null, head), body));
  const nothing = h("p", { class: "empty" });
  const element = h(
    "div",
    { class: "run-list" },
    h("div", { class: "run-tools" }, field(t("runs.filter"), words), states, count),
    nothing,
    scroll,
  );

  function show(next, chosen) {
    runs = next;
    selected = new Set(chosen.filter((name) => runs.some((run) => run.name === name)));
    readAddress();
    const present = [...new Set(runs.map((run) => run.state))];
    if (!present.includes(wantedState)) wantedState = "";
    states.hidden = present.length < 2;
    replace(
      states,
      field(
        t("runs.filter.state"),
        select([["", t("runs.filter.all")], ...present.map((name) => [name, t(`runs.state.${name}`)])], wantedState, (value) => {
          wantedState = value;
          remember();
        }),
      ),
    );
    draw();
  }

  function sortBy(column) {
    order = { column, down: order.column === column ? !order.down : DOWN_FIRST.has(column) };
    remember();
  }

  function typed() {
    draw();
    clearTimeout(pause);
    pause = setTimeout(remember, PATIENCE);
  }

  /** Write order and filter into the address, which shows the table anew. */
  function remember() {
    clearTimeout(pause);
    if (!element.isConnected) return; // another tab's address by now
    const sort = `${order.down ? "-" : ""}${order.column}`;
    address.set({ sort: sort === USUAL ? null : sort, words: words.value.trim() || null, state: wantedState || null }, { replace: true });
    draw();
  }

  function readAddress() {
    const sort = address.get("sort") ?? USUAL;
    const column = sort.replace(/^-/, "");
    if (COLUMNS.includes(column)) order = { column, down: sort.startsWith("-") };
    wantedState = address.get("state") ?? "";
    if (document.activeElement !== words) words.value = address.get("words") ?? "";
  }

  function draw() {
    const found = words.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (run) =>
      (!wantedState || run.state === wantedState) &&
      found.every((word) => `${run.name} ${run.dataset} ${run.network}`.toLowerCase().includes(word));
    const shown = runs.filter(fits).sort(compare);
    const focused = document.activeElement?.dataset?.key;
    for (const [column, cell] of heads) {
      const sorted = order.column === column;
      cell.setAttribute("aria-sort", sorted ? (order.down ? "descending" : "ascending") : "none");
    }
    count.textContent = t("runs.count", { shown: shown.length, count: runs.length });
    scroll.hidden = count.hidden = !shown.length;
    nothing.hidden = shown.length > 0;
    replace(
      nothing,
      runs.length ? t("runs.none.found") : [t("runs.none"), " ", h("a", { href: address.link("train") }, t("runs.none.train"))],
    );
    const scale = scaleOf(shown.flatMap((run) => [run.validation?.interval, run.test?.interval]));
    replace(body, shown.map((run) => row(run, scale)));
    if (focused) body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  function compare(a, b) {
    const [left, right] = [VALUES[order.column](a), VALUES[order.column](b)];
    const none = (value) => value === null || value === undefined || value === "";
    if (none(left) || none(right)) return none(left) - none(right); // what is unknown comes last either way
    const less = typeof left === "number" ? left - right : String(left).localeCompare(String(right), undefined, { numeric: true });
    return order.down ? -less : less;
  }

  function row(run, scale) {
    const box = h("input", {
      type: "checkbox",
      id: uniqueId("select"),
      checked: selected.has(run.name),
      "aria-label": t("runs.select", { run: run.name }),
      disabled: run.state !== "finished",
      dataset: { key: `select ${run.name}` },
      onchange() {
        if (box.checked) selected.add(run.name);
        else selected.delete(run.name);
        line.classList.toggle("selected", box.checked);
        on.select([...selected]);
      },
    });
    const line = h(
      "tr",
      { class: selected.has(run.name) ? "selected" : null },
      h("td", { class: "choose" }, box),
      h(
        "th",
        { scope: "row", class: "col-name" },
        h("a", { href: address.link("runs", { ...keptOf(address), open: run.name }), dataset: { key: `open ${run.name}` } }, run.name),
      ),
      figure(run.validation, scale),
      figure(run.test, scale),
      h("td", { class: "number" }, number(run.test_evaluations, 4)),
      h("td", { class: "col-dataset" }, run.dataset ?? "–"),
      h("td", { class: "col-network", title: run.network }, run.network ?? "–"),
      h("td", { class: "number" }, number(run.parameters, 12)),
      h("td", { class: "number" }, number(run.epochs, 6)),
      h("td", { class: "number" }, secondsText(run.seconds)),
      h("td", { class: "col-state" }, h("span", { class: `state state-${run.state}` }, t(`runs.state.${run.state}`))),
      h("td", { class: "col-created" }, made(run.created)),
      h(
        "td",
        { class: "remove" },
        h("button", { type: "button", class: "quiet", "aria-label": t("runs.delete.one", { run: run.name }), title: t("runs.delete.one", { run: run.name }), onclick: () => on.remove(run.name) }, "✕"),
      ),
    );
    return line;
  }

  return { element, show };
}

function figure(told, [low, high]) {
  if (!told) return h("td", { class: "number" }, "–");
  const interval = told.interval ? t("runs.interval", { low: percent(told.interval[0], 2), high: percent(told.interval[1], 2) }) : "";
  return h(
    "td",
    { class: "number figure", title: interval },
    h("span", null, percent(told.accuracy, 2)),
    whisker([{ value: told.accuracy, interval: told.interval, kind: "accent" }], low, high, { width: 96 }),
    h("span", { class: "visually-hidden" }, interval),
  );
}

/** When a run was made, short. */
export function made(created) {
  const date = created ? new Date(created) : null;
  if (!date || Number.isNaN(date.getTime())) return "–";
  return new Intl.DateTimeFormat(document.documentElement.lang, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).format(date);
}

