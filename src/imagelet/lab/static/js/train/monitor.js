// @ts-check
// One training as it is: progress, figures, curves, filters, and what can be done with it.

import { ApiError, api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { ENDED, changeList, experimentText, stateMark } from "../shared/jobs.js";
import { state as address } from "../shared/state.js";
import { busy, button, error, h, linkButton, percent, replace } from "../shared/ui.js";
import { FactorSlider, controlRow } from "./controls.js";
import { curvePanel } from "./curves.js";
import { epochTable, filterPanel, readings } from "./figures.js";
import { Progress, whereText } from "./progress.js";
import { jobName } from "./queue.js";
import { batchPanel, misreadPanel, weightPanel } from "./snapshots.js";
import { follow } from "./stream.js";

/** @typedef {import("../shared/jobs.js").Job} Job */

const SHOW_WAIT = 120; // milliseconds: not more often than the eye needs

/** Shows a training from its events. */
export class Monitor {
  /**
   * job: what is known of it; onjob(job): a job has changed, or come of this one; onmissing(problem): there is none;
   * ongone(): it was taken off.
   */
  constructor(id, { job, onjob, onmissing, ongone }) {
    this.id = id;
    this.path = `/api/jobs/${encodeURIComponent(id)}`;
    this.onjob = onjob;
    this.ongone = ongone;
    this.waits = false; // to show what has come
    this.closed = false;
    this.progress = new Progress(job);
    this.spoken = h("p", { class: "visually-hidden", role: "status" });
    this.lost = h("div", { class: "lost", role: "status", hidden: true });
    this.problem = h("div", { "aria-live": "polite" });
    this.head = head();
    this.factor = new FactorSlider((factor) => {
      api.patch(this.path, { learning_rate_factor: factor }).catch((problem) => this.refuse(problem));
    });
    this.controls = controlRow((action, body) => this.act(action, body));
    this.filters = filterPanel();
    this.weights = weightPanel();
    this.misread = misreadPanel();
    this.batch = batchPanel();
    this.element = this.build();
    this.stream = follow(this.path, this.events(), {
      job: (next) => this.connected(next),
      lost: (seconds) => this.showLost(seconds),
      missing: onmissing,
    });
    this.show();
  }

  build() {
    const [line, figures, changes, links] = [progressLine(), readings(), changed(), runLinks()];
    const [plots, epochs] = [curvePanel(), epochTable()];
    this.parts = [this.head, line, figures, this.controls, this.factor, changes, links, plots, epochs];
    return h(
      "section",
      { class: "card monitor", "aria-label": t("train.jobs.run") },
      this.head.element,
      this.lost,
      line.element,
      figures.element,
      h("div", { class: "controls" }, this.controls.element, this.factor.element),
      changes.element,
      this.problem,
      links.element,
      this.batch.element,
      plots.element,
      this.misread.element,
      this.filters.element,
      this.weights.element,
      epochs.element,
      this.spoken,
    );
  }

  show() {
    if (!this.progress.job) return;
    for (const part of this.parts) part.show(this.progress);
  }

  /** Show what has come, together with what comes right after it. */
  showSoon() {
    if (this.waits) return;
    this.waits = true;
    setTimeout(() => {
      this.waits = false;
      this.show();
    }, SHOW_WAIT);
  }

  /** What is done with each event of the server. */
  events() {
    const { progress } = this;
    const after = (take) => (event) => {
      take(event);
      this.showSoon();
    };
    return {
      progress: after((step) => progress.takeStep(step)),
      data: after((opened) => (progress.opened = opened)),
      manual_change: after((change) => progress.takeChange(change)),
      finishing: after(() => (progress.isFinishing = true)),
      epoch: after(({ figures }) => this.takeEpoch(figures)),
      state: (event) => this.takeState(event),
      filters: (event) => this.filters.show(event),
      weights: (event) => this.weights.show(event),
      misread: (event) => this.misread.show(event),
      batch: (event) => this.batch.show(event),
      error: (problem) => this.refuse(new ApiError(problem)),
    };
  }

  takeEpoch(figures) {
    this.progress.takeEpoch(figures);
    const { epoch, val_accuracy: accuracy } = figures;
    if (ENDED.has(this.progress.job?.state) || !Number.isFinite(accuracy)) return;
    this.spoken.textContent = t("train.said.epoch", { epoch, accuracy: percent(accuracy) });
  }

  takeState(event) {
    if (this.progress.takeState(event)) {
      const { job } = this.progress;
      this.spoken.textContent = t("train.said.state", { run: job.run, state: t(`train.state.${job.state}`) });
      if (job.state !== "failed") replace(this.problem);
      // Its run's name and figures may have changed with its state; where nothing answers, the stream says so.
      api.get(this.path).then((next) => this.take(next), () => null);
    }
    if (ENDED.has(event.state)) this.stream.rest(); // the browser would connect again and again
    this.show();
  }

  /** The server answers, with the job as it is; its events come again. */
  connected(/** @type {Job} */ job) {
    this.lost.hidden = true;
    this.progress.takeJob(job);
    this.progress.restart();
    this.factor.take(job.learning_rate_factor);
    if (job.error) this.refuse(new ApiError(job.error));
    this.show();
  }

  showLost(seconds) {
    this.lost.hidden = false;
    const now = button(t("train.lost.now"), () => this.stream.connect(), { quiet: true });
    replace(this.lost, h("span", null, t("train.lost", { seconds })), now);
  }

  refuse(problem) {
    replace(this.problem, error(problem));
  }

  /** Pause, resume, step, stop, remove, continue or retry; to continue and to retry are jobs with runs of their own. */
  async act(action, body = {}) {
    replace(this.problem);
    try {
      if (action === "remove") {
        await api.del(this.path);
        this.ongone();
        return;
      }
      const job = await busy(this.controls.element, api.post(`${this.path}/${action}`, body));
      this.take(job);
      if (!this.closed && ["resume", "step", "stop"].includes(action)) this.stream.connect();
    } catch (problem) {
      this.refuse(problem);
    }
  }

  take(/** @type {Job} */ job) {
    if (this.closed) return; // another one is looked at by now
    if (job.id === this.id) this.progress.takeJob(job);
    this.show();
    this.onjob(job);
  }

  /** What the list of all trainings says of this one. */
  update(/** @type {Job} */ job, isFirst) {
    const isNew = isFirst !== this.progress.isFirst;
    this.progress.isFirst = isFirst;
    if (isNew) this.show();
    if (this.stream.isResting() && !ENDED.has(job.state)) this.stream.connect(); // resumed from elsewhere
  }

  close() {
    this.closed = true;
    this.stream.close();
  }
}

/** The training's name, state and experiment. */
function head() {
  const name = h("h2", { tabindex: "-1" });
  const mark = h("span");
  const about = h("p", { class: "hint experiment-line" });
  return {
    element: h("header", { class: "monitor-head" }, h("div", null, name, about), mark),
    focus: () => name.focus(),
    show(/** @type {Progress} */ { job }) {
      name.textContent = jobName(job);
      about.textContent = experimentText(job.experiment);
      if (mark.dataset.state === job.state) return; // else its animation would start again
      mark.dataset.state = job.state;
      replace(mark, stateMark(job.state, "train"));
    },
  };
}

/** How far it is, as a bar and in words. */
function progressLine() {
  const meter = h("progress", { max: "1", value: 0, "aria-label": t("train.progress") });
  const where = h("p", { class: "where" });
  const element = h("div", { class: "progress-line" }, meter, where);
  return {
    element,
    show(/** @type {Progress} */ progress) {
      meter.value = progress.fraction;
      where.textContent = whereText(progress);
      element.classList.toggle("busy", progress.isBusy);
    },
  };
}

/** What was changed while it trained. */
function changed() {
  const element = h("ul", { class: "changes hint", hidden: true, "aria-label": t("train.changes") });
  return {
    element,
    show(/** @type {Progress} */ { changes }) {
      if (element.children.length === changes.length) return;
      element.hidden = false;
      replace(element, changeList(changes));
    },
  };
}

/** Where the run leads, once there is a classifier. */
function runLinks() {
  const element = h("div", { class: "after" });
  return {
    element,
    show(/** @type {Progress} */ { job }) {
      const run = (job.can_continue && job.run) || "";
      if (element.dataset.run === run) return;
      element.dataset.run = run;
      replace(
        element,
        run && [
          linkButton(t("train.open_run"), address.link("runs", { open: run })),
          linkButton(t("train.draw_run"), address.link("draw", { run })),
        ],
      );
    },
  };
}
