// @ts-check
// The page's words: English or Korean, as the address (#ko) or the browser says.

/** @type {Record<string, Record<string, string>>} */
let texts = {};
let language = "en";

/** Take the texts of all languages. */
export function useTexts(/** @type {typeof texts} */ all) {
  texts = all;
  const wanted = [location.hash.slice(1), ...navigator.languages].map((code) => code.slice(0, 2));
  say(wanted.find((code) => code in texts) ?? language);
}

/** Say everything in a language: what has a text's name as data-text, or as data-label for those who hear it. */
export function say(/** @type {string} */ wanted) {
  language = document.documentElement.lang = wanted;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.getAttribute("data-text"));
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", t(element.getAttribute("data-label")));
  }
}

/** The language that is not said. */
export function otherLanguage() {
  return language === "en" ? "ko" : "en";
}

/** A text; {name} stands for values. */
export function t(/** @type {string} */ key, /** @type {Record<string, any>} */ values = {}) {
  return Object.entries(values).reduce((text, [place, value]) => text.replace(`{${place}}`, () => value), texts[language][key]);
}

/** A probability as percent; what is not certain is not written as 100 %, what is possible not as 0 %. */
export function percent(/** @type {number} */ share) {
  const sign = language === "ko" ? "%" : " %";
  if (share < 1 && share >= 0.9995) return `>99.9${sign}`;
  return (share > 0 && share < 0.0005 ? "<0.1" : (share * 100).toFixed(1)) + sign;
}
