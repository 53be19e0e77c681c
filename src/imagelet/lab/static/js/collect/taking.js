// @ts-check
// What a classifier is taken along as: links to files that are made when they are asked for.

import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { busy, error, h, replace } from "../shared/ui.js";

const FORMS = /** @type {const} */ ([["page", ".html"], ["onnx", ".onnx"], ["run", ".zip"]]);

/** Links that download a run's classifier in several forms. */
export function makeTaking(/** @type {string} */ run) {
  const problem = h("div", { "aria-live": "polite" });
  const list = h("ul", { class: "taking" }, FORMS.map(([form, suffix]) => h("li", null, link(run, form, suffix, problem))));
  return h("div", { class: "take-along" }, h("h3", null, t("collect.take_along")), list, problem);
}

/** A link that fetches its file itself, so that a refusal is told here. */
function link(run, form, suffix, problem) {
  const href = `/api/take/${encodeURIComponent(run)}/${form}`;
  const name = run.split("/").at(-1) + suffix;
  const element = h("a", { href, download: name }, t(`collect.take_${form}`));
  element.addEventListener("click", async (event) => {
    if (element.protocol === "blob:") return; // it was fetched, and is saved now
    event.preventDefault();
    replace(problem);
    try {
      element.href = URL.createObjectURL(await busy(element, api.blob(href)));
      element.click();
    } catch (refused) {
      replace(problem, error(refused));
    } finally {
      setTimeout(() => {
        if (element.protocol === "blob:") URL.revokeObjectURL(element.href);
        element.href = href;
      });
    }
  });
  return [element, " ", h("span", { class: "hint" }, t(`collect.take_${form}_hint`))];
}
