// @ts-check
// A sheet of paper to draw on: finger, pen, mouse or keys; or a picture laid on it.

import { part } from "./elements.js";
import { pictureOf } from "./pictures.js";

const SIDE = 448; // pixels, whatever the screen: the same strokes give the same picture
const READ = 160; // pixels a side of the drawing that the network is given
const BRUSH = 0.07; // of the side: about what a felt pen is to a digit
const STRIDE = SIDE / 28; // of an arrow key
const KEYS = "keys"; // in place of a pointer
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Prepare the sheet; `changed()` is called with each change. */
export function makePad(/** @type {() => void} */ changed) {
  const canvas = part("pad");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let strokes = []; // each the points [x, y] of one
  let image = null;
  let drawing = null; // the pointer that draws, or "keys"

  function paint() {
    const style = getComputedStyle(canvas);
    [context.fillStyle, context.strokeStyle] = [style.backgroundColor, style.color];
    context.fillRect(0, 0, SIDE, SIDE);
    if (image) paintImage(context, image);
    for (const points of strokes) paintStroke(context, points);
    part("hint").hidden = Boolean(image || strokes.length);
    changed();
  }

  function lay(/** @type {ImageBitmap | null} */ next) {
    [image, strokes, drawing] = [next, [], null];
    paint();
  }

  function begin(who, point) {
    [image, drawing] = [null, who];
    strokes.push([point]);
    paint();
  }

  function move(who, points) {
    if (drawing !== who) return;
    strokes.at(-1).push(...points);
    paint();
  }

  function lift(who) {
    if (drawing !== who) return;
    drawing = null;
    paint();
  }

  function undo() {
    if (image || strokes.length < 2) return lay(null);
    strokes.pop();
    drawing = null;
    return paint();
  }

  /** What lies there as pixels; null where nothing does. */
  function picture() {
    if (image) return pictureOf(image, image.width, image.height);
    return strokes.length ? pictureOf(canvas, READ, READ) : null;
  }

  listen(canvas, { begin, move, lift });
  return { paint, lay, undo, picture, isDrawing: () => drawing !== null };
}

/** Let pointers and keys draw. */
function listen(canvas, { begin, move, lift }) {
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    begin(event.pointerId, pointOf(canvas, event));
  });
  canvas.addEventListener("pointermove", (event) => {
    const between = event.getCoalescedEvents?.() ?? [];
    const moves = between.length ? between : [event];
    move(event.pointerId, moves.map((moved) => pointOf(canvas, moved)));
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, ({ pointerId }) => lift(pointerId));
  listenToKeys(canvas, { begin, move, lift });
}

/** Arrow keys move a pen, which the space bar puts down and lifts. */
function listenToKeys(canvas, { begin, move, lift }) {
  const pen = part("pen");
  let place = [SIDE / 2, SIDE / 2];
  canvas.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    if (step) {
      place = place.map((at, axis) => Math.min(Math.max(at + step[axis] * STRIDE, 0), SIDE));
      move(KEYS, [place]);
    } else if (pen.classList.toggle("down")) begin(KEYS, place);
    else lift(KEYS);
    Object.assign(pen.style, { left: `${(place[0] / SIDE) * 100}%`, top: `${(place[1] / SIDE) * 100}%` });
  });
}

/** Where on the sheet an event is. */
function pointOf(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
}

function paintStroke(context, points) {
  Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: SIDE * BRUSH });
  context.beginPath();
  context.moveTo(...points[0]);
  context.lineTo(points[0][0] + 0.01, points[0][1]);
  for (let index = 1; index < points.length; index++) {
    const [[x, y], [toX, toY]] = [points[index - 1], points[index]];
    context.quadraticCurveTo(x, y, (x + toX) / 2, (y + toY) / 2);
  }
  context.lineTo(...points.at(-1));
  context.stroke();
}

/** As large as fits, in the middle. */
function paintImage(context, image) {
  const scale = Math.min(SIDE / image.width, SIDE / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  context.imageSmoothingEnabled = scale < 4;
  context.drawImage(image, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
}
