// @ts-check
// A network broken on purpose: maps switched off, biases left out, noise on the weights, the picture moved.
//
// The answer and the accuracy on validation images stand beside those of the network as it is. The answer follows
// every change; the accuracy is counted once the changes rest, and given up with the next one.

import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { mayChange } from "../shared/session.js";
import { debounced, makeTurns } from "../shared/timing.js";
import { busy, button, error, field, h, number, percent, replace } from "../shared/ui.js";
import { isFlat } from "./layer_values.js";

const REST = 120; // milliseconds without a change before the answer is asked for
const LONG_REST = 500; // and before the accuracy is counted
const UNCHANGED = { maps: [], biases: true, noise: 0 };
const UNMOVED = { degrees: 0, right: 0, down: 0 };
const WITHOUT = new Set(["softmax", "reshape"]); // families of layers with nothing of their own to break
const SLIDERS = {
  noise: { text: "break_noise", unit: "break_noise_is", low: 0, high: 3, step: 0.1 },
  degrees: { text: "break_turn", unit: "break_degrees", low: -90, high: 90, step: 5 },
  right: { text: "break_right", unit: "break_pixels", low: -10, high: 10, step: 1 },
  down: { text: "break_down", unit: "break_pixels", low: -10, high: 10, step: 1 },
};

export class AblationView {
  #layer = null;
  #map = 0; // the map, or the value, that is chosen
  #changes = { ...UNCHANGED, ...UNMOVED };
  #question; // () → {name, image} of what the layers are shown of
  #onchange;
  #nextTurn = makeTurns();
  #counting = null; // the AbortController of the accuracy that is counted
  #askSoon = debounced(() => this.#ask(), REST);
  #countSoon = debounced(() => this.#count(), LONG_REST);
  #sliders = Object.fromEntries(Object.keys(SLIDERS).map((name) => [name, this.#slider(name)]));
  #biases = h("input", { type: "checkbox", onchange: () => this.#set({ biases: !this.#biases.checked }) });
  #withoutBiases = h("label", { class: "inline" }, this.#biases, h("span", null, t("draw.break_biases")));
  #switch = button("", () => this.#toggle(this.#map));
  #off = h("div", { class: "switched-off" });
  #reset = button(t("draw.break_reset"), () => this.#set({ ...UNCHANGED, ...UNMOVED }), { quiet: true });
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

  /** `question()` is what the layers are shown of, {name, image}, or null; `onchange(maps)` the maps that are off. */
  constructor({ question, onchange }) {
    [this.#question, this.#onchange] = [question, onchange];
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
    return this.#changes.maps;
  }

  /** A layer is open, with one of its maps or values chosen; null: none is. */
  show(layer, map) {
    const isOther = layer?.name !== this.#layer?.name;
    [this.#layer, this.#map] = [layer, map];
    this.element.hidden = !layer || WITHOUT.has(layer.family);
    if (this.element.hidden) {
      this.stop();
      return;
    }
    if (isOther) Object.assign(this.#changes, UNCHANGED);
    this.#hint.textContent = t("draw.break_hint", { layer: layer.name });
    this.#draw();
    if (isOther) this.#changed();
  }

  /** The layers are those of another picture. */
  renew() {
    if (!this.element.hidden) this.#changed();
  }

  stop() {
    this.#nextTurn();
    this.#askSoon.cancel();
    this.#countSoon.cancel();
    this.#counting?.abort();
    this.#counting = null;
  }

  #slider(name) {
    const { text, unit, low, high, step } = SLIDERS[name];
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
    const { maps } = this.#changes;
    const without = maps.filter((other) => other !== map);
    this.#set({ maps: without.length < maps.length ? without : [...maps, map].sort((one, other) => one - other) });
  }

  #set(part) {
    Object.assign(this.#changes, part);
    this.#draw();
    this.#changed();
  }

  #draw() {
    const { maps, biases } = this.#changes;
    const kind = isFlat(this.#layer) ? "_value" : "";
    const isOff = maps.includes(this.#map);
    this.#switch.textContent = t(`draw.break_${isOff ? "on" : "off"}${kind}`, { map: this.#map });
    const chip = (map) => button(`${map} ✕`, () => this.#toggle(map), { label: t(`draw.break_on${kind}`, { map }) });
    replace(this.#off, maps.length ? maps.map(chip) : h("p", { class: "hint" }, t("draw.break_none_off")));
    this.#biases.checked = !biases;
    this.#withoutBiases.hidden = !this.#layer.biases;
    this.#sliders.noise.element.hidden = !this.#layer.weights;
    for (const [name, { show }] of Object.entries(this.#sliders)) show(this.#changes[name]);
    this.#reset.disabled = !this.#isChanged;
    this.#onchange(maps);
  }

  get #isChanged() {
    return JSON.stringify(this.#changes) !== JSON.stringify({ ...UNCHANGED, ...UNMOVED });
  }

  /** What is shown is not of these changes any more. */
  #changed() {
    this.stop();
    this.#results.classList.add("stale");
    this.#askSoon();
    if (mayChange()) this.#countSoon();
  }

  get #body() {
    return { layer: this.#layer.name, ...this.#changes };
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
