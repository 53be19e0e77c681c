// The Layers tab: matrices as people type them, its setting in the address, the sizes of its cells.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cellSize, placeAfter } from "../../../src/imagelet/lab/static/js/layers/cells.js";
import { EXAMPLES } from "../../../src/imagelet/lab/static/js/layers/examples.js";
import * as matrix from "../../../src/imagelet/lab/static/js/layers/matrix.js";
import * as settings from "../../../src/imagelet/lab/static/js/layers/setting.js";

const addressOf = (values) => ({ get: (name) => values[name] ?? null });

test("numbers are typed as decimals, fractions and with any minus sign", () => {
  const typed = { "1": 1, " -2.5 ": -2.5, "−3": -3, "1/4": 0.25, ".5": 0.5, "1e3": 1000, "+7": 7 };
  for (const [text, value] of Object.entries(typed)) assert.equal(matrix.readNumber(text), value, text);
  for (const text of ["", "x", "1/0", "1e16", "1 2", "--1"]) assert.equal(matrix.readNumber(text), null, text);
});

test("matrices are read from rows, spreadsheets and Python; mistakes are named", () => {
  const expected = [[1, -2], [3, 4]];
  for (const text of ["1 -2; 3 4", "1\t-2\n3\t4\n", "[[1, -2], [3, 4]]", "1,-2;3,4"]) {
    assert.deepEqual(matrix.readMatrix(text), expected, text);
  }
  const mistakes = { "": "matrix_empty", "1 2; 3": "matrix_ragged", "1 x": "matrix_word", "1 2 3 4": "matrix_large" };
  for (const [text, key] of Object.entries(mistakes)) {
    assert.throws(() => matrix.readMatrix(text, 3), { key: `layers.${key}` }, text);
  }
});

test("a matrix is read from the address as it was written", () => {
  const exact = [[1, -2.5, 123456789.123], [0, 1 / 3, -1e-7]];
  const written = matrix.writeMatrix(exact);
  assert.equal(written, "1_-2.5_123456789.123*0_0.3333333333333333_-1e-7");
  assert.deepEqual(matrix.matrixFromAddress(written), exact);
  assert.equal(matrix.matrixFromAddress("1_2*3"), null);
  assert.deepEqual(matrix.resized([[1, 2], [3, 4]], 3, 1), [[1], [3], [0]]);
});

test("a number is as exact as its room allows", () => {
  assert.equal(matrix.shortNumber(-12), "−12");
  assert.equal(matrix.shortNumber(1 / 3, 6), "0.3333");
  assert.equal(matrix.shortNumber(1 / 3, 4), "0.33");
  assert.equal(matrix.shortNumber(-1 / 3, 3), "−.3");
  assert.equal(matrix.shortNumber(123456789.123, 6), "1.23e8");
  assert.equal(matrix.shortNumber(-123456789.123, 4), "−1e8");
  assert.equal(matrix.shortNumber(12345.6, 6), "12346");
  assert.equal(matrix.shortNumber(1234567, 5), "1.2e6");
  assert.equal(matrix.shortNumber(999.6, 3), "1e3");
  assert.equal(matrix.allDigits(2), "");
  assert.equal(matrix.allDigits(0.5), "0.5");
});

test("every example is in the address by its name, and has its own numbers", () => {
  for (const example of EXAMPLES) {
    const setting = settings.settingOf(example);
    const written = settings.writtenSetting(setting);
    assert.equal(written.example, example.name);
    assert.equal(written.image, null);
    assert.deepEqual(settings.readSetting(addressOf(written)), setting, example.name);
  }
});

test("what an address says and nobody knows is named, and left out", () => {
  const wrong = { example: "nix", operation: "fold", image: "1_2*3", stride: "99", dilation: "-1", padding: "9", at: "x" };
  assert.deepEqual(settings.unknownNames(addressOf(wrong)).sort(), Object.keys(wrong).sort());
  assert.deepEqual(settings.readSetting(addressOf(wrong)), settings.settingOf(EXAMPLES[0]));
  assert.deepEqual(settings.unknownNames(addressOf(settings.writtenSetting(settings.settingOf(EXAMPLES[5])))), []);
});

test("numbers of one's own are in the address, for what the operation uses", () => {
  const own = { ...settings.settingOf(EXAMPLES[0]), image: [[5, 6], [7, 8]], padding: "same", at: [1, 0] };
  const written = settings.writtenSetting(own);
  assert.deepEqual([written.example, written.image, written.size, written.at], [null, "5_6*7_8", null, "1_0"]);
  assert.deepEqual(settings.readSetting(addressOf(written)), own);
  const pooling = settings.writtenSetting({ ...own, operation: "max", size: 2 });
  assert.deepEqual([pooling.kernel, pooling.dilation, pooling.size], [null, null, "2"]);
});

test("what is wrong in the address is as in the example", () => {
  const wrong = { image: "1_2*3", kernel: "x", operation: "sum", size: "0", stride: "2.5", dilation: "99", padding: "9" };
  const setting = settings.readSetting(addressOf({ ...wrong, at: "a_b" }));
  assert.deepEqual(setting, { ...settings.settingOf(EXAMPLES[0]), at: [0, 0] });
});

test("the server is asked for what the operation uses", () => {
  const setting = { ...settings.settingOf(EXAMPLES[0]), padding: "2" };
  const { image, kernel } = setting;
  assert.deepEqual(settings.requestFor(setting), ["/api/convolve", { image, kernel, stride: 1, padding: 2, dilation: 1 }]);
  const pooling = { ...setting, operation: "average", padding: "same" };
  assert.deepEqual(settings.requestFor(pooling), ["/api/pool", { image, size: 2, stride: 1, padding: "same", kind: "average" }]);
});

test("arrow keys stay inside a grid, Home and End reach its ends", () => {
  assert.deepEqual(placeAfter({ key: "ArrowDown" }, [0, 1], 2, 3), [1, 1]);
  assert.equal(placeAfter({ key: "ArrowRight" }, [0, 2], 2, 3), null);
  assert.deepEqual(placeAfter({ key: "Home" }, [1, 2], 2, 3), [1, 0]);
  assert.deepEqual(placeAfter({ key: "End" }, [0, 0], 2, 3), [0, 2]);
  assert.deepEqual(placeAfter({ key: "End", ctrlKey: true }, [0, 0], 2, 3), [1, 2]);
  assert.equal(placeAfter({ key: "a" }, [0, 0], 2, 3), null);
});

test("matrices stand in one line while their cells can be read, else below each other", () => {
  assert.deepEqual([cellSize(1200, [5, 3, 3, 3]).isLine, cellSize(1200, [5, 3, 3, 3]).cell], [true, 46]);
  const narrow = cellSize(350, [5, 3, 3, 3]);
  assert.deepEqual([narrow.isLine, narrow.cell], [false, 40]);
  assert.equal(cellSize(350, [16, 7, 7, 10]).cell, 22);
});
