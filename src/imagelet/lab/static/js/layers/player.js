/** Steps from place to place of the output: by button, slider, key, or by itself. */

import { t } from "../shared/i18n.js";
import { calm, h } from "../shared/ui.js";
import { icon } from "./icons.js";

const SLOW = 900; // milliseconds a step of small outputs
const QUICK = 160;
const WHOLE_WALK = 14_000; // large outputs are walked through in about this time

/**
 * Return { element, show(index, count), play(on), step(by), close() }.
 *
 * Args: moved(index), playing(on): told when it begins and ends to play.
 */
export function player({ moved, playing }) {
  let index = 0;
  let count = 1;
  let timer = null;
  const button = (name, act) => h("button", { type: "button", class: "step", onclick: act }, icon(name));
  const buttons = {
    first: button("first", () => go(0)),
    back: button("back", () => go(index - 1)),
    play: button("play", () => play(timer === null)),
    next: button("next", () => go(index + 1)),
    last: button("last", () => go(count - 1)),
  };
  const names = { first: "first", back: "back", next: "next", last: "last" };
  for (const [name, key] of Object.entries(names)) label(buttons[name], t(`layers.step_${key}`));
  label(buttons.play, t("layers.step_play"));
  const slider = h("input", {
    type: "range",
    min: "0",
    step: "1",
    "aria-label": t("layers.step_place"),
    oninput: () => go(Number(slider.value)),
  });
  const where = h("output", { class: "step-count" });
  const element = h(
    "div",
    { class: "player", role: "group", "aria-label": t("layers.step_group") },
    ...Object.values(buttons),
    slider,
    where,
  );

  function label(element_, text) {
    element_.setAttribute("aria-label", text);
    element_.title = text;
  }

  function go(wanted) {
    play(false);
    moved(Math.min(Math.max(wanted, 0), count - 1));
  }

  function play(on) {
    if (on === (timer !== null)) return;
    clearInterval(timer);
    timer = null;
    if (on) {
      const pace = calm() ? SLOW : Math.max(QUICK, Math.min(SLOW, WHOLE_WALK / count));
      if (index >= count - 1) moved(0);
      timer = setInterval(() => (index < count - 1 ? moved(index + 1) : play(false)), pace);
    }
    buttons.play.replaceChildren(icon(on ? "pause" : "play"));
    label(buttons.play, t(on ? "layers.step_pause" : "layers.step_play"));
    playing(on);
  }

  return {
    element,
    play,
    toggle: () => play(timer === null),
    step: (by) => go(index + by),
    show(place, places) {
      [index, count] = [place, places];
      slider.max = String(count - 1);
      slider.value = String(index);
      slider.disabled = count < 2;
      where.value = t("layers.step_where", { place: index + 1, count });
      for (const name of ["first", "back"]) unavailable(buttons[name], index === 0);
      for (const name of ["next", "last"]) unavailable(buttons[name], index === count - 1);
      buttons.play.disabled = count < 2;
    },
    close: () => clearInterval(timer),
  };
}

/** Grey a button out, yet leave it the focus that it may have. */
function unavailable(button, so) {
  button.setAttribute("aria-disabled", String(so));
}
