// The confusion matrix as a table whose cells open their images.

import { t } from "../shared/i18n.js";
import { h, number, percent } from "../shared/ui.js";

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** The matrix of a run: rows are labels, columns answers; `opened(label, answer)` when a cell with images is chosen. */
export function matrix({ part, classes, table }, opened) {
  const most = Math.max(1, ...table.flatMap((row, label) => row.filter((_, answer) => answer !== label)));
  const total = table.flat().reduce((sum, each) => sum + each, 0);
  const cells = table.map((row, label) => row.map((count, answer) => cell(label, answer, count)));
  let here = [0, 0];
  cells[0]?.[0]?.setAttribute("tabindex", "0");

  function cell(label, answer, count) {
    const words = label === answer ? "runs.confusion.right" : "runs.confusion.wrong";
    const button = h(
      "button",
      {
        type: "button",
        class: label === answer ? "right" : count ? "wrong-cell" : "empty-cell",
        tabindex: "-1",
        "aria-label": t(words, { label: classes[label], answer: classes[answer], count: number(count, 9) }),
        "aria-disabled": count ? null : "true",
        dataset: { cell: `${label},${answer}` },
        onclick: () => count && opened(label, answer),
        onfocus: () => (here = [label, answer]),
      },
      count ? number(count, 9) : "·",
    );
    if (label !== answer && count) button.style.setProperty("--share", `${Math.round(18 + 62 * Math.sqrt(count / most))}%`);
    return button;
  }

  function move(event) {
    const step = MOVES[event.key];
    const end = { Home: 0, End: classes.length - 1 }[event.key];
    if (!step && end === undefined) return;
    event.preventDefault();
    const [row, column] = here;
    const clamp = (value) => Math.max(0, Math.min(classes.length - 1, value));
    const [to, across] = step ? [clamp(row + step[0]), clamp(column + step[1])] : [row, end];
    cells[row][column].tabIndex = -1;
    cells[to][across].tabIndex = 0;
    cells[to][across].focus();
  }

  const long = classes.some((name) => name.length > 2);
  const grid = h(
    "table",
    { class: long ? "confusion long" : "confusion", onkeydown: move },
    h("caption", { class: "visually-hidden" }, t("runs.confusion")),
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        h("td", { class: "corner" }, h("span", null, `${t("runs.confusion.answer")} →`), h("span", null, `${t("runs.confusion.label")} ↓`)),
        classes.map((name) => h("th", { scope: "col", title: name }, h("span", null, name))),
        h("th", { scope: "col", class: "recall" }, h("span", null, t("runs.confusion.recall"))),
      ),
    ),
    h(
      "tbody",
      null,
      cells.map((row, label) => {
        const images = table[label].reduce((sum, each) => sum + each, 0);
        return h(
          "tr",
          null,
          h("th", { scope: "row", title: classes[label] }, classes[label]),
          row.map((button) => h("td", null, button)),
          h("td", { class: "recall number" }, images ? percent(table[label][label] / images, 1) : "–"),
        );
      }),
    ),
  );
  return h(
    "div",
    null,
    h("p", { class: "hint" }, t("runs.confusion.about", { images: number(total, 9), part: t(`runs.part.${part}`) })),
    h("div", { class: "scroll" }, grid),
  );
}
