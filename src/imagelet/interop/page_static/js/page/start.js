// @ts-check
// The page: what is drawn or photographed is framed, classified and shown, all of it here.

import { makeFrame } from "../framing/framing.js";
import { makeClassifier } from "../network/classifier.js";
import { decodeBase64 } from "../network/weights.js";
import { showAnswer, tellAnswer } from "./answer.js";
import { part } from "./elements.js";
import { forgetColours, makeLayers, showLayers } from "./layers.js";
import { makePad } from "./pad.js";
import { offerPictures } from "./pictures.js";
import { otherLanguage, say, t, useTexts } from "./texts.js";

const SLOW = 150; // milliseconds: a network that never takes less answers when the pen rests
const WARM = 5; // answers after which the browser has compiled the script

/** Let the browser draw. */
function pause() {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Start the page with the framings that its classifier may need. */
export function start(/** @type {Record<string, import("../framing/framing.js").Framer>} */ framings) {
  const facts = JSON.parse(part("facts").textContent);
  const classify = makeClassifier(facts, decodeBase64(part("weights").textContent), pause);
  const frame = makeFrame(framings, facts.framing);
  const { classes, layers } = facts;
  let shown = null;
  const times = []; // of the last answers, in milliseconds

  async function answer() {
    if (pad.isDrawing() && times.length === WARM && Math.min(...times) > SLOW) return;
    const picture = pad.picture();
    const started = performance.now();
    const framed = picture && frame(picture);
    const made = framed && (await classify(framed.image, pad.isDrawing()));
    if (picture && times.push(performance.now() - started) > WARM) times.shift();
    shown = made && { answer: made, framed, isSure: made.isLikely && !made.isUnlike && !framed.isUnclear };
    showAnswer(shown, classes);
    document.body.dataset.milliseconds = times.at(-1)?.toFixed(1) ?? "";
    await pause();
    if (shown) showLayers(layers, made.values);
    if (shown && !pad.isDrawing()) tellAnswer(shown, classes);
  }

  function switchLanguage(language) {
    say(language);
    showAnswer(shown, classes);
    if (shown) showLayers(layers, shown.answer.values);
  }

  useTexts(facts.texts);
  makeLayers(layers);
  showAnswer(null, classes);
  const ask = makeTurns(answer);
  const tellProblem = (/** @type {string} */ text) => (part("problem").textContent = text);
  const pad = makePad(() => {
    tellProblem("");
    ask();
  });
  offerPictures(pad.lay, (key) => tellProblem(t(key)));
  part("undo").addEventListener("click", pad.undo);
  part("clear").addEventListener("click", () => pad.lay(null));
  part("language").addEventListener("click", () => switchLanguage(otherLanguage()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    forgetColours();
    pad.paint();
  });
  pad.paint();
}

/** A function that asks for work: the work that runs is finished first, and what was asked meanwhile is done once. */
function makeTurns(/** @type {() => Promise<void>} */ work) {
  let [isRunning, isWanted] = [false, false];
  return async () => {
    isWanted = true;
    if (isRunning) return;
    isRunning = true;
    while (isWanted) {
      isWanted = false;
      await work();
    }
    isRunning = false;
  };
}
