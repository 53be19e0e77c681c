// Numbers as the page writes them, and as the server sends them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeNumbers } from "../../../src/imagelet/lab/static/js/shared/encoding.js";
import { number, percent, quoted } from "../../../src/imagelet/lab/static/js/shared/ui.js";

test("numbers have significant digits, a real minus sign and parted thousands", () => {
  assert.equal(number(3.14159), "3.14");
  assert.equal(number(-0.000251), "−0.000251");
  assert.equal(number(-0.0000251), "−2.51e−5");
  assert.equal(number(1234567), "1,234,567");
  assert.equal(number(-0), "0");
  for (const missing of [null, undefined, NaN, Infinity]) assert.equal(number(missing), "–");
});

test("what is not certain is not 100 %, what is possible not 0 %", () => {
  assert.equal(percent(0.1234), "12.3 %");
  assert.equal(percent(0.9999), ">99.9 %");
  assert.equal(percent(0.00001, 2), "<0.01 %");
  assert.equal(percent(1), "100.0 %");
  assert.equal(percent(0), "0.0 %");
  assert.equal(percent(null), "–");
});

test("a word of a command line is quoted where it must be", () => {
  assert.equal(quoted("runs/mnist-2.safetensors"), "runs/mnist-2.safetensors");
  assert.equal(quoted("C:\\runs\\mnist"), "C:\\runs\\mnist");
  assert.equal(quoted("my run"), '"my run"');
  assert.equal(quoted('say "7"'), '"say \\"7\\""');
});

test("base64 holds float32 numbers, little-endian", () => {
  const base64 = Buffer.from(new Float32Array([1.5, -2, 0, 1e-3]).buffer).toString("base64");
  const { shape, values } = decodeNumbers({ shape: [2, 2], base64 });
  assert.deepEqual(shape, [2, 2]);
  assert.deepEqual([...values], [1.5, -2, 0, Math.fround(1e-3)]);
});
