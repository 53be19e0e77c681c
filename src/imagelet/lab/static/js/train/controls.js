// @ts-check
// What can be done with a training while it is there: pause, step, stop, train on, try again; the learning rate's factor.

import { ENDED } from "../shared/jobs.js";
import { t } from "../shared/i18n.js";
import { debounced } from "../shared/timing.js";
import { button, focusWithin, h, number, uniqueId } from "../shared/ui.js";

const MOST_FACTOR = 10; // the slider goes from a tenth to ten times
const SECONDS_TO_SETTLE = 1.5; // until a step was taken with a new factor and the page has its figures
const KEY_WAIT = 200; // milliseconds: of several keys, the last counts

/** Pause, resume, step, stop, train on, try again: those that the state allows. `act(action, body)` does one. */
export function controlRow(act) {
  const pause = button(t("train.pause"), () => act("pause"));
  const resume = button(t("train.resume"), () => act("resume"), { primary: true });
  const step = button(t("train.step"), () => act("step"), { title: t("train.step.hint") });
  const stop = button(t("train.stop"), () => act("stop"), { title: t("train.stop.hint") });
  const off = button(t("train.off"), () => act("remove"));
  const retry = button(t("train.retry"), () => act("retry"), { primary: true });
  const note = h("p", { class: "hint control-note" });
  const more = h("input", { type: "number", min: "1", max: "1000", step: "1", value: "5", id: uniqueId("more") });
  const trainOn = h(
    "form",
    {
      class: "train-on",
      onsubmit(event) {
        event.preventDefault();
        act("continue", { epochs: Math.max(1, Math.round(Number(more.value) || 1)) });
      },
    },
    h("label", { for: more.id }, t("train.continue.epochs")),
    more,
    h("button", { type: "submit" }, t("train.continue")),
  );
  const element = h("div", { class: "control-row" }, retry, pause, resume, step, stop, off, trainOn, note);
  return {
    element,
    /** @param {import("./progress.js").Progress} progress */
    show(progress) {
      const { job, requested, completed } = progress;
      const isFocused = element.contains(document.activeElement);
      pause.hidden = job.state !== "running";
      resume.hidden = !(job.can_resume ?? job.state === "paused");
      step.hidden = job.state !== "paused" || !job.run;
      retry.hidden = !job.can_retry;
      const canKeep = completed > 0 && job.can_resume; // the classifier of the best epoch
      off.hidden = !(job.state === "queued" && job.want === "run");
      stop.hidden = !(job.state === "running" || job.state === "paused" || canKeep);
      stop.textContent = t(ENDED.has(job.state) ? "train.stop.keep" : "train.stop");
      note.textContent = noteOf(progress);
      trainOn.hidden = !(ENDED.has(job.state) && (job.can_continue ?? job.state === "finished"));
      pause.disabled = stop.disabled = requested !== null; // the next step does it
      if (isFocused && document.activeElement.closest("[hidden]")) focusWithin(element, "button:not([hidden])");
    },
  };
}

/** What is to be known before the training is stopped, or after. */
function noteOf({ job, completed }) {
  if (job.state === "queued") return job.want === "stop" ? t("train.stop.waits") : "";
  if (completed || job.can_continue) return "";
  if (job.state === "running" || job.state === "paused") return t("train.stop.too_early");
  return job.state === "stopped" ? t("train.stop.none") : "";
}

/** The slider of the learning rate's factor; its middle is 1, each side a tenth and ten times. */
export class FactorSlider {
  /** @param {(factor: number) => void} onchange */
  constructor(onchange) {
    const id = uniqueId("factor");
    this.baseRate = null; // without a factor
    this.factor = 1; // that was requested last
    this.settledAt = 0; // the time from which the server's figures are of that factor
    this.slider = h("input", {
      type: "range", id, min: "-1", max: "1", step: "0.05", "aria-describedby": `${id}-hint`,
      oninput: () => this.write(), onchange: () => this.set(),
    });
    this.slider.value = "0";
    this.output = h("output", { for: id });
    this.rate = h("span", { class: "rate-result" });
    this.reset = button(t("train.factor.reset"), () => this.set(1), { quiet: true });
    this.send = debounced(() => onchange(this.factor), KEY_WAIT);
    this.element = h(
      "div",
      { class: "factor" },
      h("label", { for: id }, t("train.factor")),
      h("div", { class: "factor-row" }, this.slider, this.output, this.reset),
      h("p", { class: "hint", id: `${id}-hint` }, this.rate, t("train.factor.hint")),
    );
    this.write();
  }

  /** The factor where the slider is. */
  get position() {
    return Number((MOST_FACTOR ** Number(this.slider.value)).toPrecision(2));
  }

  set position(factor) {
    this.slider.value = String(Math.log10(factor));
  }

  write() {
    const factor = this.position;
    this.output.textContent = t("train.factor.value", { factor: number(factor, 2) });
    this.slider.setAttribute("aria-valuetext", this.output.textContent);
    this.rate.textContent = this.baseRate ? `${t("train.factor.result", { rate: number(this.baseRate * factor, 3) })} · ` : "";
    this.reset.disabled = factor === 1;
  }

  /** Request a factor: that of the slider, or another. */
  set(factor = this.position) {
    this.position = factor;
    this.write();
    this.factor = factor;
    this.settledAt = Date.now() + SECONDS_TO_SETTLE * 1000;
    this.send();
  }

  /** The factor that the server knows, where it was not changed here a moment ago. */
  take(factor) {
    if (!(factor > 0) || Date.now() < this.settledAt) return;
    this.factor = factor;
    this.position = factor;
    this.write();
  }

  show(/** @type {import("./progress.js").Progress} */ { job, learningRate }) {
    this.element.hidden = ENDED.has(job.state);
    if (!Number.isFinite(learningRate) || Date.now() < this.settledAt) return;
    this.baseRate = learningRate / this.factor;
    this.write();
  }
}
