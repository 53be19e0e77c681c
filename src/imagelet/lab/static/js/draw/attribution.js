// @ts-check
// Which pixels speak for a class: laid over the picture and over what the network gets.

import { decodeBytes, decodeNumbers } from "../shared/encoding.js";
import { t } from "../shared/i18n.js";
import { drawImage, drawOverlay, rangeOf } from "../shared/maps.js";
import { h, inline, percent, replace, select } from "../shared/ui.js";

export const METHODS = ["saliency", "integrated-gradients", "grad-cam", "occlusion"];
const SIGNED = new Set(["integrated-gradients", "occlusion"]); // below 0 a pixel speaks against the class
export const USUAL_METHOD = "integrated-gradients";
const PREDICTED = "predicted"; // in place of a class's index: the predicted class, whatever it is
const DARK = 64; // of 255
const LIGHT = 160;

export class Attribution {
  #framed = makeLaid("draw.on_seen", "draw.evidence_on_seen");
  #picture = makeLaid("draw.on_picture", "draw.evidence_on_picture");
  #note = h("p", { class: "hint" });
  #key = h("p", { class: "evidence-key" });
  #ofClass = h("p", { class: "evidence-class" });
  #problem = h("div");
  #methods;
  #classes;

  /** `choose({method, target})` is called when another method or class is chosen; `target` null is the predicted. */
  constructor({ choose }) {
    const onchange = () => choose({ method: this.#methods.value, target: this.chosen.target });
    this.#methods = select(METHODS.map((method) => [method, t(`draw.method_${method}`)]), USUAL_METHOD, onchange);
    this.#classes = h("select", { onchange });
    this.setClasses([]);
    this.#describe();
    this.element = h(
      "section",
      { class: "evidence", "aria-label": t("draw.evidence") },
      h("h2", null, t("draw.evidence")),
      h("div", { class: "row" }, inline(t("draw.method"), this.#methods), inline(t("draw.class"), this.#classes)),
      this.#note,
      h("div", { class: "evidence-pictures" }, this.#framed.element, this.#picture.element),
      this.#ofClass,
      this.#key,
      this.#problem,
    );
  }

  /** What is chosen, as requests name it; `target` null is the predicted class. */
  get chosen() {
    const { value } = this.#classes;
    return { method: this.#methods.value, target: value === PREDICTED ? null : Number(value) };
  }

  /** Choose what the address names, where there is such a method and class. */
  choose(method, target) {
    if (METHODS.includes(method)) this.#methods.value = method;
    this.#classes.value = target ?? PREDICTED;
    if (!this.#classes.value) this.#classes.value = PREDICTED;
    this.#describe();
  }

  setClasses(names) {
    const options = [[PREDICTED, t("draw.predicted")], ...names.map((name, index) => [index, name])];
    replace(this.#classes, options.map(([value, text]) => h("option", { value }, text)));
  }

  clear() {
    for (const { below, above } of [this.#picture, this.#framed]) {
      for (const canvas of [below, above]) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    }
    replace(this.#problem);
    replace(this.#ofClass, " ");
  }

  /** Show the server's explanation of what lies on the pad. */
  show({ attributions: [attribution], prediction: { framed_input: framed } }, pad) {
    if (!attribution) {
      this.clear();
      replace(this.#problem, h("p", { class: "note" }, t("draw.no_convolution")));
      return;
    }
    replace(this.#problem);
    const { name, probability, layer, on_picture: onPicture } = attribution;
    replace(this.#ofClass, t("draw.evidence_of", { label: name, share: percent(probability) }), layer && ` · ${layer}`);
    const numbers = decodeNumbers(attribution.values);
    const range = rangeOf(numbers.values);
    drawImage(this.#framed.below, framed);
    markGround(this.#framed.below, framed);
    lay(this.#framed, numbers, range);
    this.#picture.element.hidden = !onPicture || Boolean(pad.sample);
    if (this.#picture.element.hidden) return;
    markGround(this.#picture.below, copyPicture(pad.canvas, this.#picture.below, onPicture.shape));
    lay(this.#picture, decodeNumbers(onPicture), range);
  }

  #describe() {
    const method = this.#methods.value;
    this.#note.textContent = t(`draw.meaning_${method}`);
    replace(
      this.#key,
      h("span", { class: "swatch for" }),
      t(method === "saliency" ? "draw.matters" : "draw.for"),
      SIGNED.has(method) && [h("span", { class: "swatch against" }), t("draw.against")],
    );
  }
}

/** An image with attribution laid on it. */
function makeLaid(caption, label) {
  const below = h("canvas", { class: "below", role: "img", "aria-label": t(label) });
  below.getContext("2d", { willReadFrequently: true });
  const above = h("canvas", { class: "above", "aria-hidden": "true" });
  const laid = h("div", { class: "laid framed" }, below, above);
  return { element: h("figure", null, laid, h("figcaption", null, t(caption))), below, above };
}

function lay({ above }, { shape: [height, width], values }, range) {
  drawOverlay(above, values, width, height, range);
}

/** Copy the part of the square pad that the picture covers, as large as fits in the middle; returns its pixels. */
function copyPicture(pad, canvas, [height, width]) {
  [canvas.width, canvas.height] = [width, height];
  const scale = pad.width / Math.max(width, height);
  const [across, down] = [width * scale, height * scale];
  const [left, top] = [(pad.width - across) / 2, (pad.width - down) / 2];
  const context = canvas.getContext("2d");
  context.drawImage(pad, left, top, across, down, 0, 0, width, height);
  return { height, width, channels: 4, pixels: context.getImageData(0, 0, width, height).data };
}

/** Mark an image whose border is dark, or light: colours are laid on the page's own ground, whichever it is. */
function markGround(canvas, { height, width, channels, ...image }) {
  const pixels = image.pixels ?? decodeBytes(image.base64);
  const corners = [0, width - 1, (height - 1) * width, height * width - 1].map((corner) => pixels[corner * channels]);
  canvas.classList.toggle("on-dark", corners.every((value) => value < DARK));
  canvas.classList.toggle("on-light", corners.every((value) => value > LIGHT));
}
