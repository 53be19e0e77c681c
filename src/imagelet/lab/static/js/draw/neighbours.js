// The training images that come out most alike: asked for once, then they follow the picture.

import { said, t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { button, error, h, number, replace } from "../shared/ui.js";

/** `follow()` is called when they are to be looked for. */
export function makeNeighbours({ follow, following }) {
  const list = h("ul", { class: "neighbours" });
  const problem = h("div");
  const start = h("div", null, h("p", { class: "hint" }, t("draw.neighbours_hint")), button(t("draw.neighbours_find"), () => {
    start.hidden = true;
    follow();
  }));
  start.hidden = following;

  function show({ neighbours, missing, preparing }) {
    const why = preparing ? [t("draw.preparing")] : missing.map(said);
    replace(problem, neighbours.length ? null : why.map((each) => h("p", { class: "note", role: "status" }, each)));
    problem.classList.toggle("busy", preparing);
    replace(
      list,
      neighbours.map((each) =>
        h(
          "li",
          null,
          drawImage(h("canvas", { class: "framed", role: "img", "aria-label": t("draw.neighbour", { label: each.label, index: each.index }) }), each.image),
          h("span", { class: "class" }, each.label),
          h("span", { class: "muted" }, number(each.distance, 2)),
        ),
      ),
    );
  }

  return {
    element: h("section", { class: "near", "aria-label": t("draw.neighbours") }, h("h2", null, t("draw.neighbours")), start, list, problem),
    show,
    clear: () => replace(list),
    fail: (what) => replace(problem, error(what)),
  };
}
