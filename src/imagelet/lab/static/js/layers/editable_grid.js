// @ts-check
// A matrix of inputs: typed over, walked through with arrow keys, pasted into; padding drawn around it.

import { h } from "../shared/ui.js";
import { frame, layOut, onlyStop, placeAfter, tint } from "./cells.js";
import { MatrixError, allDigits, largestOf, readMatrix, readNumber, shortNumber } from "./matrix.js";

export const NO_RIMS = [[0, 0], [0, 0]]; // rows of padding above and below, columns left and right

export class EditableGrid {
  #outline = h("div", { class: "frame", hidden: true, "aria-hidden": "true" });
  #options;
  #drawn = ""; // what the cells were built for
  #matrix = [];
  #room = 6;
  #inputs = []; // [row][column], of the matrix itself
  #cells = []; // [row][column], padding included

  /**
   * @param {object} options
   * @param {string} options.name its class
   * @param {string} options.label
   * @param {(row: number, column: number) => string} options.cellLabel
   * @param {number} options.most cells a side
   * @param {(matrix: number[][]) => void} options.changed called on each valid edit
   * @param {(error: MatrixError | null) => void} options.failed
   */
  constructor(options) {
    this.#options = options;
    this.element = h("div", { class: `matrix editable ${options.name}`, role: "grid", "aria-label": options.label });
  }

  /** Show a matrix; `room` is the letters that fit into a cell. */
  show(matrix, { rims = NO_RIMS, padText = "0", room = this.#room } = {}) {
    [this.#matrix, this.#room] = [matrix, room];
    const wanted = JSON.stringify([matrix.length, matrix[0].length, rims, padText]);
    if (wanted !== this.#drawn) this.#build(rims, padText);
    this.#drawn = wanted;
    const largest = largestOf(matrix);
    for (const [row, line] of matrix.entries()) {
      for (const [column, value] of line.entries()) {
        const input = this.#inputs[row][column];
        tint(input.parentElement, value, largest);
        if (input === document.activeElement && readNumber(input.value) === value) continue;
        input.value = shortNumber(value, room);
        input.title = allDigits(value);
        input.setAttribute("aria-invalid", "false");
      }
    }
  }

  /** Outline the window: {row, column, height, width, dilation, weights, isWinner}; null for none. */
  mark(patch) {
    this.#outline.hidden = !patch;
    for (const cell of this.#cells.flat()) {
      cell.classList.remove("met", "winner");
      delete cell.dataset.weight;
    }
    if (!patch) return;
    const { row, column, height, width, dilation, weights, isWinner } = patch;
    const span = (count) => (count - 1) * dilation + 1;
    frame(this.#outline, { row, column, height: span(height), width: span(width) });
    for (let down = 0; down < height; down += 1) {
      for (let across = 0; across < width; across += 1) {
        const cell = this.#cells[row + down * dilation]?.[column + across * dilation];
        if (!cell) continue;
        cell.classList.add("met");
        cell.classList.toggle("winner", Boolean(isWinner?.(down, across)));
        if (weights) cell.dataset.weight = `×${shortNumber(weights[down][across], this.#room - 1)}`;
      }
    }
  }

  #build(rims, padText) {
    const [[above, below], [left, right]] = rims;
    const [rows, columns] = [this.#matrix.length, this.#matrix[0].length];
    const focused = this.#placeOf(document.activeElement);
    this.#inputs = this.#matrix.map((line, row) => line.map((_, column) => this.#makeInput(row, column)));
    const cellAt = (row, column) => {
      const input = this.#inputs[row - above]?.[column - left];
      return h("div", { class: input ? "matrix-cell" : "matrix-cell rim", role: "gridcell" }, input ?? padText);
    };
    this.#cells = Array.from({ length: above + rows + below }, (_, row) =>
      Array.from({ length: left + columns + right }, (__, column) => cellAt(row, column)),
    );
    layOut(this.element, this.#cells, this.#outline);
    if (focused) this.#inputs[Math.min(focused[0], rows - 1)][Math.min(focused[1], columns - 1)].focus();
    else onlyStop(this.#inputs.flat(), this.#inputs[0][0]);
  }

  #makeInput(row, column) {
    const input = h("input", {
      type: "text",
      inputmode: "text", // a decimal keypad has no minus on some telephones
      autocomplete: "off",
      spellcheck: "false",
      "aria-label": this.#options.cellLabel(row, column),
      onfocus: () => {
        onlyStop(this.#inputs.flat(), input);
        input.select();
      },
      oninput: () => this.#typed(input, row, column),
      onblur: () => this.#left(input, row, column),
      onkeydown: (event) => this.#walk(event, [row, column]),
      onpaste: (event) => this.#paste(event),
    });
    return input;
  }

  #typed(input, row, column) {
    const value = readNumber(input.value);
    input.setAttribute("aria-invalid", String(value === null));
    if (value === null) return;
    this.#matrix = this.#matrix.with(row, this.#matrix[row].with(column, value));
    this.#options.failed(null);
    this.#options.changed(this.#matrix);
  }

  #left(input, row, column) {
    if (!input.isConnected) return;
    if (input.getAttribute("aria-invalid") === "true") {
      this.#options.failed(new MatrixError("layers.matrix_word", { word: input.value }));
    } else input.value = shortNumber(this.#matrix[row][column], this.#room);
  }

  /** Arrow keys leave an input where the caret is at its end, or all of it is selected. */
  #walk(event, place) {
    const { selectionStart: start, selectionEnd: end, value } = event.target;
    const isWhole = start === 0 && end === value.length;
    const [toLeft, toRight] = [isWhole || end === 0, isWhole || start === value.length];
    const leaves = { ArrowLeft: toLeft, ArrowRight: toRight, Home: isWhole, End: isWhole };
    if (event.altKey || event.shiftKey || leaves[event.key] === false) return;
    const { key, ctrlKey, metaKey } = event;
    const pressed = { key: key === "Enter" ? "ArrowDown" : key, ctrlKey, metaKey };
    const next = placeAfter(pressed, place, this.#matrix.length, this.#matrix[0].length);
    if (!next) return;
    event.preventDefault();
    this.#inputs[next[0]][next[1]].focus();
  }

  #paste(event) {
    const text = event.clipboardData.getData("text");
    if (readNumber(text) !== null) return; // one number goes where the caret is
    event.preventDefault();
    try {
      const pasted = readMatrix(text, this.#options.most);
      this.#options.failed(null);
      this.#options.changed(pasted);
    } catch (problem) {
      this.#options.failed(problem);
    }
  }

  #placeOf(input) {
    const row = this.#inputs.findIndex((line) => line.includes(input));
    return row < 0 ? null : [row, this.#inputs[row].indexOf(input)];
  }
}
