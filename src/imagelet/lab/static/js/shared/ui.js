// @ts-check
// Elements, and the few things that every tab shows: numbers, tables, errors, dialogs, waiting.

import { currentLanguage, t } from "./i18n.js";

const SVG = "http://www.w3.org/2000/svg";
const AS_PROPERTY = new Set(["value", "checked", "disabled", "hidden", "selected", "indeterminate", "open"]);
const CALM = 300; // milliseconds of waiting that nobody is told about
let counter = 0;

/** A name that no other element has. */
export function uniqueId(stem = "id") {
  counter += 1;
  return `${stem}-${counter}`;
}

function setAttribute(element, name, value) {
  const asProperty = AS_PROPERTY.has(name) && !(element instanceof SVGElement);
  if (value === null || value === undefined || value === false) {
    if (asProperty) element[name] = value ?? false;
  } else if (name === "dataset") Object.assign(element.dataset, value);
  else if (name === "style") {
    for (const [property, content] of Object.entries(value)) element.style.setProperty(property, content);
  } else if (name.startsWith("on") && typeof value === "function") {
    element.addEventListener(name.slice(2).toLowerCase(), value);
  } else if (asProperty) element[name] = value;
  else element.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : String(value));
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) setAttribute(element, name, value);
  element.append(...children.flat(Infinity).filter((child) => (child ?? false) !== false));
  return element;
}

/**
 * Make an element: h("p", {class: "note", onclick() {…}}, "text", child, [more]).
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any> | null} [attributes]
 * @param {...any} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Replace what is inside an element. */
export function replace(element, ...children) {
  element.replaceChildren();
  return fill(element, null, children);
}

/** Show calmly that an element waits, if it takes longer than a moment; returns what the promise gives. */
export async function busy(element, promise) {
  const count = (change) => (element.dataset.waits = String((Number(element.dataset.waits) || 0) + change));
  count(1);
  const timer = setTimeout(() => {
    element.classList.add("busy");
    element.setAttribute("aria-busy", "true");
  }, CALM);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    if (count(-1) === "0") {
      element.classList.remove("busy");
      element.removeAttribute("aria-busy");
    }
  }
}

/** What went wrong, and what to do; of a server that does not answer nothing: the banner says it for the whole page. */
export function error(problem) {
  if (problem?.unreachable) return h("div", { hidden: true });
  const known = problem?.name === "ApiError";
  if (!known) console.error(problem);
  const message = known ? problem.message : t("common.broken");
  const hint = known ? problem.hint : t("common.broken_hint");
  return h(
    "div",
    { class: "error", role: "alert" },
    h("p", null, message),
    hint && h("p", { class: "hint" }, hint),
  );
}

/** Say which values of the address, [name, value] each, are not known here. */
export function unknownValues(/** @type {(readonly [string, string | null])[]} */ values) {
  return values.map(([name, value]) => h("p", { class: "note" }, t("common.unknown_value", { name, value })));
}

/** A number with so many significant digits; a real minus sign, thousands apart. */
export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) {
    return value.toExponential(Math.max(digits - 1, 0)).replaceAll("-", "−").replace("e+", "e");
  }
  const format = new Intl.NumberFormat(currentLanguage(), {
    maximumSignificantDigits: Math.max(digits, size >= 1 ? Math.floor(Math.log10(size)) + 1 : 1),
  });
  return format.format(value === 0 ? 0 : value).replace("-", "−");
}

/** A probability or share as percent; what is not certain is not written as 100 %, what is possible not as 0 %. */
export function percent(share, digits = 1) {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  const finest = 10 ** -digits;
  const written = (share * 100).toFixed(digits);
  if (share < 1 && Number(written) >= 100) return inPercent(`>${(100 - finest).toFixed(digits)}`);
  if (share > 0 && Number(written) <= 0) return inPercent(`<${finest.toFixed(digits)}`);
  return inPercent(written);
}

/** A written number with its sign of percent; Korean has no blank before it. */
export function inPercent(/** @type {string | number} */ written) {
  return currentLanguage() === "ko" ? `${written}%` : `${written} %`;
}

/** A span of seconds in two parts: 4 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.round(seconds);
  if (seconds < 10) return t("common.seconds", { s: seconds.toFixed(1) });
  if (whole < 60) return t("common.seconds", { s: whole });
  if (whole < 3600) return t("common.minutes", { m: Math.floor(whole / 60), s: whole % 60 });
  return t("common.hours", { h: Math.floor(whole / 3600), m: Math.floor((whole % 3600) / 60) });
}

/**
 * A table that scrolls in itself where it is too wide.
 * columns: texts or {label, numeric, head}: `head` makes a row's cell its heading. rows: arrays of texts, elements.
 */
export function table(columns, rows, { caption = "" } = {}) {
  const kinds = columns.map((column) => (typeof column === "object" ? column : { label: column }));
  const classOf = (kind) => (kind?.numeric ? "number" : null);
  const cell = (content, index) =>
    kinds[index]?.head ? h("th", { scope: "row" }, content) : h("td", { class: classOf(kinds[index]) }, content);
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption || t("common.table") },
    h(
      "table",
      null,
      caption && h("caption", null, caption),
      h("thead", null, h("tr", null, kinds.map((kind) => h("th", { scope: "col", class: classOf(kind) }, kind.label)))),
      h("tbody", null, rows.map((row) => h("tr", null, row.map(cell)))),
    ),
  );
}

/** Open a dialog; it closes with Escape, its button, or dialog.close(). Returns the <dialog>. */
export function dialog(title, ...content) {
  const id = uniqueId("dialog");
  const close = button("✕", () => element.close(), { quiet: true, label: t("common.close") });
  const element = h(
    "dialog",
    { "aria-labelledby": id, onclose: () => element.remove() },
    h("div", { class: "dialog-head" }, h("h2", { id }, title), close),
    h("div", { class: "dialog-body" }, content),
  );
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close(); // the ground behind it
  });
  document.body.append(element);
  element.showModal();
  return element;
}

/**
 * A button; `label` is for screen readers.
 * @param {any} text
 * @param {(event: Event) => unknown} onclick
 * @param {{primary?: boolean, quiet?: boolean, danger?: boolean, pressed?: boolean, label?: string,
 *   disabled?: boolean, title?: string}} options
 */
export function button(text, onclick, { primary, quiet, danger, pressed, label, disabled, title } = {}) {
  const kinds = [primary && "primary", quiet && "quiet", danger && "danger"].filter(Boolean).join(" ");
  return h(
    "button",
    {
      type: "button",
      class: kinds || null,
      onclick,
      disabled: Boolean(disabled),
      title,
      "aria-label": label,
      "aria-pressed": pressed === undefined ? null : String(pressed),
    },
    text,
  );
}

/** A labelled input with an optional hint below. */
export function field(label, input, hint = "") {
  input.id ||= uniqueId("field");
  const note = hint ? h("p", { class: "hint", id: `${input.id}-hint` }, hint) : null;
  if (note) input.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input, note);
}

/** A label in one line with its input. */
export function inline(label, input) {
  return h("label", { class: "inline" }, h("span", null, label), input);
}

/** A <select>: options are [value, text] or texts. */
export function select(options, value, onchange = (_value) => {}) {
  const pairs = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  const element = h(
    "select",
    { onchange: () => onchange(element.value) },
    pairs.map(([key, text]) => h("option", { value: key, selected: String(key) === String(value) }, text)),
  );
  return element;
}

/** One of a few, side by side: choices [value, text]. `element.choose(value)` shows another choice. */
export function choice(label, choices, value, onchange) {
  const name = uniqueId("choice");
  const radio = (key) => h("input", { type: "radio", name, value: key, onchange: () => onchange(key) });
  const inputs = new Map(choices.map(([key]) => [key, radio(key)]));
  const labels = choices.map(([key, text]) => h("label", null, inputs.get(key), h("span", null, text)));
  const row = h("div", { class: "choice-row" }, labels);
  const element = h("fieldset", { class: "choice" }, h("legend", null, label), row);
  const choose = (chosen) => inputs.forEach((input, key) => (input.checked = key === chosen));
  choose(value);
  return Object.assign(element, { choose });
}

/** A remark in small letters. */
export function remark(...content) {
  return h("p", { class: "hint" }, content);
}

/** A link that looks like a button. */
export function linkButton(text, href) {
  return h("a", { class: "button", href }, text);
}

/** A part of the page that opens by its title. */
export function group(title, content, { class: kind = "group" } = {}) {
  return h("details", { class: kind }, h("summary", null, h("span", null, title)), content);
}

/** A line that can be copied, such as a command. */
export function command(text) {
  const copy = button(t("common.copy"), async () => {
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = t("common.copied");
    } catch {
      getSelection().selectAllChildren(line); // no clipboard without https: it is marked instead
    }
    setTimeout(() => (copy.textContent = t("common.copy")), 2000);
  }, { quiet: true });
  const line = h("code", null, text);
  return h("div", { class: "command" }, line, copy);
}

/** A word of a command line, in quotes where it needs them. */
export function quoted(text) {
  return /^[\w./:@=+\\-]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

/** Whether motion should be left out. */
export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Focus the first element within another that fits a selector, if there is one. */
export function focusWithin(element, selector, options = {}) {
  /** @type {HTMLElement} */ (element.querySelector(selector))?.focus(options);
}
