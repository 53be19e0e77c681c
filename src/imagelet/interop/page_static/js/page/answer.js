// @ts-check
// What the network saw, what it predicts, whether that is sure, and a bar for each class.

import { make, part, put } from "./elements.js";
import { percent, t } from "./texts.js";

const MOST_BARS = 12; // of more classes the most probable are shown
const BEST = 10;

/** Show an answer; null: there is no picture. */
export function showAnswer(/** @type {any} */ shown, /** @type {string[]} */ classes) {
  document.body.classList.toggle("waiting", !shown);
  const probabilities = shown?.answer.probabilities ?? classes.map(() => 0);
  showBars(probabilities, classes, shown?.answer.predicted);
  if (!shown) {
    showVerdict(t("nothing"), "", "", [t("nothing_hint")]);
    return;
  }
  const { answer, framed, isSure } = shown;
  putPicture(part("seen"), framed.image);
  const reasons = isSure ? [] : framed.warnings.map((key) => t(`warning_${key}`));
  if (answer.isUnlike && !framed.isUnclear) reasons.push(t("unlike"));
  if (!isSure && !reasons.length) reasons.push(t("why_unsure"));
  showVerdict(classes[answer.predicted], percent(probabilities[answer.predicted]), t(isSure ? "sure" : "unsure"), reasons);
  part("surety").className = isSure ? "sure" : "unsure";
}

function showVerdict(predicted, share, surety, reasons) {
  part("predicted").textContent = predicted;
  part("share").textContent = share;
  part("surety").textContent = surety;
  part("reasons").replaceChildren(...reasons.map((reason) => make("li", "", reason)));
}

/** Tell an answer to those who cannot see it, once the pen rests. */
export function tellAnswer({ answer: { predicted, probabilities }, isSure }, /** @type {string[]} */ classes) {
  const values = { label: classes[predicted], share: percent(probabilities[predicted]) };
  part("spoken").textContent = t(isSure ? "said_sure" : "said_unsure", values);
}

function showBars(probabilities, classes, best) {
  let order = classes.map((_, index) => index);
  if (classes.length > MOST_BARS) {
    order = order.sort((one, other) => probabilities[other] - probabilities[one]).slice(0, BEST);
  }
  const rows = order.map((index) => {
    const bar = make("span", "bar");
    bar.style.width = `${probabilities[index] * 100}%`;
    const share = part("predicted") && best === undefined ? "–" : percent(probabilities[index]);
    const label = make("span", "class", classes[index]);
    return make("li", index === best ? "best" : "", label, make("span", "track", bar), make("span", "share", share));
  });
  part("bars").replaceChildren(...rows);
}

/** Draw pixels as crisp squares. */
function putPicture(canvas, { height, width, channels, data }) {
  const pixels = new ImageData(width, height);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      pixels.data[4 * pixel + channel] = data[pixel * channels + (channels === 1 ? 0 : channel)];
    }
    pixels.data[4 * pixel + 3] = 255;
  }
  put(canvas, pixels);
}
