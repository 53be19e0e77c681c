// Texts with values in their places, and words that follow a number.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.window = { addEventListener() {} };
const { filled } = await import("../../../src/imagelet/lab/static/js/shared/i18n.js");

test("a value stands in its place, and what has none stays", () => {
  assert.equal(filled("{shown} of {count}", { shown: 1, count: 12 }), "1 of 12");
  assert.equal(filled("{name}", {}), "{name}");
});

test("one is singular, everything else is not", () => {
  const text = "{count} {count:image|images}";
  const of = (count) => filled(text, { count });
  assert.deepEqual([0, 1, "1", 2, "1,000"].map(of), ["0 images", "1 image", "1 image", "2 images", "1,000 images"]);
});
