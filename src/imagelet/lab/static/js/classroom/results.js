// @ts-check
// How well a classifier reads what the class wrote: the accuracy by person, and the wall of wrong ones.

import { t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { button, h, percent, table } from "../shared/ui.js";

/**
 * The accuracy in large figures.
 * @param {{images: number, correct: number, accuracy: number | null, interval: number[] | null}} result
 */
export function figures({ images, correct, accuracy, interval }) {
  if (!images || accuracy === null) return h("p", { class: "note" }, t("class.none"));
  const range = interval && t("class.interval", { low: percent(interval[0]), high: percent(interval[1]) });
  return h(
    "div",
    { class: "class-figures" },
    h("p", { class: "class-accuracy" }, percent(accuracy)),
    h("p", { class: "note" }, t("class.correct", { correct, images })),
    h("p", { class: "note" }, range || t("class.one_person")),
  );
}

/** The wrong pictures, the last first; `remove(path)` takes one away, null where nothing is taken away. */
export function wall(wrong, remove) {
  if (!wrong.length) return null;
  const card = ({ path, label, predicted, source, image }) => {
    const words = t("class.wrong_picture", { label, predicted, name: source });
    const picture = drawImage(h("canvas", { role: "img", "aria-label": words }), image);
    const said = h("p", null, h("strong", null, `${label} → ${predicted}`), " ", h("span", null, source));
    const name = t("class.remove", { label, name: source });
    const cross = remove && button("✕", () => remove(path), { quiet: true, label: name });
    return h("figure", null, picture, h("figcaption", null, said, cross));
  };
  return h("div", { class: "class-wall" }, wrong.map(card));
}

/** Each person's figures. */
export function people(/** @type {{name: string, correct: number, images: number}[]} */ rows) {
  if (!rows.length) return null;
  const columns = [
    { label: t("class.person"), head: true },
    { label: t("class.pictures"), numeric: true },
    { label: t("class.right"), numeric: true },
  ];
  const cells = rows.map(({ name, correct, images }) => [name, String(images), percent(correct / images, 0)]);
  return table(columns, cells, { caption: t("class.people") });
}
