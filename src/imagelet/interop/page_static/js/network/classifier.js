// @ts-check
// The classifier: framed pixels in, calibrated probabilities out, as imagelet computes them.

import { makeNetwork } from "./network.js";

/** @typedef {import("../framing/planes.js").Picture} Picture */
/**
 * @typedef {{probabilities: number[], predicted: number, isLikely: boolean, isUnlike: boolean,
 *   values: Map<string, import("./operations.js").Value>}} Answer
 *   `isLikely`: the largest probability reaches the threshold; `isUnlike`: the largest logit is below the lowest one
 *   of the training images of that class, which is a sign of something else; `values` are what the layers make of the first view
 */

const PATIENCE = 40; // milliseconds of computing after which the page may draw

/**
 * Prepare a classifier.
 * @param {any} facts what imagelet wrote into the page
 * @param {Uint8Array} bytes its weights
 * @param {() => Promise<void>} [pause] lets the page draw between two views
 * @returns {(image: Picture, isQuick?: boolean) => Promise<Answer>} quick: from the first view alone
 */
export function makeClassifier({ network, normalization, views, temperature, threshold, lowestLogits }, bytes, pause) {
  const compute = makeNetwork(network, bytes);
  return async (image, isQuick = false) => {
    const input = prepare(image, normalization);
    const logits = [];
    let first = null;
    let started = performance.now();
    const used = isQuick ? [{ ...views[0], weight: 1 }] : views;
    for (const view of used) {
      if (pause && performance.now() - started > PATIENCE) {
        await pause();
        started = performance.now();
      }
      const values = compute(viewOf(input, view));
      first ??= values;
      values.get(network.output).data.forEach((logit, index) => {
        logits[index] = (logits[index] ?? 0) + view.weight * logit;
      });
    }
    const probabilities = softmax(logits.map((logit) => logit / temperature));
    const predicted = probabilities.indexOf(Math.max(...probabilities));
    return {
      probabilities,
      predicted,
      isLikely: probabilities[predicted] >= threshold,
      isUnlike: Boolean(lowestLogits) && logits[predicted] < lowestLogits[predicted],
      values: first,
    };
  };
}

/** Pixels 0 to 255, channels last, as network input, channels first. */
function prepare({ height, width, channels, data }, { scale, offset }) {
  const map = height * width;
  const made = new Float32Array(channels * map);
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < map; pixel++) {
      const scaled = Math.fround(data[pixel * channels + channel] * Math.fround(scale[channel]));
      made[channel * map + pixel] = scaled + Math.fround(offset[channel]);
    }
  }
  return { shape: [channels, height, width], data: made };
}

/** One view of an image: moved by a pixel down and right, or up and left, its rim repeated; mirrored. */
function viewOf(input, { shift, mirrored }) {
  if (!shift && !mirrored) return input;
  const [channels, height, width] = input.shape;
  const inside = (place, side) => Math.min(Math.max(place - shift, 0), side - 1);
  const data = new Float32Array(input.data.length);
  let at = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let row = 0; row < height; row++) {
      const line = (channel * height + inside(row, height)) * width;
      for (let column = 0; column < width; column++) {
        data[at++] = input.data[line + inside(mirrored ? width - 1 - column : column, width)];
      }
    }
  }
  return { shape: input.shape, data };
}

/** Logits as probabilities. */
export function softmax(/** @type {number[]} */ logits) {
  const most = Math.max(...logits);
  const exponentials = logits.map((logit) => Math.exp(logit - most));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}
