// How far the course is, asked for again and again: often while something trains, seldom else.

import { ACTIVE } from "../train/states.js";

const OFTEN = 2; // seconds
const SELDOM = 15;

/**
 * Follow the course. show(course) gets {lessons, jobs, reach, next} whenever it differs from before; fail(error) what
 * went wrong, null once it is over. Returns {refresh, close}.
 */
export function follow(api, { show, fail }) {
  let timer = null;
  let wait = OFTEN;
  let shown = "";
  let closed = false;

  /** Ask now; `anew` shows the answer even if it is the same. */
  async function refresh({ anew = false } = {}) {
    clearTimeout(timer);
    const first = !shown;
    try {
      const [lessons, jobs] = await Promise.all([api.get("/api/course"), api.get("/api/jobs")]);
      if (closed) return;
      const now = JSON.stringify([lessons, jobs.map((job) => [job.id, job.state, job.course])]);
      if (anew || now !== shown) show(courseOf(lessons, jobs));
      shown = now;
      fail(null);
      wait = jobs.some((job) => ACTIVE.has(job.state)) ? OFTEN : SELDOM;
    } catch (refused) {
      if (closed) return;
      if (first || wait > 8) fail(refused);
      wait = Math.min(2 * SELDOM, wait * 2);
    }
    timer = setTimeout(refresh, wait * 1000);
  }

  return {
    refresh,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** lessons and jobs; how far the scale of all lines goes to each side of the notes' figure; what to begin next. */
function courseOf(lessons, jobs) {
  const ends = lessons.flatMap((each) => [each.reached, ...(each.interval ?? [])].filter(Number.isFinite).map((share) => Math.abs(share - each.expected)));
  const next = lessons.find((each) => each.state === "new" || each.state === "unfinished")?.id;
  return { lessons, jobs, reach: Math.max(0.01, ...ends) * 1.1, next };
}
