// The confusion matrix as a table whose cells open their images.

import { t } from "../i18n.js";
import { state as address } from "../state.js";
import { drawImage } from "../maps.js";
import { busy, dialog, error, h, number, percent, replace } from "../ui.js";

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** The matrix of a run; confusion: {part, classes, table}: rows are labels, columns answers. */
export function matrix(api, run, { part, classes, table }) {
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
        onclick: () => count && openCell(api, run, part, { label, answer, count, classes }),
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

async function openCell(api, run, part, { label, answer, count, classes }) {
  const body = h("div", { class: "cell-images" });
  const title = label === answer ? t("runs.cell.right", { label: classes[label] }) : t("runs.cell.title", { label: classes[label], answer: classes[answer] });
  const shown = dialog(title, body);
  const query = new URLSearchParams({ label, answer, part });
  try {
    const images = await busy(body, api.get(`/api/runs/${encodeURIComponent(run)}/cell?${query}`));
    replace(body, images.length ? gallery(run, images, count, shown) : h("p", { class: "empty" }, t("runs.cell.none")));
  } catch (problem) {
    replace(body, error(problem));
  }
}

function gallery(run, images, count, shown) {
  const told = images.length < count ? "runs.cell.some" : "runs.cell.all";
  return [
    h("p", { class: "hint" }, t(told, { shown: images.length, count: number(count, 9) })),
    h(
      "ul",
      { class: "cell-gallery" },
      images.map((each) => {
        const probability = percent(each.probability, 1);
        const canvas = drawImage(h("canvas", { class: "framed", "aria-hidden": "true" }), each.image);
        return h(
          "li",
          null,
          h(
            "a",
            {
              href: address.link("draw", { run, picture: each.sample }),
              "aria-label": t("runs.cell.open", { sample: each.sample, answer: each.answer, probability }),
              onclick: () => shown.close(),
            },
            canvas,
            h("span", null, `${each.label} → ${each.answer}`),
            h("span", { class: "hint" }, probability),
          ),
        );
      }),
    ),
  ];
}
