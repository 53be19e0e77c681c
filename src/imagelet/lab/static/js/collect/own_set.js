// @ts-check
// A person's own test set: its pictures with their labels, and how a classifier does on them.

import { api } from "../shared/api.js";
import { whisker, whiskerScale } from "../shared/charts.js";
import { t } from "../shared/i18n.js";
import { busy, button, error, field, group, h, percent, remark, replace, select } from "../shared/ui.js";

/** @typedef {{file: string, label: string, name: string}} OwnPicture */

export class OwnSet {
  #name = null; // the classifier's
  #words = h("p", { class: "hint" });
  #place = h("div");
  #list = h("ul", { class: "own-list" });
  #result = h("div", { class: "own-result", "aria-live": "polite" });
  #evaluate = button(t("collect.own_evaluate"), () => this.#test(), { primary: true });

  /** @param {{classifiers: {name: string}[], chosen: (classifier: string) => void}} options */
  constructor({ classifiers, chosen }) {
    this.names = classifiers.map(({ name }) => name);
    this.choice = select(this.names, null, chosen);
    this.element = h(
      "section",
      { class: "card own-set", "aria-labelledby": "own-title" },
      h("h2", { id: "own-title" }, t("collect.own")),
      h("p", { class: "note" }, t("collect.own_lead")),
      h("div", { class: "row begin" }, field(t("collect.own_classifier"), this.choice), this.#evaluate),
      this.#result,
      this.#words,
      this.#list,
      this.#place,
    );
  }

  /** Show the set of a classifier's classes. */
  async show(/** @type {string} */ classifier) {
    if (!this.names.includes(classifier)) return;
    if (this.#name !== classifier) replace(this.#result);
    this.#name = this.choice.value = classifier;
    await this.refresh();
  }

  async refresh() {
    if (this.#name !== null) await this.#showSet(api.get(this.#address("")));
  }

  #address(what, query = {}) {
    return `/api/own${what}?${new URLSearchParams({ classifier: this.#name, ...query })}`;
  }

  async #showSet(response) {
    const asked = this.#name;
    try {
      const { count, table, pictures } = await response;
      if (asked !== this.#name) return;
      this.#evaluate.disabled = !count;
      replace(this.#words, t(count ? "collect.own_count" : "collect.own_none", { count }));
      replace(this.#place, count > 0 && group(t("collect.own_place"), h("p", { class: "hint" }, h("code", null, table))));
      replace(this.#list, pictures.map((picture) => h("li", null, this.#face(picture))));
    } catch (problem) {
      replace(this.#words, error(problem));
    }
  }

  #face(/** @type {OwnPicture} */ { file, label, name: person }) {
    const remove = () => {
      replace(this.#result);
      this.#showSet(api.del(this.#address("", { file })));
    };
    return [
      imageAt(this.#address("/picture", { file })),
      h("span", { class: "own-label", title: person }, label),
      button("✕", remove, { quiet: true, label: t("collect.own_remove", { label }), title: t("collect.own_take_out") }),
    ];
  }

  async #test() {
    this.#evaluate.disabled = true;
    try {
      const result = await busy(this.#result, api.post("/api/own/result", { classifier: this.#name }));
      replace(this.#result, resultOf(result, (file) => this.#address("/picture", { file })));
    } catch (problem) {
      replace(this.#result, error(problem));
    } finally {
      this.#evaluate.disabled = false;
    }
  }
}

function imageAt(src) {
  return h("img", { src, alt: "", loading: "lazy", width: 72, height: 72 });
}

function resultOf({ images, correct, accuracy, interval, people, interval_by_person: byPerson, mistakes }, address) {
  const chosen = byPerson ?? interval;
  const scale = whiskerScale([chosen]);
  const ends = { low: percent(chosen[0], 0), high: percent(chosen[1], 0) };
  return h(
    "div",
    null,
    h("p", { class: "big" }, percent(accuracy, 1), " ", h("span", null, t("collect.own_right", { correct, images }))),
    whisker([{ value: accuracy, interval: chosen, kind: "accent" }], scale[0], scale[1], { width: 260 }),
    remark(byPerson ? t("collect.own_by_person", { people, ...ends }) : t("collect.own_by_picture", ends)),
    h("h3", null, t(mistakes.length ? "collect.own_mistakes" : "collect.own_no_mistakes")),
    h("ul", { class: "own-list mistakes" }, mistakes.map((mistake) => h("li", null, mistakeFace(mistake, address)))),
  );
}

function mistakeFace({ file, label, predicted, probability }, address) {
  return [
    imageAt(address(file)),
    h("span", { class: "own-label" }, label, " → ", h("strong", { class: "wrong" }, predicted)),
    h("span", { class: "hint" }, percent(probability, 0)),
  ];
}
