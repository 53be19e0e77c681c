// What the Collect tab works out without a page: classes of files, parts, counts, names.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.window = { addEventListener() {} };
globalThis.location = { href: "http://127.0.0.1/", hash: "" };
globalThis.sessionStorage = { getItem: () => null };
const { adviceOn } = await import("../../../src/imagelet/lab/static/js/collect/counting.js");
const { classOf, grouped, isPicture, parted } = await import("../../../src/imagelet/lab/static/js/collect/dropped.js");
const { classesIn, freeName } = await import("../../../src/imagelet/lab/static/js/collect/beginning.js");

const classes = (counts) =>
  Object.entries(counts).map(([name, count]) => ({ name, pictures: Array.from({ length: count }, () => ({})) }));

test("a file belongs to the class that its folder is called", () => {
  assert.equal(classOf("flowers/rose/1.png"), "rose");
  assert.equal(classOf("rose/1.png"), "rose");
  assert.equal(classOf("flowers/train/rose/1.png"), "rose");
  assert.equal(classOf("flowers/rose/morning/1.png"), "rose");
  assert.equal(classOf("1.png"), null);
});

test("pictures are told by their type or their name; hidden files are none", () => {
  assert.ok(isPicture({ name: "a", type: "image/png" }));
  assert.ok(isPicture({ name: "A.JPG", type: "" }));
  assert.ok(!isPicture({ name: ".a.jpg", type: "image/jpeg" }));
  assert.ok(!isPicture({ name: "notes.txt", type: "text/plain" }));
});

test("no part has too many pictures or bytes, and none is lost", () => {
  const items = [5, 5, 5, 20, 1, 1, 1, 1].map((size) => ({ size }));
  const parts = parted(items, 3, 12);
  assert.deepEqual(parts.flat(), items);
  assert.deepEqual(parts.map((part) => part.map(({ size }) => size)), [[5, 5], [5], [20], [1, 1, 1], [1]]);
  assert.deepEqual(parted([]), []);
});

test("items are grouped in their order", () => {
  assert.deepEqual([...grouped([1, 2, 3, 4], (number) => number % 2)], [[1, [1, 3]], [0, [2, 4]]]);
});

test("the advice names what is wanting first", () => {
  assert.deepEqual(adviceOn(classes({ a: 20 })), { key: "two_classes", values: {}, ready: false });
  assert.equal(adviceOn([]).ready, false);
  const few = adviceOn(classes({ a: 20, b: 1 }));
  assert.deepEqual([few.key, few.ready, few.values.name], ["too_few", false, "b"]);
  assert.equal(adviceOn(classes({ a: 2, b: 2 })).key, "few");
  const uneven = adviceOn(classes({ a: 31, b: 10, c: 12 }));
  assert.deepEqual([uneven.key, uneven.ready, uneven.values], ["uneven", true, { most: "a", many: 31, least: "b", little: 10 }]);
  assert.deepEqual(adviceOn(classes({ a: 30, b: 10 })), { key: "enough", values: { count: 40 }, ready: true });
});

test("classes are parted by commas of any kind, none twice", () => {
  assert.deepEqual(classesIn(" rose, tulip ,,Rose、 daisy，"), ["rose", "tulip", "daisy"]);
  assert.deepEqual(classesIn(""), []);
});

test("a suggested name is free", () => {
  assert.equal(freeName("mine", []), "mine");
  assert.equal(freeName("mine", ["mine", "mine 2"]), "mine 3");
});
