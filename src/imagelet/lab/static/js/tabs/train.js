// @ts-check
// The Train tab: a form for a new training, the one that is watched, and the list of all.

import { api } from "../shared/api.js";
import { ACTIVE } from "../shared/jobs.js";
import { state } from "../shared/state.js";
import { calm, error, h, replace } from "../shared/ui.js";
import { Form } from "../train/form.js";
import { Monitor } from "../train/monitor.js";
import { queue } from "../train/queue.js";

/** @typedef {import("../shared/jobs.js").Job} Job */

const OFTEN = 2; // seconds between requests while something trains
const SELDOM = 10;
const LONGEST_WAIT = 30; // where nothing answers

class TrainTab {
  constructor(data, jobs) {
    /** @type {Job[]} */
    this.jobs = latestFirst(jobs);
    /** @type {Monitor | null} */
    this.monitor = null;
    this.timer = null;
    this.wait = OFTEN;
    this.problem = h("div", { "aria-live": "polite" });
    this.watched = h("div", { class: "watched" });
    this.list = queue((id) => state.set({ job: id }), {
      place: (job, place) => this.change(api.post(`/api/jobs/${job.id}/place`, { place })),
      remove: (job) => this.change(api.del(`/api/jobs/${job.id}`), job.id),
      clear: () => this.change(api.del("/api/jobs?state=failed"), this.failedChosen),
    });
    this.form = new Form(data, (setup) => this.start(setup));
    const side = h("div", { class: "train-side" }, this.problem, this.watched, this.list.element);
    this.element = h("div", { class: "train-layout" }, this.form.element, side);
    const isNarrow = matchMedia("(max-width: 62rem)").matches;
    if (isNarrow && this.isActive) this.element.prepend(side); // what is under way comes first
    this.show();
    this.refreshLater();
  }

  get isActive() {
    return this.jobs.some((job) => ACTIVE.has(job.state));
  }

  /** The id of the job to show: that of the address, else the one that trains, is active, or is the latest. */
  get chosen() {
    const { jobs } = this;
    const running = jobs.find((job) => job.state === "running");
    const shown = running ?? jobs.find((job) => ACTIVE.has(job.state)) ?? jobs[0];
    return state.get("job") ?? shown?.id ?? null;
  }

  show() {
    const id = this.chosen;
    const job = this.jobs.find((known) => known.id === id) ?? null;
    if ((this.monitor?.id ?? null) !== id) {
      this.monitor?.close();
      const handlers = {
        onjob: (changed) => this.jobChanged(changed),
        onmissing: (problem) => this.jobMissing(problem),
        ongone: () => this.gone(id),
      };
      this.monitor = id ? new Monitor(id, { job, ...handlers }) : null;
      replace(this.watched, this.monitor?.element);
    }
    const isBefore = (other) => other.state === "running" || (other.state === "queued" && other.place < job.place);
    if (job) this.monitor.update(job, !this.jobs.some(isBefore));
    this.list.show(this.jobs, id);
  }

  /** A job has changed, or another has come of it, which is shown then. */
  jobChanged(/** @type {Job} */ job) {
    if (job.id !== this.monitor?.id) state.set({ job: job.id });
    else if (state.get("job") === null) state.set({ job: job.id }, { replace: true }); // it stays, whatever runs next
    this.refresh();
  }

  /** The one that is shown, if it has failed. */
  get failedChosen() {
    return this.jobs.find((job) => job.id === this.chosen && job.state === "failed")?.id ?? null;
  }

  /** Wait for a change of the list; with it the job `gone` is taken off. */
  async change(promise, gone = null) {
    replace(this.problem);
    try {
      await promise;
      if (gone) this.gone(gone);
      else await this.refresh();
    } catch (problem) {
      replace(this.problem, error(problem));
    }
  }

  /** A job was taken off: another one is shown. */
  async gone(id) {
    this.jobs = this.jobs.filter((job) => job.id !== id || job.run !== null); // one that has begun is paused
    if (state.get("job") === id) state.set({ job: null }, { replace: true });
    await this.refresh();
    this.list.focus();
  }

  /** The address names a training that is not there. */
  jobMissing(problem) {
    replace(this.problem, error(problem));
    this.monitor?.close();
    this.monitor = null;
    replace(this.watched);
    if (state.get("job")) state.set({ job: null }, { replace: true });
  }

  async start(setup) {
    const job = await api.post("/api/jobs", setup);
    this.jobs = [job, ...this.jobs.filter((other) => other.id !== job.id)];
    replace(this.problem);
    const isAlone = !this.jobs.some((other) => other.state === "running" && other.id !== job.id);
    state.set({ job: job.id });
    this.show();
    if (isAlone) this.monitor.element.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
    this.monitor.head.focus();
    this.refresh();
  }

  async refresh() {
    try {
      this.jobs = latestFirst(await api.get("/api/jobs"));
      this.wait = this.isActive ? OFTEN : SELDOM;
      this.show();
    } catch {
      this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
      this.monitor?.stream.lose(); // it says so, and tries again
    }
    this.refreshLater();
  }

  refreshLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), this.wait * 1000);
  }

  /** The address has changed. */
  changed() {
    this.form.changed();
    this.show();
  }

  close() {
    this.form.close();
    clearTimeout(this.timer);
    this.monitor?.close();
  }
}

/** @param {Job[]} jobs */
function latestFirst(jobs) {
  return [...jobs].sort((one, other) => (one.id < other.id ? 1 : -1));
}

/** Fill `root`; see main.js. */
export async function open(root) {
  const paths = ["datasets", "networks", "recipes", "jobs"].map((name) => api.get(`/api/${name}`));
  const [datasets, networks, recipes, jobs] = await Promise.all(paths);
  const tab = new TrainTab({ datasets, networks, recipes }, jobs);
  replace(root, tab.element);
  return tab;
}
