// The deleted runs, each with a button that brings it back.

import { t } from "../shared/i18n.js";
import { button, h, replace } from "../shared/ui.js";

/** `restore(name)` is called for the one that is wanted. */
export function trash({ restore }) {
  const summary = h("summary");
  const list = h("ul");
  const element = h("details", { class: "trash", hidden: true }, summary, list);

  function show(deleted) {
    element.hidden = !deleted.length;
    replace(summary, t("runs.trash", { count: deleted.length }));
    const label = (name) => t("runs.trash.back_named", { run: name });
    replace(list, deleted.map(({ name }) => h("li", null, h("span", null, name), button(t("runs.trash.back"), () => restore(name), { label: label(name) }))));
  }

  return { element, show };
}
