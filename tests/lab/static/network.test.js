// The Network tab: the words of a text and where they stand, boxes and costs of layers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { costText, totalsOf } from "../../../src/imagelet/lab/static/js/network/costs.js";
import { blocksOf } from "../../../src/imagelet/lab/static/js/network/diagram.js";
import { stretchesOf, wordAt } from "../../../src/imagelet/lab/static/js/network/editor.js";
import { isMapByMap, readShape } from "../../../src/imagelet/lab/static/js/shared/layers.js";

const layer = (name, family, shape, parameters = 0) => ({
  ...{ name, kind: name.replace(/\d+$/, ""), family, sources: [], block: "", shape, parameters },
  ...{ multiply_adds: 2, memory_bytes: 4 },
});

test("a text falls into names, arguments, numbers and what is between", () => {
  const text = "conv(8, same) relu";
  const kinds = stretchesOf(text).map(([from, to, kind]) => [text.slice(from, to), kind]);
  const words = [["conv", "name"], ["8", "count"], ["same", "argument"], ["relu", "name"]];
  assert.deepEqual(kinds.filter(([, kind]) => kind), words);
  assert.equal(kinds.map(([piece]) => piece).join(""), text);
});

test("words in the brackets of a block are layers' names", () => {
  const kinds = (text) => stretchesOf(text).filter(([, , kind]) => kind).map(([from, to, kind]) => [text.slice(from, to), kind]);
  assert.deepEqual(kinds("residual(norm conv(3, same)) relu"), [
    ["residual", "name"], ["norm", "name"], ["conv", "name"], ["3", "count"], ["same", "argument"], ["relu", "name"],
  ]);
  assert.deepEqual(kinds("a(b) ) c"), [["a", "name"], ["b", "argument"], ["c", "name"]]);
});

test("a mistake is a stretch of its own, within a word too", () => {
  const text = "flaten dense(10)";
  assert.deepEqual(stretchesOf(text, [0, 6])[0], [0, 6, "name mistake"]);
  assert.deepEqual(stretchesOf(text, [2, 4]).slice(0, 3), [[0, 2, "name"], [2, 4, "name mistake"], [4, 6, "name"]]);
  assert.deepEqual(stretchesOf("", [0, 0]), []);
  assert.ok(stretchesOf(text).every(([, , kind]) => !kind.includes("mistake")));
});

test("positions count characters as Python does", () => {
  assert.deepEqual(wordAt("flatten dens(10)", 9), [8, 12]);
  assert.deepEqual(wordAt("😀 dens", 3), [3, 7]); // two code units, one character
  assert.deepEqual(wordAt("conv(8", 5), [4, 5]);
  assert.deepEqual(wordAt("conv", 5), [4, 4]); // at the end
});

test("layers that leave the shape as it is share the box before them", () => {
  const layers = [
    layer("conv1", "convolution", [8, 8, 4], 40), layer("norm1", "normalization", [8, 8, 4], 8),
    layer("relu1", "activation", [8, 8, 4]), layer("pool1", "pooling", [4, 4, 4]),
    layer("flatten", "reshape", [64]), layer("softmax", "softmax", [10]),
  ];
  const blocks = blocksOf([8, 8, 1], layers);
  assert.deepEqual(blocks.map(({ name }) => name), ["input", "conv1", "pool1", "flatten", "softmax"]);
  assert.deepEqual([blocks[1].tags, blocks[1].parameters], [["norm", "relu"], 48]);
  assert.deepEqual(blocks.map(({ family }) => family), ["input", "convolution", "pooling", "reshape", "softmax"]);
});

test("a block holds the boxes of its layers, and what goes past them", () => {
  const layers = [
    layer("relu1", "activation", [8, 8, 4]),
    { ...layer("b.shortcut_conv", "convolution", [8, 8, 6], 30), block: "b", sources: ["relu1"] },
    { ...layer("b.conv1", "convolution", [8, 8, 6], 40), block: "b", sources: ["relu1"] },
    { ...layer("b.norm1", "normalization", [8, 8, 6], 8), block: "b", sources: ["b.conv1"] },
    { ...layer("b", "block", [8, 8, 6]), sources: ["b.norm1", "b.shortcut_conv"] },
    { ...layer("relu2", "activation", [8, 8, 6]), sources: ["b"] },
  ];
  const [, block] = blocksOf([8, 8, 4], layers).slice(1);
  assert.deepEqual([block.name, block.parameters, block.tags], ["b", 78, ["relu"]]);
  assert.deepEqual(block.inside.map(({ label, tags }) => [label, tags]), [["conv1", ["b.norm"]]]);
  assert.deepEqual(block.shortcut.map(({ name }) => name), ["b.shortcut_conv"]);
});

test("costs are summed, and bytes have a fitting unit", () => {
  const layers = [layer("a", "conv", [1], 40), layer("b", "relu", [1])];
  assert.deepEqual(totalsOf(layers), { parameters: 40, multiply_adds: 4, memory_bytes: 8 });
  assert.deepEqual([0, 999, 1234, 5e12].map((bytes) => costText("memory_bytes", bytes)), ["0 B", "999 B", "1.23 kB", "5,000 GB"]);
  assert.equal(costText("parameters", 1234567), "1,234,567");
});

test("an image's size is read from the address", () => {
  assert.deepEqual(readShape("28x28x1"), [28, 28, 1]);
  for (const text of ["28x28", "28x28x0", "28x28x1.5", "axbxc", "", null]) assert.equal(readShape(text), null);
});

test("a convolution mixes maps; other layers with as many maps do not", () => {
  const convolution = { channelwise: false, shape: [2, 3, 2] };
  const before = { shape: [4, 4, 2] };
  assert.ok(!isMapByMap(convolution, before));
  assert.ok(isMapByMap({ ...convolution, channelwise: true }, before));
  assert.ok(!isMapByMap({ ...convolution, channelwise: true }, { shape: [4, 4, 3] }));
  assert.ok(!isMapByMap(convolution, null));
});
