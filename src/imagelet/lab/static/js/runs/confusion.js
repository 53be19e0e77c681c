// @ts-check
// The confusion matrix as a table, and the images behind each of its cells.

import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { clamp } from "../shared/scales.js";
import { state as address } from "../shared/state.js";
import { busy, dialog, error, h, number, percent, remark, replace } from "../shared/ui.js";

/**
 * How often each label (row) got each prediction (column).
 * @typedef {{part: string, classes: string[], table: number[][]}} Confusion
 */

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const sum = (counts) => counts.reduce((total, count) => total + count, 0);
const cellName = (label, predicted) => `${label},${predicted}`;

/** The cell that an address names, as label and predicted class; null where there are no images in it. */
export function readCell(text, /** @type {Confusion | null} */ confusion) {
  const [label, predicted] = (text ?? "").split(",").map(Number);
  return confusion?.table?.[label]?.[predicted] ? [label, predicted] : null;
}

/** The matrix of a run; `openCell(name)` is called for a cell with images. */
export function matrix(/** @type {Confusion} */ { part, classes, table }, openCell) {
  const most = Math.max(1, ...table.flatMap((row, label) => row.filter((_, predicted) => predicted !== label)));
  const cell = (label, predicted) => cellButton({ label, predicted, classes, count: table[label][predicted], most }, openCell);
  const cells = table.map((row, label) => row.map((_, predicted) => cell(label, predicted)));
  cells[0]?.[0]?.setAttribute("tabindex", "0");
  const grid = h(
    "table",
    { class: classes.some((name) => name.length > 2) ? "confusion long" : "confusion", onkeydown: (event) => move(event, cells) },
    h("caption", { class: "visually-hidden" }, t("runs.confusion")),
    h("thead", null, headRow(classes)),
    h("tbody", null, cells.map((row, label) => bodyRow(classes[label], row, table[label][label], sum(table[label])))),
  );
  const about = t("runs.confusion.about", { images: number(sum(table.flat()), 9), part: t(`runs.part.${part}`) });
  return h("div", null, remark(about), h("div", { class: "scroll" }, grid));
}

function headRow(classes) {
  const span = (text) => h("span", null, text);
  return h(
    "tr",
    null,
    h("td", { class: "corner" }, span(`${t("runs.confusion.predicted")} →`), span(`${t("runs.confusion.label")} ↓`)),
    classes.map((name) => h("th", { scope: "col", title: name }, span(name))),
    h("th", { scope: "col", class: "recall" }, span(t("runs.confusion.recall"))),
  );
}

function bodyRow(name, cells, correct, images) {
  return h(
    "tr",
    null,
    h("th", { scope: "row", title: name }, name),
    cells.map((cell) => h("td", null, cell)),
    h("td", { class: "recall number" }, images ? percent(correct / images, 1) : "–"),
  );
}

function cellButton({ label, predicted, classes, count, most }, openCell) {
  const isCorrect = label === predicted;
  const values = { label: classes[label], predicted: classes[predicted], count: number(count, 9) };
  const share = isCorrect || !count ? null : `${Math.round(18 + 62 * Math.sqrt(count / most))}%`; // of the cell's colour
  return h(
    "button",
    {
      type: "button",
      class: isCorrect ? "correct" : count ? "wrong-cell" : "empty-cell",
      style: share && { "--share": share },
      tabindex: "-1",
      "aria-label": t(`runs.confusion.${isCorrect ? "correct" : "wrong"}`, values),
      "aria-disabled": count ? null : "true",
      dataset: { cell: cellName(label, predicted) },
      onclick: () => count && openCell(cellName(label, predicted)),
    },
    count ? number(count, 9) : "·",
  );
}

/** Go from cell to cell by keys; the tab key reaches one cell alone. */
function move(event, cells) {
  const step = MOVES[event.key];
  const end = { Home: 0, End: cells.length - 1 }[event.key];
  if (!step && end === undefined) return;
  event.preventDefault();
  const [row, column] = event.target.dataset.cell.split(",").map(Number);
  const moved = (index, by) => clamp(index + by, 0, cells.length - 1);
  const target = step ? cells[moved(row, step[0])][moved(column, step[1])] : cells[row][end];
  for (const cell of cells.flat()) cell.tabIndex = cell === target ? 0 : -1;
  target.focus();
}

/** Show the images of a cell over the page; each leads to its layers. Returns the dialog. */
export function cellDialog(run, /** @type {Confusion} */ { part, classes, table }, /** @type {number[]} */ [label, predicted]) {
  const body = h("div", { class: "cell-images" });
  const values = { label: classes[label], predicted: classes[predicted] };
  const none = h("p", { class: "empty" }, t("runs.cell.none"));
  const content = (images) => (images.length ? gallery(run, images, table[label][predicted]) : none);
  const query = `label=${label}&predicted=${predicted}&part=${part}`;
  busy(body, api.get(`/api/runs/${encodeURIComponent(run)}/cell?${query}`)).then(
    (images) => replace(body, content(images)),
    (problem) => replace(body, error(problem)),
  );
  return dialog(t(label === predicted ? "runs.cell.correct" : "runs.cell.title", values), body);
}

function gallery(run, images, count) {
  const key = images.length < count ? "runs.cell.some" : "runs.cell.all";
  const text = t(key, { shown: images.length, count: number(count, 9) });
  return [remark(text), h("ul", { class: "cell-gallery" }, images.map((image) => galleryItem(run, image)))];
}

function galleryItem(run, { sample, image, label, predicted, probability }) {
  const values = { sample, predicted, probability: percent(probability, 1) };
  const link = h(
    "a",
    { href: address.link("draw", { run, picture: sample }), "aria-label": t("runs.cell.open", values) },
    drawImage(h("canvas", { class: "framed", "aria-hidden": "true" }), image),
    h("span", null, `${label} → ${predicted}`),
    h("span", { class: "hint" }, values.probability),
  );
  return h("li", null, link);
}
