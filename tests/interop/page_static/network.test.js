// The network of an exported page: its numbers, its operations, its probabilities.

import assert from "node:assert/strict";
import { test } from "node:test";

import { makeClassifier, softmax } from "../../../src/imagelet/interop/page_static/js/network/classifier.js";
import { erf, OPERATIONS } from "../../../src/imagelet/interop/page_static/js/network/operations.js";
import { decodeBase64, halfNumber, readConstant } from "../../../src/imagelet/interop/page_static/js/network/weights.js";

const value = (shape, ...data) => ({ shape, data: Float32Array.from(data) });
const WINDOW = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] };

test("half-precision numbers are read as IEEE 754 says", () => {
  const known = [[0x3c00, 1], [0xc000, -2], [0x7bff, 65504], [0x0001, 2 ** -24], [0x3555, 0.333251953125], [0x8000, -0]];
  for (const [bits, number] of known) assert.ok(Object.is(halfNumber(bits), number), String(bits));
  assert.equal(halfNumber(0x7c00), Infinity);
  assert.ok(Number.isNaN(halfNumber(0x7e00)));
});

test("a constant is read from where it lies, also at an odd place", () => {
  const bytes = new Uint8Array(11);
  new DataView(bytes.buffer).setUint16(3, 0x3c00, true);
  new DataView(bytes.buffer).setFloat32(6, 2.5, true);
  assert.deepEqual(readConstant({ shape: [1], type: "half", start: 3 }, bytes).data, Float32Array.of(1));
  assert.deepEqual(readConstant({ shape: [1, 1], type: "single", start: 6 }, bytes), value([1, 1], 2.5));
  assert.deepEqual(readConstant({ shape: [], values: [7] }, bytes).data, Float32Array.of(7));
  assert.deepEqual(decodeBase64("\nAQID "), Uint8Array.of(1, 2, 3));
});

test("the error function has its known values", () => {
  for (const [x, y] of [[0, 0], [0.5, 0.5204998778], [1, 0.8427007929], [-2, -0.995322265], [6, 1]]) {
    assert.ok(Math.abs(erf(x) - y) < 2e-7, String(x));
  }
});

test("a convolution adds up what lies under its kernel", () => {
  const image = value([1, 2, 3], 1, 2, 3, 4, 5, 6);
  const convolve = OPERATIONS.Conv(WINDOW, [value([1, 1, 2, 2], 1, 0, 0, 10), value([1], 0.5)]);
  assert.deepEqual(convolve(image), value([1, 1, 2], 51.5, 62.5));
  const padded = OPERATIONS.Conv({ ...WINDOW, pads: [0, 1, 0, 0] }, [value([1, 1, 1, 2], 1, 10)]);
  assert.deepEqual(padded(image), value([1, 2, 3], 10, 21, 32, 40, 54, 65));
});

test("groups of channels have filters of their own", () => {
  const image = value([2, 1, 1], 3, 5);
  const convolve = OPERATIONS.Conv({ ...WINDOW, group: 2 }, [value([4, 1, 1, 1], 1, 2, 3, 4)]);
  assert.deepEqual(convolve(image), value([4, 1, 1], 3, 6, 15, 20));
});

test("padding neither wins nor counts in a pooling", () => {
  const image = value([1, 2, 2], -1, -2, -3, -4);
  const window = { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 1, 1] };
  assert.deepEqual(OPERATIONS.MaxPool(window)(image), value([1, 1, 1], -1));
  const rim = { kernel_shape: [2, 2], strides: [2, 2], pads: [1, 1, 1, 1] };
  assert.deepEqual(OPERATIONS.AveragePool(rim)(image), value([1, 2, 2], -1, -2, -3, -4));
});

test("probabilities of large logits add up to 1", () => {
  assert.deepEqual(softmax([1000, 1000]), [0.5, 0.5]);
});

/** A classifier whose network does nothing: two pixels are two logits. */
function pixelsAsLogits(views, lowestLogits = null) {
  const facts = {
    network: {
      input: "image",
      output: "flat",
      nodes: [{ operation: "Flatten", inputs: ["image"], output: "flat" }],
      constants: {},
    },
    normalization: { scale: [0.1], offset: [0] },
    views,
    temperature: 1,
    threshold: 0.5,
    lowestLogits,
  };
  return makeClassifier(facts, new Uint8Array());
}

const pixels = (...data) => ({ height: 1, width: 2, channels: 1, data: Uint8Array.from(data) });

test("the first of equal classes is predicted, and the threshold itself is sure", async () => {
  const classify = pixelsAsLogits([{ weight: 1, shift: 0, mirrored: false }]);
  const { predicted, probabilities, isLikely } = await classify(pixels(9, 9));
  assert.deepEqual([predicted, probabilities, isLikely], [0, [0.5, 0.5], true]);
});

test("an image is unlike the training images where the largest logit is below the lowest of its class", async () => {
  const views = [{ weight: 1, shift: 0, mirrored: false }];
  const answers = async (lowest) => (await pixelsAsLogits(views, lowest)(pixels(90, 0))).isUnlike;
  assert.deepEqual(await Promise.all([null, [8, 99], [10, 0]].map(answers)), [false, false, true]);
});

test("the logits of all views are averaged; a quick answer comes from the first alone", async () => {
  const classify = pixelsAsLogits([{ weight: 0.5, shift: 0, mirrored: false }, { weight: 0.5, shift: 0, mirrored: true }]);
  assert.deepEqual((await classify(pixels(20, 0))).probabilities, [0.5, 0.5]);
  assert.deepEqual((await classify(pixels(20, 0), true)).probabilities, softmax([2, 0]));
});
