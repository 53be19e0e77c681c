// @ts-check
// The terms of the field, explained where they stand: each is underlined once a card, and a tip says what it means to
// who hovers over it, focuses it or taps it. glossary.json holds the terms; docs/reference/glossary.md is made of it.

import { currentLanguage } from "./i18n.js";
import { h } from "./ui.js";

const EXPLAINED = "p, dt, th[scope=col], h2, h3, legend, label, figcaption, caption, .reading-text li, .reading-text td";
const LEFT_ALONE = "a, button, summary, code, pre, math, svg, select, textarea, dfn, output, .choice-row, .verdict, "
  + "[aria-live], [role=status], [role=alert]";
const ONCE_IN = ".card, dialog, .reading-text, section, main";
const CALM = 200; // milliseconds after a change of the page
const LEAVING = 150; // milliseconds in which the pointer may reach the tip
const GAP = 6; // pixels

/** @typedef {{id: string} & Record<string, {term: string, words?: string[], text: string}>} Entry */

/** Return a function that finds terms in a text: a list of {start, end, id}. */
export function finder(/** @type {Entry[]} */ entries, /** @type {string} */ language) {
  /** @type {[string, string][]} */
  const words = entries.flatMap(({ id, [language]: { term, words: others = [] } }) =>
    [term, ...others].map((word) => /** @type {[string, string]} */ ([word.toLowerCase(), id])),
  );
  const known = new Map(words);
  const longestFirst = [...known.keys()].sort((a, b) => b.length - a.length).join("|");
  const end = language === "ko" ? "(?![A-Za-z])" : "(?![\\p{L}\\d-])"; // a Korean particle follows without a blank
  const pattern = new RegExp(`(?<![\\p{L}\\d-])(?:${longestFirst})${end}`, "giu");
  return (/** @type {string} */ text) =>
    [...text.matchAll(pattern)].map(({ 0: word, index }) => ({
      start: index, end: index + word.length, id: /** @type {string} */ (known.get(word.toLowerCase())),
    }));
}

/** Explain the terms of all that is in an element, now and later. */
export async function explainTerms(/** @type {HTMLElement} */ root) {
  const entries = await fetch(new URL("../../glossary.json", import.meta.url))
    .then((response) => (response.ok ? response.json() : []))
    .catch(() => []); // without a server the page works without tips
  if (!entries.length) return;
  const finders = new Map();
  const find = (text) => {
    const language = currentLanguage();
    if (!finders.has(language)) finders.set(language, finder(entries, language));
    return finders.get(language)(text);
  };
  const tip = makeTip((id) => entries.find((entry) => entry.id === id)[currentLanguage()]);
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      tip.check();
      for (const element of [root, ...document.querySelectorAll("dialog")]) markTerms(element, find);
    }, CALM);
  };
  new MutationObserver(later).observe(document.body, { childList: true, subtree: true, characterData: true });
  later();
}

function markTerms(root, find) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(/** @type {Text} */ (walker.currentNode));
  for (const node of nodes) {
    const parent = node.parentElement;
    if (!parent?.closest(EXPLAINED) || parent.closest(LEFT_ALONE)) continue;
    const around = parent.closest(ONCE_IN) ?? root;
    const isNew = ({ id }) => !around.querySelector(`dfn[data-term="${id}"]`);
    let rest = node;
    let before = 0; // letters of the node that are left of the rest
    for (const { start, end, id } of find(node.data)) {
      if (!isNew({ id })) continue;
      const word = rest.splitText(start - before);
      rest = word.splitText(end - start);
      before = end;
      const term = h("dfn", { class: "term", tabindex: "0", dataset: { term: id } });
      word.replaceWith(term);
      term.append(word);
    }
  }
}

/** The one tip of the page; `check` hides it when its term is gone. */
function makeTip(meaningOf) {
  const tip = h("div", { class: "tip", role: "tooltip", id: "term-tip", popover: "manual" });
  let shown = null;
  let timer = 0;

  function show(term) {
    clearTimeout(timer);
    if (term === shown) return;
    hide();
    shown = term;
    const { term: name, text } = meaningOf(term.dataset.term);
    tip.replaceChildren(h("strong", null, name), " ", text);
    (term.closest("dialog") ?? document.body).append(tip); // what is outside of an open dialog cannot be reached
    term.setAttribute("aria-describedby", tip.id);
    tip.showPopover();
    place(tip, term);
  }

  function hide() {
    clearTimeout(timer);
    if (!shown) return;
    shown.removeAttribute("aria-describedby");
    shown = null;
    tip.remove();
  }

  const termAt = (event) => event.target instanceof Element && event.target.closest("dfn.term");
  document.addEventListener("focusin", (event) => (termAt(event) ? show(termAt(event)) : hide()));
  document.addEventListener("pointerover", (event) => {
    if (termAt(event)) show(termAt(event));
    else if (tip.contains(/** @type {Node} */ (event.target))) clearTimeout(timer);
  });
  document.addEventListener("pointerout", (event) => {
    const left = termAt(event) || tip.contains(/** @type {Node} */ (event.target));
    if (left && document.activeElement !== shown) timer = setTimeout(hide, LEAVING);
  });
  document.addEventListener("click", (event) => {
    if (termAt(event)) {
      event.preventDefault(); // a label would pass the tap on to its input
      show(termAt(event));
    } else if (!tip.contains(/** @type {Node} */ (event.target))) hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !shown) return;
    event.preventDefault(); // a dialog around it stays open
    event.stopPropagation();
    hide();
  }, { capture: true });
  return { check: () => shown?.isConnected || hide() };
}

/** Put the tip below its term, or above where there is no room, and within the window. */
function place(tip, term) {
  const [around, size] = [term.getBoundingClientRect(), tip.getBoundingClientRect()];
  const width = document.documentElement.clientWidth;
  const left = Math.max(GAP, Math.min(around.left, width - size.width - GAP));
  const below = around.bottom + GAP;
  const top = below + size.height > innerHeight && around.top > size.height + GAP ? around.top - size.height - GAP : below;
  Object.assign(tip.style, { left: `${left + scrollX}px`, top: `${top + scrollY}px` });
}
