// @ts-check
// A new collection: its name and its classes.

import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { error, field, h, replace } from "../shared/ui.js";

/** The classes in a line: parted by commas, no one twice. */
export function classesIn(/** @type {string} */ line) {
  const names = line.split(/[,،、，\n]/).map((name) => name.trim()).filter(Boolean);
  const small = names.map((name) => name.toLowerCase());
  return names.filter((_, at) => small.indexOf(small[at]) === at);
}

/** A name with the first number that makes it another one than those that are taken. */
export function freeName(/** @type {string} */ stem, /** @type {string[]} */ taken) {
  let name = stem;
  for (let number = 2; taken.includes(name); number++) name = `${stem} ${number}`;
  return name;
}

/** The form; `made(collection)` is called with the new one. `taken` are the names of the others. */
export function makeBeginning({ taken, made }) {
  const classes = h("input", { autocomplete: "off", placeholder: t("collect.classes_example"), required: true });
  const value = freeName(t("collect.name_example"), taken);
  const name = h("input", { autocomplete: "off", maxlength: 50, required: true, value });
  const problem = h("div", { "aria-live": "polite" });
  const begin = h("button", { type: "submit", class: "primary" }, t("collect.begin"));

  async function send(event) {
    event.preventDefault();
    begin.disabled = true;
    try {
      made(await api.post("/api/collections", { name: name.value, classes: classesIn(classes.value) }));
    } catch (refused) {
      replace(problem, error(refused));
      begin.disabled = false;
    }
  }

  const form = h(
    "form",
    { class: "card beginning", onsubmit: send },
    h("h2", null, t("collect.what")),
    field(t("collect.classes_label"), classes, t("collect.classes_hint")),
    field(t("collect.name"), name, t("collect.name_hint")),
    problem,
    h("div", { class: "row" }, begin),
  );
  const step = (key) => h("li", null, h("strong", null, t(`collect.step_${key}`)), " ", t(`collect.step_${key}_hint`));
  return h("div", { class: "beginning-columns" }, form, h("ol", { class: "steps" }, ["gather", "train", "try"].map(step)));
}
