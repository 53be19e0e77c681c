// @ts-check
// The field for network text: its words coloured, a mistake underlined where it stands.

import { t } from "../shared/i18n.js";
import { h, replace, uniqueId } from "../shared/ui.js";

/** A stretch of a text: from, to (of letters), and its kind, a CSS class. @typedef {[number, number, string]} Stretch */

/** The editor. The coloured words lie under the textarea, which is see-through: the same letters at the same places. */
export class Editor {
  /**
   * @param {{ontype: () => void, beside: HTMLElement}} options
   *   ontype: called on each change by hand; beside: an element beside what is said of the text
   */
  constructor({ ontype, beside }) {
    const id = uniqueId("network-text");
    /** @type {[number, number] | null} */
    this.mistake = null; // from, to in the text
    this.ontype = ontype;
    this.field = h("textarea", {
      id, rows: 4, spellcheck: "false", autocapitalize: "off", autocomplete: "off", "aria-describedby": `${id}-said`,
      oninput: () => {
        this.paint(null);
        ontype();
      },
    });
    this.letters = h("div", { class: "letters", "aria-hidden": "true" });
    this.remarks = h("div", { class: "checked", id: `${id}-said`, role: "status" });
    this.element = h(
      "div",
      { class: "network-editor" },
      h("label", { for: id }, t("network.text")),
      h("div", { class: "sheet" }, this.letters, this.field),
      h("div", { class: "network-foot" }, this.remarks, beside),
    );
  }

  get text() {
    return this.field.value;
  }

  set text(text) {
    this.field.value = text;
    this.paint(null);
  }

  /** Colour the words, and underline a mistake. */
  paint(mistake) {
    const { text } = this;
    this.mistake = mistake;
    const spans = stretchesOf(text, mistake).map(([from, to, kind]) => h("span", { class: kind || null }, text.slice(from, to)));
    if (mistake?.[0] >= text.length) spans.push(h("span", { class: "mistake" }, " "));
    replace(this.letters, spans, "\n");
  }

  /** Put a word in the place of the mistake. */
  mend(word) {
    const [from, to] = this.mistake ?? [0, this.text.length];
    this.field.setRangeText(word, from, to, "end");
    this.field.focus();
    this.paint(null);
    this.ontype();
  }

  /** Say that the text is right. */
  accept(message, ...buttons) {
    this.field.setAttribute("aria-invalid", "false");
    this.paint(null);
    replace(this.remarks, h("p", { class: "fine" }, message), buttons);
  }

  /** Say what is wrong with the text, and show where. */
  refuse({ message, hint, position, meant }) {
    this.field.setAttribute("aria-invalid", "true");
    this.paint(position ? wordAt(this.text, position) : null);
    replace(
      this.remarks,
      h("p", { class: "wrong" }, message),
      meant && h("button", { type: "button", onclick: () => this.mend(meant) }, t("network.take", { word: meant })),
      hint && h("p", { class: "hint" }, hint),
    );
  }
}

/**
 * From and to of the word that begins at the character `position`, counted from 1 as Python counts.
 * @returns {[number, number]}
 */
export function wordAt(text, position) {
  const from = [...text].slice(0, position - 1).join("").length;
  const length = text.slice(from).match(/^[\w.-]+|^./su)?.[0].length ?? 0;
  return [from, from + length];
}

/**
 * A network text in stretches: names of layers, their arguments, numbers, what is between; a mistake is a stretch too.
 * @param {string} text
 * @param {[number, number] | null} mistake
 * @returns {Stretch[]}
 */
export function stretchesOf(text, mistake = null) {
  const [wrongFrom, wrongTo] = mistake ?? [0, 0];
  const words = wordsOf(text);
  const ends = [0, wrongFrom, wrongTo, text.length, ...words.flatMap(([from, to]) => [from, to])];
  const cuts = [...new Set(ends.map((end) => Math.min(end, text.length)))].sort((one, other) => one - other);
  return cuts.slice(1).map((to, index) => {
    const from = cuts[index];
    const kind = words.find((word) => word[0] <= from && to <= word[1])?.[2];
    const isMistake = wrongFrom <= from && to <= wrongTo;
    return [from, to, [kind, isMistake && "mistake"].filter(Boolean).join(" ")];
  });
}

/** The words of a network text; in brackets with others inside stand layers, else arguments. @returns {Stretch[]} */
function wordsOf(text) {
  const words = [];
  const brackets = [{ holdsLayers: true }]; // around a word, the innermost last; the first is the text itself
  for (const { 0: word, index } of text.matchAll(/[A-Za-z_]\w*|\d[\w.]*|[()]/g)) {
    if (word === "(") {
      brackets.at(-1).holdsLayers = true;
      brackets.push({ holdsLayers: false });
    } else if (word !== ")") words.push({ word, index, bracket: brackets.at(-1) });
    else if (brackets.length > 1) brackets.pop();
  }
  return words.map(({ word, index, bracket }) => {
    const kind = bracket.holdsLayers ? "name" : "argument";
    return [index, index + word.length, /^\d/.test(word) ? "count" : kind];
  });
}
