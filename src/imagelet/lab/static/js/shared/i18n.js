// @ts-check
// Texts in English and Korean: texts/<language>/<part>.json, flat; t("draw.undo") is "undo" of draw.json.
// What the server says comes in the page's language, which each request names.

import { connection } from "./connection.js";
import { withParticles } from "./particles.js";

export const LANGUAGES = { en: "English", ko: "한국어" };

let language = "en";
const loaded = new Map(); // "en/draw" → texts

/** The language in the address, else the one chosen before, else the browser's. */
export function preferredLanguage(inAddress) {
  const wanted = [inAddress, localStorage.getItem("imagelet-language"), ...navigator.languages];
  return wanted.map(shortTag).find(isLanguage) ?? "en";
}

const shortTag = (tag) => (tag ?? "").slice(0, 2).toLowerCase();

/** Whether the page has a language: "ko", and "ko-KR". */
export const isLanguage = (tag) => shortTag(tag) in LANGUAGES;

export function currentLanguage() {
  return language;
}

/** Load the texts of these parts, as far as they are not loaded yet. */
export async function loadTexts(wanted, parts) {
  await Promise.all(parts.map((part) => load(wanted, part)));
}

/** Load the parts in a language and make it the current one. */
export async function useLanguage(wanted, parts) {
  await loadTexts(wanted, parts);
  language = wanted;
  document.documentElement.lang = wanted;
}

async function load(wanted, part) {
  const key = `${wanted}/${part}`;
  if (loaded.has(key)) return;
  const texts = Object.entries(await read(key));
  const prefix = `${part}.`;
  loaded.set(key, new Map(texts.map(([name, text]) => [name.startsWith(prefix) ? name : prefix + name, text])));
}

async function read(key) {
  const response = await fetch(new URL(`../../texts/${key}.json`, import.meta.url)).catch((problem) => {
    connection.report(false);
    throw problem;
  });
  if (!response.ok) throw new Error(`texts/${key}.json: ${response.status}`);
  return response.json();
}

function find(key) {
  return loaded.get(`${language}/${key.split(".", 1)[0]}`)?.get(key);
}

/** Whether there is such a text. */
export function has(key) {
  return find(key) !== undefined;
}

/**
 * The text of a key, with {name} replaced, and {name:image|images} by the first word where the value is 1, else by the
 * second; a missing text is the key itself, and a warning.
 */
export function t(key, values = {}) {
  const text = find(key);
  if (text === undefined) {
    console.warn(`missing text: ${language} ${key}`);
    return key;
  }
  const said = filled(text, values);
  return language === "ko" ? withParticles(said) : said;
}

/** A text with the values in its places. */
export function filled(/** @type {string} */ text, /** @type {Record<string, any>} */ values) {
  return text.replace(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, (whole, name, one, many) => {
    if (!(name in values)) return whole;
    if (one === undefined) return String(values[name] ?? "–"); // what is not known is not called null
    return String(values[name]) === "1" ? one : many;
  });
}
