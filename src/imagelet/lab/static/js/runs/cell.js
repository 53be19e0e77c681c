// The images behind a cell of the confusion matrix; each leads to its layers.

import { t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { state as address } from "../shared/state.js";
import { busy, dialog, error, h, number, percent, replace } from "../shared/ui.js";

/** Show a cell's images over the page; confusion: {part, classes, table}. Returns the dialog. */
export function openCell(api, run, { part, classes, table }, [label, answer]) {
  const body = h("div", { class: "cell-images" });
  const values = { label: classes[label], answer: classes[answer] };
  const shown = dialog(t(label === answer ? "runs.cell.right" : "runs.cell.title", values), body);
  show();
  return shown;

  async function show() {
    const query = new URLSearchParams({ label, answer, part });
    try {
      const images = await busy(body, api.get(`/api/runs/${encodeURIComponent(run)}/cell?${query}`));
      replace(body, images.length ? gallery(run, images, table[label][answer]) : h("p", { class: "empty" }, t("runs.cell.none")));
    } catch (problem) {
      replace(body, error(problem));
    }
  }
}

/** Return the cell that an address names, `label,answer`; null where there are no images in it. */
export function cellFrom(text, confusion) {
  const [label, answer] = (text ?? "").split(",").map(Number);
  return confusion?.table?.[label]?.[answer] ? [label, answer] : null;
}

function gallery(run, images, count) {
  const told = images.length < count ? "runs.cell.some" : "runs.cell.all";
  return [
    h("p", { class: "hint" }, t(told, { shown: images.length, count: number(count, 9) })),
    h("ul", { class: "cell-gallery" }, images.map((each) => item(run, each))),
  ];
}

function item(run, { sample, image, label, answer, probability: share }) {
  const probability = percent(share, 1);
  return h(
    "li",
    null,
    h(
      "a",
      {
        href: address.link("draw", { run, picture: sample }),
        "aria-label": t("runs.cell.open", { sample, answer, probability }),
      },
      drawImage(h("canvas", { class: "framed", "aria-hidden": "true" }), image),
      h("span", null, `${label} → ${answer}`),
      h("span", { class: "hint" }, probability),
    ),
  );
}
