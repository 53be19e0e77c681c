// @ts-check
// What the network gets, and what it predicts: the class, why it is unsure, a bar for each class.

import { t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { h, percent, replace } from "../shared/ui.js";

const SHORT = 2; // letters of a class's name that stands before its bar
const LONG = 6; // letters of a class that is written smaller on a telephone

/** How sure a prediction is, as texts have it: sure, unsure, or warned of, whatever its probability. */
export function suretyOf(/** @type {{sure: boolean, warnings: string[]}} */ { sure, warnings }) {
  if (!sure) return "unsure";
  return warnings.length ? "warned" : "sure";
}

export class PredictionView {
  #framed = h("canvas", { class: "map framed seen", width: 28, height: 28, role: "img", "aria-label": t("draw.seen") });
  #verdict = h("p", { class: "verdict" });
  #surety = h("p");
  #truth = h("p", { class: "truth" });
  #warnings = h("ul", { class: "warnings" });
  #spoken = h("p", { class: "visually-hidden", "aria-live": "polite" });
  #bars = makeBars();
  #isEmpty = true;

  constructor() {
    const words = h("div", { class: "said" }, this.#verdict, this.#surety, this.#warnings, this.#truth);
    const figure = h("figure", null, this.#framed, h("figcaption", null, t("draw.seen")));
    const parts = [h("div", { class: "saw" }, figure, words), this.#bars.element, this.#spoken];
    this.element = h("section", { class: "answer", "aria-label": t("draw.prediction") }, parts);
    this.clear();
  }

  setClasses(names) {
    this.#bars.setClasses(names);
  }

  /** There is no picture. */
  clear() {
    this.#empty(t("draw.nothing"), t("draw.nothing_hint"));
  }

  /** There is a picture, and its answer is on the way. */
  wait() {
    this.#empty(t("draw.answer_comes"));
  }

  /** The picture cannot be read; why is said above. */
  refuse() {
    this.#empty(t("draw.no_answer"));
  }

  #empty(text, hint = "") {
    this.element.classList.remove("stale");
    this.#isEmpty = true;
    replace(this.#verdict, text);
    this.#verdict.classList.add("waiting");
    this.#surety.className = "surety";
    replace(this.#surety, hint);
    for (const element of [this.#truth, this.#warnings, this.#spoken]) replace(element);
    this.#framed.getContext("2d").clearRect(0, 0, this.#framed.width, this.#framed.height);
    this.#framed.classList.add("empty");
    this.#bars.clear();
  }

  /** Show a prediction; with the true class, where it is known. Beside a warning nothing is called sure. */
  show(prediction, label = null) {
    const { predicted, probability, warnings } = prediction;
    const surety = suretyOf(prediction);
    this.#isEmpty = false;
    this.element.classList.remove("stale");
    this.#framed.classList.remove("empty");
    drawImage(this.#framed, prediction.framed_input);
    this.#verdict.classList.remove("waiting");
    const name = h("strong", { class: predicted.length > LONG ? "long" : null }, predicted);
    replace(this.#verdict, name, " ", h("span", null, percent(probability)));
    this.#surety.className = `surety ${surety === "sure" ? "sure" : "unsure"}`;
    replace(this.#surety, t(`draw.${surety}`));
    const isWrong = label !== null && label !== predicted;
    this.#truth.classList.toggle("wrong", isWrong);
    replace(this.#truth, label !== null && t(isWrong ? "draw.wrong" : "draw.right", { label }));
    const reasons = surety === "sure" || warnings.length ? warnings : [t("draw.why_unsure")];
    replace(this.#warnings, reasons.map((reason) => h("li", null, reason)));
    this.#bars.show(prediction);
  }

  /** Say the prediction to those who cannot see the bars: once the pen rests. */
  say(prediction) {
    const { predicted, probability, warnings } = prediction;
    const key = suretyOf(prediction) === "sure" ? "draw.said_sure" : "draw.said_unsure";
    this.#spoken.textContent = [t(key, { label: predicted, share: percent(probability) }), ...warnings].join(" ");
  }

  /** Say that what is shown belongs to the picture before; of the new one nothing is known yet. */
  callOld() {
    if (this.#isEmpty) {
      this.wait();
      return;
    }
    this.element.classList.add("stale");
    this.#surety.className = "surety";
    replace(this.#surety, t("draw.of_before"));
    replace(this.#spoken);
  }
}

/** The probability of each class. */
function makeBars() {
  const element = h("ol", { class: "bars", "aria-label": t("draw.probabilities") });
  let [classes, rows] = [[], []];

  function setClasses(names) {
    if (names.join("\n") === classes.join("\n")) return;
    classes = names;
    rows = names.map((name) => {
      const bar = h("span", { class: "bar" });
      const figure = h("span", { class: "share" }, "–");
      const row = h("li", null, h("span", { class: "class" }, name), h("span", { class: "track" }, bar), figure);
      return { bar, figure, row };
    });
    element.classList.toggle("short", names.every(({ length }) => length <= SHORT));
    replace(element, rows.map(({ row }) => row));
  }

  function fill({ bar, figure, row }, probability, isBest) {
    bar.style.width = `${((probability ?? 0) * 100).toFixed(2)}%`;
    figure.textContent = percent(probability);
    row.classList.toggle("best", isBest);
  }

  return {
    element,
    setClasses,
    clear: () => rows.forEach((row) => fill(row, null, false)),
    show: ({ probabilities, class: best }) =>
      probabilities.forEach((probability, index) => fill(rows[index], probability, index === best)),
  };
}
