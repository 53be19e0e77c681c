// What is broken of a network: read from the address, checked, and written into it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { WHOLE, leftBehind, readBroken, writtenBroken } from "../../../src/imagelet/lab/static/js/draw/broken.js";

const CONV = { family: "window", shape: [28, 28, 8], weights: true, biases: true };
const POOL = { ...CONV, weights: false, biases: false };
const read = (address, layer = CONV) => readBroken((name) => address[name] ?? null, layer);
const namesOf = ({ wrong }) => wrong.map(({ name }) => name);

test("what is broken is read from the address as it was written", () => {
  const broken = { maps: [1, 7], biases: false, noise: 0.5, degrees: -15, right: 3, down: -2 };
  const written = writtenBroken(broken);
  assert.deepEqual(written, { off: "1,7", biases: "no", noise: "0.5", turn: "-15", right: "3", down: "-2" });
  assert.deepEqual(read(written), { broken, wrong: [] });
  assert.deepEqual(read({}), { broken: WHOLE, wrong: [] });
  assert.ok(Object.values(writtenBroken(WHOLE)).every((value) => value === null));
});

test("what is out of range is left out, with what is allowed", () => {
  const { broken, wrong } = read({ off: "7,8,1,1,-1,x", noise: "99", turn: "-90.5", right: "1e1", down: "10" });
  assert.deepEqual(broken, { ...WHOLE, maps: [1, 7], down: 10 });
  assert.deepEqual(wrong, [
    { name: "off", value: "8" }, { name: "off", value: "-1" }, { name: "off", value: "x" },
    { name: "noise", value: "99", low: 0, high: 3 },
    { name: "turn", value: "-90.5", low: -90, high: 90 },
    { name: "right", value: "1e1" },
  ]);
});

test("what a layer has not cannot be broken", () => {
  assert.deepEqual(namesOf(read({ biases: "no", noise: "1", off: "2", turn: "5" }, POOL)), ["biases", "noise"]);
  assert.deepEqual(namesOf(read({ biases: "yes" })), ["biases"]);
  assert.deepEqual(namesOf(read({ off: "1", turn: "5" }, { ...CONV, family: "softmax" })), ["off", "turn"]);
  assert.deepEqual(namesOf(read({ turn: "5" }, null)), ["turn"]);
});

test("another layer keeps how the picture is moved, and no layer keeps nothing", () => {
  assert.deepEqual(leftBehind("conv1", "conv1"), {});
  assert.deepEqual(Object.keys(leftBehind("conv1", "conv2")), ["off", "biases", "noise"]);
  assert.deepEqual(Object.keys(leftBehind("conv1", null)), ["off", "biases", "noise", "turn", "right", "down"]);
});
