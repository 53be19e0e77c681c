// The pad with its tools, and the other ways to a picture: a file, the clipboard, the data set's test images.

import { t } from "../shared/i18n.js";
import { drawImage } from "../shared/maps.js";
import { button, error, h, replace } from "../shared/ui.js";
import { makePad } from "./pad.js";

const SAMPLES = 12;

/** `changed()` with each change, `rested()` when the pen is lifted; `steps` of an earlier sheet go on. */
export function makeSheet({ api, steps, classifier, changed, rested }) {
  const pad = makePad({ label: t("draw.pad"), steps, changed: () => told(changed), rested: () => told(rested) });
  const problem = h("div");
  const list = h("ul", { class: "samples" }, Array.from({ length: SAMPLES }, () => h("li", { class: "coming" })));
  const hint = h("p", { class: "pad-hint", "aria-hidden": "true" }, t("draw.pad_hint"));
  const pen = button(t("draw.pen"), () => erase(false), { pressed: true });
  const eraser = button(t("draw.eraser"), () => erase(true), { pressed: false });
  const undo = button(t("draw.undo"), () => pad.undo(), { title: "Ctrl+Z" });
  const clear = button(t("draw.clear"), () => pad.clear());
  const file = h("input", { type: "file", accept: "image/*", class: "visually-hidden", id: "draw-file", tabindex: "-1", "aria-hidden": "true", onchange: () => take(file.files[0]) });
  const stage = h("div", { class: "pad-stage" }, pad.canvas, hint);
  let seed = 0;

  function told(whom) {
    hint.hidden = !pad.empty;
    undo.disabled = !pad.canUndo;
    clear.disabled = pad.empty;
    whom();
  }

  function erase(value) {
    pad.erasing = value;
    pen.setAttribute("aria-pressed", String(!value));
    eraser.setAttribute("aria-pressed", String(value));
  }

  async function take(blob) {
    file.value = "";
    if (!blob) return;
    replace(problem);
    try {
      await pad.layFile(blob);
    } catch {
      replace(problem, h("p", { class: "note" }, t("draw.not_shown"))); // a format that the browser does not know
    }
  }

  async function showSamples() {
    const asked = classifier();
    try {
      const samples = await api.get(`/api/samples?classifier=${encodeURIComponent(asked)}&part=test&count=${SAMPLES}&seed=${seed}`);
      if (asked !== classifier()) return;
      replace(
        list,
        samples.map(({ sample, label, image }) =>
          h("li", null, h("button", { type: "button", title: `${label} · ${sample}`, "aria-label": t("draw.sample", { label, sample }), onclick: () => pad.laySample(sample, image) }, drawImage(h("canvas", { "aria-hidden": "true" }), image))),
        ),
      );
    } catch (what) {
      if (asked === classifier()) replace(list, h("li", { class: "all" }, error(what)));
    }
  }

  /** Take pictures that are pasted or dropped anywhere, and Ctrl+Z; returns what ends it. */
  function listen() {
    const ending = new AbortController();
    const on = (name, handler) => document.addEventListener(name, handler, { signal: ending.signal });
    on("paste", (event) => {
      const item = [...(event.clipboardData?.items ?? [])].find((each) => each.type.startsWith("image/"));
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
      if (event.target.matches("input, textarea, select") || !(event.ctrlKey || event.metaKey) || event.key !== "z") return;
      event.preventDefault();
      pad.undo();
    });
    return () => ending.abort();
  }

  const more = button(t("draw.other_samples"), () => {
    seed += 1;
    showSamples();
  }, { quiet: true });
  told(() => {});
  const tools = [
    stage,
    h("div", { class: "tools" }, h("div", { class: "joined", role: "group", "aria-label": t("draw.tool") }, pen, eraser), undo, clear),
    h("div", { class: "tools" }, file, button(t("draw.open_file"), () => file.click()), h("span", { class: "hint" }, t("draw.paste_hint"))),
    problem,
  ];
  const samples = [h("div", { class: "row spread" }, h("h2", null, t("draw.samples")), more), list];
  return {
    element: h("div", { class: "draw-sheet" }, tools),
    samples: h("section", { class: "draw-samples", "aria-label": t("draw.samples") }, samples),
    listen,
    showSamples,
    canvas: pad.canvas,
    asked: pad.asked,
    laySample: pad.laySample,
    layDrawing: pad.layDrawing,
    forgetSample: pad.forgetSample,
    steps: pad.steps,
    get empty() {
      return pad.empty;
    },
    get drawing() {
      return pad.drawing;
    },
    get sample() {
      return pad.sample;
    },
  };
}
