// @ts-check
// What a training would be, before it starts: its real network, its images, its steps, its memory and its time here.

import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { latest, makeTurns } from "../shared/timing.js";
import { duration, h, number, replace } from "../shared/ui.js";
import { roundedSeconds } from "./progress.js";

const REST = 1500; // milliseconds without a change before the time is measured: it takes a core for seconds

/**
 * A plan as /api/plan describes it.
 * @typedef {{network: string, parameters: number, available_images: number, training_images: number,
 * validation_images: number, steps: number, epochs: number, stops_early: boolean, settings: Record<string, number>,
 * memory_bytes: number, memory_there: number}} Plan
 */

/** The plan's lines. `setup()` is what is chosen; `onplan(plan)` gets what the server says of it. */
export class PlanPanel {
  constructor(setup, onplan) {
    this.setup = setup;
    this.onplan = onplan;
    this.nextTurn = makeTurns();
    this.images = h("p");
    this.cost = h("p");
    this.time = h("span");
    this.problem = h("p", { class: "field-wrong" });
    this.measure = latest(() => this.showTime(), { rest: REST });
    this.element = h("div", { class: "plan", role: "status" }, this.images, this.cost, this.problem);
  }

  /** Ask the server again; `isRight`: whether all that was typed may be sent, else there is no plan. */
  async refresh(isRight) {
    const isNewest = this.nextTurn();
    this.measure.forget();
    if (!isRight) {
      this.clear();
      return;
    }
    try {
      const plan = await api.post("/api/plan", asked(this.setup()));
      if (isNewest()) this.show(plan);
    } catch (problem) {
      if (!isNewest()) return;
      this.clear();
      replace(this.problem, [problem.message, problem.hint].filter(Boolean).join(" · "));
    }
  }

  clear() {
    for (const line of [this.images, this.cost, this.problem]) replace(line);
  }

  show(/** @type {Plan} */ plan) {
    this.onplan(plan);
    const count = (value) => number(value, 12);
    const values = {
      training: count(plan.training_images), validation: count(plan.validation_images), epochs: count(plan.epochs),
      steps: count(plan.steps),
    };
    replace(this.problem);
    replace(this.images, t(plan.validation_images ? "train.plan.images" : "train.plan.images.all", values));
    replace(this.time, t("train.plan.measuring"));
    const memory = t("train.plan.memory", { memory: number(plan.memory_bytes / 1e9, 2) });
    replace(this.cost, t("train.plan.steps", values), " · ", memory, " · ", this.time);
    this.stopsEarly = plan.stops_early;
    this.measure();
  }

  async showTime() {
    const isNewest = this.nextTurn();
    const answer = await api.post("/api/plan/seconds", { ...asked(this.setup()), name: null }).catch((problem) => ({ problem }));
    if (!isNewest()) return;
    const { seconds, why, problem } = answer;
    if (why === "measuring") this.measure(); // another one: once more in a moment
    const key = why ?? (this.stopsEarly ? "at_most" : "about");
    replace(this.time, problem?.message ?? t(`train.plan.${key}`, { time: duration(roundedSeconds(seconds)) }));
  }

  close() {
    this.nextTurn();
    this.measure.forget();
  }
}

function asked({ test: _, ...setup }) {
  return setup;
}
