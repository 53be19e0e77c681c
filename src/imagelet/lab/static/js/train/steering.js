// What can be done with a training while it is there: pause, stop, train on, and the learning rate's factor.

import { t } from "../shared/i18n.js";
import { button, h, number, uniqueId } from "../shared/ui.js";
import { ENDED } from "./states.js";

const MOST_FACTOR = 10; // the slider goes from a tenth to ten times
const SECONDS_TO_SETTLE = 1.5; // until a step was taken with a new factor and the page has heard of it

/** Pause, go on, stop, train on: those that the state allows. */
export function controlRow(act) {
  const pause = button(t("train.pause"), () => act("pause"));
  const resume = button(t("train.resume"), () => act("resume"), { primary: true });
  const stop = button(t("train.stop"), () => act("stop"), { title: t("train.stop.hint") });
  const more = h("input", { type: "number", min: "1", max: "1000", step: "1", value: "5", id: uniqueId("more") });
  const on = h(
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
  const element = h("div", { class: "controls" }, pause, resume, stop, on);
  return {
    element,
    show({ state: name, want, can_resume: resumes, can_continue: continues }) {
      const focused = element.contains(document.activeElement);
      const asked = name === "running" && want && want !== "run"; // heard at the next step
      pause.hidden = name !== "running";
      resume.hidden = !(resumes ?? name === "paused");
      stop.hidden = !["running", "paused", "queued"].includes(name);
      on.hidden = ENDED.has(name) ? !(continues ?? name === "finished") : true;
      pause.disabled = stop.disabled = Boolean(asked);
      if (focused && document.activeElement.hidden) element.querySelector("button:not([hidden])")?.focus();
    },
  };
}

/** The slider of the learning rate's factor; its middle is 1, each side a tenth and ten times. */
export function factorSlider(change) {
  const id = uniqueId("factor");
  const slider = h("input", { type: "range", id, min: "-1", max: "1", step: "0.05", "aria-describedby": `${id}-hint` });
  slider.value = "0";
  const factorText = h("output", { for: id });
  const rateText = h("span", { class: "rate-result" });
  const back = button(t("train.factor.reset"), () => set(1), { quiet: true });
  const element = h(
    "div",
    { class: "factor" },
    h("label", { for: id }, t("train.factor")),
    h("div", { class: "factor-row" }, slider, factorText, back),
    h("p", { class: "hint", id: `${id}-hint` }, rateText, t("train.factor.hint")),
  );
  let base = null; // the rate without a factor
  let held = 1; // the factor that was asked for
  let settled = 0; // the time from which progress tells of that factor
  let timer = null;
  const factor = () => Number((MOST_FACTOR ** Number(slider.value)).toPrecision(2));
  const text = () => {
    const value = factor();
    factorText.textContent = t("train.factor.value", { factor: number(value, 2) });
    slider.setAttribute("aria-valuetext", factorText.textContent);
    rateText.textContent = base ? `${t("train.factor.result", { rate: number(base * value, 3) })} · ` : "";
    back.disabled = value === 1;
  };
  function set(value) {
    slider.value = String(Math.log10(value));
    slider.dispatchEvent(new Event("change"));
  }
  slider.addEventListener("input", text);
  slider.addEventListener("change", () => {
    text();
    held = factor();
    settled = Date.now() + SECONDS_TO_SETTLE * 1000;
    clearTimeout(timer);
    timer = setTimeout(() => change(held), 200); // keys come one after the other: the last one counts
  });
  text();
  return {
    element,
    /** The factor that the server knows, where it was not changed here a moment ago. */
    take(told) {
      if (!(told > 0) || Date.now() < settled) return;
      held = told;
      slider.value = String(Math.log10(told));
      text();
    },
    show(rate, name) {
      element.hidden = !["running", "paused", "queued"].includes(name);
      if (!Number.isFinite(rate) || Date.now() < settled) return;
      base = rate / held;
      text();
    },
  };
}
