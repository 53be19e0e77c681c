// @ts-check
// The numbers themselves: image with padding, kernel, products, output; the sum; the player.

import { t } from "../shared/i18n.js";
import { error, h, replace } from "../shared/ui.js";
import { cellSize } from "./cells.js";
import { EditableGrid, NO_RIMS } from "./editable_grid.js";
import { MOST_CELLS, MOST_WEIGHTS, MatrixError, shortNumber } from "./matrix.js";
import { Player } from "./player.js";
import { makeOutputGrid, makeProductGrid } from "./value_grid.js";

const LINKED = [".image .met", ".kernel .matrix-cell", ".products .matrix-cell"];

export class Stage {
  #setting = null; // see setting.js
  #working = null; // {output, sums, rims, formula} of the server; null while there is none
  #showsAll = false; // all of the output, not only what was reached
  #isPlaying = false;
  #room = 5; // letters that fit into a cell
  #moved;
  #grids;
  #panels;
  #player;
  #signs;
  #board;
  #sum = h("p", { class: "addition", "aria-live": "polite" });
  #trouble = h("div", { class: "trouble" });
  #formula = h("dl", { class: "formula" });
  #foot;
  #watcher = new ResizeObserver(() => this.#setting && this.#fit() && this.#write());

  /** `changed(part of a setting, {typing})` is called with typed numbers, `moved(place, {playing})` with a place. */
  constructor({ changed, moved }) {
    this.#moved = moved;
    const failed = (problem) => this.fail(sentenceOf(problem));
    this.#grids = makeGrids({ changed, failed, chosen: (place) => this.#goTo(place) });
    this.#player = new Player({
      moved: (index) => moved(this.#placeOf(index), { playing: this.#isPlaying }),
      playing: (on) => this.#setPlaying(on),
    });
    this.#panels = Object.fromEntries(
      Object.entries(this.#grids).map(([name, grid]) => [name, makePanel(t(`layers.${name}`), grid.element)]),
    );
    this.#signs = ["×", "=", "→"].map((sign) => h("span", { class: "operator", "aria-hidden": "true" }, sign));
    this.#board = this.#makeBoard();
    this.#foot = h("div", { class: "bench-foot" }, this.#player.element, this.#makeSwitch());
    const bar = h("div", { class: "bench-bar" }, this.#sum, this.#trouble, this.#foot);
    const onkeydown = (event) => this.#pressed(event);
    this.element = h("div", { class: "card bench", onkeydown }, this.#board, bar, this.#formula);
    this.#watcher.observe(this.element);
  }

  /** Show a setting, with the server's working of it or null. */
  show(setting, working) {
    [this.#setting, this.#working] = [setting, working];
    const isConvolution = setting.operation === "convolve";
    const [times, equals, reduced] = this.#signs;
    const { image, kernel, products, output } = this.#panels;
    times.hidden = kernel.element.hidden = !isConvolution;
    equals.textContent = isConvolution ? "=" : "→";
    reduced.textContent = t(`layers.reduced_${setting.operation}`);
    products.name.textContent = t(isConvolution ? "layers.products" : "layers.window");
    setSize(image, setting.image);
    setSize(kernel, setting.kernel);
    this.element.classList.toggle("stale", !working);
    this.#foot.inert = !working;
    if (working) {
      this.#grids.output.show(working.output);
      setSize(output, working.output);
      setSize(products, working.sums[0][0].patch);
      replace(this.#formula, formulaEntries(working));
      this.fail(null);
    }
    this.#fit();
    this.#write();
  }

  /** Go to the setting's place; its numbers are the same as before. */
  go(setting, working) {
    [this.#setting, this.#working] = [setting, working];
    const { at: [row, column] } = setting;
    const { output, sums } = working;
    this.#showWindow(sums[row][column], row, column);
    this.#grids.output.fill([row, column], { all: this.#showsAll, room: this.#room });
    const place = h("span", { class: "place" }, t("layers.place", { row, column }));
    replace(this.#sum, place, sumTerms(sums[row][column].text));
    this.#player.show(row * output[0].length + column, output.length * output[0].length);
  }

  fail(problem) {
    replace(this.#trouble, problem && error(problem));
    this.#sum.hidden = Boolean(problem);
  }

  pause() {
    this.#player.play(false);
  }

  close() {
    this.#player.close();
    this.#watcher.disconnect();
  }

  #makeBoard() {
    const [times, equals, reduced] = this.#signs;
    const { image, kernel, products, output } = this.#panels;
    const link = (event) => this.#link(event.target);
    return h(
      "div",
      { class: "board", onpointerover: link, onfocusin: link, onpointerleave: () => this.#link(null) },
      [image.element, times, kernel.element, equals, products.element, reduced, output.element],
    );
  }

  #makeSwitch() {
    const onchange = () => {
      this.#showsAll = box.checked;
      if (this.#working) this.go(this.#setting, this.#working);
    };
    const box = h("input", { type: "checkbox", onchange });
    return h("label", { class: "whole" }, box, t("layers.whole"));
  }

  #placeOf(index) {
    const columns = this.#working?.output[0].length ?? 1;
    return [Math.floor(index / columns), index % columns];
  }

  #goTo(place) {
    this.pause();
    this.#moved(place);
  }

  #setPlaying(on) {
    this.#isPlaying = on;
    this.#sum.setAttribute("aria-live", on ? "off" : "polite");
    if (!on && this.#setting) this.#moved(this.#setting.at);
  }

  /** Left and right step from anywhere on the stage where these keys mean nothing else. */
  #pressed(event) {
    if (event.defaultPrevented || !this.#working || event.target.closest(".editable, input, select, .output")) return;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    this.#player.step(by);
  }

  /** Mark a cell under the window, its weight and their product, which stand at the same place of three matrices. */
  #link(target) {
    const cell = target?.closest(".matrix-cell");
    const lists = LINKED.map((cells) => [...this.#board.querySelectorAll(cells)]);
    const linked = Math.max(...lists.map((cells) => cells.indexOf(cell)));
    for (const cells of lists) cells.forEach((other, index) => other.classList.toggle("linked", index === linked));
  }

  /** The cells under the window, and what becomes of them: products, or the window itself in pooling. */
  #showWindow({ patch, products, result }, row, column) {
    const { operation, stride, dilation, kernel } = this.#setting;
    const room = this.#room;
    const place = { row: row * stride, column: column * stride, height: patch.length, width: patch[0].length };
    if (products) {
      const captions = kernel.map((line, i) => line.map((weight, j) => captionOf(weight, patch[i][j], room)));
      this.#grids.image.mark({ ...place, dilation, weights: kernel });
      this.#grids.products.show(products, { captions, label: t("layers.products"), room });
    } else {
      const isWinner = operation === "max" ? firstWith(patch, result) : undefined;
      this.#grids.image.mark({ ...place, dilation: 1, isWinner });
      this.#grids.products.show(patch, { isWinner, label: t("layers.window"), room });
    }
  }

  /** Choose one size for all cells; returns whether numbers have to be written anew. */
  #fit() {
    const { image, kernel, operation, size } = this.#setting;
    const [, [left, right]] = this.#working?.rims ?? NO_RIMS;
    const windows = operation === "convolve" ? [kernel[0].length, kernel[0].length] : [size];
    const columns = [image[0].length + left + right, ...windows, this.#working?.output[0].length ?? 1];
    const { cell, isLine, room } = cellSize(this.#board.clientWidth, columns);
    this.#board.classList.toggle("in-line", isLine);
    this.element.style.setProperty("--cell", `${cell}px`);
    const before = this.#room;
    this.#room = room;
    return room !== before;
  }

  #write() {
    const [room, padText] = [this.#room, this.#setting.operation === "convolve" ? "0" : "·"];
    this.#grids.image.show(this.#setting.image, { rims: this.#working?.rims, padText, room });
    this.#grids.kernel.show(this.#setting.kernel, { room });
    if (this.#working) this.go(this.#setting, this.#working);
    else this.#grids.image.mark(null);
  }
}

function makeGrids({ changed, failed, chosen }) {
  const cellLabel = (row, column) => t("layers.cell", { row, column });
  const valueLabel = (row, column, value) =>
    t(value === null ? "layers.cell_unknown" : "layers.cell_value", { row, column, value });
  const editable = (name, most) =>
    new EditableGrid({
      name,
      label: t(`layers.${name}_grid`),
      cellLabel,
      most,
      changed: (matrix) => changed({ [name]: matrix }, { typing: true }),
      failed,
    });
  return {
    image: editable("image", MOST_CELLS),
    kernel: editable("kernel", MOST_WEIGHTS),
    products: makeProductGrid(),
    output: makeOutputGrid({ label: t("layers.output_grid"), cellLabel: valueLabel, chosen }),
  };
}

function makePanel(title, grid) {
  const [name, size] = [h("span", { class: "panel-name" }, title), h("span", { class: "panel-size" })];
  return { element: h("figure", { class: "panel" }, h("figcaption", null, name, " ", size), grid), name, size };
}

function setSize({ size }, matrix) {
  size.textContent = `${matrix.length} × ${matrix[0].length}`;
}

/** The terms of a sum and its result, with real minus signs. */
function sumTerms(text) {
  const [left, right] = text.replace(/(^|[ (])-/g, "$1−").split(/ = (?=[^=]*$)/);
  return h("span", { class: "terms" }, `${left} =`, " ", h("strong", null, right));
}

/** How the size of the output comes about, and how much padding there is. */
function formulaEntries({ formula, rims }) {
  const [[above, below], [left, right]] = rims;
  const isPadded = [above, below, left, right].some(Boolean);
  const padding = isPadded ? t("layers.rims", { above, below, left, right }) : t("layers.no_rims");
  const entry = (name, text, kind = "") => h("div", { class: kind }, h("dt", null, name), h("dd", null, text));
  return [
    entry(t("layers.formula"), formula.replaceAll(" - ", " − "), "formula-size"),
    entry(t("layers.padded"), padding),
  ];
}

/** Whether a cell of the window is the one that won: the first that has the result. */
function firstWith(patch, result) {
  const winner = patch.findIndex((line) => line.includes(result));
  return (row, column) => row === winner && column === patch[winner].indexOf(result);
}

/** What was multiplied, where there is room for it under the product. */
function captionOf(weight, value, room) {
  const text = `${shortNumber(weight, 4)}·${shortNumber(value, 4)}`;
  return text.length <= room + 2 ? text : "";
}

/** A mistake in typed numbers with its sentence; null stays null. */
function sentenceOf(problem) {
  if (!(problem instanceof MatrixError)) return problem;
  return { name: "ApiError", message: t(problem.key, problem.values), hint: t("layers.matrix_hint") };
}
