// @ts-check
// The classifier at work: what it says of the camera or a drawing, as often as the server answers.

import { ApiError, api } from "../shared/api.js";
import { encodeBlob } from "../shared/encoding.js";
import { t } from "../shared/i18n.js";
import { error, h, replace } from "../shared/ui.js";
import { Own } from "../draw/own.js";
import { PredictionView } from "../draw/prediction.js";
import { makeStage } from "./stage.js";

const SIDE = 160; // pixels of a picture of the camera that is asked about
const KEPT = 320; // pixels of one that joins the own test set
const PAUSE = 20; // milliseconds between an answer and the next picture: the page stays quick
const AGAIN = 1000; // milliseconds, where there is no picture or no answer
const COUNTED = 10; // answers that the rate is worked out of

export class Trying {
  #run = null;
  #timer = null;
  #running = false;
  #again = false; // the drawing changed while the server was asked
  #closed = false;
  #parts;
  #own;
  #times = [];
  #prediction = new PredictionView();
  #rate = h("p", { class: "hint rate", "aria-hidden": "true" });
  #problem = h("div", { "aria-live": "polite" });
  #none = h("p", { class: "note" }, t("collect.try_first"));

  /** @param {{kind: string, labelled: () => void}} options `labelled` is called when a picture joined the own set */
  constructor({ kind, labelled }) {
    this.stage = makeStage({ kinds: ["camera", "drawing"], kind, chosen: () => this.#ask(), changed: () => this.#drawn() });
    this.stage.element.append(this.#rate);
    this.#own = new Own({ pad: this.#asPad(), classifier: () => this.#run, added: labelled });
    const says = h("div", { class: "says" }, this.#problem, this.#prediction.element, this.#own.element);
    this.#parts = h("div", { class: "try-columns" }, this.stage.element, says);
    this.element = h(
      "section",
      { class: "card trying", "aria-labelledby": "try-title" },
      h("div", { class: "row spread" }, h("h2", { id: "try-title" }, t("collect.trying")), this.stage.picker),
      this.#none,
      this.#parts,
    );
    this.#showParts();
  }

  /** Ask this run from now on. */
  use(run, classes) {
    this.#run = run;
    this.#prediction.setClasses(classes);
    this.#prediction.clear();
    this.#own.setClasses(classes);
    this.#own.refresh();
    this.#showParts();
    if (this.stage.kind === "camera") this.stage.show("camera");
    this.#ask();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.stage.close();
  }

  #drawn() {
    this.#own?.changed();
    this.#ask();
  }

  /** What is shown, as the buttons for the own test set take it. */
  #asPad() {
    const { stage } = this;
    return {
      get empty() {
        return stage.kind === "drawing" && stage.pad.empty;
      },
      sample: null,
      image: async () => ({ picture: await encodeBlob(await stage.picture(KEPT)) }),
    };
  }

  #showParts() {
    this.#none.hidden = this.#run !== null;
    this.#parts.hidden = this.stage.picker.hidden = this.#run === null;
  }

  /** Ask about what is shown, one at a time; the camera goes on by itself. */
  async #ask() {
    clearTimeout(this.#timer);
    if (this.#run === null || this.#closed) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    [this.#running, this.#again] = [true, false];
    let pause = PAUSE;
    try {
      if (!(await this.#predict())) pause = AGAIN;
    } catch (problem) {
      pause = AGAIN;
      if (problem.unreachable) this.#prediction.callOld();
      else if (problem.status !== 503) {
        replace(this.#problem, error(problem));
        this.#prediction.refuse();
      }
    }
    this.#running = false;
    const isLive = this.stage.kind === "camera" && !document.hidden;
    if (this.#closed) return;
    if (isLive || this.#again) this.#timer = setTimeout(() => this.#ask(), this.#again ? 0 : pause);
    else if (this.stage.kind === "camera") this.#timer = setTimeout(() => this.#ask(), AGAIN);
  }

  /** Show what the classifier says of one picture; false where there is none. */
  async #predict() {
    const blob = document.hidden ? null : await this.stage.picture(SIDE);
    if (!blob) {
      if (this.stage.kind === "drawing") this.#prediction.clear();
      this.#own.allow(false);
      replace(this.#rate);
      this.#times = [];
      return false;
    }
    const { predictions } = await api.post("/api/predict", { classifier: this.#run, pictures: [await encodeBlob(blob)] });
    if (this.#closed) return true;
    if (predictions[0].error) throw new ApiError(predictions[0].error);
    this.#prediction.show(predictions[0]);
    this.#own.allow(true);
    replace(this.#problem);
    this.#showRate();
    return true;
  }

  #showRate() {
    this.#times = [...this.#times, performance.now()].slice(-COUNTED - 1);
    const rate = (1000 * (this.#times.length - 1)) / (this.#times.at(-1) - this.#times[0]);
    const isKnown = this.stage.kind === "camera" && this.#times.length > COUNTED;
    replace(this.#rate, isKnown && t("collect.rate", { rate: Math.round(rate) }));
  }
}
