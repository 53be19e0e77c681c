// The Train tab: a form for a new training, the one that is watched, and the list of all.

import { form } from "../train/form.js";
import { monitor } from "../train/monitor.js";
import { queue } from "../train/queue.js";
import { ACTIVE } from "../train/states.js";

/** Fill `root`; see main.js. */
export async function open(root, { api, t, state, ui }) {
  const { h, replace } = ui;
  const place = h("div", { class: "watched" });
  const problem = h("div", { "aria-live": "polite" });
  const list = queue((id) => state.set({ job: id }));
  const [datasets, networks, recipes, first] = await Promise.all([
    api.get("/api/datasets"),
    api.get("/api/networks"),
    api.get("/api/recipes"),
    api.get("/api/jobs"),
  ]);
  const entry = form(api, { datasets, networks, recipes }, start);
  const side = h("div", { class: "train-side" }, problem, place, list.element);
  const layout = h("div", { class: "train-layout" }, entry.element, side);
  const narrow = matchMedia("(max-width: 62rem)").matches;
  if (narrow && first.some((job) => ACTIVE.has(job.state))) layout.prepend(side); // what is under way comes first
  replace(root, layout);

  let jobs = latest(first);
  let watched = null; // {id, monitor}
  let timer = null;
  let wait = 2;
  show();
  again();

  function chosen() {
    const named = state.get("job");
    if (named) return named;
    return (jobs.find((job) => job.state === "running") ?? jobs.find((job) => ACTIVE.has(job.state)) ?? jobs[0])?.id ?? null;
  }

  function show() {
    const id = chosen();
    const told = jobs.find((job) => job.id === id);
    if (watched?.id !== id) {
      watched?.monitor.close();
      watched = id ? { id, monitor: monitor(api, id, { known: told, onjob: heard, ongone: gone }) } : null;
      replace(place, watched?.monitor.element);
    }
    const before = jobs.filter((job) => job.state === "running" || (job.state === "queued" && job.id < id));
    if (told) watched.monitor.update(told, before.length === 0);
    list.show(jobs, id);
  }

  /** A job has changed, or another has come of it, which is shown then. */
  function heard(job) {
    if (job?.id && job.id !== watched?.id) state.set({ job: job.id });
    refresh();
  }

  /** The address names a training that is not there. */
  function gone(reason) {
    replace(problem, ui.error(reason));
    watched?.monitor.close();
    watched = null;
    replace(place);
    if (state.get("job")) state.set({ job: null }, { replace: true });
  }

  async function start(order) {
    const job = await api.post("/api/jobs", order);
    jobs = [job, ...jobs.filter((each) => each.id !== job.id)];
    replace(problem);
    const active = jobs.some((each) => each.state === "running" && each.id !== job.id);
    state.set({ job: job.id });
    show();
    if (!active) watched?.monitor.element.scrollIntoView({ block: "nearest", behavior: ui.calm() ? "auto" : "smooth" });
    watched?.monitor.focus();
    refresh();
  }

  async function refresh() {
    try {
      jobs = latest(await api.get("/api/jobs"));
      wait = jobs.some((job) => ACTIVE.has(job.state)) ? 2 : 10;
      show();
    } catch {
      wait = Math.min(30, wait * 2);
      watched?.monitor.away(); // it says so, and tries again
    }
    again();
  }

  function again() {
    clearTimeout(timer);
    timer = setTimeout(refresh, wait * 1000);
  }

  return {
    changed() {
      entry.changed();
      show();
    },
    close() {
      entry.close();
      clearTimeout(timer);
      watched?.monitor.close();
    },
  };
}

/** The trainings, the latest first. */
function latest(jobs) {
  return [...jobs].sort((a, b) => (a.id < b.id ? 1 : -1));
}
