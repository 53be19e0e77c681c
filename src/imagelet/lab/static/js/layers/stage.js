/** The numbers themselves: image with padding, kernel, products, output; the sum; the player. */

import { said, t } from "../shared/i18n.js";
import { error as errorBox, h, replace } from "../shared/ui.js";
import { editableGrid } from "./editable_grid.js";
import { MOST_CELLS, MOST_WEIGHTS, MatrixError, shortNumber } from "./matrix.js";
import { player } from "./player.js";
import { outputGrid, productGrid } from "./value_grid.js";

const LARGEST_CELL = 46; // pixels
const SMALLEST_CELL = 22;
const READABLE_CELL = 36; // below it the matrices go below each other instead
const LINKED = [".image .met", ".kernel .matrix-cell", ".products .matrix-cell"];
const LETTER = 0.215; // width of a letter, as a share of the cell
const BETWEEN = 190; // pixels of operators and gaps, where all matrices stand in one line

/**
 * Return { element, show(setting, working | null), go(setting, working), fail(error | null), pause(), close() }.
 *
 * Args: changed(part of a setting, {typing}), moved([row, column], {playing}).
 */
export function stage({ changed, moved }) {
  let working = null;
  let setting = null;
  let whole = false; // show all of the output, not only what was reached
  let playing = false;
  let room = 5; // letters that fit into a cell
  const grids = makeGrids({ changed, failed: (error) => fail(told(error)), chosen: (at) => goTo(at) });
  const { image, kernel, products, output } = grids;
  const sum = h("p", { class: "addition", "aria-live": "polite" });
  const trouble = h("div", { class: "trouble" });
  const formula = h("dl", { class: "formula" });
  const steps = player({
    moved: (index) => moved(placeOf(index), { playing }),
    playing: (on) => {
      playing = on;
      sum.setAttribute("aria-live", on ? "off" : "polite");
      if (!on && setting) moved(setting.at);
    },
  });
  const all = h("input", {
    type: "checkbox",
    onchange: () => {
      whole = all.checked;
      if (working) output.fill(setting.at, { all: whole, room });
    },
  });
  const panels = {
    image: panel(t("layers.image"), image.element),
    kernel: panel(t("layers.kernel"), kernel.element),
    products: panel(t("layers.products"), products.element),
    output: panel(t("layers.output"), output.element),
  };
  const times = operator("×");
  const equals = operator("=");
  const reduced = operator("→");
  const board = h(
    "div",
    { class: "board", onpointerover: (event) => link(event.target), onpointerleave: () => link(null), onfocusin: (event) => link(event.target) },
    panels.image.element,
    times,
    panels.kernel.element,
    equals,
    panels.products.element,
    reduced,
    panels.output.element,
  );
  const foot = h("div", { class: "bench-foot" }, steps.element, h("label", { class: "whole" }, all, t("layers.whole")));
  const element = h(
    "div",
    { class: "card bench", onkeydown: pressed },
    board,
    h("div", { class: "bench-bar" }, sum, trouble, foot),
    formula,
  );
  const watcher = new ResizeObserver(() => {
    if (setting && fit()) write();
  });
  watcher.observe(element);

  function placeOf(index) {
    const columns = working?.output[0].length ?? 1;
    return [Math.floor(index / columns), index % columns];
  }

  function goTo(at) {
    steps.play(false);
    moved(at);
  }

  /** Left and right step from anywhere on the stage where these keys mean nothing else. */
  function pressed(event) {
    if (event.defaultPrevented || !working || event.target.closest(".editable, input, select, .output")) return;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    steps.step(by);
  }

  /** Mark a cell under the window, its weight and their product, which stand at the same place of three matrices. */
  function link(target) {
    const cell = target?.closest(".matrix-cell");
    const lists = LINKED.map((cells) => [...board.querySelectorAll(cells)]);
    const place = Math.max(...lists.map((cells) => cells.indexOf(cell)));
    for (const cells of lists) cells.forEach((each, at) => each.classList.toggle("linked", at === place));
  }

  function go(shown, of) {
    [setting, working] = [shown, of];
    const [row, column] = setting.at;
    const { patch, products: terms, result, text } = working.sums[row][column];
    const [height, width] = [patch.length, patch[0].length];
    const convolving = terms !== null;
    const winner = setting.operation === "max" ? firstWith(patch, result) : null;
    const dilation = convolving ? setting.dilation : 1;
    const weights = convolving ? setting.kernel : null;
    image.mark({ row: row * setting.stride, column: column * setting.stride, height, width, dilation, weights, winner });
    if (convolving) {
      const captions = weights.map((cells, i) => cells.map((weight, j) => captionOf(weight, patch[i][j], room)));
      products.show(terms, { captions, largest: largestOf(terms), noun: t("layers.products"), room });
    } else {
      products.show(patch, { winner, noun: t("layers.window"), room });
    }
    output.fill(setting.at, { all: whole, room });
    writeSum(row, column, text);
    steps.show(row * working.output[0].length + column, working.output.length * working.output[0].length);
  }

  function writeSum(row, column, text) {
    const written = text.replace(/(^|[ (])-/g, "$1−").replace(/\(-/g, "(−");
    const [left, right] = written.split(/ = (?=[^=]*$)/);
    replace(
      sum,
      h("span", { class: "place" }, t("layers.place", { row, column })),
      h("span", { class: "terms" }, `${left} =`, " ", h("strong", null, right.replace(/^-/, "−"))),
    );
  }

  function writeFormula() {
    const [[above, below], [left, right]] = working.rims;
    const padded = [above, below, left, right].some(Boolean);
    const entries = [
      [t("layers.formula"), said(working.formula).replaceAll(" - ", " − "), "formula-size"],
      [t("layers.padded"), padded ? t("layers.rims", { above, below, left, right }) : t("layers.no_rims"), ""],
    ];
    replace(formula, entries.map(([name, text, kind]) => h("div", { class: kind }, h("dt", null, name), h("dd", null, text))));
  }

  /**
   * Choose one size for all cells: as large as the line holds, or the largest matrix where they stand below each other.
   * Returns whether numbers have to be written anew.
   */
  function fit() {
    const width = board.clientWidth;
    const [, across] = working?.rims ?? [[0, 0], [0, 0]];
    const kernelColumns = setting.kernel[0].length;
    const counts = [
      setting.image[0].length + across[0] + across[1],
      ...(setting.operation === "convolve" ? [kernelColumns, kernelColumns] : [setting.size]),
      working?.output[0].length ?? 1,
    ];
    const inLine = Math.floor((width - BETWEEN) / counts.reduce((one, other) => one + other, 0));
    const below = Math.floor((width - 4) / Math.max(...counts));
    const line = inLine >= READABLE_CELL;
    const cell = Math.max(SMALLEST_CELL, Math.min(LARGEST_CELL, line ? inLine : Math.min(below, READABLE_CELL + 4)));
    board.classList.toggle("in-line", line);
    element.style.setProperty("--cell", `${cell}px`);
    const before = room;
    room = cell / Math.max(6.5, cell * LETTER);
    return room !== before;
  }

  function write() {
    const convolving = setting.operation === "convolve";
    image.show(setting.image, { rims: working?.rims, padText: convolving ? "0" : "·", room });
    kernel.show(setting.kernel, { room });
    if (working) go(setting, working);
    else image.mark(null);
  }

  function fail(problem) {
    replace(trouble, problem && errorBox(problem));
    sum.hidden = Boolean(problem);
  }

  return {
    element,
    go,
    fail,
    pause: () => steps.play(false),

    show(shown, of) {
      [setting, working] = [shown, of];
      const convolving = shown.operation === "convolve";
      times.hidden = panels.kernel.element.hidden = !convolving;
      equals.textContent = convolving ? "=" : "→";
      reduced.textContent = t(`layers.reduced_${shown.operation}`);
      panels.products.title(t(convolving ? "layers.products" : "layers.window"));
      panels.image.size(shown.image.length, shown.image[0].length);
      panels.kernel.size(shown.kernel.length, shown.kernel[0].length);
      element.classList.toggle("stale", !of);
      foot.inert = !of;
      if (of) {
        output.show(of.output);
        panels.output.size(of.output.length, of.output[0].length);
        const window_ = of.sums[0][0].patch;
        panels.products.size(window_.length, window_[0].length);
        writeFormula();
        fail(null);
      }
      fit();
      write();
    },

    close() {
      steps.close();
      watcher.disconnect();
    },
  };
}

function makeGrids({ changed, failed, chosen }) {
  const cellLabel = (row, column) => t("layers.cell", { row, column });
  const image = editableGrid({
    name: "image",
    label: t("layers.image_grid"),
    cellLabel,
    most: MOST_CELLS,
    changed: (matrix) => changed({ image: matrix }, { typing: true }),
    failed,
  });
  const kernel = editableGrid({
    name: "kernel",
    label: t("layers.kernel_grid"),
    cellLabel,
    most: MOST_WEIGHTS,
    changed: (matrix) => changed({ kernel: matrix }, { typing: true }),
    failed,
  });
  const products = productGrid({ label: t("layers.products") });
  const output = outputGrid({
    label: t("layers.output_grid"),
    cellLabel: (row, column, value) => t(value === null ? "layers.cell_unknown" : "layers.cell_value", { row, column, value }),
    chosen,
  });
  return { image, kernel, products, output };
}

function panel(name, grid) {
  const title = h("span", { class: "panel-name" }, name);
  const size = h("span", { class: "panel-size" });
  return {
    element: h("figure", { class: "panel" }, h("figcaption", null, title, " ", size), grid),
    title: (text) => (title.textContent = text),
    size: (rows, columns) => (size.textContent = `${rows} × ${columns}`),
  };
}

function operator(sign) {
  return h("span", { class: "operator", "aria-hidden": "true" }, sign);
}

/** Return whether a cell of the window is the one that won: the first that has the result. */
function firstWith(patch, result) {
  const row = patch.findIndex((cells) => cells.includes(result));
  const column = patch[row]?.indexOf(result);
  return (i, j) => i === row && j === column;
}

/** Return what was multiplied, where there is room for it under the product. */
function captionOf(weight, cell, room) {
  const written = `${shortNumber(weight, 4)}·${shortNumber(cell, 4)}`;
  return written.length <= room + 2 ? written : "";
}

function largestOf(values) {
  return Math.max(...values.flat().map(Math.abs));
}

/** Return a mistake in typed numbers with its sentence; null stays null. */
function told(error) {
  if (!(error instanceof MatrixError)) return error;
  return { name: "ApiError", message: t(error.key, error.values), hint: t("layers.matrix_hint") };
}
