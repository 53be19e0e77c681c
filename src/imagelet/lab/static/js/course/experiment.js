// @ts-check
// An experiment of the course as the list and its page show it: the notes' figure beside ours, its state, what to do.

import { whisker } from "../shared/charts.js";
import { t } from "../shared/i18n.js";
import { ACTIVE, stateMark } from "../shared/jobs.js";
import { mayChange } from "../shared/session.js";
import { state } from "../shared/state.js";
import { button, command, duration, h, linkButton, number, percent, remark } from "../shared/ui.js";

/**
 * An experiment as /api/course describes it.
 * @typedef {{id: string, title: string, note: string, network: string, dataset: string, parameters: number,
 * part: string, expected: number, rough: boolean, reached: number, interval: [number, number], seconds: number,
 * state: string, run: string, job: string}} Lesson
 */

/**
 * How far the course is. reach: how far the scale of all lines goes to each side of the notes' figure; next: the
 * experiment to start next.
 */
export function courseOf(/** @type {Lesson[]} */ lessons, /** @type {{id: string}[]} */ jobs) {
  const distances = lessons.flatMap(({ expected, reached, interval }) =>
    [reached, ...(interval ?? [])].filter(Number.isFinite).map((end) => Math.abs(end - expected)),
  );
  const done = lessons.filter(({ reached }) => Number.isFinite(reached)).length;
  const next = lessons.find((lesson) => lesson.state === "new" || lesson.state === "unfinished")?.id ?? null;
  return { lessons, jobs, reach: Math.max(0.01, ...distances) * 1.1, done, next };
}

/** What an experiment is about: its data and its size. */
export function about(/** @type {Lesson} */ { dataset, parameters }) {
  const size = parameters && t("course.parameters", { parameters: number(parameters, 12) });
  return remark([dataset, size].filter(Boolean).join(" · "));
}

/** The notes' figure and ours, as numbers and on a line whose middle is the notes'. */
export function figures(/** @type {Lesson} */ { expected, rough, reached, interval, part }, reach) {
  const isDone = Number.isFinite(reached);
  const marks = [{ value: expected, kind: "muted" }, { value: reached, interval, kind: "accent" }];
  const isInside = interval && expected >= interval[0] && expected <= interval[1];
  const [low, high] = (interval ?? []).map((end) => percent(end, 2));
  const hints = [part && t(`course.part.${part}`), interval && t("course.interval", { low, high })];
  const entry = (kind, name, text) => h("div", { class: kind }, h("dt", null, t(name)), h("dd", null, text));
  return h(
    "div",
    { class: "lesson-figure" },
    h(
      "dl",
      null,
      entry(null, "course.expected", rough ? t("course.rough", { share: percent(expected, 0) }) : percent(expected, 2)),
      entry(isDone ? "has" : "open", "course.reached", isDone ? percent(reached, 2) : t("course.reached.none")),
    ),
    isDone && whisker(marks, expected - reach, expected + reach, { width: 220, height: 22 }),
    remark(hints.filter(Boolean).join(" · ")),
    interval && !rough && h("p", { class: "visually-hidden" }, t(isInside ? "course.inside" : "course.outside")),
  );
}

/** Its state, and what can be done now: start or resume it, watch it, open its run. */
export function actions(/** @type {Lesson} */ lesson, { jobs }, { primary, start }) {
  const { id, run, network, seconds } = lesson;
  const job = jobs.find((known) => known.id === lesson.job);
  const isActive = ACTIVE.has(lesson.state);
  const isFinished = lesson.state === "finished";
  const link = (label, tab, parameters) => linkButton(t(label), state.link(tab, parameters));
  const more = (label, tab, parameters, object) => {
    const attributes = { class: "more", "aria-label": `${t(label)}: ${object}`, dataset: { key: `${id} ${tab}` } };
    return h("a", { href: state.link(tab, parameters), ...attributes }, t(label));
  };
  return h(
    "div",
    { class: "lesson-state" },
    stateMark(lesson.state, "course"),
    h(
      "div",
      { class: "lesson-actions" },
      isActive && job && link("course.watch", "train", { job: job.id }),
      mayChange() && !isActive && !isFinished && lesson.state !== "damaged" && startButton(lesson, primary, start),
      isFinished && run && link("course.open_run", "runs", { open: run }),
      isFinished && run && more("course.draw", "draw", { run }, run),
      more("course.network", "network", { network }, network),
      isFinished && Number.isFinite(seconds) && h("span", { class: "hint" }, duration(seconds)),
    ),
  );
}

function startButton(lesson, primary, start) {
  const isResumed = ["stopped", "failed", "unfinished"].includes(lesson.state);
  const text = t(isResumed ? "course.resume" : "course.start");
  const element = button(text, () => start(lesson), { primary, label: `${text}: ${lesson.id}` });
  element.dataset.key = `${lesson.id} start`;
  return element;
}

/** The last page of the course needs pictures that only the reader has: how to come by them, and where. */
export function ownDigits() {
  const draw = linkButton(t("course.own.draw"), state.link("draw"));
  const how = [remark(t("course.own.how")), command("imagelet course own-digits --pictures my-digits")];
  return [
    h("div", { class: "lesson-figure" }, how),
    h("div", { class: "lesson-state" }, h("div", { class: "lesson-actions" }, draw)),
  ];
}
