/** Matrices that are only read: the products of one place, and the output as it fills up. */

import { h } from "../shared/ui.js";
import { onlyStop, placeAfter } from "./arrows.js";
import { shortNumber } from "./matrix.js";
import { tint } from "./tint.js";

/** Return { element, show(values, {captions, winner, largest, noun, room}) } for the window's products, or its cells in pooling. */
export function productGrid({ label }) {
  const element = h("div", { class: "matrix products", role: "table", "aria-label": label });
  return {
    element,
    show(values, { captions, winner, largest, noun, room }) {
      element.setAttribute("aria-label", noun ?? label);
      element.style.setProperty("--columns", values[0].length);
      const rows = values.map((row, i) =>
        row.map((value, j) => {
          const cell = h("div", { class: "matrix-cell", role: "cell" }, value === null ? "·" : shortNumber(value, room));
          cell.title = Number.isInteger(value ?? 0) ? "" : String(value);
          if (captions?.[i][j]) cell.dataset.weight = captions[i][j];
          if (winner?.(i, j)) cell.classList.add("winner");
          if (captions) tint(cell, value, largest);
          return cell;
        }),
      );
      element.replaceChildren(...rows.map((row) => h("div", { class: "matrix-row", role: "row" }, ...row)));
    },
  };
}

/** Return { element, show(output), fill(at, {all, room}) }; `chosen([row, column])` when a place is clicked or walked to. */
export function outputGrid({ label, cellLabel, chosen }) {
  const outline = h("div", { class: "frame", "aria-hidden": "true" });
  const element = h("div", { class: "matrix output", role: "grid", "aria-label": label });
  let output = [[]];
  let cells = [];

  function walk(event, place) {
    const next = placeAfter(event.key, place, output.length, output[0].length, event.ctrlKey || event.metaKey);
    const pressed = event.key === "Enter" || event.key === " ";
    if (!next && !pressed) return;
    event.preventDefault();
    event.stopPropagation();
    const [row, column] = next ?? place;
    chosen([row, column]);
    cells[row][column].focus();
  }

  function build() {
    const inside = element.contains(document.activeElement);
    cells = output.map((values, row) =>
      values.map((_, column) =>
        h("div", {
          class: "matrix-cell",
          role: "gridcell",
          onclick: () => {
            chosen([row, column]);
            cells[row][column].focus();
          },
          onkeydown: (event) => walk(event, [row, column]),
        }),
      ),
    );
    element.style.setProperty("--columns", output[0].length);
    element.replaceChildren(...cells.map((row) => h("div", { class: "matrix-row", role: "row" }, ...row)), outline);
    return inside;
  }

  return {
    element,

    show(shown) {
      const same = shown.length === output.length && shown[0].length === output[0].length && cells.length;
      output = shown;
      if (!same && build()) cells[0][0].focus();
    },

    /** Show the numbers up to the place `at`, or all of them. */
    fill([atRow, atColumn], { all, room }) {
      const largest = Math.max(...output.flat().map(Math.abs));
      const columns = output[0].length;
      output.forEach((values, row) =>
        values.forEach((value, column) => {
          const cell = cells[row][column];
          const known = all || row * columns + column <= atRow * columns + atColumn;
          const current = row === atRow && column === atColumn;
          cell.textContent = known ? shortNumber(value, room) : "";
          cell.title = known && !Number.isInteger(value) ? String(value) : "";
          cell.classList.toggle("unknown", !known);
          cell.setAttribute("aria-label", cellLabel(row, column, known ? shortNumber(value) : null));
          cell.setAttribute("aria-selected", String(current));
          tint(cell, known ? value : 0, largest);
        }),
      );
      onlyStop(cells.flat(), cells[atRow][atColumn]);
      for (const [name, value] of Object.entries({ row: atRow, column: atColumn, height: 1, width: 1 })) {
        outline.style.setProperty(`--${name}`, value);
      }
    },
  };
}
