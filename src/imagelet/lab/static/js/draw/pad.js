// @ts-check
// A sheet of paper to draw on: mouse, finger or pen; or a picture laid on it.

import { encodeBlob } from "../shared/encoding.js";
import { drawImage } from "../shared/maps.js";
import { h } from "../shared/ui.js";
import { isEmpty, pictureOn, strokesOn, visible } from "./steps.js";
import { read, written } from "./strokes.js";

const SIDE = 448; // pixels, whatever the screen: the same strokes give the same picture
const SENT = 160; // pixels a side of the drawing that is sent: the response comes sooner, and is as good
const BRUSH = 0.07; // of the side: about what a felt pen is to a digit
const ERASER = 0.12;
const SMOOTH_FROM = 64; // pixels a side; smaller images stay crisp squares
const PEN = 0; // the pointer event's button
const PEN_ERASER = 5;

export class Pad {
  #context;
  #sent = h("canvas", { width: SENT, height: SENT });
  #stroke = null; // the one that is being drawn
  #erasing = false;
  #changed;
  #rested;

  /** `changed()` is called with each change, `rested()` when the pen is lifted; `steps` are done already. */
  constructor({ label, steps, changed, rested }) {
    this.canvas = h("canvas", {
      width: SIDE,
      height: SIDE,
      class: "pad",
      role: "img",
      "aria-label": label,
      onpointerdown: (event) => this.#begin(event),
      onpointermove: (event) => this.#move(event),
      onpointerup: (event) => this.#lift(event),
      onpointercancel: (event) => this.#lift(event),
    });
    /** @type {import("./steps.js").Step[]} */
    this.steps = steps ?? [];
    this.#context = this.canvas.getContext("2d", { willReadFrequently: true });
    [this.#changed, this.#rested] = [changed, rested];
    this.#paint();
  }

  get canUndo() {
    return this.steps.length > 0;
  }

  get empty() {
    return isEmpty(this.steps);
  }

  /** The sample that lies on the sheet, untouched, such as "test:17"; else null. */
  get sample() {
    return pictureOn(this.steps)?.sample ?? null;
  }

  /** What is drawn, as letters for the address; null where nothing is, or a picture lies there. */
  get drawing() {
    const strokes = strokesOn(this.steps);
    return strokes && written(strokes, SIDE);
  }

  set erasing(value) {
    this.#erasing = value;
    this.canvas.classList.toggle("erasing", value);
  }

  undo() {
    if (this.steps.pop()) this.#done();
  }

  clear() {
    if (visible(this.steps).length) this.#do({ kind: "clear" });
  }

  /** Lay a picture file on the sheet. Rejects if the browser cannot show it; the server may still read it. */
  async layFile(blob) {
    const step = { kind: "picture", blob, image: null };
    try {
      step.image = await createImageBitmap(blob);
    } finally {
      this.#do(step);
    }
  }

  /** Lay an image of the dataset on the sheet; its pixels may come later, by the same name. */
  laySample(sample, pixels = null) {
    const picture = pictureOn(this.steps);
    const step = picture?.sample === sample ? picture : { kind: "picture", sample, image: null };
    if (pixels && !step.image) step.image = drawImage(document.createElement("canvas"), pixels);
    if (step === picture) this.#paint();
    else this.#do(step);
  }

  /** The sample's name stands for another image now: its pixels will come. */
  forgetSample() {
    for (const step of this.steps) if (step.kind === "picture" && step.sample) step.image = null;
    this.#paint();
  }

  /** Draw what the letters say on a new sheet; nothing happens where they say nothing. */
  layDrawing(letters) {
    const strokes = read(letters, SIDE);
    if (!strokes) return;
    if (visible(this.steps).length) this.steps.push({ kind: "clear" });
    this.#do(...strokes.map((stroke) => ({ kind: "stroke", ...stroke })));
  }

  /** The image as requests name it: {sample}, or {picture: base64}. */
  async image() {
    const picture = pictureOn(this.steps);
    if (picture?.sample) return { sample: picture.sample };
    return { picture: await encodeBlob(await this.blob()) };
  }

  /** What lies on the sheet as a picture file. */
  async blob() {
    return pictureOn(this.steps)?.blob ?? this.#drawn();
  }

  #drawn() {
    this.#sent.getContext("2d").drawImage(this.canvas, 0, 0, SENT, SENT);
    return new Promise((resolve) => this.#sent.toBlob(resolve, "image/png"));
  }

  #paint() {
    paintSheet(this.#context, visible(this.steps));
  }

  #do(...steps) {
    this.steps.push(...steps);
    this.#done();
  }

  #done() {
    this.#paint();
    this.#changed();
    this.#rested();
  }

  #begin(event) {
    if (event.button !== PEN && event.button !== PEN_ERASER) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    const erase = this.#erasing || event.button === PEN_ERASER;
    const fresh = Boolean(pictureOn(this.steps));
    this.#stroke = { kind: "stroke", points: [this.#place(event)], erase, fresh, pointer: event.pointerId };
    this.steps.push(this.#stroke);
    this.#paint();
    this.#changed();
  }

  #move(event) {
    if (this.#stroke?.pointer !== event.pointerId) return;
    const between = event.getCoalescedEvents?.() ?? [];
    const moves = between.length ? between : [event];
    this.#stroke.points.push(...moves.map((move) => this.#place(move)));
    this.#paint();
    this.#changed();
  }

  #lift(event) {
    if (this.#stroke?.pointer !== event.pointerId) return;
    this.#stroke = null;
    this.#rested();
  }

  /** Where on the sheet an event is. */
  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * SIDE, y: ((event.clientY - box.top) / box.height) * SIDE };
  }
}

/** Paint the steps on a square canvas. */
function paintSheet(/** @type {CanvasRenderingContext2D} */ context, /** @type {import("./steps.js").Step[]} */ steps) {
  const style = getComputedStyle(document.documentElement);
  const [sheet, pen] = ["--sheet", "--pen"].map((name) => style.getPropertyValue(name).trim());
  const side = context.canvas.width;
  context.fillStyle = sheet;
  context.fillRect(0, 0, side, side);
  for (const step of steps) {
    if (step.kind === "stroke") {
      const [width, colour] = step.erase ? [ERASER, sheet] : [BRUSH, pen];
      paintStroke(context, step.points, side * width, colour);
    } else if (step.kind === "picture" && step.image) paintPicture(context, step.image, step.sample ? "#000" : sheet);
  }
}

function paintStroke(context, points, width, colour) {
  Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: width, strokeStyle: colour });
  context.beginPath();
  const [first] = points;
  context.moveTo(first.x, first.y);
  if (points.length === 1) context.lineTo(first.x + 0.01, first.y);
  for (let index = 1; index < points.length; index++) {
    const [from, to] = [points[index - 1], points[index]];
    context.quadraticCurveTo(from.x, from.y, (from.x + to.x) / 2, (from.y + to.y) / 2);
  }
  const end = points.at(-1);
  context.lineTo(end.x, end.y);
  context.stroke();
}

/** As large as fits, in the middle. */
function paintPicture(context, image, ground) {
  const side = context.canvas.width;
  const scale = Math.min(side / image.width, side / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  context.fillStyle = ground;
  context.imageSmoothingEnabled = image.width > SMOOTH_FROM;
  context.drawImage(image, (side - width) / 2, (side - height) / 2, width, height);
}
