// @ts-check
// One layer opened: all its maps, one of them large beside what it is made from, a number taken apart.

import { has, t } from "../shared/i18n.js";
import { legend } from "../shared/maps.js";
import { makeTurns } from "../shared/timing.js";
import { busy, button, h, replace } from "../shared/ui.js";
import { flatValues, makeMapGrid } from "./layer_pictures.js";
import { isFlat, shapeText, strongestPlace } from "./layer_values.js";
import { makeNumber } from "./number.js";
import { rangeIn } from "./ranges.js";
import { Stage } from "./stage.js";

export class LayerView {
  element = h("section", { class: "layer card", hidden: true, "aria-labelledby": "layer-name" });
  #number = makeNumber({ link: (cell) => this.#parts?.stage?.lookAt(cell) });
  #shown = null; // {layers, layer, framed, classes, map, place, picked, range}
  #taken = null; // {layer, axes} of the number that is taken apart
  #parts = null; // {of, legend, grid, stage, values} of the layer that is open
  #nextTurn = makeTurns();
  #change;
  #fetchNumber;

  /** `change({layer, map, place})` is called with what is chosen; `fetchNumber(layer, place)` takes a number apart. */
  constructor({ change, fetchNumber }) {
    [this.#change, this.#fetchNumber] = [change, fetchNumber];
  }

  /** The layers belong to the picture before: what is taken apart of them stays as it is. */
  forget() {
    this.#nextTurn();
    this.stop();
  }

  /** Show a layer of these; null closes. Until a place is chosen, it is that of the strongest number. */
  show(next) {
    const of = next && `${next.layer.name} ${shapeText(next.layer.shape)}`;
    if (this.#parts?.of !== of) this.stop();
    this.element.hidden = next === null;
    if (!next) {
      this.#parts = null;
      replace(this.element);
      return;
    }
    this.#shown = { ...next, picked: next.place !== null, place: next.place ?? strongestPlace(next.layer, next.map) };
    if (this.#parts?.of !== of) this.#build(next.layer, of);
    this.#draw();
    this.#takeApart();
  }

  stop() {
    this.#parts?.stage?.stop();
  }

  /** Mark these of the maps as switched off. */
  switchOff(maps) {
    this.#parts?.grid?.switchOff(maps);
  }

  #build(layer, of) {
    const flat = isFlat(layer);
    const pick = (place) => this.#change({ place });
    const grid = flat ? null : makeMapGrid(layer, (map) => this.#chooseMap(map));
    const stage = flat ? null : new Stage({ pick, fetchNumber: this.#fetchNumber, windows: this.#number.windows });
    this.#taken = null;
    this.#parts = { of, legend: legend({ low: 0, high: 0 }), grid, stage, values: h("div", { class: "flat-values" }) };
    const close = () => this.#change({ layer: null, map: null, place: null });
    replace(this.element, heading(layer, close), body(this.#parts, this.#number));
  }

  #chooseMap(map) {
    const { picked, place } = this.#shown;
    this.#change(picked ? { map, place } : { map });
  }

  #draw() {
    const { layers, layer, map, place, classes } = this.#shown;
    const { grid, stage, values, legend: colours } = this.#parts;
    const rangeFor = (of) => rangeIn(this.#shown, layer, of);
    const range = rangeFor(map);
    colours.update(range);
    if (isFlat(layer)) {
      const choose = (index) => this.#change({ place: [index] });
      replace(values, flatValues(layer, { classes, chosen: place[0], range, choose }));
    } else {
      grid.show(layer, map, rangeFor);
      stage.show({ ...this.#shown, before: layers.find(({ name }) => name === layer.sources[0]) ?? null, range });
    }
  }

  async #takeApart() {
    const { layer, map, place, classes } = this.#shown;
    const { stage } = this.#parts;
    const showChannel = (channel) => stage?.showChannel(channel);
    const isLast = isFlat(layer) && layer.shape[0] === classes.length;
    const axes = isFlat(layer) ? place : [...place, map];
    if (this.#taken?.layer === layer && this.#taken.axes === String(axes)) return; // it is shown
    this.#taken = null;
    const isNewest = this.#nextTurn();
    try {
      const unit = await busy(this.#number.element, this.#fetchNumber(layer.name, axes));
      if (!isNewest()) return;
      this.#number.show(unit, { classes: isLast ? classes : null, showChannel });
      stage?.showWindow(unit);
      this.#taken = { layer, axes: String(axes) };
    } catch (problem) {
      if (isNewest()) this.#number.fail(problem);
    }
  }
}

function heading({ name, kind, shape }, close) {
  const facts = [h("span", { class: "kind" }, kind), " ", h("span", { class: "shape" }, shapeText(shape))];
  const closing = button("✕", close, { quiet: true, label: t("draw.close_layer") });
  const note = `draw.kind_${kind}`;
  return [
    h("header", { class: "layer-head" }, h("h2", { id: "layer-name" }, name, " ", facts), closing),
    has(note) && h("p", { class: "note kind-note" }, t(note)),
  ];
}

function body({ legend: colours, grid, stage, values }, numberView) {
  const pictures = grid ? grid.element : [values, h("p", { class: "hint" }, t("draw.pick_value"))];
  const windows = stage ? null : numberView.windows.element;
  return h(
    "div",
    { class: grid ? "layer-body" : "layer-body one" },
    h("div", { class: "layer-maps" }, colours, pictures),
    h("div", { class: "layer-number" }, stage?.element, windows, numberView.element),
  );
}
