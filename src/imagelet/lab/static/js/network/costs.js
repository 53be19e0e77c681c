// @ts-check
// What a network costs: in all, and each layer in a table, its part of the whole as a bar.

import { t } from "../shared/i18n.js";
import { h, number, percent, replace } from "../shared/ui.js";

/** @typedef {import("../shared/layers.js").Layer} Layer */

const COSTS = /** @type {const} */ (["parameters", "multiply_adds", "memory_bytes"]);
const UNITS = ["B", "kB", "MB", "GB"];

/** The costs of all layers together. */
export function totalsOf(/** @type {Layer[]} */ layers) {
  return Object.fromEntries(COSTS.map((cost) => [cost, layers.reduce((total, layer) => total + layer[cost], 0)]));
}

/** A cost as text: whole numbers, or bytes in a fitting unit. */
export function costText(cost, value) {
  if (cost !== "memory_bytes") return number(value, 15);
  const unit = Math.min(UNITS.length - 1, value ? Math.floor(Math.log10(value) / 3) : 0);
  return `${number(value / 1000 ** unit, 3)} ${UNITS[unit]}`;
}

/** The costs of the whole network. */
export function totals() {
  const names = COSTS.map((cost) => h("dt", null, t(`network.total_${cost}`)));
  const values = COSTS.map(() => h("dd"));
  const element = h("dl", { class: "network-totals" }, COSTS.map((_, index) => h("div", null, names[index], values[index])));
  return {
    element,
    markStale: () => element.classList.add("stale"),
    /** @param {{layers: Layer[], non_trainable: number}} summary */
    show({ layers, non_trainable: fixed }) {
      const sums = totalsOf(layers);
      COSTS.forEach((cost, index) => (values[index].textContent = costText(cost, sums[cost])));
      names[0].textContent = fixed ? t("network.total_with_fixed", { count: number(fixed, 15) }) : t("network.total_parameters");
      element.classList.remove("stale");
    },
  };
}

/** The table of the layers; `point(name | null)` marks one. */
export function costTable() {
  const body = h("tbody");
  const foot = h("tr");
  const head = (key, index) => h("th", { scope: "col", class: index ? "number" : null }, t(`network.${key}`));
  const heads = ["layer", "shape", ...COSTS].map(head);
  const table = h("table", { class: "layer-table" }, h("thead", null, h("tr", null, heads)), body, h("tfoot", null, foot));
  const rows = new Map(); // name → row: kept while one types, so that bars move
  const rowOf = (name) => rows.get(name) ?? rows.set(name, emptyRow()).get(name);
  return {
    element: h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("network.table") }, table),
    markStale: () => table.classList.add("stale"),
    point(name) {
      for (const [layer, { element }] of rows) element.classList.toggle("pointed", layer === name);
    },
    /** @param {{layers: Layer[]}} summary */
    show({ layers }) {
      const sums = totalsOf(layers);
      const shown = layers.map((layer) => rowOf(layer.name).show(layer, sums));
      const names = new Set(layers.map(({ name }) => name));
      for (const name of rows.keys()) if (!names.has(name)) rows.delete(name);
      if (shown.length !== body.children.length || shown.some((row, index) => row !== body.children[index])) replace(body, shown);
      const cells = COSTS.map((cost) => h("td", { class: "number" }, costText(cost, sums[cost])));
      replace(foot, h("th", { scope: "row", colspan: 2 }, t("network.total")), cells);
      table.classList.remove("stale");
    },
  };
}

function emptyRow() {
  const cells = COSTS.map(costCell);
  const name = h("th", { scope: "row" });
  const shape = h("td", { class: "number" });
  const element = h("tr", null, name, shape, cells.map((cell) => cell.element));
  return {
    element,
    show(/** @type {Layer} */ layer, sums) {
      name.textContent = layer.name;
      shape.textContent = layer.shape.map((side) => number(side, 9)).join(" × ");
      for (const cell of cells) cell.show(layer, sums);
      return element;
    },
  };
}

function costCell(cost) {
  const value = h("span", { class: "cost" });
  const share = h("span", { class: "visually-hidden" });
  const bar = h("span", { class: "share-bar", "aria-hidden": "true" });
  const element = h("td", { class: "number" }, value, share, bar);
  return {
    element,
    show(layer, sums) {
      const part = sums[cost] ? layer[cost] / sums[cost] : 0;
      value.textContent = costText(cost, layer[cost]);
      value.classList.toggle("muted", !part);
      share.textContent = part ? ` (${percent(part)})` : "";
      element.title = part ? t("network.share", { share: percent(part) }) : "";
      bar.style.setProperty("--share", `${part * 100}%`);
    },
  };
}
