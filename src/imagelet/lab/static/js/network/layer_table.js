/** The table of the layers: what each costs, and its share of the whole as a bar. */

import { t } from "../shared/i18n.js";
import { h, number, percent, replace } from "../shared/ui.js";

const COSTS = ["parameters", "multiply_adds", "memory_bytes"];
const UNITS = ["B", "kB", "MB", "GB"];

/** Return { element, show(summary), stale(on), point(name | null) }. */
export function layerTable() {
  const body = h("tbody");
  const foot = h("tfoot");
  const heads = [t("network.layer"), t("network.shape"), ...COSTS.map((cost) => t(`network.${cost}`))];
  const table = h(
    "table",
    { class: "layer-table" },
    h("thead", null, h("tr", null, heads.map((text, place) => h("th", { scope: "col", class: place > 0 ? "number" : null }, text)))),
    body,
    foot,
  );
  const rows = new Map(); // name → row: kept while one types, so that bars move
  return {
    element: h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("network.table") }, table),
    stale: (on) => table.classList.toggle("stale", on),
    point(name) {
      for (const [each, row] of rows) row.element.classList.toggle("pointed", each === name);
    },
    show({ layers }) {
      const totals = Object.fromEntries(COSTS.map((cost) => [cost, sum(layers, cost)]));
      const kept = layers.map((layer) => {
        if (!rows.has(layer.name)) rows.set(layer.name, emptyRow());
        const row = rows.get(layer.name);
        row.show(layer, totals);
        return row.element;
      });
      const names = new Set(layers.map(({ name }) => name));
      for (const name of rows.keys()) if (!names.has(name)) rows.delete(name);
      if (kept.length !== body.children.length || kept.some((row, place) => row !== body.children[place])) {
        replace(body, kept);
      }
      replace(
        foot,
        h(
          "tr",
          null,
          h("th", { scope: "row", colspan: 2 }, t("network.total")),
          COSTS.map((cost) => h("td", { class: "number" }, written(cost, totals[cost]))),
        ),
      );
      table.classList.remove("stale");
    },
  };
}

/** Return how a cost is written: whole numbers, or bytes in a fitting unit. */
export function written(cost, value) {
  return cost === "memory_bytes" ? bytes(value) : number(value, 15);
}

function emptyRow() {
  const cells = COSTS.map(costCell);
  const name = h("th", { scope: "row" });
  const shape = h("td", { class: "number" });
  const element = h("tr", null, name, shape, cells.map((cell) => cell.element));
  return {
    element,
    show(layer, totals) {
      name.textContent = layer.name;
      shape.textContent = layer.shape.map((side) => number(side, 9)).join(" × ");
      COSTS.forEach((cost, place) => cells[place].show(layer[cost], totals[cost], cost));
    },
  };
}

function costCell() {
  const value = h("span", { class: "cost" });
  const share = h("span", { class: "visually-hidden" });
  const bar = h("span", { class: "share-bar", "aria-hidden": "true" });
  const element = h("td", { class: "number" }, value, share, bar);
  return {
    element,
    show(cost, total, kind) {
      const part = total ? cost / total : 0;
      value.textContent = written(kind, cost);
      value.classList.toggle("muted", cost === 0);
      share.textContent = cost ? ` (${percent(part)})` : "";
      element.title = cost ? t("network.share", { share: percent(part) }) : "";
      bar.style.setProperty("--share", `${part * 100}%`);
    },
  };
}

function bytes(count) {
  const unit = Math.min(UNITS.length - 1, count ? Math.floor(Math.log10(count) / 3) : 0);
  return `${number(count / 1000 ** unit, 3)} ${UNITS[unit]}`;
}

function sum(layers, cost) {
  return layers.reduce((total, layer) => total + layer[cost], 0);
}
