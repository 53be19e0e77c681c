// A tab is a script, a stylesheet, its texts and its name: CONTRIBUTING.md says which files it takes.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

globalThis.window = { addEventListener() {} };
const { CLASS_TABS, TABS } = await import("../../../src/imagelet/lab/static/js/shared/state.js");

const STATIC = new URL("../../../src/imagelet/lab/static/", import.meta.url);
const read = (path) => readFileSync(new URL(path, STATIC), "utf-8");
const namesIn = (folder) => readdirSync(new URL(folder, STATIC)).map((file) => file.replace(/\.\w+$/, "")).sort();
const tabs = [...TABS, ...CLASS_TABS].sort();

test("every tab has its files, and no other tab has any", () => {
  assert.deepEqual(namesIn("js/tabs/"), tabs);
  assert.deepEqual(namesIn("css/"), tabs);
  for (const language of ["en", "ko"]) assert.deepEqual(namesIn(`texts/${language}/`), ["common", ...tabs].sort());
});

test("the page links the stylesheet of every tab, and its bar has a name for each", () => {
  const linked = [...read("index.html").matchAll(/href="css\/(\w+)\.css"/g)].map(([, name]) => name);
  assert.deepEqual(linked.sort(), tabs);
  for (const language of ["en", "ko"]) {
    const named = Object.keys(JSON.parse(read(`texts/${language}/common.json`))).filter((key) => key.startsWith("tab_"));
    assert.deepEqual(named.sort(), tabs.map((name) => `tab_${name}`));
  }
});

test("every script says that its types are checked", () => {
  const scripts = readdirSync(new URL("js/", STATIC), { recursive: true }).filter((path) => path.endsWith(".js"));
  assert.ok(scripts.length > 30);
  assert.deepEqual(scripts.filter((path) => !read(`js/${path}`).startsWith("// @ts-check\n")), []);
});
