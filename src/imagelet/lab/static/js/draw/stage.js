// @ts-check
// A map large beside the map that it is made from, window and kernel in between: clicked, stepped or played.
//
// A pixel that is looked at is marked wherever it is: in the map before, in the window, at the kernel's weight, in the
// products, and so are the places that it goes into.

import { numberField } from "../shared/field.js";
import { t } from "../shared/i18n.js";
import { isMapByMap } from "../shared/layers.js";
import { button, calm, h, inline, number } from "../shared/ui.js";
import { extentOf, placesFrom, strongestChannel, valueAt } from "./layer_values.js";
import { makePlayer } from "./play.js";
import { makeOutputMap, makeSourceMap } from "./stage_maps.js";

export class Stage {
  #shown = null; // {layer, before, framed, map, place, picked, range}
  #source = makeSourceMap({ look: (pixel) => this.#lookAtPixel(pixel) });
  #unit = null; // the number that is taken apart, where it has a window
  #windows;
  #output = makeOutputMap({
    pick: (place) => this.#go(place),
    hover: (place) => this.#tell(place ?? this.#shown?.place),
  });
  #value = h("output", { class: "under mono" });
  #fields = ["row", "column"].map(() => numberField({ high: 0, onvalue: () => this.#goToTyped() }));
  #play = button(t("draw.play"), () => this.#toggle());
  #player;
  #pick;

  /**
   * `pick([row, column])` is called for a place in the map; `fetchNumber(layer, place)` takes a number apart;
   * `windows` are the numbers of the window and its kernel, see windows.js.
   */
  constructor({ pick, fetchNumber, windows }) {
    [this.#pick, this.#windows] = [pick, windows];
    const fill = (count, sliding) => this.#fill(count, sliding);
    this.#player = makePlayer({ fetchNumber, fill, ended: (count) => this.#ended(count) });
    this.#play.hidden = calm();
    const [row, column] = this.#fields;
    const arrow = h("span", { class: "arrow", "aria-hidden": "true" }, "→");
    this.element = h(
      "div",
      { class: "stage" },
      h("div", { class: "stage-maps" }, this.#source.element, windows.element, arrow, this.#output.element),
      h(
        "div",
        { class: "row stage-controls" },
        this.#play,
        button(t("draw.step"), () => this.#step()),
        inline(t("draw.row"), row.input),
        inline(t("draw.column"), column.input),
        this.#value,
      ),
      row.problem,
      column.problem,
      h("p", { class: "hint" }, t("draw.pick_place")),
    );
  }

  show(next) {
    const { layer, before, framed, map, place, range } = next;
    const isOther = this.#shown?.layer.name !== layer.name || this.#shown.map !== map;
    if (isOther) {
      this.#unit = null;
      this.#player.reset();
      this.#play.textContent = t("draw.play");
      this.#output.uncover(null);
    }
    this.#shown = next;
    this.#source.show(before, framed, isOther && isMapByMap(layer, before) ? map : null);
    this.#output.show(layer, map, range);
    this.#fields.forEach((field, axis) => {
      field.limit(layer.shape[axis] - 1);
      field.show(place[axis]);
    });
    if (this.#player.playing) return;
    this.#output.mark(place);
    this.#tell(place);
  }

  /** Show the window of a number that was taken apart. */
  showWindow(unit) {
    if (this.#player.playing) return;
    this.#unit = unit.first.length === 3 ? unit : null;
    if (this.#unit) {
      this.#source.showChannel(strongestChannel(unit));
      this.#source.frame(unit.first, extentOf(unit));
    } else this.#source.frame(null);
  }

  /** A cell [row, column] of the window is looked at: mark its pixel, and what that goes into; null: none. */
  lookAt(cell) {
    if (!this.#unit) return;
    const { first, step } = this.#unit;
    this.#showPixel(cell && cell.map((at, axis) => first[axis] + at * step[axis]));
  }

  /** A pixel of the map before is looked at: mark it in the window, too, where it is there. */
  #lookAtPixel(pixel) {
    if (!this.#unit) return;
    const { first, step } = this.#unit;
    const cell = pixel?.map((at, axis) => (at - first[axis]) / step[axis]);
    this.#windows.mark(cell?.every(Number.isInteger) ? cell : null);
    this.#showPixel(pixel);
  }

  async #showPixel(pixel) {
    this.#source.mark(pixel);
    this.#output.feed(null);
    if (!pixel) return;
    const { layer, map } = this.#shown;
    const windows = await this.#player.windowsOf(layer, map).catch(() => null);
    if (windows && this.#source.marked === pixel) this.#output.feed(placesFrom(pixel, windows, layer.shape));
  }

  showChannel(channel) {
    this.#source.showChannel(channel);
  }

  /** End the playing; the address stays as it is. */
  stop() {
    this.#player.reset();
  }

  /** While it plays: so many places are filled. */
  #fill(count, { first, stride, extent }) {
    this.#output.uncover(count);
    if (!count) return;
    const place = this.#placeOf(count - 1);
    this.#output.mark(place);
    const begin = [0, 1].map((axis) => first[axis] + stride[axis] * place[axis]);
    this.#narrate(place, begin, extent);
    this.#source.frame(begin, extent);
  }

  #ended(count) {
    this.#play.textContent = t("draw.play");
    this.#output.uncover(null);
    this.#pick(this.#placeOf(Math.max(0, count - 1)));
  }

  #placeOf(index) {
    const width = this.#shown.layer.shape[1];
    return [Math.floor(index / width), index % width];
  }

  #go(place) {
    this.#player.stop();
    this.#pick(place);
  }

  #goToTyped() {
    this.#go(this.#fields.map(({ value }) => value));
  }

  #toggle() {
    if (this.#player.playing) this.#player.stop();
    else {
      this.#play.textContent = t("draw.pause");
      this.#player.start(this.#shown.layer, this.#shown.map);
    }
  }

  #step() {
    this.#player.stop();
    const { layer, picked, place } = this.#shown;
    const [height, width] = layer.shape;
    const next = picked ? (place[0] * width + place[1] + 1) % (height * width) : 0;
    this.#player.reset(next + 1);
    this.#pick(this.#placeOf(next));
  }

  /** Say the number at a place below the maps. */
  #tell(place) {
    const { layer, map } = this.#shown ?? {};
    const values = place && { row: place[0], column: place[1], value: number(valueAt(layer, place, map), 4) };
    this.#value.textContent = values ? t("draw.value_at", values) : " ";
  }

  /** Say what happens while it plays: which window becomes which number. */
  #narrate(place, begin, extent) {
    const { layer, map } = this.#shown;
    const [top, left] = begin.map((at) => number(at));
    const [bottom, right] = begin.map((at, axis) => number(at + extent[axis] - 1));
    const [row, column] = place;
    const value = number(valueAt(layer, place, map), 4);
    this.#value.textContent = t("draw.narration", { top, bottom, left, right, row, column, value });
  }
}
