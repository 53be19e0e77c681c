// A drawing in the address: what is written is read again, and nothing else is read.

import assert from "node:assert/strict";
import { test } from "node:test";

import { read, written } from "../../../src/imagelet/lab/static/js/draw/strokes.js";

const SIDE = 448;
const FINEST = SIDE / (36 * 36 - 1); // pixels between two places that the letters can tell apart

function near(points, expected) {
  assert.equal(points.length, expected.length);
  for (const [index, { x, y }] of points.entries()) {
    assert.ok(Math.abs(x - expected[index].x) <= FINEST / 2);
    assert.ok(Math.abs(y - expected[index].y) <= FINEST / 2);
  }
}

test("strokes are read as they were written", () => {
  const pen = [{ x: 0, y: 0 }, { x: 100.4, y: 31 }, { x: 448, y: 448 }];
  const eraser = [{ x: 7, y: 300 }];
  const strokes = read(written([{ points: pen, erase: false }, { points: eraser, erase: true }], SIDE), SIDE);
  assert.deepEqual(strokes.map(({ erase }) => erase), [false, true]);
  near(strokes[0].points, pen);
  near(strokes[1].points, eraser);
});
