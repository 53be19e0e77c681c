// @ts-check
// Some training images of the dataset that is chosen.

import { api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { makeTurns } from "../shared/timing.js";
import { h, replace } from "../shared/ui.js";
import { captioned } from "./figures.js";

/** `show(dataset)` shows those of another one. */
export function samplesOf() {
  const list = h("ul", { class: "pictures" });
  const element = h("section", { class: "dataset-samples", "aria-label": t("train.samples"), hidden: true }, list);
  const nextTurn = makeTurns();
  let shown = null;

  async function show(/** @type {import("./inputs.js").Dataset | null} */ dataset) {
    if (!dataset || dataset.name === shown) return;
    shown = dataset.name;
    const isNewest = nextTurn();
    const path = `/api/datasets/${encodeURIComponent(dataset.name)}/samples`;
    const samples = await api.get(path).catch(() => []); // the plan says what is wrong with them
    if (!isNewest()) return;
    element.hidden = !samples.length;
    replace(list, samples.map(({ image, label }) => captioned(image, label)));
  }
  return { element, show };
}
