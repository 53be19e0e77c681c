// Draw, and see at once what a network makes of it; then look inside, layer by layer, number by number.
//
// Three questions follow the picture, each for its latest state alone: the answer follows the pen, the layers and
// the evidence follow when it rests.

import { decodeNumbers } from "../shared/api.js";
import { makeAnswer } from "../draw/answer.js";
import { METHODS, makeEvidence } from "../draw/evidence.js";
import { latest } from "../draw/latest.js";
import { makeLayer } from "../draw/layer.js";
import { makeNeighbours } from "../draw/neighbours.js";
import { makeOwn } from "../draw/own.js";
import { makeRanges, rangeNamed } from "../draw/ranges.js";
import { makeSheet } from "../draw/sheet.js";
import { makeStrip } from "../draw/strip.js";

const REST = 120; // milliseconds without a change before the layers follow
const NEIGHBOURS = 8;
const AGAIN = 3000; // milliseconds until neighbours that are being prepared are asked for again
const BUSY = 503;
const BUSY_WAIT = 1000;
const SHIPPED = "mnist";

const kept = { steps: null, following: false }; // the drawing outlives a change of tab or language

export async function open(root, { api, t, state, ui }) {
  const { h, replace } = ui;
  const classifiers = await api.get("/api/classifiers");
  let [layers, prediction, closed, again] = [[], null, false, null];
  const alarm = h("div", { class: "alarm" });

  const choose = ui.select(classifiers.map((each) => [each.name, named(each)]), null, (run) => state.set({ run, layer: null, map: null, place: null, target: null, picture: state.get("picture") }));
  const answer = makeAnswer();
  const strip = makeStrip({ open: (layer, map) => state.set({ layer, map, place: null }) });
  const ranges = makeRanges({ choose: (range) => state.set({ range }, { replace: true }) });
  const layerView = makeLayer({
    askNumber: async (layer, place) => api.post("/api/number", { classifier: classifier().name, ...(await sheet.asked()), layer, place }),
    change({ place, ...others }) {
      state.set(place === undefined ? others : { ...others, place: place?.slice(0, 2).join(",") ?? null }, { replace: true });
    },
  });
  const evidence = makeEvidence({
    choose: ({ method, target }) => state.set({ evidence: method === METHODS[1] ? null : method, target: target === "answer" ? null : target }, { replace: true }),
  });
  const neighbours = makeNeighbours({
    following: kept.following,
    follow() {
      kept.following = true;
      findNeighbours();
    },
  });
  const sheet = makeSheet({ api, steps: kept.steps, classifier: () => classifier().name, changed, rested });
  kept.steps = sheet.steps;
  const own = makeOwn({ picture: sheet.asked, classifier: () => classifier().name, empty: () => sheet.empty });

  function classifier() {
    return classifiers.find((each) => each.name === choose.value);
  }

  const predict = latest(async () => {
    if (sheet.empty) return blank();
    return attempt(predict, async () => {
      const asked = await sheet.asked();
      if (asked.sample) return; // the layers' answer has it, too
      const { name } = classifier();
      const told = await api.post("/api/predict", { classifier: name, pictures: [asked.picture] });
      const [found] = told.predictions;
      if (closed || sheet.empty || name !== classifier().name) return;
      if (found.error) throw asError(found.error);
      prediction = found;
      answer.show(found);
      replace(alarm);
    });
  });

  const inside = latest(async () => {
    if (sheet.empty) return;
    await attempt(inside, async () => {
      const asked = await sheet.asked();
      const { name } = classifier();
      const told = await ui.busy(stripCard, api.post("/api/explain", { classifier: name, ...asked, layers: true }));
      if (closed || sheet.empty || name !== classifier().name) return;
      prediction = told.prediction;
      if (asked.sample) sheet.laySample(asked.sample, told.prediction.seen);
      answer.show(prediction, told.label);
      answer.say(prediction);
      layers = told.layers.map((each) => ({ ...each, ...decodeNumbers(each.values) }));
      showLayer();
      replace(alarm);
    });
  }, { rest: REST });

  const speak = latest(async () => {
    if (sheet.empty) return;
    try {
      const { method, target } = evidence.asked;
      const { name } = classifier();
      const told = await ui.busy(evidence.element, api.post("/api/explain", { classifier: name, ...(await sheet.asked()), evidence: [method], target }));
      if (!closed && !sheet.empty && name === classifier().name) evidence.show(told, sheet);
    } catch (problem) {
      if (!alarm.firstChild) evidence.fail(problem); // said once
    }
  }, { rest: 2 * REST });

  const findNeighbours = latest(async () => {
    clearTimeout(again);
    if (sheet.empty || !kept.following) return;
    try {
      const told = await ui.busy(neighbours.element, api.post("/api/explain", { classifier: classifier().name, ...(await sheet.asked()), neighbours: NEIGHBOURS }));
      if (closed || sheet.empty) return;
      neighbours.show(told);
      if (told.preparing) again = setTimeout(findNeighbours, AGAIN);
    } catch (problem) {
      neighbours.fail(problem);
    }
  }, { rest: 3 * REST });

  /** Do something with the server; what goes wrong is said above the answer. Where it is busy, ask again. */
  async function attempt(again, work) {
    try {
      await work();
    } catch (problem) {
      if (closed) return;
      if (problem.status === BUSY) setTimeout(again, BUSY_WAIT);
      else replace(alarm, ui.error(problem));
      if (problem.status !== BUSY && problem.status !== 0) answer.clear();
    }
  }

  function asError({ message, hint }) {
    return Object.assign(new Error(message), { name: "ApiError", hint });
  }

  function changed() {
    predict();
    if (sheet.sample !== state.get("picture")) state.set({ picture: sheet.sample }, { replace: true });
  }

  function rested() {
    state.set({ drawing: sheet.drawing }, { replace: true });
    inside();
    speak();
    findNeighbours();
  }

  function blank() {
    prediction = null;
    layers = [];
    answer.clear();
    evidence.clear();
    neighbours.clear();
    replace(alarm);
    showLayer();
  }

  function showLayer() {
    const name = state.get("layer");
    const layer = layers.find((each) => each.name === name);
    const range = rangeNamed(state.get("range"));
    ranges.show(layers, range);
    if (layers.length) strip.show(layers, range);
    strip.choose(layer ? name : null);
    stripCard.classList.toggle("without", !layers.length);
    if (!layer) return layerView.show(null);
    const last = layer.shape.at(-1) - 1;
    const map = Math.max(0, Math.min(last, Number(state.get("map")) || 0));
    return layerView.show({ layers, layer, seen: prediction.seen, classes: classifier().classes, map, range, place: placeIn(layer) });
  }

  /** The place in the address, if the layer has it. */
  function placeIn({ shape }) {
    const place = (state.get("place") ?? "").split(",").filter(Boolean).map(Number);
    const axes = shape.length === 3 ? shape.slice(0, 2) : shape;
    const fits = place.length === axes.length && place.every((at, axis) => Number.isInteger(at) && at >= 0 && at < axes[axis]);
    return fits ? place : null;
  }

  let [run, picture, drawing, asked] = [null, undefined, null, ""];
  function follow() {
    const wanted = classifiers.find((each) => each.name === state.get("run")) ?? classifiers.find((each) => each.name === SHIPPED) ?? classifiers[0];
    choose.value = wanted.name;
    evidence.asked = { method: state.get("evidence") ?? METHODS[1], target: state.get("target") };
    const before = run;
    const [newRun, newPicture, newDrawing] = [wanted.name !== run, state.get("picture") !== picture, state.get("drawing") !== drawing];
    [run, picture, drawing] = [wanted.name, state.get("picture"), state.get("drawing")];
    if (newRun) {
      if (before !== null) sheet.forgetSample();
      answer.setClasses(wanted.classes);
      evidence.setClasses(wanted.classes, state.get("target") ?? undefined);
      own.setClasses(wanted.classes);
      own.refresh();
      sheet.showSamples();
    }
    if (newPicture && picture && sheet.sample !== picture) sheet.laySample(picture);
    else if (newDrawing && drawing && sheet.drawing !== drawing) sheet.layDrawing(drawing);
    else if (newRun && !sheet.empty) {
      predict();
      rested();
    }
    const now = JSON.stringify(evidence.asked);
    if (now !== asked && !newRun) speak();
    asked = now;
    showLayer();
  }

  function named({ name, accuracy }) {
    return accuracy === null ? name : t("draw.classifier_with", { name, accuracy: ui.percent(accuracy, 2) });
  }

  const stripCard = h("section", { class: "inside", "aria-label": t("draw.layers") }, h("div", { class: "row spread" }, h("div", null, h("h2", null, t("draw.layers")), h("p", { class: "note" }, t("draw.layers_hint"))), ranges.element), strip.element);
  root.append(
    h(
      "div",
      { class: "draw-columns" },
      sheet.element,
      h("div", { class: "draw-answer" }, ui.field(t("draw.classifier"), choose), alarm, answer.element),
      sheet.samples,
      own.element,
      h("div", { class: "draw-why" }, evidence.element, neighbours.element),
    ),
    stripCard,
    layerView.element,
  );
  if (!classifiers.length) replace(alarm, h("p", { class: "note" }, t("draw.no_classifier")));
  follow();
  const stopListening = sheet.listen();
  return {
    changed: follow,
    close() {
      closed = true;
      clearTimeout(again);
      layerView.stop();
      for (const each of [predict, inside, speak, findNeighbours]) each.forget();
      stopListening();
    },
  };
}
