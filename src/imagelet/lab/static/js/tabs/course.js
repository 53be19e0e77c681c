// The Course tab: the course's experiments, each with the figure that the notes print beside the one reached.

import { has } from "../i18n.js";
import { whisker } from "../runs/interval.js";
import { ACTIVE } from "../train/states.js";

/** Fill `root`; see main.js for the contract of tabs. */
export async function open(root, { api, t, state, ui }) {
  const { h, replace, percent } = ui;
  const problem = h("div", { "aria-live": "polite" });
  const progress = h("p", { class: "hint", role: "status" });
  const place = h("ol", { class: "lessons" });
  const scale = h("span", { class: "scale" });
  const key = h(
    "div",
    { class: "course-key", "aria-hidden": "true" },
    whisker([{ value: 0.3, kind: "muted" }], 0, 1, { width: 40, grid: false }),
    h("span", null, t("course.expected")),
    whisker([{ value: 0.5, interval: [0.2, 0.8], kind: "accent" }], 0, 1, { width: 60, grid: false }),
    h("span", null, t("course.reached")),
    scale,
  );
  replace(root, problem, h("div", { class: "course-head" }, progress, key), place);

  let timer = null;
  let wait = 2;
  let drawn = "";
  let closed = false;
  await refresh(true);

  async function refresh(first = false) {
    clearTimeout(timer);
    try {
      const asked = Promise.all([api.get("/api/course"), api.get("/api/jobs")]);
      const [course, jobs] = await (first ? ui.busy(root, asked) : asked);
      if (closed) return;
      show(course, jobs);
      replace(problem);
      wait = jobs.some((job) => ACTIVE.has(job.state)) ? 2 : 15;
    } catch (refused) {
      if (closed) return;
      if (first || wait > 8) replace(problem, ui.error(refused));
      wait = Math.min(30, wait * 2);
    }
    timer = setTimeout(refresh, wait * 1000);
  }

  function show(course, jobs) {
    const now = JSON.stringify([course, jobs.map((job) => [job.id, job.state, job.course])]);
    if (now === drawn) return;
    drawn = now;
    const focused = document.activeElement?.dataset?.key;
    const done = course.filter((each) => Number.isFinite(each.reached)).length;
    const reach = reachOf(course);
    const next = course.find((each) => each.state === "new" || each.state === "unfinished")?.id;
    scale.textContent = done ? t("course.scale", { points: ui.number(100 * reach, 2) }) : "";
    progress.textContent = t("course.progress", { done, count: course.length });
    replace(place, course.map((lesson, at) => row(lesson, at + 1, jobs.find((job) => job.id === lesson.job), { reach, next })), ownDigits(course.length + 1));
    if (focused) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  function row(lesson, number, job, { reach, next }) {
    const title = has(`course.name.${lesson.id}`) ? t(`course.name.${lesson.id}`) : lesson.title;
    const teaches = has(`course.teaches.${lesson.id}`) ? t(`course.teaches.${lesson.id}`) : lesson.note;
    const step = lesson.state;
    return h(
      "li",
      { class: "card lesson", dataset: { lesson: lesson.id } },
      h("span", { class: "lesson-number", "aria-hidden": "true" }, number),
      h(
        "div",
        { class: "lesson-text" },
        h("h2", null, h("code", null, lesson.id), h("span", null, title)),
        h("p", null, teaches),
        h(
          "p",
          { class: "hint" },
          [lesson.dataset, lesson.parameters && t("course.parameters", { parameters: ui.number(lesson.parameters, 12) })].filter(Boolean).join(" · "),
        ),
      ),
      figure(lesson, reach),
      h("div", { class: "lesson-state" }, h("span", { class: `state state-${step}` }, t(`course.state.${step}`)), doing(lesson, job, step, lesson.id === next)),
    );
  }

  /** The notes' figure and ours, as numbers and on a line whose middle is the notes'. */
  function figure(lesson, reach) {
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

  function doing(lesson, job, step, primary) {
    const action = (label, run, options = {}) => {
      const made = ui.button(label, run, { ...options, label: `${label}: ${lesson.id}` });
      made.dataset.key = `${lesson.id} ${label}`;
      return made;
    };
    const started = ACTIVE.has(step);
    const unfinished = ["stopped", "failed", "unfinished"].includes(step);
    const open = !started && step !== "finished" && step !== "damaged";
    return h(
      "div",
      { class: "lesson-actions" },
      started && job && h("a", { class: "button", href: state.link("train", { job: job.id }) }, t("course.watch")),
      open && action(unfinished ? t("course.go_on") : t("course.start"), () => start(lesson), { primary }),
      step === "finished" && lesson.run && h("a", { class: "button", href: state.link("runs", { open: lesson.run }) }, t("course.open_run")),
      step === "finished" && lesson.run && h("a", { class: "more", href: state.link("draw", { run: lesson.run }) }, t("course.draw")),
      h("a", { class: "more", href: state.link("network", { network: lesson.network }), "aria-label": `${t("course.network")}: ${lesson.network}` }, t("course.network")),
      step === "finished" && Number.isFinite(lesson.seconds) && h("span", { class: "hint" }, ui.duration(lesson.seconds)),
    );
  }

  /** The last page of the course needs pictures that only the reader has. */
  function ownDigits(number) {
    return h(
      "li",
      { class: "card lesson" },
      h("span", { class: "lesson-number", "aria-hidden": "true" }, number),
      h(
        "div",
        { class: "lesson-text" },
        h("h2", null, h("code", null, "own-digits"), h("span", null, t("course.name.own-digits"))),
        h("p", null, t("course.teaches.own-digits")),
      ),
      h("div", { class: "lesson-figure" }, h("p", { class: "hint" }, t("course.own.how")), ui.command("imagelet course own-digits --pictures my-digits")),
      h("div", { class: "lesson-state" }, h("div", { class: "lesson-actions" }, h("a", { class: "button", href: state.link("draw") }, t("course.own.draw")))),
    );
  }

  async function start(lesson) {
    try {
      const job = await ui.busy(root, api.post("/api/jobs", { course: lesson.id }));
      replace(problem);
      drawn = "";
      await refresh();
      const link = place.querySelector(`[data-lesson="${lesson.id}"] a.button`);
      link?.focus();
      return job;
    } catch (refused) {
      replace(problem, ui.error(refused));
      problem.scrollIntoView({ block: "nearest" });
      return null;
    }
  }

  return {
    changed() {},
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** How far the scale of all lines goes to each side of the notes' figure, so that they can be compared. */
function reachOf(course) {
  const ends = course.flatMap((each) => [each.reached, ...(each.interval ?? [])].filter(Number.isFinite).map((share) => Math.abs(share - each.expected)));
  return Math.max(0.01, ...ends) * 1.1;
}
