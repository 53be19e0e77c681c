// @ts-check
// Where a picture comes from: the camera, or a sheet to draw on. One is shown at a time.

import { t } from "../shared/i18n.js";
import { button, choice, h } from "../shared/ui.js";
import { Pad } from "../draw/pad.js";
import { makeCamera } from "./camera.js";

/**
 * `kinds` are of "camera", "drawing", "file"; `chosen(kind)` is called when another is shown, `changed()` with each
 * stroke. `others` are elements for kinds that are neither.
 * @param {{kinds: string[], kind: string, chosen: (kind: string) => void, changed?: () => void, others?: object}} options
 */
export function makeStage({ kinds, kind: first, chosen, changed = () => {}, others = {} }) {
  const camera = makeCamera();
  const pad = new Pad({ label: t("collect.pad"), steps: [], changed: () => drawn(), rested: () => drawn() });
  const hint = h("p", { class: "pad-hint", "aria-hidden": "true" }, t("collect.pad_hint"));
  const undo = button(t("collect.undo_stroke"), () => pad.undo(), { quiet: true });
  const clear = button(t("collect.clear"), () => pad.clear(), { quiet: true });
  const sheet = h("div", { class: "sheet" }, pad.canvas, hint, h("div", { class: "sheet-tools" }, undo, clear));
  const places = { camera: camera.element, drawing: sheet, ...others };
  const element = h("div", { class: "stage" }, kinds.map((kind) => places[kind]));
  const names = kinds.map((kind) => [kind, t(`collect.kind_${kind}`)]);
  const picker = choice(t("collect.source"), names, first, (wanted) => show(wanted));
  let kind = first;

  function drawn() {
    hint.hidden = !pad.empty;
    undo.disabled = !pad.canUndo;
    clear.disabled = pad.empty;
    changed();
  }

  function show(wanted) {
    kind = wanted;
    picker.choose(kind);
    for (const name of kinds) places[name].hidden = name !== kind;
    if (kind === "camera") camera.start();
    else camera.stop();
    chosen(kind);
  }

  /**
   * What is shown now, as a file of a picture; null where nothing is.
   * @returns {Promise<Blob | null>}
   */
  async function picture(side) {
    if (kind === "camera") return camera.picture(side);
    return kind === "drawing" && !pad.empty ? pad.blob() : null;
  }

  for (const name of kinds) places[name].hidden = name !== kind;
  hint.hidden = false;
  undo.disabled = clear.disabled = true;
  return {
    element,
    picker,
    pad,
    picture,
    show,
    get kind() {
      return kind;
    },
    close: () => camera.stop(),
  };
}
