// Which of the server's hints reach the page: none that is typed in a terminal, or that a program needs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { hintForPage } from "../../../src/imagelet/lab/static/js/shared/hints.js";

test("what a person can do on the page is kept", () => {
  for (const hint of ["save it as PNG or JPEG", "wait a moment and try again", "PNG나 JPEG로 저장하세요", ""]) {
    assert.equal(hintForPage(hint), hint);
  }
});

test("a command, an option and what a program sends are left out, in both languages", () => {
  const others = [
    "imagelet runs lists them",
    "pip install 'imagelet[onnx]'",
    "let IMAGELET_HOME name another folder",
    "bring them here: imagelet data get mnist",
    "choose another --name",
    "--kind max, or --kind average",
    "/api/classifiers lists them",
    "/openapi.json describes every request",
    "send content-type: application/json",
    "send a file's content in base64",
    "send a JSON object in UTF-8",
  ];
  for (const hint of others) assert.equal(hintForPage(hint), "", hint);
});

test("so it is for every sentence of the catalogue that names a command", () => {
  const catalogue = new URL("../../../src/imagelet/locale/ko/LC_MESSAGES/imagelet.po", import.meta.url);
  const sentences = [...readFileSync(catalogue, "utf-8").matchAll(/^msg(?:id|str) "(.*)"$/gm)].map(([, text]) => text);
  const commands = sentences.filter((text) => /\bimagelet (?:data|train|runs|evaluate|recipes|lab|doctor)\b/.test(text));
  assert.ok(commands.length > 20);
  assert.deepEqual(commands.filter((text) => hintForPage(text) !== ""), []);
});
