// @ts-check
// What the network gets, and what it predicts: the class, why it is unsure, a bar for each class.

import { t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { h, percent, replace } from "../shared/ui.js";

const SHORT = 2; // letters of a class's name that stands before its bar

export function makePrediction() {
  const label = t("draw.seen");
  const framed = h("canvas", { class: "map framed seen", width: 28, height: 28, role: "img", "aria-label": label });
  const verdict = h("p", { class: "verdict" });
  const surety = h("p");
  const truth = h("p", { class: "truth" });
  const warnings = h("ul", { class: "warnings" });
  const spoken = h("p", { class: "visually-hidden", "aria-live": "polite" });
  const bars = makeBars();

  function clear() {
    replace(verdict, t("draw.nothing"));
    verdict.classList.add("waiting");
    surety.className = "surety";
    replace(surety, t("draw.nothing_hint"));
    for (const element of [truth, warnings, spoken]) replace(element);
    framed.getContext("2d").clearRect(0, 0, framed.width, framed.height);
    framed.classList.add("empty");
    bars.clear();
  }

  /** Show a prediction; with the true class, where it is known. */
  function show(prediction, trueClass = null) {
    const { predicted, probability, sure } = prediction;
    framed.classList.remove("empty");
    drawImage(framed, prediction.framed_input);
    verdict.classList.remove("waiting");
    replace(verdict, h("strong", null, predicted), " ", h("span", null, percent(probability)));
    surety.className = `surety ${sure ? "sure" : "unsure"}`;
    replace(surety, sure ? t("draw.sure") : t("draw.unsure"));
    const isWrong = trueClass !== null && trueClass !== predicted;
    truth.classList.toggle("wrong", isWrong);
    replace(truth, trueClass !== null && t(isWrong ? "draw.wrong" : "draw.right", { label: trueClass }));
    const reasons = sure || prediction.warnings.length ? prediction.warnings : [t("draw.why_unsure")];
    replace(warnings, reasons.map((reason) => h("li", null, reason)));
    bars.show(prediction);
  }

  /** Say the prediction to those who cannot see the bars: once the pen rests. */
  function say({ predicted, probability, sure }) {
    const key = sure ? "draw.said_sure" : "draw.said_unsure";
    spoken.textContent = t(key, { label: predicted, share: percent(probability) });
  }

  const words = h("div", { class: "said" }, verdict, surety, truth, warnings);
  const figure = h("figure", null, framed, h("figcaption", null, label));
  const parts = [h("div", { class: "saw" }, figure, words), bars.element, spoken];
  const element = h("section", { class: "answer", "aria-label": t("draw.prediction") }, parts);
  clear();
  return { element, setClasses: bars.setClasses, clear, show, say };
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
