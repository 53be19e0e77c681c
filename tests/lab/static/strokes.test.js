// A drawing: its steps on the sheet, and its strokes in the address.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isEmpty, pictureOn, strokesOn, visible } from "../../../src/imagelet/lab/static/js/draw/steps.js";
import { read, written } from "../../../src/imagelet/lab/static/js/draw/strokes.js";

const SIDE = 448;
const FINEST = SIDE / (36 * 36 - 1); // pixels between two places that the letters can tell apart
const stroke = (points, erase = false) => ({ kind: "stroke", points, erase });

function assertNear(points, expected) {
  assert.equal(points.length, expected.length);
  for (const [index, { x, y }] of points.entries()) {
    assert.ok(Math.abs(x - expected[index].x) <= FINEST / 2);
    assert.ok(Math.abs(y - expected[index].y) <= FINEST / 2);
  }
}

test("strokes are read as they were written, to less than a pixel", () => {
  const pen = [{ x: 0, y: 0 }, { x: 100.4, y: 31 }, { x: 448, y: 448 }];
  const eraser = [{ x: 7, y: 300 }];
  const strokes = read(written([stroke(pen), stroke(eraser, true)], SIDE), SIDE);
  assert.deepEqual(strokes.map(({ erase }) => erase), [false, true]);
  assertNear(strokes[0].points, pen);
  assertNear(strokes[1].points, eraser);
});

test("what was read is written as it was", () => {
  const letters = "a390c290.-zzzz0000.00aa";
  assert.equal(written(read(letters, SIDE), SIDE), letters);
});

test("points that add nothing are left out, the ends never; places beyond the sheet lie on its border", () => {
  const close = [{ x: 10, y: 10 }, { x: 11, y: 10 }, { x: 12, y: 10 }];
  assertNear(read(written([stroke(close)], SIDE), SIDE)[0].points, [close[0], close[2]]);
  assertNear(read(written([stroke([{ x: -50, y: 900 }])], SIDE), SIDE)[0].points, [{ x: 0, y: SIDE }]);
});

test("nothing, and more than an address holds, is not written", () => {
  assert.equal(written([], SIDE), null);
  const long = Array.from({ length: 2000 }, (_, index) => ({ x: (index * 97) % SIDE, y: (index * 31) % SIDE }));
  assert.equal(written([stroke(long)], SIDE), null);
});

test("what is no drawing is not read", () => {
  for (const text of ["", "a~b", "abc", "abcd.", ".abcd", "ABCD", "--abcd", "abcd".repeat(1001)]) {
    assert.equal(read(text, SIDE), null, text);
  }
});

test("a picture, a clearing and a stroke on a picture begin a new sheet", () => {
  const [pen, eraser] = [stroke([{ x: 1, y: 1 }]), stroke([{ x: 2, y: 2 }], true)];
  const picture = { kind: "picture", sample: "test:3", image: null };
  const fresh = { ...pen, fresh: true };
  assert.deepEqual(visible([]), []);
  assert.deepEqual(visible([eraser, picture]), [picture]);
  assert.equal(pictureOn([pen, picture])?.sample, "test:3");
  assert.equal(strokesOn([pen, picture]), null);
  assert.equal(pictureOn([picture, fresh]), undefined);
  assert.deepEqual(strokesOn([picture, fresh, eraser]), [fresh, eraser]);
  assert.deepEqual(strokesOn([pen, { kind: "clear" }, eraser]), [eraser]);
});

test("a sheet is empty until the pen or a picture is on it", () => {
  const [pen, eraser] = [stroke([{ x: 1, y: 1 }]), stroke([{ x: 2, y: 2 }], true)];
  assert.ok(isEmpty([]));
  assert.ok(isEmpty([eraser]));
  assert.ok(isEmpty([pen, { kind: "clear" }]));
  assert.ok(!isEmpty([pen, eraser]));
  assert.ok(!isEmpty([{ kind: "picture", sample: "test:3", image: null }]));
});
