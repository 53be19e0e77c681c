// The Runs tab: the order and filter of the table, a cell in the address, a pair's difference, nested data.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.location = { href: "http://localhost/", hash: "" };
globalThis.sessionStorage = { getItem: () => null };
globalThis.window = { addEventListener() {} };

const { orderedPair } = await import("../../../src/imagelet/lab/static/js/runs/compare.js");
const { readCell } = await import("../../../src/imagelet/lab/static/js/runs/confusion.js");
const { flat } = await import("../../../src/imagelet/lab/static/js/runs/detail.js");
const { accuracyText, itemsOf, openedItems, runsAmong } = await import(
  "../../../src/imagelet/lab/static/js/runs/groups.js"
);
const { readView, visibleRuns } = await import("../../../src/imagelet/lab/static/js/runs/list.js");

const RUNS = [
  { name: "run-10", dataset: "digits", network: "cnn-1", epochs: 3, state: "finished", created: "2026-01-02" },
  { name: "run-9", dataset: "mnist", network: "cnn-3", epochs: null, state: "running", created: "2026-01-03" },
  { name: "other", dataset: "mnist", network: "mlp-512", epochs: 12, state: "finished", created: "2026-01-01" },
];
const shown = (parameters) => visibleRuns(RUNS, readView((name) => parameters[name] ?? null)).map(({ name }) => name);

test("the newest run comes first, unless the address says another order", () => {
  assert.deepEqual(shown({}), ["run-9", "run-10", "other"]);
  assert.deepEqual(shown({ sort: "name" }), ["other", "run-9", "run-10"]); // numbers in names count
  assert.deepEqual(shown({ sort: "password" }), shown({}));
});

test("what is unknown comes last either way", () => {
  assert.deepEqual(shown({ sort: "epochs" }), ["run-10", "other", "run-9"]);
  assert.deepEqual(shown({ sort: "-epochs" }), ["other", "run-10", "run-9"]);
});

test("runs are filtered by all words, in any field, and by state", () => {
  assert.deepEqual(shown({ words: "MNIST cnn" }), ["run-9"]);
  assert.deepEqual(shown({ words: "mnist", state: "finished" }), ["other"]);
});

const GROUPS = [
  { name: "run-seeds", kind: "seeds", state: "unfinished", runs: [{ number: 0, name: "run-9" }, { number: 1, name: "run-10" }] },
  { name: "late", kind: "seeds", state: "unfinished", runs: [{ number: 1, name: "run-10" }, { number: 2, name: "gone" }] },
  { name: "search", kind: "study", state: "finished", runs: [] },
];

test("a run is listed once: in its series, which opens", () => {
  const items = itemsOf(RUNS, GROUPS);
  assert.deepEqual(items.map(({ name }) => name), ["run-seeds", "late", "search", "other"]);
  const opened = openedItems(items, new Set(["run-seeds", "search"]));
  assert.deepEqual(opened.map(({ name }) => name), ["run-seeds", "run-9", "run-10", "late", "search", "other"]);
  assert.deepEqual(opened.slice(1, 3).map(({ number, group }) => [number, group.name]), [[0, "run-seeds"], [1, "run-seeds"]]);
  assert.deepEqual(runsAmong(items).map(({ name }) => name), ["run-9", "run-10", "other"]);
});

test("a series fits where one of its runs does", () => {
  const fitting = (parameters) => visibleRuns(itemsOf(RUNS, GROUPS), readView((name) => parameters[name] ?? null));
  assert.deepEqual(fitting({ words: "cnn-3" }).map(({ name }) => name), ["run-seeds"]);
  assert.deepEqual(fitting({ state: "running" }).map(({ name }) => name), ["run-seeds"]);
});

test("a mean stands with its deviation", () => {
  assert.match(accuracyText({ accuracy: 0.984, deviation: 0.0031 }), /^98\.40 ± 0\.31\s?%$/);
  assert.match(accuracyText({ accuracy: 0.984 }), /^98\.40\s?%$/);
});

test("a cell is one of the matrix that has images", () => {
  const confusion = { table: [[5, 0], [2, 3]] };
  assert.deepEqual(readCell("1,0", confusion), [1, 0]);
  for (const text of ["0,1", "2,0", "a,b", "", null]) assert.equal(readCell(text, confusion), null);
  assert.equal(readCell("1,0", null), null);
});

test("a pair is told from the better run's side", () => {
  const pair = { a: "one", b: "two", difference: -0.02, interval: [-0.03, 0.01] };
  assert.deepEqual(orderedPair(pair), { better: "one", other: "two", difference: 0.02, interval: [-0.01, 0.03] });
  assert.equal(orderedPair({ ...pair, difference: 0.02 }).better, "two");
});

test("nested data is flat", () => {
  const data = { recipe: { epochs: 3, flip: false }, shape: [8, 8, 1], parts: [{ a: 1 }], nothing: null };
  assert.deepEqual(flat(data), [
    ["recipe.epochs", "3"], ["recipe.flip", "false"], ["shape", "8, 8, 1"], ["parts", '[{"a":1}]'], ["nothing", "null"],
  ]);
  assert.deepEqual(flat(null), []);
});
