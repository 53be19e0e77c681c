// @ts-check
// Draw, and see at once what a network predicts; then look inside, layer by layer, number by number.
//
// The server is asked twice, each time about the latest picture alone: for the prediction, which follows the pen,
// and for its explanation once the pen rests. What is shown belongs to the picture on the sheet and to the classifier
// that is chosen; what does not is greyed (of the picture before) or gone (of another classifier, of a refused file).

import { ApiError, api } from "../shared/api.js";
import { decodeNumbers } from "../shared/encoding.js";
import { t } from "../shared/i18n.js";
import { clamp } from "../shared/scales.js";
import { mayChange } from "../shared/session.js";
import { state } from "../shared/state.js";
import { latest } from "../shared/timing.js";
import { busy, error, field, h, percent, replace, select, unknownValues } from "../shared/ui.js";
import { AblationView } from "../draw/ablation.js";
import { Attribution, METHODS, USUAL_METHOD } from "../draw/attribution.js";
import { makeFreshness } from "../draw/freshness.js";
import { leftBehind, readBroken, writtenBroken } from "../draw/broken.js";
import { keepPicture, keptPicture } from "../draw/kept_picture.js";
import { LayerView } from "../draw/layer.js";
import { isFlat, placeFrom, strongestPlace } from "../draw/layer_values.js";
import { makeNeighbours } from "../draw/neighbours.js";
import { Own } from "../draw/own.js";
import { PredictionView } from "../draw/prediction.js";
import { RANGES, makeRanges, rangeNamed } from "../draw/ranges.js";
import { makeSamples } from "../draw/samples.js";
import { makeSheet } from "../draw/sheet.js";
import { makeStrip } from "../draw/strip.js";
import { makeTour } from "../draw/tour.js";

const REST = 120; // milliseconds without a change before the explanation follows
const NEIGHBOURS = 8;
const NEIGHBOURS_WAIT = 500; // milliseconds until neighbours that are being prepared are asked for again
const BUSY = 503; // the status of a request that may be sent again
const BUSY_WAIT = 1000; // milliseconds
const REFUSED = 422; // the status that an unreadable picture would have by itself
const SHIPPED = "mnist";
const FOLLOWED = ["run", "picture", "drawing", "evidence", "target"]; // parameters of the address
const EXPLAINED = ["layers", "evidence", "neighbours"];
const EXAMPLE = // a 3, for classifiers of digits, as the address would have it
  "c8aid890er7vgn7ain7aki7vm190n1ainec8n1dym1fhkiglinh7ijh0khhkm6ijngjwo9liogn9o3ozn6qjlrrtjzsphzt4fxt1dzshcbrgb1q3";
const DIGITS = "0,1,2,3,4,5,6,7,8,9";

const kept = { steps: null, following: false }; // the drawing outlives a change of tab or language

/** Fill `section`; see main.js. */
export async function open(section) {
  const isNew = !kept.steps && !state.get("picture") && !state.get("drawing");
  const [classifiers, picture] = await Promise.all([api.get("/api/classifiers"), isNew ? keptPicture() : null]);
  const tab = new DrawTab(classifiers);
  section.append(...tab.elements());
  tab.changed();
  if (picture) tab.pad.layFile(picture);
  else if (isNew) tab.greet();
  return tab;
}

class DrawTab {
  #classifiers;
  /** @type {Record<string, string | null>} what the page followed last */
  #address = Object.fromEntries(FOLLOWED.map((name) => [name, null]));
  #layers = [];
  #framed = null; // the image that the network gets
  #explained = null; // {name, image}: of which classifier and picture the layers are
  #wanted = new Set(); // parts of the explanation that are to be asked for
  #turn = 0; // counts the pictures: an answer to an earlier one is out of date
  #era = 0; // counts the classifiers: an answer of an earlier one is not shown
  #closed = false;
  #timer = null;
  #greets = false; // whether the first test image is to be laid on the empty sheet
  #alarm = h("div", { class: "alarm" });
  #unknown = h("div", { role: "status" }); // what the address names and is not there
  #predict = latest(() => this.#attempt(this.#predict, () => this.#fetchPrediction(), (problem) => this.#refuse(problem)));
  #explain = latest(() => this.#attempt(this.#explain, () => this.#fetchExplanation(), (problem) => this.#miss(problem)), {
    rest: REST,
  });

  constructor(classifiers) {
    this.#classifiers = classifiers;
    const classifier = () => this.classifier?.name;
    this.choice = select(classifiers.map(({ name, accuracy }) => [name, titleOf(name, accuracy)]), null, (run) =>
      state.set({ run, target: null, ...placesLeft(null) }),
    );
    this.sheet = makeSheet({ steps: kept.steps, changed: () => this.#drawn(), rested: () => this.#rested() });
    this.pad = this.sheet.pad;
    kept.steps = this.pad.steps;
    const choose = (sample, image) => this.pad.laySample(sample, image);
    this.samples = makeSamples({ classifier, choose, arrived: (first) => this.#samplesArrived(first) });
    this.own = new Own({ pad: this.pad, classifier });
    this.prediction = new PredictionView();
    this.attribution = new Attribution({
      choose: ({ method, target }) =>
        state.set({ evidence: method === USUAL_METHOD ? null : method, target }, { replace: true }),
    });
    this.neighbours = makeNeighbours({
      following: kept.following,
      follow: () => this.#followNeighbours(),
      cancel: () => this.#leaveNeighbours(),
    });
    this.strip = makeStrip({ open: (layer, map) => state.set({ ...placesLeft(layer), layer, map }) });
    this.ranges = makeRanges({ choose: (range) => state.set({ range }, { replace: true }) });
    this.layer = new LayerView({ fetchNumber: (layer, place) => this.#fetchNumber(layer, place), change: changeLayer });
    this.ablation = new AblationView({
      question: () => this.#explained,
      onchange: (maps) => this.layer.switchOff(maps),
      remember: (broken) => state.set(writtenBroken(broken), { replace: true }),
    });
    this.stopListening = this.sheet.listen();
  }

  elements() {
    const words = [h("h2", null, t("draw.layers")), h("p", { class: "note" }, t("draw.layers_hint"))];
    const head = h("div", { class: "row spread" }, h("div", null, words), this.ranges.element);
    this.inside = h("section", { class: "inside without", "aria-label": t("draw.layers") }, head, this.strip.element);
    const choice = field(t("draw.classifier"), this.choice);
    const answer = h("div", { class: "draw-answer" }, choice, this.#unknown, this.#alarm, this.prediction.element);
    const why = h("div", { class: "draw-why" }, this.attribution.element, this.neighbours.element);
    const columns = h(
      "div",
      { class: "draw-columns" },
      this.sheet.element,
      answer,
      this.samples.element,
      mayChange() && this.own.element,
      why,
    );
    this.freshness = makeFreshness(
      {
        prediction: [this.prediction.element],
        layers: [this.strip.element, this.layer.element, this.ablation.element],
        evidence: [this.attribution.element],
        neighbours: [this.neighbours.element],
      },
      (part) => part === "prediction" && this.prediction.callOld(),
    );
    return [makeTour([this.sheet.element, answer, why]), columns, this.inside, this.layer.element, this.ablation.element];
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
    else if (isNew("run") && !this.pad.empty) this.#askAgain();
    this.#showLayers();
    this.#sayUnknown();
  }

  /** The server answers again: what is on the sheet is asked about anew, and what did not come. */
  recovered() {
    this.pad.showAgain();
    this.samples.recovered();
    this.own.refresh();
    if (!this.pad.empty) this.#askAgain();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.layer.stop();
    this.ablation.close();
    this.#predict.forget();
    this.#explain.forget();
    this.stopListening();
  }

  /** Lay an example on the empty sheet, so that there is an answer to look at. */
  greet() {
    if (!this.classifier || this.pad.canUndo) return;
    if (this.classifier.classes.join() === DIGITS) this.pad.layDrawing(EXAMPLE, { example: true });
    else this.#greets = true;
  }

  #samplesArrived([first]) {
    if (this.#greets && first && !this.pad.canUndo) this.pad.laySample(first.sample, first.image, { example: true });
    this.#greets = false;
  }

  #useClassifier({ name, classes }, isOther) {
    this.choice.value = name;
    this.#era += 1;
    if (isOther) this.pad.forgetSample();
    this.prediction.setClasses(classes);
    this.attribution.setClasses(classes);
    this.own.setClasses(classes);
    this.#clear();
    if (!this.pad.empty) this.prediction.wait();
    if (mayChange()) this.own.refresh();
    this.samples.show();
  }

  #followNeighbours() {
    kept.following = true;
    this.#want("neighbours");
  }

  #leaveNeighbours() {
    kept.following = false;
    clearTimeout(this.#timer);
    this.#wanted.delete("neighbours");
    const query = `classifier=${encodeURIComponent(this.classifier.name)}`;
    api.del(`/api/neighbours?${query}`).catch((problem) => replace(this.#alarm, error(problem)));
  }

  /** With each change of the drawing. */
  #drawn() {
    this.#turn += 1;
    this.#greets = false;
    this.freshness.outdate("prediction", "layers", "evidence", ...(kept.following ? ["neighbours"] : []));
    this.layer.forget();
    this.ablation.stop();
    this.own.changed();
    this.#predict();
    const picture = this.pad.example ? null : this.pad.sample;
    if (picture !== state.get("picture")) state.set({ picture }, { replace: true });
  }

  /** Once the pen is lifted. */
  #rested() {
    state.set({ drawing: this.pad.drawing }, { replace: true });
    keepPicture(this.pad.file);
    this.#askToExplain();
  }

  #askAgain() {
    this.#predict();
    this.#askToExplain();
  }

  #askToExplain() {
    this.#want("layers", "evidence");
    if (kept.following) this.#want("neighbours");
  }

  /** Ask for parts of the explanation, together with those that wait already. */
  #want(...parts) {
    for (const part of parts) this.#wanted.add(part);
    if (!this.pad.empty) this.freshness.outdate(...parts);
    this.#explain();
  }

  async #fetchPrediction() {
    if (this.pad.empty) {
      this.#clear();
      return;
    }
    const { name } = this.classifier;
    const isOf = this.#now();
    const { sample, picture } = await this.pad.image();
    if (sample) return; // the explanation has its prediction, too
    const { predictions } = await api.post("/api/predict", { classifier: name, pictures: [picture] });
    if (!isOf.classifier()) return;
    if (predictions[0].error) throw new ApiError({ ...predictions[0].error, status: REFUSED });
    this.#showPrediction(predictions[0], isOf.picture());
    replace(this.#alarm);
  }

  /** Show a prediction; where the drawing has gone on meanwhile it is that of a moment ago. */
  #showPrediction(prediction, isOfPicture, label = null) {
    this.prediction.show(prediction, label);
    this.freshness.renew("prediction");
    if (!isOfPicture) this.freshness.outdate("prediction");
    this.own.allow(true);
  }

  /** What is asked about now: whether it still is the classifier, and whether the picture, later on. */
  #now() {
    const [turn, era] = [this.#turn, this.#era];
    const classifier = () => !this.#closed && !this.pad.empty && era === this.#era;
    return { classifier, picture: () => turn === this.#turn };
  }

  async #fetchExplanation() {
    const { name } = this.classifier;
    const isOf = this.#now();
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
      if (!isOf.classifier() || !isOf.picture()) return; // it is asked for again once the pen rests
      this.#explained = { name, image };
      this.#showExplanation(explanation, wanted, image.sample);
      replace(this.#alarm);
    } catch (problem) {
      for (const part of wanted) this.#wanted.add(part);
      if (isOf.classifier() && isOf.picture()) throw problem;
    }
  }

  #showExplanation(explanation, wanted, sample) {
    const { prediction, label, layers, preparing } = explanation;
    this.#framed = prediction.framed_input;
    if (sample) this.pad.laySample(sample, prediction.framed_input);
    this.freshness.renew(...wanted);
    if (wanted.has("layers")) {
      this.#showPrediction(prediction, true, label);
      this.prediction.say(prediction);
      this.#layers = layers.map((layer) => ({ ...layer, ...decodeNumbers(layer.values) }));
      this.#showLayers();
      this.ablation.renew();
      this.#sayUnknown();
    }
    if (wanted.has("evidence")) this.attribution.show(explanation, this.pad);
    if (!wanted.has("neighbours") || !kept.following) return;
    this.neighbours.show(explanation);
    clearTimeout(this.#timer);
    if (preparing) this.#timer = setTimeout(() => this.#want("neighbours"), NEIGHBOURS_WAIT);
  }

  /** Show that the parts which are asked for are on their way. */
  #waitVisibly(wanted, promise) {
    const places = { layers: this.inside, evidence: this.attribution.element, neighbours: this.neighbours.element };
    return [...wanted].reduce((waiting, part) => busy(places[part], waiting), promise);
  }

  /** Take a number of the layers that are shown apart: of the picture that they are made of. */
  async #fetchNumber(layer, place) {
    const { name, image } = this.#explained;
    return api.post("/api/number", { classifier: name, ...image, layer, index: place });
  }

  /** Ask the server. Where it is busy, ask again; where nobody answers, the banner says so, and what is shown is greyed. */
  async #attempt(again, work, refused) {
    try {
      await work();
    } catch (problem) {
      if (this.#closed || problem.unreachable) return;
      if (problem.status === BUSY) setTimeout(again, BUSY_WAIT);
      else refused(problem);
    }
  }

  /** The picture is not read: nothing of the one before stays. */
  #refuse(problem) {
    this.#clear();
    this.prediction.refuse();
    replace(this.#alarm, error(problem));
  }

  /** There is no explanation; of a test image there is no prediction then, either. */
  #miss(problem) {
    this.#wanted.clear();
    if (this.pad.sample) {
      this.#refuse(problem);
      return;
    }
    this.#clearExplanation();
    replace(this.#alarm, error(problem));
  }

  #clear() {
    this.prediction.clear();
    this.freshness.renew("prediction");
    this.own.allow(false);
    this.#clearExplanation();
    replace(this.#alarm);
  }

  #clearExplanation() {
    this.#layers = [];
    this.#explained = null;
    clearTimeout(this.#timer);
    for (const view of [this.attribution, this.neighbours]) view.clear();
    this.freshness.renew(...EXPLAINED);
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
      this.ablation.show(null, 0);
      return;
    }
    const map = clamp(Number(state.get("map")) || 0, 0, layer.shape.at(-1) - 1);
    const place = placeFrom(state.get("place"), layer.shape);
    this.layer.show({ layers, layer, framed: this.#framed, classes: this.classifier.classes, map, range, place });
    const chosen = isFlat(layer) ? (place ?? strongestPlace(layer, 0))[0] : map;
    this.ablation.show(layer, chosen, readBroken(state.get, layer).broken);
  }

  /** Say what the address names that is not there, where it is known what there is. */
  #sayUnknown() {
    const layer = this.#layers.find(({ name }) => name === state.get("layer")) ?? null;
    const allowed = {
      run: this.#classifiers.map(({ name }) => name),
      evidence: METHODS,
      target: this.classifier.classes.map((_, index) => String(index)),
      range: RANGES,
      layer: this.#layers.length ? this.#layers.map(({ name }) => name) : [state.get("layer")],
      ...placesAllowed(layer),
      drawing: this.pad.drawing || this.pad.empty ? [this.pad.drawing] : [state.get("drawing")],
    };
    const unknown = Object.keys(allowed).filter((name) => state.get(name) && !allowed[name].includes(state.get(name)));
    const wrong = this.#layers.length ? readBroken(state.get, layer).wrong : [];
    const beyond = wrong.filter(({ low }) => low !== undefined);
    const others = wrong.filter(({ low }) => low === undefined).map(({ name, value }) => /** @type {const} */ ([name, value]));
    replace(
      this.#unknown,
      unknownValues([...unknown.map((name) => /** @type {const} */ ([name, state.get(name)])), ...others]),
      beyond.map((values) => h("p", { class: "note" }, t("draw.break_beyond", values))),
    );
  }
}

/** What an address may name of the layer that is open: itself, where it is allowed; {} while none is open. */
function placesAllowed(layer) {
  if (!layer) return {};
  const [map, place] = [state.get("map"), state.get("place")];
  const isMap = /^\d+$/.test(map ?? "") && Number(map) < layer.shape.at(-1);
  return { map: isMap ? [map] : [], place: placeFrom(place, layer.shape) ? [place] : [] };
}

/** The address's parameters where another layer is opened, or none: what belongs to the one before is left out. */
function placesLeft(layer) {
  return { layer, map: null, place: null, ...leftBehind(state.get("layer"), layer) };
}

function titleOf(name, accuracy) {
  return accuracy === null ? name : t("draw.classifier_with", { name, accuracy: percent(accuracy, 2) });
}

/** Write into the address what is opened of the layers. */
function changeLayer({ place, ...others }) {
  const written = place === undefined ? {} : { place: place?.slice(0, 2).join(",") ?? null };
  const closes = others.layer === null ? placesLeft(null) : {};
  state.set({ ...others, ...written, ...closes }, { replace: true });
}
