// @ts-check
// The pen by keys: arrows move it, the space bar sets it down and lifts it.

import { t } from "../shared/i18n.js";
import { clamp } from "../shared/scales.js";
import { h } from "../shared/ui.js";

const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const STEP = 1 / 28; // of the side
const FAR = 3; // steps with the shift key

/** Let a pad be drawn on by keys; returns {cursor, words} to lay over it: where the pen is, and what it does. */
export function makeKeyboardPen(/** @type {import("./pad.js").Pad} */ pad) {
  const { canvas } = pad;
  const cursor = h("span", { class: "pen-cursor", "aria-hidden": "true", hidden: true });
  const words = h("p", { class: "visually-hidden", role: "status" });
  let [place, isDown] = [{ x: 0.5, y: 0.5 }, false];

  const onSheet = () => ({ x: place.x * canvas.width, y: place.y * canvas.height });

  function show() {
    Object.assign(cursor.style, { left: `${place.x * 100}%`, top: `${place.y * 100}%` });
    cursor.classList.toggle("down", isDown);
  }

  function set(down) {
    if (down === isDown) return;
    isDown = down;
    if (down) pad.begin(onSheet());
    else pad.lift();
    const [row, column] = [place.y, place.x].map((share) => Math.round(share / STEP));
    words.textContent = t(down ? "draw.pen_down" : "draw.pen_up", { row, column });
    show();
  }

  function onkeydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = MOVES[event.key];
    const isToggle = event.key === " " || event.key === "Enter";
    if (!move && !isToggle && !(event.key === "Escape" && isDown)) return;
    event.preventDefault();
    cursor.hidden = false;
    if (!move) set(isToggle && !isDown);
    else {
      const far = event.shiftKey ? FAR : 1;
      const moved = (at, by) => clamp(at + by * far * STEP, 0, 1);
      place = { x: moved(place.x, move[0]), y: moved(place.y, move[1]) };
      if (isDown) pad.extend([onSheet()]);
    }
    show();
  }

  canvas.addEventListener("keydown", onkeydown);
  canvas.addEventListener("focus", () => (cursor.hidden = !canvas.matches(":focus-visible")));
  canvas.addEventListener("blur", () => {
    set(false);
    cursor.hidden = true;
  });
  canvas.addEventListener("pointerdown", () => {
    set(false);
    cursor.hidden = true;
  }, { capture: true });
  show();
  return { cursor, words };
}
