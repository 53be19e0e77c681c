// @ts-check
// A map large beside the map that it is made from, with the window in between: clicked, stepped or played.

import { numberField } from "../shared/field.js";
import { t } from "../shared/i18n.js";
import { isMapByMap } from "../shared/layers.js";
import { button, calm, h, inline, number } from "../shared/ui.js";
import { extentOf, strongestChannel, valueAt } from "./layer_values.js";
import { makePlayer } from "./play.js";
import { makeOutputMap, makeSourceMap } from "./stage_maps.js";

export class Stage {
  #shown = null; // {layer, before, framed, map, place, picked, range}
  #source = makeSourceMap();
  #output = makeOutputMap({
    pick: (place) => this.#go(place),
    hover: (place) => this.#tell(place ?? this.#shown?.place),
  });
  #value = h("output", { class: "under mono" });
  #fields = ["row", "column"].map(() => numberField({ high: 0, onvalue: () => this.#goToTyped() }));
  #play = button(t("draw.play"), () => this.#toggle());
  #player;
  #pick;

  /** `pick([row, column])` is called for a place in the map; `fetchNumber(layer, place)` takes a number apart. */
  constructor({ pick, fetchNumber }) {
    this.#pick = pick;
    const fill = (count, windows) => this.#fill(count, windows);
    this.#player = makePlayer({ fetchNumber, fill, ended: (count) => this.#ended(count) });
    this.#play.hidden = calm();
    const [row, column] = this.#fields;
    const arrow = h("span", { class: "arrow", "aria-hidden": "true" }, "→");
    this.element = h(
      "div",
      { class: "stage" },
      h("div", { class: "stage-maps" }, this.#source.element, arrow, this.#output.element),
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
    if (unit.first.length === 3) {
      this.#source.showChannel(strongestChannel(unit));
      this.#source.frame(unit.first, extentOf(unit));
    } else this.#source.frame(null);
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
    this.#tell(place);
    this.#source.frame([0, 1].map((axis) => first[axis] + stride[axis] * place[axis]), extent);
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
    this.#value.textContent = place ? `[${place.join(", ")}] = ${number(valueAt(layer, place, map), 4)}` : " ";
  }
}
