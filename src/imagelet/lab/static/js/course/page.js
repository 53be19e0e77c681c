// A page of the course: its text, beside it the experiment that it is about, and the ways to the pages around it.

import { about, figure, ownDigits, standing } from "./experiment.js";
import { elementsOf } from "./text.js";

const ELSEWHERE = { layers: "layers", pictures: "draw" }; // page → the tab where its subject can be tried

/**
 * Make a page. told: what the server tells of it. Returns {element, heading, show(course), jump(at), close()}; `jump`
 * goes to a part, as a link names it.
 */
export function page(told, { t, state, ui, start }) {
  const { h, replace } = ui;
  const { heading, parts } = elementsOf(told.html, { t, state, ui });
  heading.tabIndex = -1;
  const titles = parts.filter((each) => each.tagName === "H2");
  const entries = titles.map((each) => part(each));
  const box = h("section", { class: "card experiment", "aria-label": t("course.experiment") });
  const contents = h("nav", { class: "reading-contents", "aria-label": t("course.contents") }, h("p", { class: "hint", "aria-hidden": "true" }, t("course.contents")), h("ul", null, entries));
  const element = h(
    "article",
    { class: "reading", "aria-labelledby": heading.id },
    h("a", { class: "reading-back", href: state.link("course", {}) }, `← ${t("course.all")}`),
    heading,
    h("div", { class: "reading-columns" }, h("div", { class: "reading-side" }, box, entries.length > 1 && contents), h("div", { class: "reading-text" }, parts)),
    h("nav", { class: "reading-ends", "aria-label": t("course.pages") }, way(told.previous, "previous"), way(told.next, "next")),
  );
  addEventListener("scroll", mark, { passive: true });

  /** Draw the experiment's box; on a page without one, where to go from there. */
  function show({ lessons, jobs, reach, next }) {
    const lesson = lessons.find((each) => each.id === told.experiment);
    const job = jobs.find((each) => each.id === lesson?.job);
    box.dataset.lesson = told.name;
    if (lesson) replace(box, figure(lesson, reach, { t, ui }), standing(lesson, job, { t, state, ui, start, primary: true }), about(lesson, { t, ui }));
    else if (told.name === "own-digits") replace(box, ownDigits({ t, state, ui }));
    else if (told.name in ELSEWHERE) {
      replace(box, h("p", null, t(`course.try.${told.name}`)), h("a", { class: "button", href: state.link(ELSEWHERE[told.name], {}) }, t(`common.tab_${ELSEWHERE[told.name]}`)));
    } else {
      const done = lessons.filter((each) => Number.isFinite(each.reached)).length;
      replace(
        box,
        h("p", null, t("course.progress", { done, count: lessons.length })),
        next && h("a", { class: "button", href: state.link("course", { page: next }) }, t("course.next_experiment", { id: next })),
      );
    }
  }

  function part(title) {
    const at = title.id.replace(/^at-/, "");
    return h("li", null, h("a", { href: state.link("course", { page: told.name, at }), dataset: { at } }, [...title.cloneNode(true).childNodes]));
  }

  /** Say which part is being read: the last whose title has come up to the upper part of the window. */
  function mark() {
    const line = innerHeight * 0.4;
    const current = titles.findLast((each) => each.getBoundingClientRect().top < line);
    entries.forEach((each, at) => {
      if (titles[at] === current) each.firstChild.setAttribute("aria-current", "true");
      else each.firstChild.removeAttribute("aria-current");
    });
  }

  function way(other, kind) {
    if (!other) return h("span");
    return h("a", { class: kind, rel: kind === "next" ? "next" : "prev", href: state.link("course", { page: other.name }) }, h("span", { class: "hint" }, t(`course.${kind}`)), " ", h("span", null, other.title));
  }

  function jump(at) {
    const target = (at && element.querySelector(`#${CSS.escape(`at-${at}`)}`)) || heading;
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
    if (target === heading) scrollTo(0, 0);
    else target.scrollIntoView({ behavior: ui.calm() ? "auto" : "smooth" });
  }

  return { name: told.name, title: told.title, element, heading, show, jump, close: () => removeEventListener("scroll", mark) };
}
