// @ts-check
// "This is a …": the drawing and its label go to a person's own test set.

import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { button, command, error, h, quoted, replace, select } from "../shared/ui.js";

const FEW = 12; // classes that have a button each; more are a list

/** `pad` holds the picture; `classifier()` is the name of the classifier in use. */
export function makeOwn({ pad, classifier }) {
  const choices = h("div", { class: "labels" });
  const result = h("div", { class: "own-told", "aria-live": "polite" });

  function note(...content) {
    return h("p", { class: "note" }, content);
  }

  async function add(label) {
    if (pad.empty) replace(result, note(t("draw.own_empty")));
    else if (pad.sample) replace(result, note(t("draw.own_sample")));
    else await show(api.post("/api/own", { ...(await pad.image()), label }), t("draw.own_added", { label }));
  }

  /** Show the test set that the server tells of, once it does. */
  async function show(response, first = "") {
    try {
      const { count, table } = await response;
      const line = `imagelet evaluate ${quoted(classifier())} --data ${quoted(table ?? "")}`;
      if (!count) replace(result, note(t("draw.own_hint")));
      else replace(result, note(first, " ", t("draw.own_count", { count })), command(line));
    } catch (problem) {
      replace(result, error(problem));
    }
  }

  function setClasses(names) {
    if (names.length <= FEW) {
      const choiceOf = (label) => button(label, () => add(label), { label: t("draw.own_add", { label }) });
      replace(choices, names.map(choiceOf));
      return;
    }
    const list = select(names, names[0]);
    list.setAttribute("aria-label", t("draw.own"));
    replace(choices, list, button(t("draw.own_button"), () => add(list.value)));
  }

  return {
    element: h("section", { class: "own", "aria-label": t("draw.own") }, h("h2", null, t("draw.own")), choices, result),
    setClasses,
    refresh: () => show(api.get("/api/own")),
  };
}
