// @ts-check
// Convolution and pooling on a small matrix, place by place. All arithmetic comes from the server.

import { api } from "../shared/api.js";
import { state } from "../shared/state.js";
import { debounced, makeTurns } from "../shared/timing.js";
import { busy, h, replace, unknownValues } from "../shared/ui.js";
import { Controls } from "../layers/controls.js";
import { exampleOf, readSetting, requestFor, settingOf, unknownNames, writtenSetting } from "../layers/setting.js";
import { Stage } from "../layers/stage.js";

const PATIENCE = 120; // milliseconds without typing before the server is asked

/** Fill `section`; see main.js. */
export async function open(section) {
  const tab = new LayersTab(await busy(section, api.get("/api/kernels")));
  tab.stage.element.classList.add("unknown-yet"); // its place is kept, so that nothing shifts
  section.append(tab.unknown, tab.controls.element, tab.stage.element);
  await tab.calculate();
  tab.stage.element.classList.remove("unknown-yet");
  return tab;
}

class LayersTab {
  #setting = readSetting(state);
  #working = null; // the server's, of this setting; null while it is asked, and where there is none
  #nextTurn = makeTurns();
  #calculateSoon = debounced(() => this.#calculateAnew({ replace: true }), PATIENCE);
  #written = ""; // what the address says, as this tab has it
  unknown = h("div", { role: "status" }); // what the address names and is not there

  constructor(kernels) {
    const changed = (part, options) => this.#change(part, options);
    this.stage = new Stage({ changed, moved: (place, options) => this.#move(place, options) });
    this.controls = new Controls({ kernels, changed, chosen: (example) => this.#choose(example) });
    this.#sayUnknown(unknownNames(state));
  }

  /** Follow the address. */
  changed() {
    this.#sayUnknown(unknownNames(state));
    const setting = readSetting(state);
    const written = JSON.stringify(writtenSetting(setting));
    if (written === this.#written) return;
    [this.#written, this.#setting] = [written, setting];
    this.calculate();
  }

  close() {
    this.#calculateSoon.cancel();
    this.#nextTurn();
    this.stage.close();
  }

  async calculate() {
    this.#forget();
    const isNewest = this.#nextTurn();
    const setting = this.#setting;
    try {
      const working = await busy(this.stage.element, api.post(...requestFor(setting)));
      if (!isNewest()) return;
      this.#working = working;
      const at = placeInside(setting.at, working.output);
      if (at !== setting.at && state.get("at")) this.#sayUnknown([...unknownNames(state), "at"]);
      this.#setting = { ...setting, at };
      this.stage.show(this.#setting, working);
    } catch (problem) {
      if (!isNewest()) return;
      this.stage.show(setting, null);
      this.stage.fail(problem);
    }
  }

  /** The server's working is not of this setting any more. */
  #forget() {
    this.#working = null;
    this.stage.pause();
    this.controls.show(this.#setting, exampleOf(this.#setting));
  }

  #sayUnknown(names) {
    replace(this.unknown, unknownValues(names.map((name) => [name, state.get(name)])));
  }

  #choose(example) {
    this.#setting = settingOf(example);
    this.#calculateAnew({ replace: false });
  }

  /** Take a changed part of the setting; while numbers are typed the server waits. */
  #change(part, { typing = false } = {}) {
    this.#setting = { ...this.#setting, ...part };
    this.#forget();
    if (typing) this.#calculateSoon();
    else this.#calculateAnew({ replace: true });
  }

  #calculateAnew(options) {
    this.#calculateSoon.cancel();
    this.#remember(options);
    this.calculate();
  }

  #move(at, { playing = false } = {}) {
    if (!this.#working) return;
    this.#setting = { ...this.#setting, at };
    this.stage.go(this.#setting, this.#working);
    if (!playing) this.#remember({ replace: true });
  }

  #remember(options) {
    const values = writtenSetting(this.#setting);
    this.#written = JSON.stringify(values);
    state.set(values, options);
  }
}

/** The place, or the first one where the output has none such. */
function placeInside(place, output) {
  return place[0] < output.length && place[1] < output[0].length ? place : [0, 0];
}
