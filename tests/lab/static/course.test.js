// The Course tab: how far the course is, and the commands of a page.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.location = { href: "http://localhost/", hash: "" };
globalThis.sessionStorage = { getItem: () => null };
globalThis.window = { addEventListener() {} };

const { courseOf } = await import("../../../src/imagelet/lab/static/js/course/experiment.js");
const { commandsOf } = await import("../../../src/imagelet/lab/static/js/course/page.js");

test("the scale reaches as far as the farthest figure, and one hundredth at least", () => {
  const done = { id: "one", state: "finished", expected: 0.9, reached: 0.91, interval: [0.85, 0.92] };
  const open = { id: "two", state: "unfinished", expected: 0.9, reached: null, interval: null };
  const course = courseOf([done, open], []);
  assert.ok(Math.abs(course.reach - 0.05 * 1.1) < 1e-12);
  assert.deepEqual([course.done, course.next], [1, "two"]);
  assert.deepEqual([courseOf([open], []).reach, courseOf([done], []).next], [0.01 * 1.1, null]);
});

test("a block of commands is taken apart, lines that continue one together", () => {
  const train = "imagelet train digits \\\n  --seed 3";
  assert.deepEqual(commandsOf(`imagelet demo\n${train}\n`), ["imagelet demo", train]);
  assert.equal(commandsOf("imagelet demo\nls"), null);
});
