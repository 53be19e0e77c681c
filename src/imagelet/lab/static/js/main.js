// @ts-check
// Shows the tab that the address names, in the language and theme that were chosen.
//
// A tab is a module tabs/NAME.js with `open(section)`: it fills the section and returns, at once or later,
// {changed, close, recovered}: changed() is called when the address has changed, close() when another tab is shown,
// recovered() when the server answers again after it did not: then the tab asks again for what it is missing.
// Its texts are texts/LANGUAGE/NAME.json; it imports the server, texts and the address from shared/.

import { showConnection } from "./shared/banner.js";
import { connection } from "./shared/connection.js";
import { explainTerms } from "./shared/glossary.js";
import { LANGUAGES, currentLanguage, has, isLanguage, loadTexts, preferredLanguage, t, useLanguage } from "./shared/i18n.js";
import { redraw } from "./shared/maps.js";
import { readSession } from "./shared/session.js";
import { state } from "./shared/state.js";
import { makeTurns } from "./shared/timing.js";
import { busy, error, h, replace, unknownValues } from "./shared/ui.js";

const main = document.getElementById("main");
const dark = matchMedia("(prefers-color-scheme: dark)");
let current = null; // {tab, language, handle, failed}: `failed` where it could not be opened
let mistaken = null; // {name, tab}: what an address named in place of a tab, and the tab that is shown for it
const CALM = 500; // milliseconds that the first tab has the server for itself
const nextTurn = makeTurns(); // a tab that another overtakes while it loads is not shown

async function show() {
  const { tab } = state;
  const language = preferredLanguage(state.get("lang"));
  if (current?.tab === tab && current.language === language && !current.failed) {
    writeFrame();
    current.handle?.changed?.();
    return;
  }
  const isNewest = nextTurn();
  current?.handle?.close?.();
  current = { tab, language, handle: null, failed: false };
  const section = h("section", { class: `tab tab-${tab}`, "aria-labelledby": "tab-title" });
  try {
    await useLanguage(language, ["common", tab]);
    if (!isNewest()) return;
    writeFrame();
    replace(main, heading(tab), section);
    const { open } = await busy(main, import(`./tabs/${tab}.js`));
    const handle = await busy(main, open(section));
    if (isNewest()) current.handle = handle;
    else handle?.close?.();
  } catch (problem) {
    if (!problem.unreachable) await connection.probe(); // a script or text that did not come says nothing of why
    if (isNewest()) showFailure(problem, section);
  }
}

/** The tab could not be opened: because nobody answers, then it opens once somebody does; or else for good. */
function showFailure(problem, section) {
  current.failed = true;
  if (has(`common.tab_${state.tab}`)) writeFrame();
  if (!section.isConnected) replace(main, section);
  const waiting = connection.lost && has("common.opens_later");
  replace(section, waiting ? h("p", { class: "note" }, t("common.opens_later")) : error(problem));
}

/** Load what the other tabs and languages need, so that they open even when the server has stopped. */
function warmUp() {
  const others = [...Object.keys(LANGUAGES).map((language) => loadTexts(language, ["common", ...state.tabs])),
    ...state.tabs.map((tab) => import(`./tabs/${tab}.js`))];
  Promise.allSettled(others);
}

function connectionChanged() {
  if (connection.lost) return;
  warmUp();
  if (current?.failed) show();
  else current?.handle?.recovered?.();
}

/** The tab's title and its sentence, where its texts have them; else its name for screen readers. */
function heading(tab) {
  const titled = has(`${tab}.title`);
  return h(
    "header",
    { class: titled ? "tab-head" : "visually-hidden" },
    h("h1", { id: "tab-title" }, titled ? t(`${tab}.title`) : t(`common.tab_${tab}`)),
    titled && has(`${tab}.lead`) && h("p", { class: "lead" }, t(`${tab}.lead`)),
  );
}

/** Everything around the tab: the bar, the switches, the window's title. */
function writeFrame() {
  const { tab } = state;
  document.title = `${t(`common.tab_${tab}`)} · imagelet lab`;
  document.getElementById("skip").textContent = t("common.skip");
  const bar = document.getElementById("tabs");
  bar.setAttribute("aria-label", t("common.tabs"));
  const focused = document.activeElement?.getAttribute("data-frame");
  replace(bar, state.tabs.map((name) => tabLink(name, name === tab)));
  replace(document.getElementById("switches"), languageSwitch(), themeSwitch());
  if (focused) /** @type {HTMLElement} */ (document.querySelector(`[data-frame="${focused}"]`))?.focus();
  writeNotice();
}

/** Say which language the address names that there is not; which tab, as long as the one in its place is shown. */
function writeNotice() {
  const { tab, unknownTab } = state;
  if (unknownTab !== null) mistaken = { name: unknownTab, tab };
  else if (mistaken?.tab !== tab) mistaken = null;
  const values = mistaken && { name: mistaken.name, tab: t(`common.tab_${tab}`) };
  const lang = state.get("lang");
  replace(
    document.getElementById("notice"),
    values && h("p", null, t("common.unknown_tab", values)),
    lang && !isLanguage(lang) && unknownValues([["lang", lang]]),
  );
}

function tabLink(name, chosen) {
  const attributes = { href: state.link(name), dataset: { frame: `tab-${name}` } };
  return h("a", { ...attributes, "aria-current": chosen ? "page" : null }, t(`common.tab_${name}`));
}

function languageSwitch() {
  const other = Object.keys(LANGUAGES).find((language) => language !== currentLanguage());
  return frameButton("language", LANGUAGES[other], { class: "quiet", lang: other }, () => {
    localStorage.setItem("imagelet-language", other);
    state.set({ lang: other }, { replace: true });
  });
}

function frameButton(frame, content, attributes, onclick) {
  return h("button", { type: "button", dataset: { frame }, onclick, ...attributes }, content);
}

function systemTheme() {
  return dark.matches ? "dark" : "light";
}

/** From light to dark and back; what the system has anyway is not written down, so it goes on to hold. */
function themeSwitch() {
  const { dataset } = document.documentElement;
  const other = (dataset.theme ?? systemTheme()) === "dark" ? "light" : "dark";
  const label = t(`common.theme_${other}`);
  const moon = h("span", { class: "half-moon", "aria-hidden": "true" });
  return frameButton("theme", moon, { class: "quiet theme-switch", "aria-label": label, title: label }, () => {
    if (other === systemTheme()) {
      localStorage.removeItem("imagelet-theme");
      delete dataset.theme;
    } else {
      localStorage.setItem("imagelet-theme", other);
      dataset.theme = other;
    }
    themeChanged();
  });
}

function themeChanged() {
  writeFrame();
  redraw();
  document.dispatchEvent(new CustomEvent("themechange"));
}

dark.addEventListener("change", themeChanged);
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the hash is the lab's address
  main.focus();
});
await readSession();
state.watch(show);
showConnection(document.getElementById("banner"));
connection.watch(connectionChanged);
await show();
setTimeout(() => {
  warmUp();
  explainTerms(main);
}, CALM);
