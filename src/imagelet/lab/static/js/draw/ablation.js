// @ts-check
// A network broken on purpose: maps switched off, biases left out, noise on the weights, the picture moved.
//
// The answer and the accuracy on validation images stand beside those of the network as it is. The answer follows
// every change; the accuracy is counted once the changes rest, and given up with the next one. The address says what
// is broken.

import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { mayChange } from "../shared/session.js";
import { debounced, makeTurns } from "../shared/timing.js";
import { busy, button, error, field, h, number, percent, replace } from "../shared/ui.js";
import { NUMBERS, WHOLE, isBreakable, writtenBroken } from "./broken.js";
import { isFlat } from "./layer_values.js";

const REST = 120; // milliseconds without a change before the answer is asked for
const LONG_REST = 500; // and before the accuracy is counted
const ADDRESS_WAIT = 300; // and before the address says it
const SLIDERS = {
  noise: { text: "break_noise", unit: "break_noise_is" },
  degrees: { text: "break_turn", unit: "break_degrees" },
  right: { text: "break_right", unit: "break_pixels" },
  down: { text: "break_down", unit: "break_pixels" },
};

export class AblationView {
  #layer = null;
  #map = 0; // the map, or the value, that is chosen
  #broken = { ...WHOLE };
  #written = textOf(WHOLE); // what the address says of it
  #question; // () → {name, image} of what the layers are shown of
  #onchange;
  #remember;
  #nextTurn = makeTurns();
  #counting = null; // the AbortController of the accuracy that is counted
  #askSoon = debounced(() => this.#ask(), REST);
  #countSoon = debounced(() => this.#count(), LONG_REST);
  #rememberSoon = debounced(() => this.#write(), ADDRESS_WAIT);
  #sliders = Object.fromEntries(Object.keys(SLIDERS).map((name) => [name, this.#slider(name)]));
  #biases = h("input", { type: "checkbox", onchange: () => this.#set({ biases: !this.#biases.checked }) });
  #withoutBiases = h("label", { class: "inline" }, this.#biases, h("span", null, t("draw.break_biases")));
  #switch = button("", () => this.#toggle(this.#map));
  #off = h("div", { class: "switched-off" });
  #reset = button(t("draw.break_reset"), () => this.#set(WHOLE), { quiet: true });
  #hint = h("p", { class: "note" });
  #faces = { original: makeFace(t("draw.break_original")), changed: makeFace(t("draw.break_changed")) };
  #counted = h("div", { class: "counting", role: "status" });
  #problem = h("div");
  #results = h(
    "div",
    { class: "break-results", role: "group", "aria-label": t("draw.break_result") },
    this.#faces.original.element,
    this.#faces.changed.element,
  );
  #spoken = h("p", { class: "visually-hidden", role: "status" });

  /**
   * `question()` is what the layers are shown of, {name, image}, or null; `onchange(maps)` is called with the maps that
   * are off, `remember(broken)` with all that is broken once that rests.
   */
  constructor({ question, onchange, remember }) {
    [this.#question, this.#onchange, this.#remember] = [question, onchange, remember];
    const sliders = Object.values(this.#sliders).map(({ element }) => element);
    const controls = h(
      "div",
      { class: "break-controls" },
      h("div", { class: "break-maps" }, this.#switch, this.#off),
      this.#withoutBiases,
      h("div", { class: "break-sliders" }, sliders),
      this.#reset,
    );
    const answers = h("div", null, this.#results, this.#counted, this.#problem, this.#spoken);
    this.element = h(
      "section",
      { class: "breaking card", "aria-labelledby": "break-title", hidden: true },
      h("h2", { id: "break-title" }, t("draw.break")),
      this.#hint,
      h("div", { class: "break-body" }, controls, answers),
    );
  }

  /** The maps, or values, of the layer that are switched off. */
  get off() {
    return this.#broken.maps;
  }

  /** A layer is open, with one of its maps or values chosen, and the address says what is broken; null: none is. */
  show(layer, map, /** @type {import("./broken.js").Broken} */ broken = WHOLE) {
    const isOther = layer?.name !== this.#layer?.name;
    const isNew = isOther || textOf(broken) !== this.#written; // else what was changed here just now stays
    [this.#layer, this.#map] = [layer, map];
    if (isNew) {
      [this.#broken, this.#written] = [{ ...broken }, textOf(broken)];
      this.#rememberSoon.cancel();
    }
    this.element.hidden = !layer || !isBreakable(layer);
    if (this.element.hidden) {
      this.stop();
      return;
    }
    this.#hint.textContent = t("draw.break_hint", { layer: layer.name });
    this.#draw();
    if (isNew) this.#changed();
  }

  /** The layers are those of another picture. */
  renew() {
    if (!this.element.hidden) this.#changed();
  }

  stop() {
    this.#nextTurn();
    for (const soon of [this.#askSoon, this.#countSoon]) soon.cancel();
    this.#counting?.abort();
    this.#counting = null;
  }

  /** The tab is left: its address is another's. */
  close() {
    this.stop();
    this.#rememberSoon.cancel();
  }

  #slider(name) {
    const { text, unit } = SLIDERS[name];
    const { low, high, step } = NUMBERS[name];
    const answers = h("output", { class: "mono" });
    const attributes = { min: String(low), max: String(high), step: String(step) };
    const input = h("input", { type: "range", ...attributes, oninput: () => this.#set({ [name]: Number(input.value) }) });
    const show = (value) => {
      input.value = String(value);
      answers.value = t(`draw.${unit}`, { value: number(value, 2) });
      input.setAttribute("aria-valuetext", answers.value);
    };
    const element = field(t(`draw.${text}`), input);
    element.append(answers);
    return { element, show };
  }

  #toggle(map) {
    const { maps } = this.#broken;
    const without = maps.filter((other) => other !== map);
    this.#set({ maps: without.length < maps.length ? without : [...maps, map].sort((one, other) => one - other) });
  }

  #set(part) {
    Object.assign(this.#broken, part);
    this.#draw();
    this.#changed();
    this.#rememberSoon();
  }

  #write() {
    this.#written = textOf(this.#broken);
    this.#remember(this.#broken);
  }

  #draw() {
    const { maps, biases } = this.#broken;
    const kind = isFlat(this.#layer) ? "_value" : "";
    const isOff = maps.includes(this.#map);
    this.#switch.textContent = t(`draw.break_${isOff ? "on" : "off"}${kind}`, { map: this.#map });
    const chip = (map) => button(`${map} ✕`, () => this.#toggle(map), { label: t(`draw.break_on${kind}`, { map }) });
    replace(this.#off, maps.length ? maps.map(chip) : h("p", { class: "hint" }, t("draw.break_none_off")));
    this.#biases.checked = !biases;
    this.#withoutBiases.hidden = !this.#layer.biases;
    this.#sliders.noise.element.hidden = !this.#layer.weights;
    for (const [name, { show }] of Object.entries(this.#sliders)) show(this.#broken[name]);
    this.#reset.disabled = !this.#isChanged;
    this.#onchange(maps);
  }

  get #isChanged() {
    return textOf(this.#broken) !== textOf(WHOLE);
  }

  /** What is shown is not of these changes any more. */
  #changed() {
    this.stop();
    this.#results.classList.add("stale");
    this.#askSoon();
    if (mayChange()) this.#countSoon();
  }

  get #body() {
    return { layer: this.#layer.name, ...this.#broken };
  }

  async #ask() {
    const asked = this.#question();
    if (!asked) return;
    const isNewest = this.#nextTurn();
    try {
      const question = { classifier: asked.name, ...asked.image, changes: this.#body };
      const answers = await busy(this.#results, api.post("/api/ablation", question));
      if (!isNewest()) return;
      for (const [name, face] of Object.entries(this.#faces)) face.show(answers[name]);
      this.#results.classList.remove("stale");
      replace(this.#problem);
      const { predicted, probability } = answers.changed;
      const words = { label: predicted, share: percent(probability) };
      this.#spoken.textContent = this.#isChanged ? t("draw.break_said", words) : "";
    } catch (problem) {
      if (isNewest()) replace(this.#problem, error(problem));
    }
  }

  async #count() {
    const asked = this.#question();
    if (!asked) return;
    const counting = new AbortController();
    this.#counting = counting;
    const stop = button(t("draw.break_stop"), () => {
      counting.abort();
      replace(this.#counted, h("p", { class: "note" }, t("draw.break_stopped")));
    });
    replace(this.#counted, h("p", { class: "note" }, t("draw.break_counting")), stop);
    try {
      const body = { classifier: asked.name, changes: this.#body };
      const counted = await api.post("/api/ablation/accuracy", body, { signal: counting.signal });
      if (counting.signal.aborted) return;
      replace(this.#counted, counted.missing && h("p", { class: "note" }, t("draw.break_missing", { reason: counted.missing })));
      this.#faces.original.count(counted.original);
      this.#faces.changed.count(counted.changed, counted.original);
    } catch (problem) {
      if (!counting.signal.aborted) replace(this.#counted, error(problem));
    }
  }
}

const textOf = (/** @type {import("./broken.js").Broken} */ broken) => JSON.stringify(writtenBroken(broken));

/** One of the two answers: what the network got, what it predicts, how many validation images it gets right. */
function makeFace(title) {
  const canvas = h("canvas", { class: "framed", "aria-hidden": "true" });
  const verdict = h("p", { class: "break-verdict" });
  const accuracy = h("div", { class: "break-accuracy" });
  const said = h("div", null, h("h3", null, title), verdict, accuracy);
  return {
    element: h("div", { class: "break-face" }, canvas, said),

    show({ predicted, probability, framed_input: framed }) {
      drawImage(canvas, framed);
      replace(verdict, h("strong", null, predicted), " ", h("span", null, percent(probability)));
      replace(accuracy);
    },

    /** Show how many images are correct, {correct, images}, and how far that is from `other`; null: nothing. */
    count(counted, other = null) {
      if (!counted) return;
      const share = counted.correct / counted.images;
      const points = other && 100 * (share - other.correct / other.images);
      const written = other && `${points > 0 ? "+" : ""}${number(points, 3)}`;
      replace(
        accuracy,
        h("span", { class: "track" }, h("span", { class: "bar", style: { width: percent(share).replaceAll(/[<> ]/g, "") } })),
        h("p", null, h("strong", null, percent(share)), " ", written && t("draw.break_points", { points: written })),
        h("p", { class: "hint" }, t("draw.break_accuracy", counted)),
      );
    },
  };
}
