// Shows the tab that the address names, in the language and theme that were chosen.

import { api } from "./api.js";
import { LANGUAGES, currentLanguage, has, preferredLanguage, t, useLanguage } from "./i18n.js";
import { redraw } from "./maps.js";
import { TABS, state } from "./state.js";
import { ui } from "./ui.js";

const { h, replace } = ui;
const main = document.getElementById("main");
const dark = matchMedia("(prefers-color-scheme: dark)");
let current = null; // {tab, language, handle}
let turn = 0; // a tab that another overtakes while it loads is not shown

async function show() {
  const { tab } = state;
  const language = preferredLanguage(state.get("lang"));
  if (current?.tab === tab && current.language === language) {
    writeFrame();
    current.handle?.changed?.(state);
    return;
  }
  turn += 1;
  const mine = turn;
  current?.handle?.close?.();
  current = { tab, language, handle: null };
  const section = h("section", { class: `tab tab-${tab}`, "aria-labelledby": "tab-title" });
  try {
    await useLanguage(language, ["common", tab]);
    if (mine !== turn) return;
    writeFrame();
    replace(main, heading(tab), section);
    const handle = await ui.busy(main, openTab(tab, section, language));
    if (mine !== turn) handle?.close?.();
    else current.handle = handle;
  } catch (problem) {
    if (mine === turn) replace(section, ui.error(problem));
  }
}

async function openTab(tab, section, language) {
  const module = await import(`./tabs/${tab}.js`);
  return module.open(section, { api, t, state, ui, lang: language });
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
  const focused = document.activeElement?.dataset?.frame;
  replace(
    bar,
    TABS.map((each) =>
      h(
        "a",
        { href: state.link(each), "aria-current": each === tab ? "page" : null, dataset: { frame: `tab-${each}` } },
        t(`common.tab_${each}`),
      ),
    ),
  );
  replace(document.getElementById("switches"), languageSwitch(), themeSwitch());
  if (focused) document.querySelector(`[data-frame="${focused}"]`)?.focus();
}

function languageSwitch() {
  const [other] = Object.keys(LANGUAGES).filter((each) => each !== currentLanguage());
  return h(
    "button",
    {
      type: "button",
      class: "quiet",
      lang: other,
      dataset: { frame: "language" },
      onclick() {
        localStorage.setItem("imagelet-language", other);
        state.set({ lang: other }, { replace: true });
      },
    },
    LANGUAGES[other],
  );
}

function theme() {
  return document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
}

/** From light to dark and back; what the system has anyway is not written down, so it goes on to hold. */
function themeSwitch() {
  const other = theme() === "dark" ? "light" : "dark";
  return h(
    "button",
    {
      type: "button",
      class: "quiet theme-switch",
      "aria-label": t(`common.theme_${other}`),
      title: t(`common.theme_${other}`),
      dataset: { frame: "theme" },
      onclick() {
        if (other === (dark.matches ? "dark" : "light")) {
          localStorage.removeItem("imagelet-theme");
          delete document.documentElement.dataset.theme;
        } else {
          localStorage.setItem("imagelet-theme", other);
          document.documentElement.dataset.theme = other;
        }
        themed();
      },
    },
    h("span", { class: "half-moon", "aria-hidden": "true" }),
  );
}

function themed() {
  writeFrame();
  redraw();
  document.dispatchEvent(new CustomEvent("themechange"));
}

dark.addEventListener("change", themed);
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the hash is the lab's address
  main.focus();
});
state.watch(show);
show();
