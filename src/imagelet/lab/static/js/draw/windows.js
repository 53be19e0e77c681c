// @ts-check
// Window × kernel = products of one number, one channel at a time; a cell that is looked at is marked in all three.

import { t } from "../shared/i18n.js";
import { colourFor, rangeOf } from "../shared/maps.js";
import { clamp } from "../shared/scales.js";
import { h, inline, number, replace, select } from "../shared/ui.js";
import { byMagnitude, channelSums, strongestChannel } from "./layer_values.js";

const WIDEST = 9; // columns of a window that is written out
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** `link([row, column])` is called with the cell of the window that is looked at; null: none is. */
export function makeWindows({ link }) {
  const place = h("div", { class: "windows" });
  const [head, sum] = [h("div"), h("div")];
  const look = ({ target }) => lookAt(cellOf(target));
  const leave = () => lookAt(null);
  const handlers = { onpointerover: look, onpointerleave: leave, onfocusin: look, onfocusout: leave, onkeydown: walk };
  const element = h("div", { class: "stage-kernel", ...handlers }, head, place, sum);

  const cells = () => [...place.querySelectorAll("td")];
  const cellOf = (target) => {
    const cell = target.closest("td");
    return cell && [cell.parentElement.rowIndex, cell.cellIndex];
  };

  /** Mark the cells of the window, the kernel and the products at [row, column]; null: none. */
  function mark(at) {
    for (const cell of cells()) cell.classList.toggle("linked", at !== null && String(cellOf(cell)) === String(at));
  }

  function lookAt(at) {
    mark(at);
    link(at);
  }

  /** Show the window of a unit, as /api/number has it, and its sum; returns whether it has one that fits. */
  function show(unit, showChannel, line) {
    const isWritten = unit !== null && unit.inputs[0].length <= WIDEST;
    element.hidden = !isWritten;
    if (!isWritten) return false;
    replace(sum, line);
    const sums = unit.products ? channelSums(unit.products) : [0];
    const start = sums.length > 1 ? strongestChannel(unit) : 0;
    const put = (channel) => {
      replace(place, windowOf(unit, channel));
      const first = place.querySelector("td");
      if (first) first.tabIndex = 0;
    };
    put(start);
    const nameOf = (channel) => t("draw.channel", { channel, sum: number(sums[channel], 3) });
    const list = select(byMagnitude(sums).map((channel) => [channel, nameOf(channel)]), start, (index) => {
      put(Number(index));
      showChannel(Number(index));
    });
    replace(head, sums.length > 1 && inline(t("draw.channel_of", { count: sums.length }), list));
    return true;
  }

  return { element, show, mark };
}

/** Arrow keys go from one cell of the window to the next. */
function walk(event) {
  const step = STEPS[event.key];
  const cell = event.target.closest("td");
  if (!step || !cell) return;
  event.preventDefault();
  const { rows } = cell.closest("table");
  const row = clamp(cell.parentElement.rowIndex + step[0], 0, rows.length - 1);
  const next = rows[row].cells[clamp(cell.cellIndex + step[1], 0, rows[row].cells.length - 1)];
  [cell.tabIndex, next.tabIndex] = [-1, 0];
  next.focus();
}

function windowOf({ inputs, weights, products, winner, first, step }, channel) {
  const ofChannel = (numbers) => numbers.map((line) => line.map((place) => place[channel]));
  const signed = (sign, element) => h("div", { class: "signed" }, h("span", { class: "sign" }, sign), element);
  const isWinner = (...place) => winner?.every((at, axis) => axis > 1 || at === first[axis] + place[axis] * step[axis]);
  return [
    grid(ofChannel(inputs), t("draw.window"), isWinner),
    products && signed("×", grid(ofChannel(weights), t("draw.kernel"))),
    products && signed("=", grid(ofChannel(products), t("draw.products"))),
  ];
}

function grid(numbers, name, isMarked = (_row, _column) => false) {
  const range = rangeOf(numbers.flat().map((value) => value ?? 0));
  const cell = (value, row, column) => {
    const label = t("draw.cell", { row, column });
    if (value === null) return h("td", { class: "outside", title: label }, "–");
    const { ground, ink } = colourFor(value, range);
    const style = { "background-color": ground, color: ink };
    return h("td", { class: isMarked(row, column) ? "winner" : null, style, title: label }, number(value, 2));
  };
  const lines = numbers.map((line, row) => h("tr", null, line.map((value, column) => cell(value, row, column))));
  return h("table", { class: "grid-numbers" }, h("caption", null, name), h("tbody", null, lines));
}
