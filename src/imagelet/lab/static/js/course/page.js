// @ts-check
// A page of the course: its text, beside it the experiment that it is about, and the ways to the pages around it.

import { t } from "../shared/i18n.js";
import { state } from "../shared/state.js";
import { calm, command, h, linkButton, replace } from "../shared/ui.js";
import { about, actions, figures, ownDigits } from "./experiment.js";

const TRY = { layers: "layers", pictures: "draw" }; // page → the tab where its subject can be tried
const READ_AT = 0.4; // of the window's height: the part whose title is above it is read

/**
 * A page as /api/course/pages/NAME describes it.
 * @typedef {{name: string, title: string, html: string, experiment: string, previous: {name: string, title: string},
 * next: {name: string, title: string}}} CoursePage
 */

/** A page that is read. */
export class Page {
  constructor(/** @type {CoursePage} */ page, /** @type {(lesson: import("./experiment.js").Lesson) => void} */ start) {
    this.page = page;
    this.start = start;
    const { heading, parts } = elementsOf(page.html);
    this.heading = heading;
    this.titles = parts.filter((part) => part.tagName === "H2");
    this.entries = this.titles.map((title) => this.entry(title));
    this.box = h("section", { class: "card experiment", "aria-label": t("course.experiment"), dataset: { lesson: page.name } });
    const contentsTitle = h("p", { class: "hint", "aria-hidden": "true" }, t("course.contents"));
    const list = h("ul", null, this.entries.map((link) => h("li", null, link)));
    const contents = h("nav", { class: "reading-contents", "aria-label": t("course.contents") }, contentsTitle, list);
    const side = h("div", { class: "reading-side" }, this.box, this.entries.length > 1 && contents);
    const ways = [pageLink(page.previous, "previous"), pageLink(page.next, "next")];
    this.element = h(
      "article",
      { class: "reading", "aria-labelledby": heading.id },
      h("a", { class: "reading-back", href: state.link("course", {}) }, `← ${t("course.all")}`),
      heading,
      h("div", { class: "reading-columns" }, side, h("div", { class: "reading-text" }, parts)),
      h("nav", { class: "reading-ends", "aria-label": t("course.pages") }, ways),
    );
    this.mark = this.mark.bind(this);
    addEventListener("scroll", this.mark, { passive: true });
  }

  /** Draw the box with the experiment; on a page without one, with where to go from there. */
  show(/** @type {ReturnType<typeof import("./experiment.js").courseOf>} */ course) {
    const { name, experiment } = this.page;
    const lesson = course.lessons.find(({ id }) => id === experiment);
    const tab = TRY[name];
    if (lesson) {
      const options = { primary: true, start: this.start };
      replace(this.box, figures(lesson, course.reach), actions(lesson, course, options), about(lesson));
    } else if (name === "own-digits") replace(this.box, ownDigits());
    else if (tab) {
      replace(this.box, h("p", null, t(`course.try.${name}`)), linkButton(t(`common.tab_${tab}`), state.link(tab, {})));
    } else {
      const { next: page, done, lessons } = course;
      const link = page && linkButton(t("course.next_experiment", { id: page }), state.link("course", { page }));
      replace(this.box, h("p", null, t("course.progress", { done, count: lessons.length })), link);
    }
  }

  /** A link to a part of the page. */
  entry(title) {
    const at = title.id.replace(/^at-/, "");
    const href = state.link("course", { page: this.page.name, at });
    return h("a", { href, dataset: { at } }, [...title.cloneNode(true).childNodes]);
  }

  /** Mark the part that is being read: the last whose title has come up to the upper part of the window. */
  mark() {
    const current = this.titles.findLast((title) => title.getBoundingClientRect().top < innerHeight * READ_AT);
    this.entries.forEach((link, index) => {
      if (this.titles[index] === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  }

  /** Go to a part, as a link names it; null: to the page's top. */
  jump(at) {
    /** @type {HTMLElement} */
    const target = this.part(at) ?? this.heading;
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
    if (target === this.heading) scrollTo(0, 0);
    else target.scrollIntoView({ behavior: calm() ? "auto" : "smooth" });
  }

  /** The part of the page that an address names; null: there is none of that name. */
  part(/** @type {string | null} */ at) {
    return at ? /** @type {HTMLElement} */ (this.element.querySelector(`#${CSS.escape(`at-${at}`)}`)) : null;
  }

  close() {
    removeEventListener("scroll", this.mark);
  }
}

function pageLink(page, kind) {
  if (!page) return h("span");
  const attributes = { class: kind, rel: kind === "next" ? "next" : "prev", href: state.link("course", { page: page.name }) };
  return h("a", attributes, h("span", { class: "hint" }, t(`course.${kind}`)), " ", h("span", null, page.title));
}

/**
 * Make elements of a page's HTML. Nothing in it can run: it is parsed apart from this page, and what it may load is
 * for the server's rules to say. Tables scroll in themselves; commands can be copied.
 * @returns {{heading: HTMLElement, parts: any[]}}
 */
function elementsOf(html) {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  for (const link of body.querySelectorAll('a[href^="#/course?"]')) {
    const parameters = new URLSearchParams(link.getAttribute("href").split("?")[1]);
    if (!parameters.has("lang")) link.setAttribute("href", state.link("course", Object.fromEntries(parameters)));
  }
  for (const table of body.querySelectorAll("table")) {
    const scroller = scrolling(h("div", { class: table.rows[0].cells.length > 3 ? "wide broad" : "wide" }), t("common.table"));
    table.replaceWith(scroller);
    scroller.append(table);
  }
  for (const formula of body.querySelectorAll(".formula")) scrolling(formula, t("course.formula")).classList.add("wide");
  for (const block of body.querySelectorAll("pre")) {
    const commands = block.querySelector(".language-sh") && commandsOf(block.textContent);
    if (commands) block.replaceWith(h("div", { class: "commands wide" }, commands.map((line) => command(line))));
    else block.classList.add("wide");
  }
  const heading = body.querySelector("h1");
  heading.remove();
  heading.tabIndex = -1;
  return { heading, parts: [...body.childNodes] };
}

/** Let an element scroll in itself where it is too wide, then by keyboard, too. */
function scrolling(element, label) {
  element.classList.add("scroll");
  new ResizeObserver(() => {
    const isWide = element.scrollWidth > element.clientWidth;
    for (const [name, value] of Object.entries({ tabindex: "0", role: "group", "aria-label": label })) {
      if (isWide) element.setAttribute(name, value);
      else element.removeAttribute(name);
    }
  }).observe(element);
  return element;
}

/** A block's commands, each with the lines that continue it; null where it holds something else. */
export function commandsOf(text) {
  const commands = text.trim().split(/(?<!\\)\n/);
  return commands.every((line) => line.startsWith("imagelet ")) ? commands : null;
}
