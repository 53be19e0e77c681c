// @ts-check
// The pad with its tools, and the other ways to a picture: a file, the clipboard, one dropped on the page.

import { t } from "../shared/i18n.js";
import { busy, button, h, replace, uniqueId } from "../shared/ui.js";
import { makeKeyboardPen } from "./keyboard_pen.js";
import { Pad } from "./pad.js";

/** `changed()` is called with each change, `rested()` when the pen is lifted; `steps` of an earlier sheet go on. */
export function makeSheet({ steps, changed, rested }) {
  const pad = new Pad({ label: t("draw.pad"), steps, changed: () => update(changed), rested: () => update(rested) });
  const problem = h("div", { role: "status" });
  const hint = h("p", { class: "pad-hint", "aria-hidden": "true" });
  const keys = h("p", { class: "pad-hint pad-keys", id: uniqueId("keys") }, t("draw.pad_keys"));
  const { cursor, words } = makeKeyboardPen(pad);
  pad.canvas.setAttribute("aria-describedby", keys.id);
  const stage = h("div", { class: "pad-stage" }, pad.canvas, hint, keys, cursor);
  const undo = button(t("draw.undo"), () => pad.undo(), { title: "Ctrl+Z" });
  const clear = button(t("draw.clear"), () => pad.clear());

  function update(then = () => {}) {
    hint.hidden = !pad.empty && !pad.example;
    hint.textContent = t(pad.example ? "draw.pad_hint_example" : "draw.pad_hint");
    undo.disabled = !pad.canUndo;
    clear.disabled = pad.empty;
    then();
  }

  async function take(blob) {
    if (!blob) return;
    const isEmpty = blob.size === 0;
    replace(problem, isEmpty && h("p", { class: "field-problem" }, t("draw.empty_file", { name: blob.name ?? "" })));
    if (!isEmpty) await busy(stage, pad.layFile(blob));
  }

  update();
  return {
    pad,
    element: h(
      "div",
      { class: "draw-sheet" },
      stage,
      h("div", { class: "tools" }, penAndEraser(pad), undo, clear),
      h("div", { class: "tools" }, fileButton(take), h("span", { class: "hint" }, t("draw.paste_hint"))),
      problem,
      words,
    ),
    listen: () => listen({ stage, take, undo: () => pad.undo() }),
  };
}

function penAndEraser(pad) {
  const pen = button(t("draw.pen"), () => erase(false), { pressed: true });
  const eraser = button(t("draw.eraser"), () => erase(true), { pressed: false });
  function erase(value) {
    pad.erasing = value;
    pen.setAttribute("aria-pressed", String(!value));
    eraser.setAttribute("aria-pressed", String(value));
  }
  return h("div", { class: "joined", role: "group", "aria-label": t("draw.tool") }, pen, eraser);
}

function fileButton(take) {
  const input = h("input", {
    type: "file",
    accept: "image/*,.tif,.tiff",
    class: "visually-hidden",
    id: "draw-file",
    tabindex: "-1",
    "aria-hidden": "true",
    onchange() {
      take(input.files[0]);
      input.value = ""; // so that the same file can be chosen again
    },
  });
  return [input, button(t("draw.open_file"), () => input.click())];
}

/** Take pictures that are pasted or dropped anywhere, and Ctrl+Z; returns what ends it. */
function listen({ stage, take, undo }) {
  const ending = new AbortController();
  const on = (type, handler) => document.addEventListener(type, handler, { signal: ending.signal });
  on("paste", ({ clipboardData }) => {
    const item = [...(clipboardData?.items ?? [])].find(({ kind }) => kind === "file");
    if (item) take(item.getAsFile());
  });
  on("dragover", (event) => {
    event.preventDefault();
    stage.classList.add("dropping");
  });
  on("dragleave", (event) => event.relatedTarget === null && stage.classList.remove("dropping"));
  on("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("dropping");
    take(event.dataTransfer.files[0]);
  });
  on("keydown", (event) => {
    const isUndo = (event.ctrlKey || event.metaKey) && event.key === "z";
    if (!isUndo || event.target.matches("input, textarea, select")) return;
    event.preventDefault();
    undo();
  });
  return () => ending.abort();
}
