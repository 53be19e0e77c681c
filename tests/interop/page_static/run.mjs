// Runs the modules of the page on what standard input says, for tests that compare them with Python.
//
// In: {classifiers: [{facts, weights: base64, pictures: [{height, width, channels, base64}], framed: whether they are}]}
// Out: for each a list of {probabilities, predicted, sure, unlike, warnings, unclear, image: base64, layers: {name: [numbers]}}

import { readFileSync } from "node:fs";

import { makeFrame } from "../../../src/imagelet/interop/page_static/js/framing/framing.js";
import { foreground } from "../../../src/imagelet/interop/page_static/js/framing/foreground.js";
import { handwriting } from "../../../src/imagelet/interop/page_static/js/framing/handwriting.js";
import { crop, fit, halfCrop, stretch } from "../../../src/imagelet/interop/page_static/js/framing/whole_pictures.js";
import { makeClassifier } from "../../../src/imagelet/interop/page_static/js/network/classifier.js";
import { decodeBase64 } from "../../../src/imagelet/interop/page_static/js/network/weights.js";

const framings = { crop, fit, "half-crop": halfCrop, handwriting, object: foreground, stretch };

async function run({ facts, weights, pictures, framed }) {
  const classify = weights === undefined ? null : makeClassifier(facts, decodeBase64(weights));
  const frame = makeFrame(framings, facts.framing);
  const results = [];
  for (const { base64, ...size } of pictures) {
    const picture = { ...size, data: decodeBase64(base64) };
    const made = framed ? { image: picture, warnings: [], isUnclear: false } : frame(picture);
    const result = { warnings: made.warnings, unclear: made.isUnclear, image: Buffer.from(made.image.data).toString("base64") };
    if (classify) {
      const { probabilities, predicted, isLikely, isUnlike, values } = await classify(made.image);
      Object.assign(result, { probabilities, predicted, sure: isLikely && !isUnlike && !made.isUnclear, unlike: isUnlike });
      result.logits = Array.from(values.get(facts.network.output).data);
    }
    results.push(result);
  }
  return results;
}

const { classifiers } = JSON.parse(readFileSync(0, "utf8"));
const answers = [];
for (const classifier of classifiers) answers.push(await run(classifier));
process.stdout.write(JSON.stringify(answers));
