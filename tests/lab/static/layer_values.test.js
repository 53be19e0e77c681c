// What the page computes of a layer's numbers.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as values from "../../../src/imagelet/lab/static/js/draw/layer_values.js";

const maps = { name: "conv1", kind: "conv", shape: [2, 3, 2], values: Float32Array.of(0, 9, 1, 8, 2, 7, 3, -9, 4, 5, -5, 4) };
const flat = { name: "dense1", kind: "dense", shape: [4], values: Float32Array.of(0.5, -2, 1, 0) };

test("a map is every other number, row by row", () => {
  assert.deepEqual([...values.mapOf(maps, 0)], [0, 1, 2, 3, 4, -5]);
  assert.deepEqual([...values.mapOf(maps, 1)], [9, 8, 7, -9, 5, 4]);
  assert.equal(values.valueAt(maps, [1, 2], 0), -5);
  assert.equal(values.valueAt(maps, [1, 0], 1), -9);
});

test("the strongest number is the one farthest from 0, the first of equals", () => {
  assert.deepEqual(values.strongestPlace(maps, 0), [1, 2]);
  assert.deepEqual(values.strongestPlace(maps, 1), [0, 0]);
  assert.deepEqual(values.strongestPlace(flat, 0), [1]);
});

test("a place in the address is taken if the layer has it", () => {
  assert.deepEqual(values.placeFrom("1,2", maps.shape), [1, 2]);
  assert.deepEqual(values.placeFrom("3", flat.shape), [3]);
  for (const text of [null, "", "2,0", "0,3", "-1,0", "0.5,0", "1", "1,2,0", "a,b"]) {
    assert.equal(values.placeFrom(text, maps.shape), null, text);
  }
  assert.equal(values.placeFrom("4", flat.shape), null);
});

test("flat values lie in a row, many of them in a square", () => {
  assert.deepEqual(values.cellGrid(10), [1, 10]);
  assert.deepEqual(values.cellGrid(17), [4, 5]);
  assert.deepEqual(values.cellGrid(1152), [34, 34]);
});

test("the strongest channel of a window is the one whose products add up to most", () => {
  const products = [[[1, -4], [1, null]], [[1, -1], [1, 2]]];
  assert.deepEqual(values.channelSums(products), [4, -3]);
  assert.equal(values.strongestChannel({ products, first: [0, 0, 0] }), 0);
  assert.equal(values.strongestChannel({ products: null, first: [0, 0, 5] }), 5);
});

test("a window spans what its dilation leaves out", () => {
  assert.deepEqual(values.extentOf({ inputs: [[0, 0, 0], [0, 0, 0]], step: [2, 3] }), [3, 7]);
  assert.deepEqual(values.extentOf({ inputs: [1], step: [1] }), [1, 1]);
});

test("a pixel goes into the places whose windows hold it", () => {
  const same = { first: [-1, -1], stride: [1, 1], extent: [3, 3] };
  assert.deepEqual(values.placesFrom([5, 0], same, [28, 28]), { first: [4, 0], extent: [3, 2] });
  const pooling = { first: [0, 0], stride: [2, 2], extent: [2, 2] };
  assert.deepEqual(values.placesFrom([5, 4], pooling, [4, 4]), { first: [2, 2], extent: [1, 1] });
  const gaps = { first: [0, 0], stride: [3, 3], extent: [2, 2] };
  assert.equal(values.placesFrom([2, 0], gaps, [4, 4]), null);
});

test("layers that come again and again are found, and few layers are left as they are", () => {
  const [conv, relu, pool] = ["conv", "relu", "pool"].map((kind) => ({ kind, shape: [8, 8, 4] }));
  const deep = [pool, ...Array(20).fill([conv, relu]).flat(), pool, conv];
  assert.deepEqual(values.repeatedLayers(deep), [[3, 41]]);
  assert.deepEqual(values.repeatedLayers(deep.slice(0, 20)), []);
  assert.deepEqual(values.repeatedLayers(Array(30).fill(conv)), [[1, 30]]);
});
