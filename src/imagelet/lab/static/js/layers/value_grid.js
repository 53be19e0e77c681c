// @ts-check
// Matrices that are only read: the products of one place, and the output as it fills up.

import { h } from "../shared/ui.js";
import { frame, layOut, onlyStop, placeAfter, tint } from "./cells.js";
import { allDigits, largestOf, shortNumber } from "./matrix.js";

/** The window's products, or its cells in pooling: {element, show(values, {captions, isWinner, label, room})}. */
export function makeProductGrid() {
  const element = h("div", { class: "matrix products", role: "table" });

  function show(values, { captions = null, isWinner = (_row, _column) => false, label, room }) {
    const largest = captions && largestOf(values);
    element.setAttribute("aria-label", label);
    const cellOf = (value, row, column) => {
      const text = value === null ? "·" : shortNumber(value, room);
      const kind = isWinner(row, column) ? "matrix-cell winner" : "matrix-cell";
      const cell = h("div", { class: kind, role: "cell", title: allDigits(value) }, text);
      if (captions?.[row][column]) cell.dataset.weight = captions[row][column];
      if (captions) tint(cell, value, largest);
      return cell;
    };
    layOut(element, values.map((line, row) => line.map((value, column) => cellOf(value, row, column))));
  }

  return { element, show };
}

/** {element, show(output), fill(place, {all, room})}; `chosen(place)` when a place is clicked or walked to. */
export function makeOutputGrid({ label, cellLabel, chosen }) {
  const outline = h("div", { class: "frame", "aria-hidden": "true" });
  const element = h("div", { class: "matrix output", role: "grid", "aria-label": label });
  let [output, cells] = [[[]], []];

  function choose([row, column]) {
    chosen([row, column]);
    cells[row][column].focus();
  }

  function walk(event, place) {
    const isPressed = event.key === "Enter" || event.key === " ";
    const next = isPressed ? place : placeAfter(event, place, output.length, output[0].length);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    choose(next);
  }

  function makeCell(place) {
    const handlers = { onclick: () => choose(place), onkeydown: (event) => walk(event, place) };
    return h("div", { class: "matrix-cell", role: "gridcell", ...handlers });
  }

  function show(shown) {
    const isSame = cells.length === shown.length && cells[0].length === shown[0].length;
    output = shown;
    if (isSame) return;
    const hadFocus = element.contains(document.activeElement);
    cells = output.map((line, row) => line.map((_, column) => makeCell([row, column])));
    layOut(element, cells, outline);
    if (hadFocus) cells[0][0].focus();
  }

  /** Show the numbers up to a place, or all of them. */
  function fill([atRow, atColumn], { all, room }) {
    const largest = largestOf(output);
    for (const [row, line] of output.entries()) {
      for (const [column, value] of line.entries()) {
        const cell = cells[row][column];
        const isKnown = all || row < atRow || (row === atRow && column <= atColumn);
        cell.textContent = isKnown ? shortNumber(value, room) : "";
        cell.title = isKnown ? allDigits(value) : "";
        cell.classList.toggle("unknown", !isKnown);
        cell.setAttribute("aria-label", cellLabel(row, column, isKnown ? shortNumber(value) : null));
        cell.setAttribute("aria-selected", String(row === atRow && column === atColumn));
        tint(cell, isKnown ? value : 0, largest);
      }
    }
    onlyStop(cells.flat(), cells[atRow][atColumn]);
    frame(outline, { row: atRow, column: atColumn, height: 1, width: 1 });
  }

  return { element, show, fill };
}
