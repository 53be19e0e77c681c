// @ts-check
// Collect: name classes, gather pictures of them, train on them in seconds, and try what came of it.

import { api } from "../shared/api.js";
import { currentLanguage, t, useLanguage } from "../shared/i18n.js";
import { state } from "../shared/state.js";
import { button, command, error, field, h, replace, select, unknownValues } from "../shared/ui.js";
import { makeBeginning } from "../collect/beginning.js";
import { Gallery } from "../collect/gallery.js";
import { Gather } from "../collect/gather.js";
import { OwnSet } from "../collect/own_set.js";
import { Server } from "../collect/server.js";
import { Training } from "../collect/training.js";
import { Trying } from "../collect/trying.js";

const kept = { kind: "drawing" }; // the source outlives a change of tab

/** Fill `root`; see main.js. */
export async function open(root) {
  await useLanguage(currentLanguage(), ["draw"]); // the prediction is the Draw tab's
  const tab = new CollectTab(root);
  await tab.changed();
  return tab;
}

class CollectTab {
  #root;
  #shown = null; // the collection's name
  #parts = []; // what is to be closed
  #turn = 0;
  #unknown = h("div", { role: "status" }); // what the address names and is not there
  #missed = false; // whether nobody answered when it was to be shown

  constructor(root) {
    this.#root = root;
  }

  /** Follow the address: the collection that it names, else the last one. */
  async changed() {
    const wanted = state.get("collection");
    if (this.#shown !== null && (wanted ?? this.#shown) === this.#shown && state.get("begin") === null) {
      this.#followOwn(null);
      return;
    }
    this.#turn += 1;
    const turn = this.#turn;
    try {
      const [listed, classifiers] = await Promise.all(["collections", "classifiers"].map((what) => api.get(`/api/${what}`)));
      const name = wanted ?? listed[0]?.name ?? null;
      const isNew = name === null || state.get("begin") !== null;
      const collection = isNew ? null : await api.get(`/api/collections/${encodeURIComponent(name)}`);
      if (turn !== this.#turn) return;
      this.#closeParts();
      this.#shown = isNew ? null : name;
      const choose = (own) => state.set({ own }, { replace: true });
      this.own = new OwnSet({ classifiers, chosen: choose });
      if (isNew) this.#showBeginning(listed);
      else this.#showCollection(listed, collection);
      this.#root.prepend(this.#unknown);
      this.#root.append(this.own.element);
      this.#followOwn(classifiers[0]?.name);
    } catch (problem) {
      if (turn !== this.#turn) return;
      this.#missed = problem.unreachable;
      replace(this.#root, problem.unreachable ? h("p", { class: "note" }, t("common.opens_later")) : error(problem));
    }
  }

  /** The server answers again. */
  recovered() {
    if (!this.#missed) return;
    [this.#missed, this.#shown] = [false, null];
    this.changed();
  }

  /** Show the own test set that the address names, else that of the newest classifier. */
  #followOwn(newest) {
    const named = state.get("own");
    const isKnown = named === null || this.own.names.includes(named);
    replace(this.#unknown, isKnown ? null : unknownValues([["own", named]]));
    const shown = isKnown ? (named ?? newest) : newest;
    if (shown) this.own.show(shown);
    if (named && isKnown && newest) this.own.element.scrollIntoView();
  }

  close() {
    this.#turn += 1;
    this.#closeParts();
  }

  #closeParts() {
    for (const part of this.#parts) part();
    this.#parts = [];
  }

  #showBeginning(listed) {
    const made = ({ name }) => {
      this.#shown = null;
      state.set({ collection: name, begin: null });
    };
    replace(this.#root, this.#bar(listed, null), makeBeginning({ taken: listed.map(({ name }) => name), made }));
  }

  #showCollection(listed, /** @type {import("../collect/server.js").Collection} */ first) {
    let collection = first;
    const server = new Server(collection.name, (changed) => show(changed));
    const gallery = new Gallery(server);
    const gather = new Gather(server, {
      kind: kept.kind,
      chosen: (kind) => (kept.kind = kind),
      done: (undo) => gallery.done(undo),
    });
    const trying = new Trying({
      kind: kept.kind === "camera" ? "camera" : "drawing",
      labelled: () => this.own.refresh(),
    });
    const names = () => collection.classes.map(({ name }) => name);
    const training = new Training(server, { finished: (run, classes) => trying.use(run, classes) });
    const show = (changed) => {
      collection = changed;
      gather.show(names());
      gallery.show(changed);
      training.show(changed);
    };
    this.#parts = [() => gather.close(), gather.listen(), () => training.close(), () => trying.close()];
    replace(
      this.#root,
      this.#bar(listed, collection),
      h("div", { class: "collect-columns" }, gather.element, gallery.element),
      h("div", { class: "collect-lower" }, training.element, trying.element),
    );
    show(first);
    gather.stage.show(kept.kind);
  }

  /** Which collection is shown, where it lies, and the way to another. */
  #bar(listed, /** @type {import("../collect/server.js").Collection | null} */ collection) {
    if (!listed.length) return null;
    const options = listed.map(({ name }) => [name, name]);
    const choice = select(collection ? options : [["", "…"], ...options], collection?.name ?? "", (name) =>
      state.set({ collection: name, begin: null }),
    );
    const begin = button(t("collect.new"), () => {
      this.#shown = null;
      state.set({ begin: "1" });
    });
    return h(
      "div",
      { class: "collection-bar" },
      h("div", { class: "row" }, field(t("collect.collection"), choice), collection && begin),
      collection && h("div", { class: "place" }, h("p", { class: "hint" }, t("collect.place")), command(collection.command)),
    );
  }
}
