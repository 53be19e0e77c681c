// A sheet of paper to draw on: mouse, finger or pen; or a picture laid on it.
//
// What was done is a list of steps, so undo takes the last one away and draws the rest again. A stroke on a
// picture begins a new sheet; undo brings the picture back.

import { encodeBlob } from "../shared/api.js";
import { drawImage } from "../shared/maps.js";
import { h } from "../shared/ui.js";
import { read, written } from "./strokes.js";

const SIDE = 448; // pixels, whatever the screen: the same strokes give the same picture
const SENT = 160; // pixels a side of what is asked about: the answer comes sooner, and is as good
const BRUSH = 0.07; // of the side: about what a felt pen is to a digit
const ERASER = 0.12;

/** Make a pad. `changed()` is called with each change, `rested()` when the pen is lifted; `steps` are done at first. */
export function makePad({ label, steps: earlier, changed, rested }) {
  const canvas = h("canvas", { width: SIDE, height: SIDE, class: "pad", role: "img", "aria-label": label });
  const sent = h("canvas", { width: SENT, height: SENT });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const steps = earlier ?? [];
  let stroke = null;
  let erasing = false;

  const styles = getComputedStyle(document.documentElement);
  const colour = (name) => styles.getPropertyValue(name).trim();
  const blank = () => {
    context.fillStyle = colour("--sheet");
    context.fillRect(0, 0, SIDE, SIDE);
  };

  function paintStroke({ points, erase }) {
    context.lineCap = "round";
    context.lineJoin = "round";
    context.lineWidth = SIDE * (erase ? ERASER : BRUSH);
    context.strokeStyle = erase ? colour("--sheet") : colour("--pen");
    context.beginPath();
    const [first] = points;
    context.moveTo(first.x, first.y);
    if (points.length === 1) context.lineTo(first.x + 0.01, first.y);
    for (let at = 1; at < points.length; at++) {
      const [from, to] = [points[at - 1], points[at]];
      context.quadraticCurveTo(from.x, from.y, (from.x + to.x) / 2, (from.y + to.y) / 2);
    }
    const end = points.at(-1);
    context.lineTo(end.x, end.y);
    context.stroke();
  }

  function paintPicture({ image, sample }) {
    if (!image) return; // a sample whose pixels are on their way
    context.fillStyle = sample ? "#000" : colour("--sheet");
    const scale = Math.min(SIDE / image.width, SIDE / image.height);
    const [width, height] = [image.width * scale, image.height * scale];
    context.imageSmoothingEnabled = image.width > 64;
    context.drawImage(image, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
  }

  /** What lies on the sheet: all steps since it was last new. */
  function visible() {
    const from = steps.findLastIndex((each) => each.kind !== "stroke" || each.fresh);
    return from < 0 ? steps : steps.slice(from);
  }

  function paint() {
    blank();
    for (const step of visible()) {
      if (step.kind === "stroke") paintStroke(step);
      else if (step.kind === "picture") paintPicture(step);
    }
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * SIDE, y: ((event.clientY - box.top) / box.height) * SIDE };
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 && event.button !== 5) return; // 5: a pen's eraser
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    const fresh = visible().some((each) => each.kind === "picture");
    stroke = { kind: "stroke", points: [place(event)], erase: erasing || event.button === 5, fresh, pointer: event.pointerId };
    steps.push(stroke);
    paint();
    changed();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (stroke?.pointer !== event.pointerId) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const each of between.length ? between : [event]) stroke.points.push(place(each));
    paint();
    changed();
  });
  const lift = (event) => {
    if (stroke?.pointer !== event.pointerId) return;
    stroke = null;
    rested();
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);

  const done = () => {
    paint();
    changed();
    rested();
  };

  paint();
  return {
    canvas,
    steps,
    get canUndo() {
      return steps.length > 0;
    },
    get erasing() {
      return erasing;
    },
    set erasing(value) {
      erasing = value;
      canvas.classList.toggle("erasing", value);
    },

    /** Whether nothing was drawn and no picture is there. */
    get empty() {
      return !visible().some((each) => each.kind === "picture" || (each.kind === "stroke" && !each.erase));
    },

    /** The sample that lies on the sheet, untouched, such as "test:17"; else null. */
    get sample() {
      return visible().findLast((each) => each.kind === "picture")?.sample ?? null;
    },

    undo() {
      if (!steps.length) return;
      steps.pop();
      done();
    },

    clear() {
      if (!visible().length) return;
      steps.push({ kind: "clear" });
      done();
    },

    /** Lay a picture file on the sheet. Rejects if the browser cannot show it; the server may still read it. */
    async layFile(blob) {
      const step = { kind: "picture", blob, image: null };
      try {
        step.image = await createImageBitmap(blob);
      } finally {
        steps.push(step);
        done();
      }
    },

    /** Lay an image of the data set on the sheet; its pixels may come later, by the same name. */
    laySample(sample, image = null) {
      const lying = visible().findLast((each) => each.kind === "picture" && each.sample === sample);
      const step = lying ?? { kind: "picture", sample, image: null };
      if (image && !step.image) step.image = drawImage(document.createElement("canvas"), image);
      if (lying) return paint();
      steps.push(step);
      return done();
    },

    /** The sample's name stands for another image now: its pixels will come. */
    forgetSample() {
      for (const step of steps) if (step.sample) step.image = null;
      paint();
    },

    /** What is drawn, as letters; null where nothing is, or a picture lies there. */
    get drawing() {
      const seen = visible().filter((each) => each.kind !== "clear");
      return seen.every((each) => each.kind === "stroke") ? written(seen, SIDE) : null;
    },

    /** Draw what the letters say on a new sheet; nothing happens where they say nothing. */
    layDrawing(letters) {
      const strokes = read(letters, SIDE);
      if (!strokes) return;
      if (visible().length) steps.push({ kind: "clear" });
      steps.push(...strokes.map((each) => ({ kind: "stroke", ...each })));
      done();
    },

    /** What the server is asked about: {sample}, or {picture: base64}. */
    async asked() {
      const lying = visible().findLast((each) => each.kind === "picture");
      if (lying?.sample) return { sample: lying.sample };
      if (lying) return { picture: await encodeBlob(lying.blob) };
      return { picture: await drawn() };
    },
  };

  async function drawn() {
    sent.getContext("2d").drawImage(canvas, 0, 0, SENT, SENT);
    return encodeBlob(await new Promise((resolve) => sent.toBlob(resolve, "image/png")));
  }
}
