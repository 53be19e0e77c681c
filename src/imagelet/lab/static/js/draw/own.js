// @ts-check
// "This is a …": the drawing and its label go to a person's own test set.

import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { state } from "../shared/state.js";
import { button, error, h, inline, replace, select } from "../shared/ui.js";

const FEW = 12; // classes that have a button each; more are a list
const PERSON = "imagelet-person"; // who draws, in this browser's storage

export class Own {
  #choices = h("div", { class: "labels" });
  #result = h("div", { class: "own-told", "aria-live": "polite" });
  #isReadable = false;
  #isOpen = null; // whether the picture can be added now
  #said = ""; // of the picture that was added last
  #set = null; // {count}: the test set, as the server tells of it
  #pad;
  #classifier;
  #added;
  #person = h("input", { maxlength: 100, autocomplete: "off", value: localStorage.getItem(PERSON) ?? "" });

  /**
   * `pad` holds the picture; `classifier()` is the name of the one in use; `added()` is called when a picture joined.
   * @param {{pad: {empty: boolean, sample: any, example?: any, image: () => Promise<any>}, classifier: () => string,
   *   added?: () => void}} options
   */
  constructor({ pad, classifier, added = () => {} }) {
    [this.#pad, this.#classifier, this.#added] = [pad, classifier, added];
    this.#person.addEventListener("change", () => localStorage.setItem(PERSON, this.#person.value.trim()));
    const by = h("div", { class: "own-by" }, inline(t("draw.own_by"), this.#person));
    const title = h("h2", null, t("draw.own"));
    this.element = h("section", { class: "own", "aria-label": t("draw.own") }, title, this.#choices, by, this.#result);
  }

  setClasses(names) {
    this.#isOpen = null;
    if (names.length <= FEW) {
      const choiceOf = (label) => button(label, () => this.#add(label), { label: t("draw.own_add", { label }) });
      replace(this.#choices, names.map(choiceOf));
    } else {
      const list = select(names, names[0]);
      list.setAttribute("aria-label", t("draw.own"));
      replace(this.#choices, list, button(t("draw.own_button"), () => this.#add(list.value)));
    }
    this.#update();
  }

  /** What lies on the pad can be read; or it cannot, or nothing lies there. */
  allow(/** @type {boolean} */ isReadable) {
    this.#isReadable = isReadable;
    this.#update();
  }

  /** Something else lies on the pad. */
  changed() {
    if (this.#said) this.#describe("");
    this.#update();
  }

  refresh() {
    return this.#load(api.get(`/api/own?classifier=${encodeURIComponent(this.#classifier())}`), this.#said);
  }

  async #add(label) {
    const name = this.#person.value.trim();
    const picture = { classifier: this.#classifier(), ...(await this.#pad.image()), label, name };
    await this.#load(api.post("/api/own", picture), t("draw.own_added", { label }));
    this.#added();
  }

  /** Show the test set that the server tells of, once it does. */
  async #load(response, said) {
    try {
      this.#set = await response;
      this.#describe(said);
    } catch (problem) {
      replace(this.#result, error(problem));
    }
  }

  #describe(said) {
    this.#said = said;
    const note = (...content) => h("p", { class: "note" }, content);
    const { count = 0 } = this.#set ?? {};
    if (this.#pad.sample) replace(this.#result, note(t("draw.own_sample")));
    else if (!count) replace(this.#result, note(t("draw.own_hint")));
    else {
      const link = h("a", { href: state.link("collect", { own: this.#classifier() }) }, t("draw.own_result"));
      replace(this.#result, note(said, " ", t("draw.own_count", { count }), " ", link));
    }
  }

  /** Open the choices where a picture of a person's own lies on the pad. */
  #update() {
    const { empty, sample, example } = this.#pad;
    const isOpen = this.#isReadable && !empty && !sample && !example;
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    for (const control of this.#choices.children) /** @type {HTMLButtonElement} */ (control).disabled = !isOpen;
    this.#describe(this.#said);
  }
}
