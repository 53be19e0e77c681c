// An experiment of the course as the list and its page show it: the notes' figure beside ours, its state, what to do.

import { whisker } from "../runs/interval.js";
import { ACTIVE } from "../train/states.js";

/** What an experiment is about: its data and its size. */
export function about(lesson, { t, ui }) {
  const size = lesson.parameters && t("course.parameters", { parameters: ui.number(lesson.parameters, 12) });
  return ui.h("p", { class: "hint" }, [lesson.dataset, size].filter(Boolean).join(" · "));
}

/** The notes' figure and ours, as numbers and on a line whose middle is the notes'; reach: what lies to each side. */
export function figure(lesson, reach, { t, ui }) {
  const { h, percent } = ui;
  const { expected, rough, part } = lesson;
  const reached = Number.isFinite(lesson.reached) ? lesson.reached : null;
  const marks = [
    { value: expected, kind: "muted" },
    { value: reached, interval: lesson.interval, kind: "accent" },
  ];
  const inside = lesson.interval && expected >= lesson.interval[0] && expected <= lesson.interval[1];
  return h(
    "div",
    { class: "lesson-figure" },
    h(
      "dl",
      null,
      h("div", null, h("dt", null, t("course.expected")), h("dd", null, rough ? t("course.rough", { share: percent(expected, 0) }) : percent(expected, 2))),
      h("div", { class: reached === null ? "open" : "has" }, h("dt", null, t("course.reached")), h("dd", null, reached === null ? t("course.reached.none") : percent(reached, 2))),
    ),
    reached !== null && whisker(marks, expected - reach, expected + reach, { width: 220, height: 22 }),
    h(
      "p",
      { class: "hint" },
      [part && t(`course.part.${part}`), lesson.interval && t("course.interval", { low: percent(lesson.interval[0], 2), high: percent(lesson.interval[1], 2) })].filter(Boolean).join(" · "),
    ),
    lesson.interval && !rough && h("p", { class: "visually-hidden" }, t(inside ? "course.inside" : "course.outside")),
  );
}

/** Its state, and what can be done now: begin it, watch it, open what came of it. */
export function standing(lesson, job, { t, state, ui, start, primary }) {
  const { h } = ui;
  const step = lesson.state;
  const started = ACTIVE.has(step);
  const done = step === "finished" && lesson.run;
  const open = !started && step !== "finished" && step !== "damaged";
  const begin = () => {
    const label = ["stopped", "failed", "unfinished"].includes(step) ? t("course.go_on") : t("course.start");
    const made = ui.button(label, () => start(lesson), { primary, label: `${label}: ${lesson.id}` });
    made.dataset.key = `${lesson.id} start`;
    return made;
  };
  const more = (label, tab, values, what) =>
    h("a", { class: "more", href: state.link(tab, values), "aria-label": `${label}: ${what}`, dataset: { key: `${lesson.id} ${tab}` } }, label);
  return h(
    "div",
    { class: "lesson-state" },
    h("span", { class: `state state-${step}` }, t(`course.state.${step}`)),
    h(
      "div",
      { class: "lesson-actions" },
      started && job && h("a", { class: "button", href: state.link("train", { job: job.id }) }, t("course.watch")),
      open && begin(),
      done && h("a", { class: "button", href: state.link("runs", { open: lesson.run }) }, t("course.open_run")),
      done && more(t("course.draw"), "draw", { run: lesson.run }, lesson.run),
      more(t("course.network"), "network", { network: lesson.network }, lesson.network),
      step === "finished" && Number.isFinite(lesson.seconds) && h("span", { class: "hint" }, ui.duration(lesson.seconds)),
    ),
  );
}

/** The last page of the course needs pictures that only the reader has: how to come by them, and where. */
export function ownDigits({ t, state, ui }) {
  const { h } = ui;
  return [
    h("div", { class: "lesson-figure" }, h("p", { class: "hint" }, t("course.own.how")), ui.command("imagelet course own-digits --pictures my-digits")),
    h("div", { class: "lesson-state" }, h("div", { class: "lesson-actions" }, h("a", { class: "button", href: state.link("draw") }, t("course.own.draw")))),
  ];
}
