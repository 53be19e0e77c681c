// @ts-check
// Three steps around the tab, for whoever sees it for the first time: a line above, and what it is about is outlined.

import { t } from "../shared/i18n.js";
import { button, h, replace } from "../shared/ui.js";

const SEEN = "imagelet-tour"; // in the browser's storage, once the tour was ended or skipped

/** `places` are the elements that the steps are about. Returns the line; it is hidden for whoever has seen it. */
export function makeTour(/** @type {HTMLElement[]} */ places) {
  const element = h("div", { class: "tour", role: "region", "aria-label": t("draw.tour"), hidden: true });
  let at = 0;

  function outline(index) {
    places.forEach((place, step) => place.classList.toggle("toured", step === index));
  }

  function end() {
    localStorage.setItem(SEEN, "yes");
    element.hidden = true;
    outline(-1);
  }

  function go(index, { focus = true } = {}) {
    at = index;
    if (at >= places.length) {
      end();
      return;
    }
    outline(at);
    const isLast = at === places.length - 1;
    const next = button(t(isLast ? "draw.tour_end" : "draw.tour_next"), () => go(at + 1), { primary: true });
    const skip = !isLast && button(t("draw.tour_skip"), end, { quiet: true });
    const step = h("span", { class: "tour-step" }, t("draw.tour_step", { step: at + 1, count: places.length }));
    replace(element, h("p", { role: "status" }, step, " ", t(`draw.tour_${at + 1}`)), h("div", { class: "row" }, next, skip));
    if (focus) next.focus({ preventScroll: true });
  }

  if (localStorage.getItem(SEEN) === null) {
    element.hidden = false;
    go(0, { focus: false });
  }
  return element;
}
