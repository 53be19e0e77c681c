// "This is a …": the drawing and its label go to a person's own test set.

import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { button, command, error, h, replace, select } from "../shared/ui.js";

const FEW = 12; // classes that have a button each; more are a list

/** `picture()` gives {picture} or {sample}; `classifier()` the name of the one that answers. */
export function makeOwn({ picture, classifier, empty }) {
  const choices = h("div", { class: "labels" });
  const told = h("div", { class: "own-told", "aria-live": "polite" });

  async function add(label) {
    if (empty()) return replace(told, h("p", { class: "note" }, t("draw.own_empty")));
    const given = await picture();
    if (given.sample) return replace(told, h("p", { class: "note" }, t("draw.own_sample")));
    try {
      show(await api.post("/api/own", { picture: given.picture, label }), t("draw.own_added", { label }));
    } catch (problem) {
      replace(told, error(problem));
    }
    return null;
  }

  function show({ count, table }, first = "") {
    if (!count) return replace(told, h("p", { class: "note" }, t("draw.own_hint")));
    return replace(
      told,
      h("p", { class: "note" }, first, " ", t("draw.own_count", { count })),
      command(`imagelet evaluate ${quoted(classifier())} --data ${quoted(table)}`),
    );
  }

  async function refresh() {
    try {
      show(await api.get("/api/own"));
    } catch (problem) {
      replace(told, error(problem));
    }
  }

  function setClasses(names) {
    if (names.length <= FEW) {
      replace(choices, names.map((name) => button(name, () => add(name), { label: t("draw.own_add", { label: name }) })));
      return;
    }
    const list = select(names, names[0]);
    list.setAttribute("aria-label", t("draw.own"));
    replace(choices, list, button(t("draw.own_button"), () => add(list.value)));
  }

  refresh();
  return { element: h("section", { class: "own", "aria-label": t("draw.own") }, h("h2", null, t("draw.own")), choices, told), setClasses, refresh };
}

/** A word of a command line, in quotes where it needs them. */
function quoted(text) {
  return /^[\w./:@\\-]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}
