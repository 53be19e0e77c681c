// @ts-check
// The Course tab: the list of the course's experiments, or one of its pages with the experiment beside it.

import { courseOf } from "../course/experiment.js";
import { lessonList } from "../course/list.js";
import { Page } from "../course/page.js";
import { api } from "../shared/api.js";
import { currentLanguage, t } from "../shared/i18n.js";
import { ACTIVE } from "../shared/jobs.js";
import { mayChange } from "../shared/session.js";
import { state } from "../shared/state.js";
import { makeTurns } from "../shared/timing.js";
import { busy, error, focusWithin, h, replace, unknownValues } from "../shared/ui.js";

const OFTEN = 2; // seconds between requests while something trains
const SELDOM = 15;
const LONGEST_WAIT = 30; // where nothing answers
const SILENT_WAIT = 8; // up to which the page does not say so

class CourseTab {
  constructor(root) {
    this.root = root;
    this.problem = h("div", { "aria-live": "polite" });
    this.unknown = h("div", { role: "status" }); // what the address names and is not there
    this.place = h("div");
    this.head = document.getElementById("tab-title").closest("header"); // the list's; a page has a heading of its own
    this.pages = new Map(); // that were shown before: name → what the server said
    this.list = null;
    this.page = null; // that is shown
    this.course = null;
    this.shown = ""; // what is known of the course, as one text
    this.timer = null;
    this.wait = OFTEN;
    this.closed = false;
    this.followed = false; // whether a link led here: then the page begins at its top, else where it was left
    this.nextTurn = makeTurns();
    this.head.hidden = Boolean(state.get("page"));
    this.writeTitle = this.writeTitle.bind(this);
    document.addEventListener("themechange", this.writeTitle);
    root.addEventListener("click", (event) => this.clicked(event));
    replace(root, this.problem, this.unknown, this.place);
  }

  async load() {
    try {
      const pages = await api.get(`/api/course/pages?language=${currentLanguage()}`);
      this.list = lessonList(pages, (lesson) => this.start(lesson));
    } catch (problem) {
      if (problem.unreachable) throw problem;
      this.fail(problem);
    }
  }

  /** Get how far the course is, often while something trains, seldom else; show it where it is new, or `always`. */
  async refresh({ always = false } = {}) {
    clearTimeout(this.timer);
    try {
      const [lessons, jobs] = await Promise.all([api.get("/api/course"), mayChange() ? api.get("/api/jobs") : []]);
      if (this.closed) return;
      const text = JSON.stringify([lessons, jobs.map((job) => [job.id, job.state])]);
      if (always || text !== this.shown) this.show(courseOf(lessons, jobs));
      this.shown = text;
      this.fail(null);
      this.wait = jobs.some((job) => ACTIVE.has(job.state)) ? OFTEN : SELDOM;
    } catch (problem) {
      if (this.closed) return;
      if (!this.shown || this.wait > SILENT_WAIT) this.fail(problem);
      this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
    }
    this.timer = setTimeout(() => this.refresh(), this.wait * 1000);
  }

  show(course) {
    this.course = course;
    const focused = document.activeElement?.getAttribute("data-key");
    (this.page ?? this.list)?.show(course);
    if (focused) this.focus(focused);
  }

  focus(key) {
    focusWithin(this.place, `[data-key="${CSS.escape(key)}"]`, { preventScroll: true });
  }

  fail(problem) {
    replace(this.problem, problem && error(problem));
  }

  /** Show what the address names. */
  async changed() {
    const [name, at] = [state.get("page"), state.get("at")];
    const isNewest = this.nextTurn();
    if (!name) this.showList();
    else if (this.page?.page.name !== name) await this.openPage(name, isNewest);
    else {
      this.writeTitle();
      if (this.followed || at) this.page.jump(at);
    }
    this.followed = false;
    const isUnknown = at && this.page && !this.page.part(at);
    replace(this.unknown, isUnknown ? unknownValues([["at", at]]) : null);
  }

  showList() {
    const left = this.page?.page.name;
    this.leave();
    this.head.hidden = false;
    if (!this.list) return;
    replace(this.place, this.list.element);
    if (this.course) this.list.show(this.course);
    if (left) this.focus(`read ${left}`);
  }

  async openPage(name, isNewest) {
    const { followed } = this;
    try {
      const path = `/api/course/pages/${encodeURIComponent(name)}?language=${currentLanguage()}`;
      if (!this.pages.has(name)) this.pages.set(name, await busy(this.root, api.get(path)));
    } catch (problem) {
      if (isNewest() && !problem.unreachable) this.showMissing(problem);
      return;
    }
    if (!isNewest()) return;
    this.leave();
    this.fail(null);
    this.page = new Page(this.pages.get(name), (lesson) => this.start(lesson));
    if (this.course) this.page.show(this.course);
    this.head.hidden = true;
    replace(this.place, this.page.element);
    this.writeTitle();
    const isElsewhere = document.activeElement?.closest(".masthead"); // who switches the language continues from there
    if (state.get("at") || followed) this.page.jump(state.get("at"));
    else if (!isElsewhere) this.page.heading.focus({ preventScroll: true });
  }

  /** There is no such page: what is meant perhaps, and the way back. */
  showMissing(problem) {
    this.leave();
    this.head.hidden = false;
    const page = problem.meant;
    const meant = page && [h("a", { href: state.link("course", { page }) }, page), " · "];
    replace(this.place, error(problem), h("p", null, meant, h("a", { href: state.link("course", {}) }, t("course.all"))));
  }

  /** Leave the page, if one is shown. */
  leave() {
    this.page?.close();
    this.page = null;
  }

  clicked(event) {
    const link = event.target.closest('a[href^="#/course"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    this.followed = true;
    if (link.getAttribute("href") === location.hash) this.changed(); // the address stays, so nobody else calls it
  }

  writeTitle() {
    if (this.page) document.title = `${this.page.page.title} · ${t("common.tab_course")} · imagelet lab`;
  }

  /** @param {import("../course/experiment.js").Lesson} lesson */
  async start({ id }) {
    try {
      await busy(this.root, api.post("/api/jobs", { course: id }));
      await this.refresh({ always: true });
      focusWithin(this.place, `[data-lesson="${CSS.escape(id)}"] a.button`);
    } catch (problem) {
      this.fail(problem);
      this.problem.scrollIntoView({ block: "nearest" });
    }
  }

  /** The server answers again: what was not shown meanwhile is asked for anew. */
  async recovered() {
    this.refresh({ always: true });
    if (!this.list) await this.load();
    if (state.get("page") !== (this.page?.page.name ?? null)) await this.changed();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.leave();
    document.removeEventListener("themechange", this.writeTitle);
  }
}

/** Fill `root`; see main.js. */
export async function open(root) {
  const tab = new CourseTab(root);
  await busy(root, Promise.all([tab.refresh(), tab.load()]));
  await tab.changed();
  return tab;
}
