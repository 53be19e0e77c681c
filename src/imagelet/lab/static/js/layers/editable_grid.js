/** A matrix of inputs: typed over, walked through with arrow keys, pasted into; padding drawn around it. */

import { h } from "../shared/ui.js";
import { onlyStop, placeAfter } from "./arrows.js";
import { MatrixError, readMatrix, readNumber, shortNumber } from "./matrix.js";
import { tint } from "./tint.js";

const NO_RIMS = [
  [0, 0],
  [0, 0],
];

/**
 * Return { element, show(matrix, {rims, padText, room}), mark(patch) }; room: letters that fit into a cell.
 *
 * Args: name (a class), label, cellLabel(row, column), most cells a side, changed(matrix) on each valid edit,
 * failed(MatrixError | null).
 */
export function editableGrid({ name, label, cellLabel, most, changed, failed }) {
  const outline = h("div", { class: "frame", hidden: true, "aria-hidden": "true" });
  const element = h("div", { class: `matrix editable ${name}`, role: "grid", "aria-label": label });
  let drawn = "";
  let matrix = [];
  let room = 6;
  let inputs = []; // [row][column], of the matrix itself
  let cells = []; // [row][column], padding included

  function build(rims, padText) {
    const [[above, below], [left, right]] = rims;
    const [rows, columns] = [matrix.length, matrix[0].length];
    const focused = placeOf(document.activeElement);
    inputs = matrix.map(() => []);
    cells = Array.from({ length: above + rows + below }, (_, row) =>
      Array.from({ length: left + columns + right }, (_, column) => {
        const [inner, across] = [row - above, column - left];
        const real = inner >= 0 && inner < rows && across >= 0 && across < columns;
        return real ? inputCell(inner, across) : h("div", { class: "matrix-cell rim", role: "gridcell" }, padText);
      }),
    );
    element.style.setProperty("--columns", left + columns + right);
    element.replaceChildren(...cells.map((row) => h("div", { class: "matrix-row", role: "row" }, ...row)), outline);
    if (focused) inputs[Math.min(focused[0], rows - 1)][Math.min(focused[1], columns - 1)].focus();
    else onlyStop(inputs.flat(), inputs[0][0]);
  }

  function inputCell(row, column) {
    const input = h("input", {
      type: "text",
      inputmode: "text", // a decimal keypad has no minus on some telephones
      autocomplete: "off",
      spellcheck: "false",
      "aria-label": cellLabel(row, column),
      onfocus: () => {
        onlyStop(inputs.flat(), input);
        input.select();
      },
      oninput: () => typed(row, column),
      onblur: () => left(row, column),
      onkeydown: (event) => walk(event, row, column),
      onpaste: (event) => paste(event),
    });
    inputs[row][column] = input;
    return h("div", { class: "matrix-cell", role: "gridcell" }, input);
  }

  function typed(row, column) {
    const input = inputs[row][column];
    const value = readNumber(input.value);
    const wrong = value === null;
    input.setAttribute("aria-invalid", String(wrong));
    if (wrong) return;
    matrix = matrix.map((cellsOfRow, place) => (place === row ? cellsOfRow.with(column, value) : cellsOfRow));
    failed(null);
    changed(matrix);
  }

  function left(row, column) {
    const input = inputs[row]?.[column];
    if (!input?.isConnected) return;
    if (input.getAttribute("aria-invalid") === "true") {
      failed(new MatrixError("layers.matrix_word", { word: input.value }));
    } else {
      input.value = shortNumber(matrix[row][column], room);
    }
  }

  function walk(event, row, column) {
    const input = event.target;
    const whole = input.selectionStart === 0 && input.selectionEnd === input.value.length;
    const atStart = input.selectionEnd === 0;
    const atEnd = input.selectionStart === input.value.length;
    const sideways = { ArrowLeft: whole || atStart, ArrowRight: whole || atEnd, Home: whole, End: whole };
    if (event.altKey || event.shiftKey || sideways[event.key] === false) return;
    const key = event.key === "Enter" ? "ArrowDown" : event.key;
    const next = placeAfter(key, [row, column], matrix.length, matrix[0].length, event.ctrlKey || event.metaKey);
    if (!next) return;
    event.preventDefault();
    inputs[next[0]][next[1]].focus();
  }

  function paste(event) {
    const text = event.clipboardData.getData("text");
    if (readNumber(text) !== null) return; // one number goes where the caret is
    event.preventDefault();
    try {
      const pasted = readMatrix(text, most);
      failed(null);
      changed(pasted);
    } catch (error) {
      failed(error);
    }
  }

  function placeOf(input) {
    for (const [row, cellsOfRow] of inputs.entries()) {
      const column = cellsOfRow.indexOf(input);
      if (column >= 0) return [row, column];
    }
    return null;
  }

  return {
    element,

    show(shown, { rims = NO_RIMS, padText = "0", room: letters = room } = {}) {
      room = letters;
      matrix = shown;
      const largest = Math.max(...shown.flat().map(Math.abs));
      const wanted = JSON.stringify([shown.length, shown[0].length, rims, padText]);
      if (wanted !== drawn) build(rims, padText);
      drawn = wanted;
      shown.forEach((row, place) =>
        row.forEach((value, column) => {
          const input = inputs[place][column];
          tint(input.parentElement, value, largest);
          if (input === document.activeElement && readNumber(input.value) === value) return;
          input.value = shortNumber(value, room);
          input.title = Number.isInteger(value) ? "" : String(value);
          input.setAttribute("aria-invalid", "false");
        }),
      );
    },

    /** Outline what lies under the window: {row, column, height, width, dilation, weights, winner}; null for nothing. */
    mark(patch) {
      outline.hidden = !patch;
      for (const cell of cells.flat()) {
        cell.classList.remove("met", "winner");
        delete cell.dataset.weight;
      }
      if (!patch) return;
      const { row, column, height, width, dilation, weights, winner } = patch;
      const span = (count) => (count - 1) * dilation + 1;
      const styles = { row, column, height: span(height), width: span(width) };
      for (const [name, value] of Object.entries(styles)) outline.style.setProperty(`--${name}`, value);
      for (let i = 0; i < height; i += 1) {
        for (let j = 0; j < width; j += 1) {
          const cell = cells[row + i * dilation]?.[column + j * dilation];
          if (!cell) continue;
          cell.classList.add("met");
          if (weights) cell.dataset.weight = `×${shortNumber(weights[i][j], room - 1)}`;
          if (winner?.(i, j)) cell.classList.add("winner");
        }
      }
    },
  };
}
