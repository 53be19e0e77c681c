// What the network saw, and what it answers: the verdict, why it is unsure, a bar for each class.

import { has, t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { h, percent, replace } from "../shared/ui.js";

/** A warning of the server in the page's language. */
export function warningText(warning) {
  const key = `draw.warning: ${warning}`;
  return has(key) ? t(key) : warning;
}

export function makeAnswer() {
  const seen = h("canvas", { class: "map framed seen", width: 28, height: 28, role: "img", "aria-label": t("draw.seen") });
  const verdict = h("p", { class: "verdict" });
  const surety = h("p", { class: "surety" });
  const truth = h("p", { class: "truth" });
  const warnings = h("ul", { class: "warnings" });
  const bars = h("ol", { class: "bars", "aria-label": t("draw.probabilities") });
  const told = h("p", { class: "visually-hidden", "aria-live": "polite" });
  let rows = [];
  let classes = [];

  function setClasses(names) {
    if (names.join("\n") === classes.join("\n")) return;
    classes = names;
    rows = names.map((name) => {
      const bar = h("span", { class: "bar" });
      const share = h("span", { class: "share" }, "–");
      return { bar, share, row: h("li", null, h("span", { class: "class" }, name), h("span", { class: "track" }, bar), share) };
    });
    bars.classList.toggle("short", Math.max(...names.map((name) => name.length)) <= 2);
    replace(bars, rows.map((each) => each.row));
  }

  function clear() {
    replace(verdict, t("draw.nothing"));
    verdict.classList.add("waiting");
    surety.className = "surety";
    replace(surety, t("draw.nothing_hint"));
    replace(truth);
    replace(warnings);
    seen.getContext("2d").clearRect(0, 0, seen.width, seen.height);
    seen.classList.add("empty");
    for (const { bar, share, row } of rows) {
      bar.style.width = "0";
      share.textContent = "–";
      row.classList.remove("best");
    }
    told.textContent = "";
  }

  /** Show an answer; `label` is the right one, where it is known. */
  function show(prediction, label = null) {
    seen.classList.remove("empty");
    drawImage(seen, prediction.seen);
    verdict.classList.remove("waiting");
    replace(verdict, h("strong", null, prediction.label), " ", h("span", null, percent(prediction.probability)));
    surety.className = `surety ${prediction.sure ? "sure" : "unsure"}`;
    replace(surety, prediction.sure ? t("draw.sure") : t("draw.unsure"));
    truth.classList.toggle("wrong", label !== null && label !== prediction.label);
    replace(truth, label !== null && t(label === prediction.label ? "draw.right" : "draw.wrong", { label }));
    const why = prediction.sure || prediction.warnings.length ? prediction.warnings.map(warningText) : [t("draw.why_unsure")];
    replace(warnings, why.map((each) => h("li", null, each)));
    prediction.probabilities.forEach((share, at) => {
      rows[at].bar.style.width = `${(share * 100).toFixed(2)}%`;
      rows[at].share.textContent = percent(share);
      rows[at].row.classList.toggle("best", at === prediction.class);
    });
  }

  /** Say the answer to those who cannot see the bars: once the pen rests. */
  function say(prediction) {
    const key = prediction.sure ? "draw.said_sure" : "draw.said_unsure";
    told.textContent = t(key, { label: prediction.label, share: percent(prediction.probability) });
  }

  const element = h(
    "section",
    { class: "answer", "aria-label": t("draw.answer") },
    h("div", { class: "saw" }, h("figure", null, seen, h("figcaption", null, t("draw.seen"))), h("div", { class: "said" }, verdict, surety, truth, warnings)),
    bars,
    told,
  );
  clear();
  return { element, setClasses, clear, show, say };
}
