// Axes of charts, and the range of colours.

import assert from "node:assert/strict";
import { test } from "node:test";

import { rangeOf } from "../../../src/imagelet/lab/static/js/shared/maps.js";
import {
  extent, logTicks, nearest, placesOf, pointAt, ticks, wholeTicks,
} from "../../../src/imagelet/lab/static/js/shared/scales.js";

const close = (numbers, expected) => {
  assert.equal(numbers.length, expected.length);
  numbers.forEach((value, index) => assert.ok(Math.abs(value - expected[index]) < 1e-9, `${numbers}`));
};
const series = (...points) => [{ name: "loss", points }];

test("ticks are round numbers inside the range, its ends among them where they are round", () => {
  close(ticks(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  close(ticks(0.3, 1.1, 4), [0.4, 0.6, 0.8, 1]);
  close(ticks(-7, 12, 4), [-5, 0, 5, 10]);
  close(ticks(0, 30_000, 6), [0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000]);
  assert.deepEqual(ticks(3, 3), [3]);
});

test("a range holds every finite point, and is never empty", () => {
  assert.deepEqual(extent(series([1, 0.5], [4, NaN], [3, 2]), 0), [1, 4]);
  assert.deepEqual(extent(series([1, 0.5], [4, NaN], [3, 2]), 1), [0.5, 2]);
  assert.deepEqual(extent(series([1, 0.5], [3, 2]), 1, [0, null]), [0, 2]);
  assert.deepEqual(extent(series([2, 7]), 0), [2, 3]);
  assert.deepEqual(extent(series([2, 7]), 1), [6.5, 7.5]);
  assert.deepEqual(extent([], 1), [0, 1]);
});

test("an axis reaches from a whole tick to a whole tick", () => {
  close(wholeTicks(series([0, 0.13], [1, 0.87])), [0, 1]);
  close(wholeTicks(series([0, 0.931], [1, 0.987]), [null, 1]), [0.92, 1]);
  assert.equal(wholeTicks([]), null);
  assert.equal(wholeTicks(series([0, 2])), null);
});

test("the nearest place that has a number", () => {
  const lines = [...series([3, 1], [1, 2]), ...series([2, NaN], [5, 1])];
  assert.deepEqual(placesOf(lines), [1, 3, 5]);
  assert.equal(nearest([1, 3, 5], 4.2), 5);
  assert.equal(nearest([], 4.2), null);
  assert.deepEqual(pointAt(lines[1], 5), [5, 1]);
  assert.equal(pointAt(lines[1], 2), undefined);
});

test("colours span a range with 0 at an end or in the middle", () => {
  assert.deepEqual(rangeOf([3, 1]), { low: 0, high: 3 });
  assert.deepEqual(rangeOf([-3, -1]), { low: -3, high: 0 });
  assert.deepEqual(rangeOf([-3, 1]), { low: -3, high: 3 });
  assert.deepEqual(rangeOf([]), { low: 0, high: 0 });
});

test("ticks of a logarithmic axis are 1, 2 and 5 of the powers, of many powers these alone, of few even ones", () => {
  close(logTicks(0.03, 2), [0.05, 0.1, 0.2, 0.5, 1, 2]);
  close(logTicks(1e-6, 1), [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1]);
  assert.ok(logTicks(0.31, 0.45).length > 1);
});
