// @ts-check
// Images of the classifier's dataset to try: a few of its test images.

import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { button, error, h, replace } from "../shared/ui.js";

const COUNT = 12;

/**
 * `choose(sample, image)` is called with the one that is chosen; `classifier()` is the name of the one in use;
 * `arrived(samples)` is called when others are there.
 */
export function makeSamples({ classifier, choose, arrived }) {
  const list = h("ul", { class: "samples" });
  let [seed, of] = [0, null]; // of: the classifier whose images are shown

  async function show() {
    const name = classifier();
    if (name !== of) replace(list, Array.from({ length: COUNT }, () => h("li", { class: "coming" })));
    of = null;
    try {
      const query = `classifier=${encodeURIComponent(name)}&part=test&count=${COUNT}&seed=${seed}`;
      const samples = await api.get(`/api/samples?${query}`);
      if (name !== classifier()) return;
      replace(list, samples.map((sample) => h("li", null, face(sample))));
      of = name;
      arrived(samples);
    } catch (problem) {
      if (name === classifier()) replace(list, h("li", { class: "all" }, error(problem)));
    }
  }

  function face({ sample, label, image }) {
    const canvas = drawImage(h("canvas", { "aria-hidden": "true" }), image);
    const options = { title: `${label} · ${sample}`, label: t("draw.sample", { label, sample }) };
    return button(canvas, () => choose(sample, image), options);
  }

  function showOthers() {
    seed += 1;
    show();
  }

  const others = button(t("draw.other_samples"), showOthers, { quiet: true });
  const head = h("div", { class: "row spread" }, h("h2", null, t("draw.samples")), others);
  return {
    element: h("section", { class: "draw-samples", "aria-label": t("draw.samples") }, head, list),
    show,
    /** The server answers again: ask for what did not come. */
    recovered: () => of !== classifier() && show(),
  };
}
