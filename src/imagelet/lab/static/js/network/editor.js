/** The field for network text: its words coloured, a mistake underlined where it stands. */

import { languageOf, t } from "../shared/i18n.js";
import { h, replace, uniqueId } from "../shared/ui.js";

/**
 * Return { element, text, write(text), right(message, ...buttons), wrong(error) }.
 *
 * The coloured words lie under the textarea, which is see-through: the same letters at the same places.
 * Args: typed(text), on each change by hand; beside, an element beside what is said of the text.
 */
export function editor({ typed, beside }) {
  const id = uniqueId("network-text");
  let mistake = null; // [start, end] in the text
  const field = h("textarea", {
    id,
    rows: 4,
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
    "aria-describedby": `${id}-said`,
    oninput: () => {
      mistake = null;
      paint();
      typed(field.value);
    },
  });
  const letters = h("div", { class: "letters", "aria-hidden": "true" });
  const said = h("div", { class: "checked", id: `${id}-said`, role: "status" });
  const element = h(
    "div",
    { class: "network-editor" },
    h("label", { for: id }, t("network.text")),
    h("div", { class: "sheet" }, letters, field),
    h("div", { class: "network-foot" }, said, beside),
  );

  function paint() {
    const text = field.value;
    const pieces = [];
    let at = 0;
    for (const [start, end, kind] of tokens(text)) {
      pieces.push(...marked(text, at, start, "", mistake), ...marked(text, start, end, kind, mistake));
      at = end;
    }
    pieces.push(...marked(text, at, text.length, "", mistake));
    if (mistake && mistake[0] >= text.length) pieces.push(h("span", { class: "mistake" }, " "));
    replace(letters, pieces, "\n");
  }

  function put(start, end, word) {
    field.setRangeText(word, start, end, "end");
    field.focus();
    mistake = null;
    paint();
    typed(field.value);
  }

  return {
    element,

    get text() {
      return field.value;
    },

    write(text) {
      field.value = text;
      mistake = null;
      paint();
    },

    right(message, ...buttons) {
      mistake = null;
      field.setAttribute("aria-invalid", "false");
      paint();
      replace(said, h("p", { class: "fine" }, message), buttons);
    },

    wrong(error) {
      const text = field.value;
      mistake = error.position ? wordAt(text, error.position) : null;
      field.setAttribute("aria-invalid", "true");
      paint();
      const { meant } = error;
      const [start, end] = mistake ?? [0, text.length];
      replace(
        said,
        h("p", { class: "wrong", lang: languageOf(error.message) }, error.message),
        meant && h("button", { type: "button", onclick: () => put(start, end, meant) }, t("network.take", { word: meant })),
        error.hint && h("p", { class: "hint", lang: languageOf(error.hint) }, error.hint),
      );
    },
  };
}

/** Return [start, end] of the word that begins at the character `position`, counted from 1 as Python counts. */
function wordAt(text, position) {
  const start = [...text].slice(0, position - 1).join("").length;
  const length = text.slice(start).match(/^[\w.-]+|^./su)?.[0].length ?? 0;
  return [start, start + length];
}

/** Return [start, end, kind] of layers' names and of numbers. */
function* tokens(text) {
  let depth = 0;
  for (const found of text.matchAll(/[A-Za-z_][\w]*|\d[\w.]*|[()]/g)) {
    const [word] = found;
    if (word === "(") depth += 1;
    else if (word === ")") depth = Math.max(0, depth - 1);
    else yield [found.index, found.index + word.length, /^\d/.test(word) ? "count" : depth ? "argument" : "name"];
  }
}

/** Return a stretch of the text in up to three pieces: before, in and after the mistake. */
function marked(text, start, end, kind, mistake) {
  const [from, to] = mistake ?? [0, 0];
  const cuts = [start, Math.min(Math.max(from, start), end), Math.min(Math.max(to, start), end), end];
  return [0, 1, 2]
    .filter((place) => cuts[place] < cuts[place + 1])
    .map((place) =>
      h("span", { class: [kind, place === 1 && "mistake"].filter(Boolean).join(" ") || null }, text.slice(cuts[place], cuts[place + 1])),
    );
}
