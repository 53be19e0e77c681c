// @ts-check
// The course's list: what to read first, then each experiment with its figures and its start button.

import { whisker } from "../shared/charts.js";
import { has, t } from "../shared/i18n.js";
import { state } from "../shared/state.js";
import { h, number, remark, replace } from "../shared/ui.js";
import { about, actions, figures, ownDigits } from "./experiment.js";

const OWN_DIGITS = "own-digits";

/** A text of a page or an experiment in the page's language; a plug-in's experiment has English ones of its own. */
const textOf = (kind, id, otherwise) => (has(`course.${kind}.${id}`) ? t(`course.${kind}.${id}`) : otherwise);
const pageLink = (page, content) =>
  h("a", { href: state.link("course", { page }), dataset: { key: `read ${page}` } }, content);

/** The list; pages: the headings of the course's pages, {name, title, experiment}. `show(course)` draws it anew. */
export function lessonList(pages, start) {
  const progress = h("p", { class: "hint", role: "status" });
  const scale = h("span", { class: "scale" });
  const list = h("ol", { class: "lessons" });
  const readings = pages.filter(({ name, experiment }) => !experiment && name !== OWN_DIGITS);
  const element = h(
    "div",
    { class: "course-list" },
    h("ul", { class: "readings card", "aria-label": t("course.first") }, readings.map(reading)),
    h("div", { class: "course-head" }, progress, key(scale)),
    list,
  );
  const heading = (id, title) => {
    const content = [h("code", null, id), " ", h("span", null, textOf("name", id, title))];
    return h("h2", null, pages.some(({ name }) => name === id) ? pageLink(id, content) : content);
  };

  /** @param {ReturnType<typeof import("./experiment.js").courseOf>} course */
  function show(course) {
    const { lessons, reach, done, next } = course;
    scale.textContent = done ? t("course.scale", { points: number(100 * reach, 2) }) : "";
    progress.textContent = t("course.progress", { done, count: lessons.length });
    const rows = lessons.map((lesson, index) => {
      const { id, title, note } = lesson;
      const text = [heading(id, title), h("p", null, textOf("teaches", id, note)), about(lesson)];
      return row(id, index + 1, text, [figures(lesson, reach), actions(lesson, course, { primary: id === next, start })]);
    });
    const last = [heading(OWN_DIGITS, OWN_DIGITS), h("p", null, textOf("teaches", OWN_DIGITS, ""))];
    replace(list, rows, row(OWN_DIGITS, lessons.length + 1, last, ownDigits()));
  }

  return { element, show };
}

function row(id, place, text, rest) {
  const mark = h("span", { class: "lesson-number", "aria-hidden": "true" }, place);
  return h("li", { class: "card lesson", dataset: { lesson: id } }, mark, h("div", { class: "lesson-text" }, text), rest);
}

function reading({ name, title }) {
  return h("li", null, pageLink(name, textOf("name", name, title)), remark(t(`course.teaches.${name}`)));
}

/** What the marks on the lines mean. */
function key(scale) {
  return h(
    "div",
    { class: "course-key", "aria-hidden": "true" },
    whisker([{ value: 0.3, kind: "muted" }], 0, 1, { width: 40, grid: false }),
    h("span", null, t("course.expected")),
    whisker([{ value: 0.5, interval: [0.2, 0.8], kind: "accent" }], 0, 1, { width: 60, grid: false }),
    h("span", null, t("course.reached")),
    scale,
  );
}
