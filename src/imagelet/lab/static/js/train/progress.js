// @ts-check
// What the page knows of one training, from its events, and how far it is.

import { t } from "../shared/i18n.js";
import { number, percent } from "../shared/ui.js";

/** @typedef {import("../shared/jobs.js").Epoch} Epoch */

const MOST_POINTS = 400; // of the epoch under way; then every second is left out

/** A training while its events come in; they may come again after a new connection. */
export class Progress {
  constructor(/** @type {import("../shared/jobs.js").Job} */ job = null) {
    /** @type {any} */
    this.step = {}; // what the last progress event said
    this.changes = []; // by a person, while it trained: {epoch, step, change}
    this.opened = null; // how many of the images: {done, total}
    this.isFinishing = false; // classifier and figures are being made
    this.isFirst = false; // in the queue, with nothing under way
    this.job = job;
    this.restart();
  }

  /** Forget what the events say again from the start. */
  restart() {
    /** @type {Map<number, Epoch>} */
    this.epochs = new Map((this.job?.history ?? []).map((figures) => [figures.epoch, figures]));
    this.points = []; // of the epoch under way: {x, loss, accuracy}
  }

  takeJob(job) {
    this.job = job;
    Object.assign(this.step, job.progress);
  }

  takeStep(step) {
    Object.assign(this.step, step);
    if (!Number.isFinite(step.loss) || this.epochs.has(step.epoch)) return;
    const x = step.epoch - 1 + (step.steps ? step.step / step.steps : 0);
    if (x < this.points.at(-1)?.x) this.points = [];
    this.points.push({ x, loss: step.loss, accuracy: step.accuracy });
    if (this.points.length > MOST_POINTS) this.points = this.points.filter((_, index) => index % 2 === 0);
  }

  takeEpoch(/** @type {Epoch} */ figures) {
    this.epochs.set(figures.epoch, figures);
    this.points = [];
  }

  takeChange({ epoch, step, change }) {
    const text = JSON.stringify({ epoch, step, change });
    if (!this.changes.some((known) => JSON.stringify(known) === text)) this.changes.push({ epoch, step, change });
  }

  /** Returns whether the state is another one. */
  takeState(event) {
    if (event.state === "running") this.isFinishing = false;
    const isNew = this.job !== null && this.job.state !== event.state;
    if (this.job) this.job = { ...this.job, ...event };
    return isNew;
  }

  /** The figures of the epochs, in order. */
  get history() {
    return [...this.epochs.values()].sort((one, other) => one.epoch - other.epoch);
  }

  /** The epoch with the best validation accuracy, of equal ones that with the lower loss. */
  get best() {
    const validated = this.history.filter(({ val_accuracy: accuracy }) => Number.isFinite(accuracy));
    return validated.sort((one, other) => other.val_accuracy - one.val_accuracy || one.val_loss - other.val_loss)[0];
  }

  /** How many epochs are complete. */
  get completed() {
    return this.history.at(-1)?.epoch ?? 0;
  }

  /** How many epochs it takes. */
  get total() {
    return this.step.epochs || this.job.experiment?.recipe?.epochs || this.completed;
  }

  get learningRate() {
    return this.step.learning_rate ?? this.history.at(-1)?.learning_rate;
  }

  /** How much of the training is done, from 0 to 1. */
  get fraction() {
    const { epoch = 1, step, steps } = this.step;
    if (this.job.state === "finished" || !this.total) return Number(this.job.state === "finished");
    const part = steps && epoch > this.completed ? step / steps : 0;
    return Math.min(1, (Math.max(this.completed, epoch - 1) + part) / this.total);
  }

  /** What a running training was requested to do and has not done yet: pause, stop, a single step; or null. */
  get requested() {
    const { state, want } = this.job;
    return state === "running" && want !== "run" ? (want ?? null) : null;
  }

  /** Whether it is busy with what has no steps to count. */
  get isBusy() {
    if (this.job.state !== "running") return this.job.state === "queued" && this.isFirst;
    return this.isFinishing || this.requested !== null || !(this.step.epoch || this.completed);
  }
}

/** An estimate is not written more exactly than it is: 43 s are 45 s, 12 min 34 s are 13 min. */
export function roundedSeconds(seconds) {
  if (seconds === null) return null;
  const step = seconds < 60 ? 5 : seconds < 600 ? 30 : seconds < 3600 ? 60 : 600;
  return Math.max(step, Math.round(seconds / step) * step);
}

/** Where a training is, in words: the epoch and the step, or what is waited for. */
export function whereText(/** @type {Progress} */ progress) {
  const { job, step, completed, total, opened, isFirst, isFinishing, requested } = progress;
  const epoch = Math.max(step.epoch ?? 0, completed);
  const isRunning = job.state === "running";
  if (job.state === "queued" && job.want === "stop") return t("train.stop.queued");
  if (job.state === "queued") return t(isFirst ? "train.queued.first" : "train.queued");
  if (isRunning && isFinishing) return t("train.finishing");
  if (requested) return t(`train.${requested}.requested`);
  if (!epoch && !isRunning) return "";
  const share = opened?.total && percent(opened.done / opened.total, 0);
  if (!epoch) return share ? t("train.preparing.part", { share }) : t("train.preparing");
  const text = t("train.epoch_of", { epoch: number(epoch, 6), epochs: number(Math.max(total, epoch), 6) });
  if (!step.steps || step.epoch <= completed || job.state === "finished") return text;
  return `${text} · ${t("train.step_of", { step: number(step.step, 9), steps: number(step.steps, 9) })}`;
}
