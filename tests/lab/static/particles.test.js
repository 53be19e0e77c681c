// Korean particles: the same table as for Python.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { withParticles } from "../../../src/imagelet/lab/static/js/shared/particles.js";

const cases = JSON.parse(readFileSync(new URL("../../korean_particles.json", import.meta.url), "utf-8"));

for (const [written, said] of cases) {
  test(`“${written}” is said “${said}”`, () => assert.equal(withParticles(written), said));
}
