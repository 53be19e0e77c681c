// @ts-check
// A sheet of paper to draw on: mouse, finger, pen or keys; or a picture laid on it.

import { api } from "../shared/api.js";
import { encodeBlob } from "../shared/encoding.js";
import { drawImage } from "../shared/maps.js";
import { makeTurns } from "../shared/timing.js";
import { h } from "../shared/ui.js";
import { isEmpty, isExample, pictureOn, strokesOn, visible } from "./steps.js";
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
  #pointer = null; // that draws it; null for the keys
  #erasing = false;
  #changed;
  #rested;
  #nextTurn = makeTurns(); // of two files the later one counts, whichever is read first

  /** `changed()` is called with each change, `rested()` when the pen is lifted; `steps` are done already. */
  constructor({ label, steps, changed, rested }) {
    this.canvas = h("canvas", {
      width: SIDE,
      height: SIDE,
      class: "pad",
      role: "application",
      tabindex: "0",
      "aria-label": label,
      onpointerdown: (event) => this.#down(event),
      onpointermove: (event) => this.#move(event),
      onpointerup: (event) => this.#up(event),
      onpointercancel: (event) => this.#up(event),
    });
    /** @type {import("./steps.js").Step[]} */
    this.steps = steps ?? [];
    this.#context = this.canvas.getContext("2d", { willReadFrequently: true });
    [this.#changed, this.#rested] = [changed, rested];
    this.#paint();
  }

  get canUndo() {
    return this.steps.some((step) => !("example" in step && step.example));
  }

  get empty() {
    return isEmpty(this.steps);
  }

  /** Whether what lies here is the page's own example. */
  get example() {
    return isExample(this.steps);
  }

  /** The sample that lies on the sheet, untouched, such as "test:17"; else null. */
  get sample() {
    return pictureOn(this.steps)?.sample ?? null;
  }

  /** The picture file that lies on the sheet; else null. */
  get file() {
    return pictureOn(this.steps)?.blob ?? null;
  }

  /** What is drawn, as letters for the address; null where nothing of a person's is, or a picture lies there. */
  get drawing() {
    const strokes = this.example ? null : strokesOn(this.steps);
    return strokes && written(strokes, SIDE);
  }

  set erasing(value) {
    this.#erasing = value;
    this.canvas.classList.toggle("erasing", value);
  }

  undo() {
    this.#stroke = null;
    if (this.canUndo && this.steps.pop()) this.#done();
  }

  clear() {
    this.#stroke = null;
    if (visible(this.steps).length) this.#do({ kind: "clear" });
  }

  /** Lay a picture file on the sheet; one that nobody can show stays blank, and its answer says why. */
  async layFile(blob) {
    const isNewest = this.#nextTurn();
    const image = await createImageBitmap(blob).catch(() => readByServer(blob));
    if (isNewest()) this.#do({ kind: "picture", blob, image });
  }

  /** Show the file that could not be shown before. */
  async showAgain() {
    const picture = pictureOn(this.steps);
    if (!picture?.blob || picture.image) return;
    picture.image = await readByServer(picture.blob);
    this.#paint();
  }

  /** Lay an image of the dataset on the sheet; its pixels may come later, by the same name. */
  laySample(sample, pixels = null, { example = false } = {}) {
    const picture = pictureOn(this.steps);
    const step = picture?.sample === sample ? picture : { kind: "picture", sample, image: null, example };
    if (pixels && !step.image) step.image = drawImage(document.createElement("canvas"), pixels);
    if (step === picture) this.#paint();
    else this.#do(step);
  }

  /** The sample's name stands for another image now: its pixels will come. */
  forgetSample() {
    for (const step of this.steps) if (step.kind === "picture" && step.sample) step.image = null;
    this.#paint();
  }

  /** Draw what the letters say on a new sheet; returns whether they say anything. */
  layDrawing(letters, { example = false } = {}) {
    const strokes = read(letters, SIDE);
    if (!strokes) return false;
    if (visible(this.steps).length) this.steps.push({ kind: "clear" });
    this.#do(...strokes.map((stroke) => ({ kind: "stroke", example, ...stroke })));
    return true;
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

  /** Set the pen down at a place, in pixels of the sheet; upon a picture or the example it begins a new sheet. */
  begin(place, { erase = this.#erasing } = {}) {
    const fresh = Boolean(pictureOn(this.steps)) || this.example;
    this.#stroke = { kind: "stroke", points: [place], erase, fresh };
    this.steps.push(this.#stroke);
    this.#paint();
    this.#changed();
  }

  /** Draw on to these places. */
  extend(places) {
    if (!this.#stroke) return;
    this.#stroke.points.push(...places);
    this.#paint();
    this.#changed();
  }

  lift() {
    if (!this.#stroke) return;
    this.#stroke = null;
    this.#rested();
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

  #down(event) {
    if (event.button !== PEN && event.button !== PEN_ERASER) return;
    event.preventDefault();
    this.lift();
    this.canvas.setPointerCapture(event.pointerId);
    this.#pointer = event.pointerId;
    this.begin(this.#place(event), { erase: this.#erasing || event.button === PEN_ERASER });
  }

  #move(event) {
    if (this.#pointer !== event.pointerId) return;
    const between = event.getCoalescedEvents?.() ?? [];
    const moves = between.length ? between : [event];
    this.extend(moves.map((move) => this.#place(move)));
  }

  #up(event) {
    if (this.#pointer !== event.pointerId) return;
    this.#pointer = null;
    this.lift();
  }

  /** Where on the sheet an event is. */
  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * SIDE, y: ((event.clientY - box.top) / box.height) * SIDE };
  }
}

/** The picture of a file that the browser does not show, as the server reads it; null where it does not either. */
async function readByServer(blob) {
  try {
    const pixels = await api.post("/api/picture", { picture: await encodeBlob(blob) });
    return drawImage(document.createElement("canvas"), pixels);
  } catch {
    return null; // why is said where the answer is
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
