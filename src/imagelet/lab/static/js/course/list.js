// The course's entrance: what to read first, then each experiment with its figures and its start button.

import { has } from "../shared/i18n.js";
import { whisker } from "../runs/interval.js";
import { about, figure, ownDigits, standing } from "./experiment.js";

/** Make the list. headings: the course's pages, [{name, title, experiment}]. `show(course)` draws it anew. */
export function list(headings, { t, state, ui, start }) {
  const { h, replace } = ui;
  const context = { t, state, ui, start };
  const progress = h("p", { class: "hint", role: "status" });
  const place = h("ol", { class: "lessons" });
  const scale = h("span", { class: "scale" });
  const first = headings.filter((each) => !each.experiment && each.name !== "own-digits");
  const element = h(
    "div",
    { class: "course-list" },
    h("ul", { class: "readings card", "aria-label": t("course.first") }, first.map(reading)),
    h("div", { class: "course-head" }, progress, key()),
    place,
  );

  function show({ lessons, jobs, reach, next }) {
    const done = lessons.filter((each) => Number.isFinite(each.reached)).length;
    scale.textContent = done ? t("course.scale", { points: ui.number(100 * reach, 2) }) : "";
    progress.textContent = t("course.progress", { done, count: lessons.length });
    replace(
      place,
      lessons.map((lesson, at) => {
        const job = jobs.find((each) => each.id === lesson.job);
        return row(lesson, at + 1, [figure(lesson, reach, context), standing(lesson, job, { ...context, primary: lesson.id === next })]);
      }),
      row({ id: "own-digits" }, lessons.length + 1, ownDigits(context)),
    );
  }

  function key() {
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

  function reading({ name, title }) {
    return h("li", null, link(name, has(`course.name.${name}`) ? t(`course.name.${name}`) : title), h("p", { class: "hint" }, t(`course.teaches.${name}`)));
  }

  function row(lesson, number, rest) {
    const name = has(`course.name.${lesson.id}`) ? t(`course.name.${lesson.id}`) : lesson.title;
    const teaches = has(`course.teaches.${lesson.id}`) ? t(`course.teaches.${lesson.id}`) : lesson.note;
    const title = [h("code", null, lesson.id), " ", h("span", null, name)];
    const read = headings.some((each) => each.name === lesson.id); // a plug-in's experiment has no page
    return h(
      "li",
      { class: "card lesson", dataset: { lesson: lesson.id } },
      h("span", { class: "lesson-number", "aria-hidden": "true" }, number),
      h("div", { class: "lesson-text" }, h("h2", null, read ? link(lesson.id, title) : title), h("p", null, teaches), lesson.dataset && about(lesson, context)),
      rest,
    );
  }

  function link(page, content) {
    return h("a", { href: state.link("course", { page }), dataset: { key: `read ${page}` } }, content);
  }

  return { element, show };
}
