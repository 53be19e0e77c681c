// @ts-check
// The training images that come out most alike: asked for once, then they follow the picture.

import { t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { button, h, number, replace } from "../shared/ui.js";

/** `follow()` is called when they are to be looked for; `following` is whether they already are. */
export function makeNeighbours({ follow, following }) {
  const list = h("ul", { class: "neighbours" });
  const problem = h("div");
  const find = button(t("draw.neighbours_find"), () => {
    start.hidden = true;
    follow();
  });
  const start = h("div", { hidden: following }, h("p", { class: "hint" }, t("draw.neighbours_hint")), find);

  function show({ neighbours, missing, preparing }) {
    const reason = preparing ? t("draw.preparing") : missing.at(-1); // what else is missing stands before it
    replace(problem, neighbours.length ? null : h("p", { class: "note", role: "status" }, reason));
    problem.classList.toggle("busy", preparing);
    replace(list, neighbours.map(neighbourItem));
  }

  const parts = [h("h2", null, t("draw.neighbours")), start, list, problem];
  const element = h("section", { class: "near", "aria-label": t("draw.neighbours") }, parts);
  return { element, show, clear: () => replace(list) };
}

function neighbourItem({ label, index, distance, image }) {
  const canvas = h("canvas", { class: "framed", role: "img", "aria-label": t("draw.neighbour", { label, index }) });
  const words = [h("span", { class: "class" }, label), h("span", { class: "muted" }, number(distance, 2))];
  return h("li", null, drawImage(canvas, image), words);
}
