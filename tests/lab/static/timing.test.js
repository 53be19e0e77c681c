// Work that waits, and requests of which only the newest counts.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { debounced, latest, makeTurns } from "../../../src/imagelet/lab/static/js/shared/timing.js";

test("work waits until nobody has called for a while, and is done once", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const work = mock.fn();
  const call = debounced(work, 100);
  call("a");
  mock.timers.tick(99);
  call("b");
  mock.timers.tick(99);
  assert.equal(work.mock.callCount(), 0);
  mock.timers.tick(1);
  assert.deepEqual(work.mock.calls.map((made) => made.arguments), [["b"]]);
  call("c");
  call.cancel();
  mock.timers.tick(1000);
  assert.equal(work.mock.callCount(), 1);
  mock.timers.reset();
});

test("only the newest turn counts", () => {
  const nextTurn = makeTurns();
  const isFirst = nextTurn();
  assert.ok(isFirst());
  const isSecond = nextTurn();
  assert.deepEqual([isFirst(), isSecond()], [false, true]);
  nextTurn();
  assert.ok(!isSecond());
});

test("work that is asked for while it runs is done once more, and no more often", async () => {
  const ends = [];
  const ask = latest(() => new Promise((resolve) => ends.push(resolve)));
  ask();
  ask();
  ask();
  assert.equal(ends.length, 1);
  ends[0]();
  await Promise.resolve().then(() => {});
  assert.equal(ends.length, 2);
  ends[1]();
  await Promise.resolve().then(() => {});
  assert.equal(ends.length, 2);
});

test("work that waits for a rest is forgotten with its tab", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const work = mock.fn(async () => {});
  const ask = latest(work, { rest: 50 });
  ask();
  mock.timers.tick(49);
  ask();
  mock.timers.tick(50);
  assert.equal(work.mock.callCount(), 1);
  ask();
  ask.forget();
  mock.timers.tick(1000);
  assert.equal(work.mock.callCount(), 1);
  mock.timers.reset();
});
