// Which pixels speak for a class: laid over the picture and over what the network saw.

import { decodeBytes, decodeNumbers } from "../shared/api.js";
import { said, t } from "../shared/i18n.js";
import { drawImage, drawOverlay, rangeOf } from "../shared/maps.js";
import { error, h, percent, replace, select } from "../shared/ui.js";

export const METHODS = ["saliency", "integrated-gradients", "grad-cam", "occlusion"];
export const ANSWER = "answer"; // the class that the network answers, whatever it is

/** `choose({method, target})` is called when another method or class is chosen. */
export function makeEvidence({ choose }) {
  const note = h("p", { class: "hint" });
  const asked = h("p", { class: "evidence-class" });
  const [picture, onPicture, seen, onSeen] = ["picture", "", "seen", ""].map((name) =>
    h("canvas", name ? { class: "below", role: "img", "aria-label": t(`draw.evidence_on_${name}`) } : { class: "above", "aria-hidden": "true" }),
  );
  const onPictureFigure = figure(picture, onPicture, t("draw.on_picture"));
  const key = h("p", { class: "evidence-key" });
  const problem = h("div");
  const methods = select(METHODS.map((each) => [each, t(`draw.method_${each}`)]), METHODS[1], () => told());
  const classes = h("select", { onchange: () => told() });
  const told = () => choose({ method: methods.value, target: classes.value });

  function setClasses(names, target = ANSWER) {
    replace(classes, h("option", { value: ANSWER }, t("draw.the_answer")), names.map((name, at) => h("option", { value: String(at) }, name)));
    classes.value = target;
    if (!classes.value) classes.value = ANSWER;
  }

  function clear() {
    for (const canvas of [picture, onPicture, seen, onSeen]) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    replace(problem);
    replace(asked, " ");
    describe();
  }

  function describe() {
    const signed = methods.value === "integrated-gradients" || methods.value === "occlusion";
    note.textContent = t(`draw.meaning_${methods.value}`);
    replace(
      key,
      h("span", { class: "swatch for" }),
      signed ? t("draw.for") : methods.value === "saliency" ? t("draw.matters") : t("draw.for"),
      signed && [h("span", { class: "swatch against" }), t("draw.against")],
    );
  }

  function show(answer, pad) {
    const [found] = answer.evidence;
    replace(problem);
    if (!found) {
      replace(problem, h("p", { class: "note" }, methods.value === "grad-cam" ? t("draw.no_convolution") : answer.missing.map(said)));
      return;
    }
    describe();
    replace(asked, t("draw.evidence_of", { label: found.label, share: percent(found.probability) }), found.layer && ` · ${found.layer}`);
    const values = decodeNumbers(found.values);
    const range = rangeOf(values.values);
    drawImage(seen, answer.prediction.seen);
    seen.classList.toggle("inverted", isDark(answer.prediction.seen));
    drawOverlay(onSeen, values.values, values.shape[1], values.shape[0], range);
    onPictureFigure.hidden = !found.on_picture || Boolean(pad.sample);
    if (onPictureFigure.hidden) return;
    const [height, width] = found.on_picture.shape;
    [picture.width, picture.height] = [width, height];
    const scale = Math.max(width, height);
    const [left, top] = [(scale - width) / 2 / scale, (scale - height) / 2 / scale].map((each) => each * pad.canvas.width);
    const [across, down] = [(width / scale) * pad.canvas.width, (height / scale) * pad.canvas.height];
    picture.getContext("2d").drawImage(pad.canvas, left, top, across, down, 0, 0, width, height);
    drawOverlay(onPicture, decodeNumbers(found.on_picture).values, width, height, range);
  }

  setClasses([]);
  describe();
  const label = (text, input) => h("label", { class: "inline" }, h("span", null, text), input);
  const element = h(
    "section",
    { class: "evidence", "aria-label": t("draw.evidence") },
    h("h2", null, t("draw.evidence")),
    h("div", { class: "row" }, label(t("draw.method"), methods), label(t("draw.class"), classes)),
    note,
    h("div", { class: "evidence-pictures" }, figure(seen, onSeen, t("draw.on_seen")), onPictureFigure),
    asked,
    key,
    problem,
  );
  return {
    element,
    setClasses,
    clear,
    show,
    fail: (what) => replace(problem, error(what)),
    get asked() {
      return { method: methods.value, target: classes.value === ANSWER ? null : Number(classes.value) };
    },
    set asked({ method, target }) {
      if (METHODS.includes(method)) methods.value = method;
      classes.value = target ?? ANSWER;
      if (!classes.value) classes.value = ANSWER;
      describe();
    },
  };
}

/** Whether an image's border is dark: it is shown as on paper then, so that colours can be laid on it. */
function isDark({ height, width, channels, base64 }) {
  const pixels = decodeBytes(base64);
  const corners = [0, width - 1, (height - 1) * width, height * width - 1].map((at) => pixels[at * channels]);
  return Math.max(...corners) < 64;
}

function figure(below, above, caption) {
  return h("figure", null, h("div", { class: "laid framed" }, below, above), h("figcaption", null, caption));
}
