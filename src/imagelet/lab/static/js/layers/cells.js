// @ts-check
// Cells of a matrix: rows of them, their colour, and arrow keys that go from one to the next.

import { clamp } from "../shared/scales.js";
import { h } from "../shared/ui.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const LARGEST_CELL = 46; // pixels
const SMALLEST_CELL = 22;
const READABLE_CELL = 36; // below it the matrices go below each other instead
const LETTER = 0.215; // width of a letter, as a share of the cell
const SMALLEST_LETTER = 6.5; // pixels
const BETWEEN = 190; // pixels of operators and gaps, where all matrices stand in one line

/** Put cells [row][column] into a matrix's element, and what lies over them. */
export function layOut(element, cells, ...above) {
  element.style.setProperty("--columns", cells[0].length);
  element.replaceChildren(...cells.map((row) => h("div", { class: "matrix-row", role: "row" }, row)), ...above);
}

/** Colour a cell by its value: the one scale, blue above 0, red below, as strong as its share of the largest. */
export function tint(cell, value, largest) {
  const share = largest ? Math.abs(value) / largest : 0;
  cell.style.setProperty("--share", `${Math.round(share * 100)}%`);
  cell.classList.toggle("above", value > 0);
  cell.classList.toggle("below", value < 0);
}

/** Lay a frame over cells: {row, column, height, width}. */
export function frame(element, place) {
  for (const [name, value] of Object.entries(place)) element.style.setProperty(`--${name}`, value);
}

/** The place that a pressed key leads to from [row, column], inside rows × columns; null where it leads nowhere. */
export function placeAfter({ key, ctrlKey = false, metaKey = false }, [row, column], rows, columns) {
  const wholly = ctrlKey || metaKey;
  if (key === "Home") return [wholly ? 0 : row, 0];
  if (key === "End") return [wholly ? rows - 1 : row, columns - 1];
  if (!(key in STEPS)) return null;
  const [down, across] = [row + STEPS[key][0], column + STEPS[key][1]];
  const inside = down >= 0 && down < rows && across >= 0 && across < columns;
  return inside ? [down, across] : null;
}

/** Make one cell of many the Tab key's stop. */
export function onlyStop(cells, stop) {
  for (const cell of cells) cell.tabIndex = cell === stop ? 0 : -1;
}

/**
 * One size for the cells of all matrices, which have so many columns: as large as one line of `width` pixels holds, or
 * as the widest matrix allows where they stand below each other. `room` is the letters that fit into a cell.
 */
export function cellSize(width, columns) {
  const inLine = Math.floor((width - BETWEEN) / columns.reduce((one, other) => one + other, 0));
  const below = Math.floor((width - 4) / Math.max(...columns));
  const isLine = inLine >= READABLE_CELL;
  const cell = clamp(isLine ? inLine : Math.min(below, READABLE_CELL + 4), SMALLEST_CELL, LARGEST_CELL);
  return { cell, isLine, room: cell / Math.max(SMALLEST_LETTER, cell * LETTER) };
}
