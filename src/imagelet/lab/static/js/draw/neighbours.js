// @ts-check
// The training images that come out most alike: asked for once, then they follow the picture.

import { t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { button, h, inPercent, number, replace } from "../shared/ui.js";

/**
 * `follow()` is called when they are to be looked for, `cancel()` when they are not any more; `following` is whether
 * they already are.
 */
export function makeNeighbours({ follow, cancel, following }) {
  const list = h("ul", { class: "neighbours" });
  const problem = h("div");
  const bar = h("progress", { max: "1", "aria-label": t("draw.preparing_progress") });
  const share = h("span", { class: "mono" });
  const stop = button(t("draw.preparing_cancel"), () => end());
  const preparation = h(
    "div",
    { class: "preparation", hidden: true },
    h("p", { class: "note", role: "status" }, t("draw.preparing")),
    h("div", { class: "row" }, bar, share, stop),
  );
  const find = button(t("draw.neighbours_find"), () => {
    start.hidden = true;
    follow();
  });
  const start = h("div", { hidden: following }, h("p", { class: "hint" }, t("draw.neighbours_hint")), find);

  function end() {
    clear();
    start.hidden = false;
    find.focus();
    cancel();
  }

  function show({ neighbours, missing, preparing, prepared }) {
    preparation.hidden = !preparing;
    if (preparing) {
      if (prepared === null) bar.removeAttribute("value");
      else bar.value = prepared;
      share.textContent = prepared === null ? "" : inPercent(Math.floor(100 * prepared));
    }
    const reason = missing.at(-1); // what else is missing stands before it
    replace(problem, !neighbours.length && !preparing && h("p", { class: "note", role: "status" }, reason));
    replace(list, neighbours.map(neighbourItem));
  }

  function clear() {
    preparation.hidden = true;
    replace(problem);
    replace(list);
  }

  const parts = [h("h2", null, t("draw.neighbours")), start, preparation, list, problem];
  const element = h("section", { class: "near", "aria-label": t("draw.neighbours") }, parts);
  return { element, show, clear };
}

function neighbourItem({ label, index, distance, image }) {
  const canvas = h("canvas", { class: "framed", role: "img", "aria-label": t("draw.neighbour", { label, index }) });
  const words = [h("span", { class: "class" }, label), h("span", { class: "muted" }, number(distance, 2))];
  return h("li", null, drawImage(canvas, image), words);
}
