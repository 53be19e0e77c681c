// @ts-check
// A training on the collection: begun here, followed until it has ended, and what it reached on the test part.

import { api } from "../shared/api.js";
import { whisker, whiskerScale } from "../shared/charts.js";
import { t } from "../shared/i18n.js";
import { ACTIVE } from "../shared/jobs.js";
import { state } from "../shared/state.js";
import { button, duration, error, field, h, linkButton, number, percent, replace, select } from "../shared/ui.js";
import { adviceOn } from "./counting.js";
import { makeTaking } from "./taking.js";

const STARTS = ["auto", "mnist", "cifar-10", "none"];
const OFTEN = 500; // milliseconds between two looks at a training
const SELDOM = 3000; // where the server does not answer

/** @typedef {import("../shared/jobs.js").Job} Job */

export class Training {
  #timer = null;
  #closed = false;
  /** @type {Job | null} */
  #job = null;
  #ready = false;
  #start = select(STARTS.map((start) => [start, t(`collect.start_${start}`)]), "auto");
  #begin = button(t("collect.train"), () => this.#train(), { primary: true });
  #progress = h("div", { class: "training-progress", role: "status" });
  #result = h("div", { class: "training-result" });

  /**
   * @param {import("./server.js").Server} server
   * @param {{finished: (run: string, classes: string[]) => void}} options `finished` gets the newest run
   */
  constructor(server, { finished }) {
    this.server = server;
    this.finished = finished;
    this.element = h(
      "section",
      { class: "card training", "aria-labelledby": "training-title" },
      h("h2", { id: "training-title" }, t("collect.training")),
      h("div", { class: "row begin" }, field(t("collect.start"), this.#start), this.#begin),
      h("p", { class: "hint" }, t("collect.set_aside")),
      this.#progress,
      this.#result,
    );
  }

  /** Show what there is of a collection: a training that is under way, and the last run. */
  async show(/** @type {import("./server.js").Collection} */ collection) {
    this.collection = collection;
    this.#ready = adviceOn(collection.classes).ready;
    this.#showButton();
    if (this.#job || this.#timer) return;
    try {
      const jobs = await api.get("/api/jobs");
      const active = jobs.filter((job) => ACTIVE.has(job.state) && this.#isOurs(job.experiment?.dataset)).at(-1);
      if (active) this.#follow(active);
      await this.#showResult();
    } catch (problem) {
      replace(this.#progress, error(problem));
    }
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Whether a dataset is this collection: its folder, or the table of its bursts. */
  #isOurs(dataset) {
    const { folder } = this.collection;
    return dataset === folder || dataset === `${folder}.csv`;
  }

  #showButton() {
    this.#begin.disabled = !this.#ready || (this.#job !== null && ACTIVE.has(this.#job.state));
  }

  async #train() {
    this.#begin.disabled = true;
    replace(this.#progress);
    try {
      this.#follow(await this.server.train(this.#start.value));
    } catch (problem) {
      replace(this.#progress, error(problem));
      this.#showButton();
    }
  }

  #follow(/** @type {Job} */ job) {
    this.#job = job;
    this.#showButton();
    this.#showProgress(job);
    clearTimeout(this.#timer);
    if (this.#closed) return;
    if (ACTIVE.has(job.state)) this.#timer = setTimeout(() => this.#look(), OFTEN);
    else if (job.state !== "failed") this.#showResult();
  }

  async #look() {
    try {
      this.#follow(await api.get(`/api/jobs/${this.#job.id}`));
    } catch (problem) {
      if (this.#closed) return;
      replace(this.#progress, error(problem));
      if (problem.status === 0) this.#timer = setTimeout(() => this.#look(), SELDOM);
    }
  }

  #showProgress(/** @type {Job} */ job) {
    if (job.state === "finished" || job.state === "stopped") {
      replace(this.#progress);
      return;
    }
    if (job.state === "failed") {
      replace(this.#progress, error(Object.assign(new Error(), { name: "ApiError", ...job.error })));
      return;
    }
    const { progress } = job;
    const link = h("a", { href: state.link("train", { job: job.id }) }, t("collect.watch"));
    const bar = h("progress", { "aria-label": t("collect.training") });
    if (progress) bar.value = (progress.epoch - 1 + progress.step / progress.steps) / progress.epochs;
    const where = progress
      ? t("collect.progress", {
          epoch: progress.epoch,
          epochs: progress.epochs,
          left: progress.seconds_left === null ? "…" : duration(progress.seconds_left),
        })
      : t(job.state === "queued" ? "collect.waits" : `collect.begins`);
    replace(this.#progress, bar, h("p", { class: "hint" }, where, " ", link));
  }

  /** Show the newest finished run of the collection. */
  async #showResult() {
    const runs = await api.get("/api/runs");
    const run = runs.find(({ state: is, dataset }) => is === "finished" && this.#isOurs(dataset));
    if (this.#closed || !run) return;
    const classifiers = await api.get("/api/classifiers");
    const classifier = classifiers.find(({ name }) => name === run.name);
    const tested = run.test ? accuracyOf(run.test) : h("p", { class: "note" }, t("collect.untested"));
    replace(this.#result, tested, runLink(run), makeTaking(run.name));
    if (classifier) this.finished(run.name, classifier.classes);
  }
}

function accuracyOf({ accuracy, interval, images }) {
  const scale = whiskerScale([interval]);
  const right = Math.round(accuracy * images);
  return h(
    "div",
    { class: "test-result" },
    h("p", { class: "big" }, percent(accuracy, 0), " ", h("span", null, t("collect.right", { right, images }))),
    whisker([{ value: accuracy, interval, kind: "accent" }], scale[0], scale[1], { width: 260 }),
    h("p", { class: "hint" }, t("collect.interval", { low: percent(interval[0], 0), high: percent(interval[1], 0) })),
    images < 50 && h("p", { class: "hint" }, t("collect.few_tested", { count: number(images, 2) })),
  );
}

function runLink({ name }) {
  return h("div", { class: "row" }, linkButton(t("collect.whole_run"), state.link("runs", { open: name })));
}
