// The Course tab: the list of the course's experiments, or one of its pages with the experiment beside it.

import { list } from "../course/list.js";
import { page } from "../course/page.js";
import { follow } from "../course/progress.js";

/** Fill `root`; see main.js. */
export async function open(root, { api, t, state, ui, lang }) {
  const { h, replace } = ui;
  const context = { t, state, ui, start };
  const problem = h("div", { "aria-live": "polite" });
  const place = h("div");
  const head = document.getElementById("tab-title").closest("header"); // the list's; a page has a heading of its own
  const told = new Map(); // pages that were asked for before: name → what the server told
  let overview = null;
  let reading = null; // the page that is shown
  let course = null;
  let followed = false; // whether a link led here: then the page begins at its top, else where it was left
  let turn = 0;
  head.hidden = Boolean(state.get("page"));
  replace(root, problem, place);

  const progress = follow(api, { show, fail });
  root.addEventListener("click", clicked);
  document.addEventListener("themechange", writeTitle);
  await ui.busy(root, Promise.all([progress.refresh(), listed()]));
  await changed();

  async function listed() {
    try {
      overview = list(await api.get(`/api/course/pages?language=${lang}`), context);
    } catch (refused) {
      fail(refused);
    }
  }

  /** Show what the address names. */
  async function changed() {
    const name = state.get("page");
    turn += 1;
    if (name && reading?.name === name) {
      writeTitle();
      if (followed || state.get("at")) reading.jump(state.get("at"));
    } else if (name) await openPage(name, turn);
    else showList();
    followed = false;
  }

  function showList() {
    const left = reading?.name;
    leave();
    head.hidden = false;
    if (!overview) return;
    replace(place, overview.element);
    if (course) overview.show(course);
    if (left) place.querySelector(`[data-key="${CSS.escape(`read ${left}`)}"]`)?.focus({ preventScroll: true });
  }

  async function openPage(name, mine) {
    const top = followed;
    try {
      if (!told.has(name)) told.set(name, await ui.busy(root, api.get(`/api/course/pages/${encodeURIComponent(name)}?language=${lang}`)));
    } catch (refused) {
      if (mine === turn) showMissing(refused);
      return;
    }
    if (mine !== turn) return;
    leave();
    replace(problem);
    reading = page(told.get(name), context);
    if (course) reading.show(course);
    head.hidden = true;
    replace(place, reading.element);
    writeTitle();
    const elsewhere = document.activeElement?.closest(".masthead"); // who switches the language goes on from there
    if (state.get("at")) reading.jump(state.get("at"));
    else if (top) reading.jump(null);
    else if (!elsewhere) reading.heading.focus({ preventScroll: true });
  }

  /** There is no such page: what is meant perhaps, and the way back. */
  function showMissing(refused) {
    leave();
    head.hidden = false;
    const meant = refused.meant && h("a", { href: state.link("course", { page: refused.meant }) }, refused.meant);
    replace(place, ui.error(refused), h("p", null, meant, meant && " · ", h("a", { href: state.link("course", {}) }, t("course.all"))));
  }

  function leave() {
    reading?.close();
    reading = null;
  }

  function show(now) {
    course = now;
    const focused = document.activeElement?.dataset?.key;
    (reading ?? overview)?.show(course);
    if (focused) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  function fail(refused) {
    replace(problem, refused && ui.error(refused));
  }

  function clicked(event) {
    const link = event.target.closest?.('a[href^="#/course"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    followed = true;
    if (link.getAttribute("href") === location.hash) changed(); // the address stays, so nobody else will say it
  }

  function writeTitle() {
    if (reading) document.title = `${reading.title} · ${t("common.tab_course")} · imagelet lab`;
  }

  async function start(lesson) {
    try {
      await ui.busy(root, api.post("/api/jobs", { course: lesson.id }));
      await progress.refresh({ anew: true });
      place.querySelector(`[data-lesson="${CSS.escape(lesson.id)}"] a.button`)?.focus();
    } catch (refused) {
      fail(refused);
      problem.scrollIntoView({ block: "nearest" });
    }
  }

  return {
    changed,
    close() {
      progress.close();
      leave();
      document.removeEventListener("themechange", writeTitle);
    },
  };
}
