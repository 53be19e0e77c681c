// The glossary: its terms are found in texts of both languages, the longest first, and only as whole words.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

globalThis.window = { addEventListener() {} };
const { finder } = await import("../../../src/imagelet/lab/static/js/shared/glossary.js");

const url = new URL("../../../src/imagelet/lab/static/glossary.json", import.meta.url);
const entries = JSON.parse(readFileSync(url, "utf-8"));

function termsOf(language, text) {
  return finder(entries, language)(text).map(({ start, end, id }) => [text.slice(start, end), id]);
}

test("English terms are whole words, in any case and number", () => {
  assert.deepEqual(termsOf("en", "Learning rate: after 3 epochs of batch normalization"), [
    ["Learning rate", "learning-rate"], ["epochs", "epoch"], ["batch normalization", "batch-normalization"],
  ]);
  assert.deepEqual(termsOf("en", "prelabelled, runner, seeded, re-run"), []);
});

test("Korean terms are found before a particle, and not within another word", () => {
  assert.deepEqual(termsOf("ko", "학습률을 낮추고 배치 정규화를 써요"), [
    ["학습률", "learning-rate"], ["배치 정규화", "batch-normalization"],
  ]);
  assert.deepEqual(termsOf("ko", "재배치와 불확률"), []);
});

test("every term is found by its own name, and means one thing", () => {
  for (const language of ["en", "ko"]) {
    const words = entries.flatMap((entry) => [entry[language].term, ...(entry[language].words ?? [])]);
    assert.equal(new Set(words.map((word) => word.toLowerCase())).size, words.length);
    for (const { id, [language]: { term } } of entries) assert.deepEqual(termsOf(language, term), [[term, id]]);
  }
});
