// @ts-check
// The classes with their pictures: choose some, give them another class, delete them; and undo it.

import { t } from "../shared/i18n.js";
import { button, error, field, h, replace, select } from "../shared/ui.js";
import { adviceOn } from "./counting.js";
import { grouped } from "./dropped.js";

const SHOWN = 24; // pictures of a class, until all are asked for
const MOST_UNDONE = 50;

export class Gallery {
  #collection = null;
  #chosen = new Map(); // "label/file" → {label, file}
  #whole = new Set(); // classes that show all their pictures
  #undoable = [];
  #problem = h("div", { "aria-live": "polite" });
  #advice = h("p", { class: "advice", role: "status" });
  #bar = h("div", { class: "row chosen-bar", role: "group", "aria-label": t("collect.chosen_bar") });
  #list = h("div", { class: "class-list" });
  #undo = button(t("collect.undo"), () => this.#undoLast(), { quiet: true });

  /** @param {import("./server.js").Server} server */
  constructor(server) {
    this.server = server;
    const title = h("h2", { id: "classes-title" }, t("collect.classes"));
    this.element = h(
      "section",
      { class: "card gallery", "aria-labelledby": "classes-title" },
      h("div", { class: "row spread" }, title, this.#undo),
      this.#advice,
      this.#problem,
      this.#bar,
      this.#list,
      this.#newClass(),
    );
  }

  /** Remember how something is undone: {text, work}. */
  done(undo) {
    this.#undoable = [...this.#undoable, undo].slice(-MOST_UNDONE);
    this.#showBar();
  }

  show(/** @type {import("./server.js").Collection} */ collection) {
    this.#collection = collection;
    const there = new Set(collection.classes.flatMap(({ name, pictures }) => pictures.map(({ file }) => `${name}/${file}`)));
    for (const key of this.#chosen.keys()) if (!there.has(key)) this.#chosen.delete(key);
    const { key, values, ready } = adviceOn(collection.classes);
    replace(this.#advice, t(`collect.advice_${key}`, values));
    this.#advice.classList.toggle("wanting", !ready);
    replace(this.#list, collection.classes.map((collected) => this.#classSection(collected)));
    this.#showBar();
  }

  #classSection({ name, pictures }) {
    const all = this.#whole.has(name);
    const shown = all ? pictures : pictures.slice(0, SHOWN);
    const more = pictures.length - shown.length;
    const showAll = () => {
      this.#whole.add(name);
      this.show(this.#collection);
    };
    return h(
      "section",
      { class: "class", "aria-label": name },
      h(
        "div",
        { class: "row spread class-head" },
        h("h3", null, name, " ", h("span", { class: "class-count" }, t("collect.count", { count: pictures.length }))),
        h(
          "span",
          { class: "row" },
          button(t("collect.rename"), () => this.#rename(name), { quiet: true, label: t("collect.rename_class", { name }) }),
          !pictures.length && this.#removeButton(name),
        ),
      ),
      pictures.length
        ? h("ul", { class: "thumbs" }, shown.map((picture, at) => h("li", null, this.#thumb(name, picture, at, pictures.length))))
        : h("p", { class: "hint" }, t("collect.empty_class")),
      more > 0 && button(t("collect.show_all", { count: pictures.length }), showAll, { quiet: true }),
    );
  }

  #removeButton(name) {
    const label = t("collect.remove_class", { name });
    return button(t("collect.remove"), () => this.#removeClass(name), { quiet: true, label });
  }

  #thumb(label, picture, at, count) {
    const key = `${label}/${picture.file}`;
    const source = this.server.thumbnail(label, picture);
    const image = h("img", { src: source, alt: "", loading: "lazy", decoding: "async", width: 72, height: 72 });
    const face = button(image, () => toggle(), {
      pressed: this.#chosen.has(key),
      label: t("collect.picture", { label, number: count - at }),
      title: picture.file,
    });
    const toggle = () => {
      const isChosen = !this.#chosen.has(key);
      if (isChosen) this.#chosen.set(key, { label, file: picture.file });
      else this.#chosen.delete(key);
      face.setAttribute("aria-pressed", String(isChosen));
      this.#showBar();
    };
    return face;
  }

  /** What can be done with the chosen pictures. */
  #showBar() {
    const last = this.#undoable.at(-1);
    this.#undo.hidden = !last;
    if (last) this.#undo.textContent = t("collect.undo_this", { what: last.text });
    const count = this.#chosen.size;
    this.#bar.hidden = !count;
    if (!count) return;
    const target = select(this.#collection.classes.map(({ name }) => name), null);
    target.setAttribute("aria-label", t("collect.move_to"));
    replace(
      this.#bar,
      h("strong", null, t("collect.chosen", { count })),
      target,
      button(t("collect.move"), () => this.#move(target.value)),
      button(t("collect.delete"), () => this.#delete(), { danger: true }),
      button(t("collect.choose_none"), () => this.#chooseNone(), { quiet: true }),
    );
  }

  #chooseNone() {
    this.#chosen.clear();
    for (const face of this.#list.querySelectorAll("[aria-pressed='true']")) face.setAttribute("aria-pressed", "false");
    this.#showBar();
  }

  #move(to) {
    const pictures = [...this.#chosen.values()].filter(({ label }) => label !== to);
    return this.#attempt(async () => {
      if (pictures.length) await this.server.move(pictures, to);
      this.#chooseNone();
      const back = grouped(pictures, ({ label }) => label);
      const work = async () => {
        for (const [label, from] of back) await this.server.move(from.map(({ file }) => ({ label: to, file })), label);
      };
      if (pictures.length) this.done({ text: t("collect.undo_moved", { count: pictures.length }), work });
    });
  }

  #delete() {
    const pictures = [...this.#chosen.values()];
    return this.#attempt(async () => {
      await this.server.delete(pictures);
      this.#chooseNone();
      const text = t("collect.undo_deleted", { count: pictures.length });
      this.done({ text, work: () => this.server.restore(pictures) });
    });
  }

  #undoLast() {
    return this.#attempt(async () => {
      const { work } = this.#undoable.at(-1);
      await work();
      this.#undoable.pop();
      this.#showBar();
    });
  }

  #rename(name) {
    const place = this.#list.querySelectorAll("h3")[this.#collection.classes.findIndex((known) => known.name === name)];
    const input = h("input", { value: name, maxlength: 50, "aria-label": t("collect.new_name", { name }) });
    const finish = () => this.show(this.#collection);
    const save = async (event) => {
      event.preventDefault();
      if (!input.value.trim() || input.value === name) {
        finish();
        return;
      }
      await this.#attempt(async () => {
        await this.server.renameClass(name, input.value);
        this.#undoable = []; // what was done before names the class as it was called
        this.#showBar();
      });
    };
    const form = h(
      "form",
      { class: "row", onsubmit: save, onkeydown: ({ key }) => key === "Escape" && finish() },
      input,
      h("button", { type: "submit" }, t("collect.save")),
    );
    place.replaceWith(form);
    input.select();
  }

  #removeClass(name) {
    return this.#attempt(async () => {
      await this.server.removeClass(name);
      this.done({ text: t("collect.undo_removed", { name }), work: () => this.server.addClass(name) });
    });
  }

  #newClass() {
    const input = h("input", { maxlength: 50, autocomplete: "off" });
    const add = async (event) => {
      event.preventDefault();
      if (!input.value.trim()) return;
      await this.#attempt(async () => {
        await this.server.addClass(input.value);
        input.value = "";
      });
    };
    const send = h("button", { type: "submit" }, t("collect.add_class"));
    return h("form", { class: "new-class", onsubmit: add }, field(t("collect.another_class"), input), send);
  }

  async #attempt(work) {
    replace(this.#problem);
    try {
      await work();
    } catch (problem) {
      replace(this.#problem, error(problem));
    }
  }
}
