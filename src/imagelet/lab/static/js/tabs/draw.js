// @ts-check
// Draw, and see at once what a network predicts; then look inside, layer by layer, number by number.
//
// The server is asked twice, each time about the latest picture alone: for the prediction, which follows the pen,
// and for its explanation once the pen rests.

import { ApiError, api } from "../shared/api.js";
import { decodeNumbers } from "../shared/encoding.js";
import { t } from "../shared/i18n.js";
import { clamp } from "../shared/scales.js";
import { state } from "../shared/state.js";
import { latest } from "../shared/timing.js";
import { busy, error, field, h, percent, replace, select } from "../shared/ui.js";
import { Attribution, USUAL_METHOD } from "../draw/attribution.js";
import { LayerView } from "../draw/layer.js";
import { placeFrom } from "../draw/layer_values.js";
import { makeNeighbours } from "../draw/neighbours.js";
import { makeOwn } from "../draw/own.js";
import { makePrediction } from "../draw/prediction.js";
import { makeRanges, rangeNamed } from "../draw/ranges.js";
import { makeSamples } from "../draw/samples.js";
import { makeSheet } from "../draw/sheet.js";
import { makeStrip } from "../draw/strip.js";

const REST = 120; // milliseconds without a change before the explanation follows
const NEIGHBOURS = 8;
const NEIGHBOURS_WAIT = 3000; // milliseconds until neighbours that are being prepared are asked for again
const BUSY = 503; // the status of a request that may be sent again
const BUSY_WAIT = 1000; // milliseconds
const SHIPPED = "mnist";
const FOLLOWED = ["run", "picture", "drawing", "evidence", "target"]; // parameters of the address

const kept = { steps: null, following: false }; // the drawing outlives a change of tab or language

/** Fill `section`; see main.js. */
export async function open(section) {
  const tab = new DrawTab(await api.get("/api/classifiers"));
  section.append(...tab.elements());
  tab.changed();
  return tab;
}

class DrawTab {
  #classifiers;
  /** @type {Record<string, string | null>} what the page followed last */
  #address = Object.fromEntries(FOLLOWED.map((name) => [name, null]));
  #layers = [];
  #framed = null; // the image that the network gets
  #wanted = new Set(); // parts of the explanation that are to be asked for
  #closed = false;
  #timer = null;
  #alarm = h("div", { class: "alarm" });
  #predict = latest(() => this.#attempt(this.#predict, () => this.#fetchPrediction()));
  #explain = latest(() => this.#attempt(this.#explain, () => this.#fetchExplanation()), { rest: REST });

  constructor(classifiers) {
    this.#classifiers = classifiers;
    const classifier = () => this.classifier.name;
    this.choice = select(classifiers.map(({ name, accuracy }) => [name, titleOf(name, accuracy)]), null, (run) =>
      state.set({ run, layer: null, map: null, place: null, target: null }),
    );
    this.sheet = makeSheet({ steps: kept.steps, changed: () => this.#drawn(), rested: () => this.#rested() });
    this.pad = this.sheet.pad;
    kept.steps = this.pad.steps;
    this.samples = makeSamples({ classifier, choose: (sample, image) => this.pad.laySample(sample, image) });
    this.own = makeOwn({ pad: this.pad, classifier });
    this.prediction = makePrediction();
    this.attribution = new Attribution({
      choose: ({ method, target }) =>
        state.set({ evidence: method === USUAL_METHOD ? null : method, target }, { replace: true }),
    });
    this.neighbours = makeNeighbours({ following: kept.following, follow: () => this.#followNeighbours() });
    this.strip = makeStrip({ open: (layer, map) => state.set({ layer, map, place: null }) });
    this.ranges = makeRanges({ choose: (range) => state.set({ range }, { replace: true }) });
    this.layer = new LayerView({ fetchNumber: (layer, place) => this.#fetchNumber(layer, place), change: changeLayer });
    this.stopListening = this.sheet.listen();
  }

  elements() {
    const words = [h("h2", null, t("draw.layers")), h("p", { class: "note" }, t("draw.layers_hint"))];
    const head = h("div", { class: "row spread" }, h("div", null, words), this.ranges.element);
    this.inside = h("section", { class: "inside", "aria-label": t("draw.layers") }, head, this.strip.element);
    const choice = field(t("draw.classifier"), this.choice);
    const columns = h(
      "div",
      { class: "draw-columns" },
      this.sheet.element,
      h("div", { class: "draw-answer" }, choice, this.#alarm, this.prediction.element),
      this.samples.element,
      this.own.element,
      h("div", { class: "draw-why" }, this.attribution.element, this.neighbours.element),
    );
    return [columns, this.inside, this.layer.element];
  }

  get classifier() {
    const named = (run) => this.#classifiers.find(({ name }) => name === run);
    return named(state.get("run")) ?? named(SHIPPED) ?? this.#classifiers[0];
  }

  /** Follow the address: the classifier, the picture, and what is opened of it. */
  changed() {
    const { classifier } = this;
    if (!classifier) {
      replace(this.#alarm, h("p", { class: "note" }, t("draw.no_classifier")));
      return;
    }
    const before = this.#address;
    const now = Object.fromEntries(FOLLOWED.map((name) => [name, name === "run" ? classifier.name : state.get(name)]));
    const isNew = (name) => now[name] !== before[name];
    this.#address = now;
    if (isNew("run")) this.#useClassifier(classifier, before.run !== null);
    this.attribution.choose(now.evidence ?? USUAL_METHOD, now.target);
    if (isNew("evidence") || isNew("target")) this.#want("evidence");
    if (now.picture && isNew("picture") && now.picture !== this.pad.sample) this.pad.laySample(now.picture);
    else if (now.drawing && isNew("drawing") && now.drawing !== this.pad.drawing) this.pad.layDrawing(now.drawing);
    else if (isNew("run") && !this.pad.empty) {
      this.#predict();
      this.#rested();
    }
    this.#showLayers();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.layer.stop();
    this.#predict.forget();
    this.#explain.forget();
    this.stopListening();
  }

  #useClassifier({ name, classes }, isOther) {
    this.choice.value = name;
    if (isOther) this.pad.forgetSample();
    this.prediction.setClasses(classes);
    this.attribution.setClasses(classes);
    this.own.setClasses(classes);
    this.own.refresh();
    this.samples.show();
  }

  #followNeighbours() {
    kept.following = true;
    this.#want("neighbours");
  }

  /** With each change of the drawing. */
  #drawn() {
    this.#predict();
    if (this.pad.sample !== state.get("picture")) state.set({ picture: this.pad.sample }, { replace: true });
  }

  /** Once the pen is lifted. */
  #rested() {
    state.set({ drawing: this.pad.drawing }, { replace: true });
    this.#want("layers", "evidence");
    if (kept.following) this.#want("neighbours");
  }

  /** Ask for parts of the explanation, together with those that wait already. */
  #want(...parts) {
    for (const part of parts) this.#wanted.add(part);
    this.#explain();
  }

  async #fetchPrediction() {
    if (this.pad.empty) {
      this.#clear();
      return;
    }
    const { name } = this.classifier;
    const { sample, picture } = await this.pad.image();
    if (sample) return; // the explanation has its prediction, too
    const { predictions } = await api.post("/api/predict", { classifier: name, pictures: [picture] });
    if (this.#isOutdated(name)) return;
    if (predictions[0].error) throw new ApiError(predictions[0].error);
    this.prediction.show(predictions[0]);
    replace(this.#alarm);
  }

  async #fetchExplanation() {
    const { name } = this.classifier;
    const wanted = new Set(this.#wanted);
    this.#wanted.clear();
    if (this.pad.empty || !wanted.size) return;
    const image = await this.pad.image();
    const { method, target } = this.attribution.chosen;
    const attributions = wanted.has("evidence") ? [method] : [];
    const neighbours = wanted.has("neighbours") ? NEIGHBOURS : 0;
    const question = { classifier: name, ...image, layers: wanted.has("layers"), attributions, target, neighbours };
    try {
      const explanation = await this.#waitVisibly(wanted, api.post("/api/explain", question));
      if (this.#isOutdated(name)) return;
      this.#showExplanation(explanation, wanted, image.sample);
      replace(this.#alarm);
    } catch (problem) {
      if (problem.status === BUSY) for (const part of wanted) this.#wanted.add(part);
      throw problem;
    }
  }

  #showExplanation(explanation, wanted, sample) {
    const { prediction, label, layers, preparing } = explanation;
    this.#framed = prediction.framed_input;
    if (sample) this.pad.laySample(sample, prediction.framed_input);
    if (wanted.has("layers")) {
      this.prediction.show(prediction, label);
      this.prediction.say(prediction);
      this.#layers = layers.map((layer) => ({ ...layer, ...decodeNumbers(layer.values) }));
      this.#showLayers();
    }
    if (wanted.has("evidence")) this.attribution.show(explanation, this.pad);
    if (!wanted.has("neighbours")) return;
    this.neighbours.show(explanation);
    clearTimeout(this.#timer);
    if (preparing) this.#timer = setTimeout(() => this.#want("neighbours"), NEIGHBOURS_WAIT);
  }

  /** Show that the parts which are asked for are on their way. */
  #waitVisibly(wanted, promise) {
    const places = { layers: this.inside, evidence: this.attribution.element, neighbours: this.neighbours.element };
    return [...wanted].reduce((waiting, part) => busy(places[part], waiting), promise);
  }

  async #fetchNumber(layer, place) {
    return api.post("/api/number", { classifier: this.classifier.name, ...(await this.pad.image()), layer, index: place });
  }

  /** Whether a response comes too late to be shown. */
  #isOutdated(name) {
    return this.#closed || this.pad.empty || name !== this.classifier.name;
  }

  /** Ask the server; what goes wrong is said above the prediction. Where it is busy, ask again. */
  async #attempt(again, work) {
    try {
      await work();
    } catch (problem) {
      if (this.#closed) return;
      if (problem.status === BUSY) {
        setTimeout(again, BUSY_WAIT);
        return;
      }
      replace(this.#alarm, error(problem));
      if (problem.status !== 0) this.prediction.clear();
    }
  }

  #clear() {
    this.#layers = [];
    for (const view of [this.prediction, this.attribution, this.neighbours]) view.clear();
    replace(this.#alarm);
    this.#showLayers();
  }

  /** The strip of layers, and the one that the address names. */
  #showLayers() {
    const layers = this.#layers;
    const range = rangeNamed(state.get("range"));
    const layer = layers.find(({ name }) => name === state.get("layer"));
    this.ranges.show(layers, range);
    if (layers.length) this.strip.show(layers, range);
    this.strip.choose(layer?.name ?? null);
    this.inside.classList.toggle("without", !layers.length);
    if (!layer) {
      this.layer.show(null);
      return;
    }
    const map = clamp(Number(state.get("map")) || 0, 0, layer.shape.at(-1) - 1);
    const place = placeFrom(state.get("place"), layer.shape);
    this.layer.show({ layers, layer, framed: this.#framed, classes: this.classifier.classes, map, range, place });
  }
}

function titleOf(name, accuracy) {
  return accuracy === null ? name : t("draw.classifier_with", { name, accuracy: percent(accuracy, 2) });
}

/** Write into the address what is opened of the layers. */
function changeLayer({ place, ...others }) {
  const written = place === undefined ? {} : { place: place?.slice(0, 2).join(",") ?? null };
  state.set({ ...others, ...written }, { replace: true });
}
