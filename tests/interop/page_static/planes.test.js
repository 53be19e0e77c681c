// What the framing of an exported page measures on pixels.

import assert from "node:assert/strict";
import { test } from "node:test";

import { partsOf } from "../../../src/imagelet/interop/page_static/js/framing/connected_components.js";
import { border, extent, greyOf, quantiles, rounded } from "../../../src/imagelet/interop/page_static/js/framing/planes.js";
import { resizePlane } from "../../../src/imagelet/interop/page_static/js/framing/resize.js";

const plane = (width, ...data) => ({ height: data.length / width, width, data: Float32Array.from(data) });

test("halves are rounded to the even number, as Python does", () => {
  assert.deepEqual([0.5, 1.5, 2.5, 3.5, 2.4].map(rounded), [0, 2, 2, 4, 2]);
});

test("quantiles lie between two numbers, and leave these in their order", () => {
  const numbers = Float64Array.of(3, 1, 2, 10);
  assert.deepEqual(quantiles(numbers, [0, 0.5, 1]), [1, 2.5, 10]);
  assert.deepEqual(numbers, Float64Array.of(3, 1, 2, 10));
});

test("a border has each outermost number once", () => {
  assert.deepEqual([...border(plane(3, 1, 2, 3, 4, 5, 6, 7, 8, 9))].sort(), [1, 2, 3, 4, 6, 7, 8, 9]);
  assert.deepEqual([...border(plane(1, 1, 2, 3))], [1, 2, 3]);
});

test("grey is luma", () => {
  const picture = { height: 1, width: 3, channels: 3, data: Uint8Array.of(255, 0, 0, 0, 255, 0, 255, 255, 255) };
  assert.deepEqual(greyOf(picture).data, Uint8Array.of(76, 150, 255));
});

test("what is nowhere has no extent", () => {
  assert.equal(extent(plane(2, 0, 0, 0, 0)), null);
  assert.deepEqual(extent(plane(3, 0, 0, 0, 0, 1, 1)), { top: 1, bottom: 2, left: 1, right: 3 });
});

test("pixels that touch at a corner are one part only where corners count", () => {
  const ink = plane(2, 1, 0, 0, 1);
  assert.equal(partsOf(ink).areas.length, 1);
  assert.deepEqual(partsOf(ink, false).areas, [1, 1]);
});

test("a plane of half the size has the means of its pixels, rounded behind each pass", () => {
  const bytes = { height: 2, width: 4, data: Uint8Array.of(0, 10, 20, 30, 0, 10, 20, 31) };
  assert.deepEqual(resizePlane(bytes, 1, 2, "box").data, Uint8Array.of(5, 26));
});
