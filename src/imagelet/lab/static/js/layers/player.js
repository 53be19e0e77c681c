// @ts-check
// Steps from place to place of the output: by button, slider, key, or by itself.

import { t } from "../shared/i18n.js";
import { clamp } from "../shared/scales.js";
import { calm, h, svg } from "../shared/ui.js";

const SLOW = 900; // milliseconds a step of small outputs
const QUICK = 160;
const WHOLE_WALK = 14_000; // large outputs are walked through in about this time
const ICONS = {
  first: "M4 3v10M12 3.5 7.5 8l4.5 4.5",
  back: "M10 3.5 5.5 8l4.5 4.5",
  play: "M4.5 2.6v10.8L13 8z",
  pause: "M4.5 3h2.6v10H4.5zM9 3h2.6v10H9z",
  next: "m6 3.5 4.5 4.5L6 12.5",
  last: "M12 3v10M4 3.5 8.5 8 4 12.5",
};

export class Player {
  #index = 0;
  #count = 1;
  #timer = null;
  #moved;
  #playing;
  #buttons = {
    first: this.#button("first", () => this.#go(0)),
    back: this.#button("back", () => this.step(-1)),
    play: this.#button("play", () => this.play(this.#timer === null)),
    next: this.#button("next", () => this.step(1)),
    last: this.#button("last", () => this.#go(this.#count - 1)),
  };
  #slider = h("input", {
    type: "range",
    min: "0",
    step: "1",
    "aria-label": t("layers.step_place"),
    oninput: () => this.#go(Number(this.#slider.value)),
  });
  #where = h("output", { class: "step-count" });

  /** `moved(index)` is called with another place, `playing(on)` when it begins and ends to play. */
  constructor({ moved, playing }) {
    [this.#moved, this.#playing] = [moved, playing];
    const parts = [Object.values(this.#buttons), this.#slider, this.#where];
    this.element = h("div", { class: "player", role: "group", "aria-label": t("layers.step_group") }, parts);
  }

  show(index, count) {
    [this.#index, this.#count] = [index, count];
    const { first, back, play, next, last } = this.#buttons;
    this.#slider.max = String(count - 1);
    this.#slider.value = String(index);
    this.#slider.disabled = play.disabled = count < 2;
    this.#where.value = t("layers.step_where", { place: index + 1, count });
    for (const button of [first, back]) greyOut(button, index === 0);
    for (const button of [next, last]) greyOut(button, index === count - 1);
  }

  step(by) {
    this.#go(this.#index + by);
  }

  play(on) {
    if (on === (this.#timer !== null)) return;
    this.close();
    if (on) {
      const pace = calm() ? SLOW : clamp(WHOLE_WALK / this.#count, QUICK, SLOW);
      if (this.#index >= this.#count - 1) this.#moved(0);
      this.#timer = setInterval(() => this.#playOn(), pace);
    }
    setFace(this.#buttons.play, on ? "pause" : "play");
    this.#playing(on);
  }

  close() {
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #button(name, onclick) {
    return setFace(h("button", { type: "button", class: "step", onclick }), name);
  }

  #playOn() {
    if (this.#index < this.#count - 1) this.#moved(this.#index + 1);
    else this.play(false);
  }

  #go(index) {
    this.play(false);
    this.#moved(clamp(index, 0, this.#count - 1));
  }
}

/** Give a button its icon and its name. */
function setFace(button, name) {
  const attributes = { viewBox: "0 0 16 16", class: `icon icon-${name}`, "aria-hidden": "true", focusable: "false" };
  button.replaceChildren(svg("svg", attributes, svg("path", { d: ICONS[name] })));
  button.title = t(`layers.step_${name}`);
  button.setAttribute("aria-label", button.title);
  return button;
}

/** Grey a button out, yet leave it the focus that it may have. */
function greyOut(button, on) {
  button.setAttribute("aria-disabled", String(on));
}
