// What is shown, in the address: written, read, kept from tab to tab, and said to those who watch.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const steps = []; // of the Back button
const listeners = {};
globalThis.location = { hash: "" };
globalThis.history = {
  pushState(_data, _title, address) {
    steps.push(address);
    location.hash = address;
  },
  replaceState(_data, _title, address) {
    location.hash = address;
  },
};
globalThis.window = { addEventListener: (name, listener) => (listeners[name] = listener) };

const { TABS, state } = await import("../../../src/imagelet/lab/static/js/shared/state.js");

beforeEach(() => {
  location.hash = "";
  steps.length = 0;
});

test("the address names the tab; anything else is the first one", () => {
  assert.equal(state.tab, TABS[0]);
  location.hash = "#/nowhere?run=mnist";
  assert.equal(state.tab, TABS[0]);
  location.hash = "#/layers";
  assert.equal(state.tab, "layers");
});

test("what is set is read again, and null takes it away", () => {
  state.set({ run: "a run & more", place: "3,4", picture: "test:17" });
  assert.equal(location.hash, "#/draw?run=a+run+%26+more&place=3,4&picture=test:17");
  assert.equal(state.get("run"), "a run & more");
  assert.equal(state.get("place"), "3,4");
  state.set({ run: null, place: "", picture: undefined });
  assert.equal(location.hash, "#/draw");
  assert.equal(state.get("run"), null);
});

test("a change is a step for the Back button, unless it replaces; no change is none", () => {
  state.set({ run: "mnist" });
  state.set({ run: "mnist" });
  state.set({ layer: "conv1" }, { replace: true });
  assert.deepEqual(steps, ["#/draw?run=mnist"]);
  assert.equal(location.hash, "#/draw?run=mnist&layer=conv1");
});

test("the language goes from tab to tab; a tab finds its own parameters as they were left", () => {
  state.set({ run: "mnist", lang: "ko" });
  state.open("layers");
  assert.equal(location.hash, "#/layers?lang=ko");
  state.set({ lang: "en" });
  assert.equal(state.link("draw"), "#/draw?run=mnist&lang=en");
  assert.equal(state.link("draw", { run: "other" }), "#/draw?run=other&lang=en");
});

test("watchers hear of each change and of the Back button until they end", () => {
  let heard = 0;
  const end = state.watch(() => (heard += 1));
  state.set({ run: "mnist" });
  state.set({ run: "mnist" });
  assert.equal(heard, 1);
  listeners.popstate();
  assert.equal(heard, 2);
  end();
  state.set({ run: "other" });
  assert.equal(heard, 2);
});
