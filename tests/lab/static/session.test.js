// Who opened the page decides on its tabs.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.window = { addEventListener() {} };
globalThis.location = { href: "http://localhost/", hash: "" };
globalThis.sessionStorage = { getItem: () => null };
globalThis.document = { documentElement: {} };
const { tabsFor } = await import("../../../src/imagelet/lab/static/js/shared/session.js");
const { TABS } = await import("../../../src/imagelet/lab/static/js/shared/state.js");
const { pathOf } = await import("../../../src/imagelet/lab/static/js/classroom/code.js");

test("a teacher has one tab more than the lab's owner", () => {
  assert.deepEqual(tabsFor({ role: "owner", writing: false }), TABS);
  assert.deepEqual(tabsFor({ role: "teacher", writing: true }), [...TABS, "class"]);
});

test("pupils neither train nor see runs, and begin with writing where it is asked for", () => {
  const [waiting, writing] = [false, true].map((asked) => tabsFor({ role: "pupil", writing: asked }));
  assert.equal(waiting[0], "draw");
  assert.equal(writing[0], "write");
  for (const tabs of [waiting, writing]) {
    assert.ok(tabs.includes("write"));
    assert.ok(!["train", "runs", "class", "collect"].some((name) => tabs.includes(name)));
  }
});

test("a QR code is a square for each dark module", () => {
  assert.equal(pathOf(["10", "01"]), "M0 0h1v1h-1zM1 1h1v1h-1z");
});
