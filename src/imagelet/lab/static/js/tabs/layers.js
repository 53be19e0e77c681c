/** Convolution and pooling on a small matrix, place by place. All arithmetic comes from the server. */

import { controls } from "../layers/controls.js";
import { exampleOf, readSetting, requestFor, settingOf, writtenSetting } from "../layers/setting.js";
import { stage } from "../layers/stage.js";

const PATIENCE = 120; // milliseconds without typing before the server is asked

/** Fill `root`; see main.js. */
export async function open(root, { api, state, ui }) {
  let setting = readSetting(state);
  let working = null; // what the server said of this setting; null while it is asked, and where it cannot be
  let asked = 0;
  let pause = null;
  let own = ""; // what this tab wrote into the address last

  const panel = controls({ changed: change, example: (example) => replaceBy(settingOf(example)) });
  const view = stage({
    changed: change,
    moved: move,
  });
  const known = await ui.busy(root, api.get("/api/kernels"));
  panel.kernels(known.map(({ name, matrix }) => [name, matrix]));
  view.element.classList.add("unknown-yet"); // its place is kept, so that nothing shifts
  root.append(panel.element, view.element);
  await calculate();
  view.element.classList.remove("unknown-yet");

  function replaceBy(next) {
    setting = next;
    remember(false);
    return calculate();
  }

  /** Take a changed part of the setting; numbers that are typed are waited for. */
  function change(part, { typing = false } = {}) {
    view.pause();
    working = null;
    setting = { ...setting, ...part };
    panel.show(setting, exampleOf(setting));
    clearTimeout(pause);
    pause = setTimeout(
      () => {
        remember(true);
        calculate();
      },
      typing ? PATIENCE : 0,
    );
  }

  function move(at, { playing = false } = {}) {
    if (!working) return;
    setting = { ...setting, at };
    view.go(setting, working);
    if (!playing) remember(true);
  }

  function remember(replace) {
    const values = writtenSetting(setting);
    own = JSON.stringify(values);
    state.set(values, { replace });
  }

  async function calculate() {
    panel.show(setting, exampleOf(setting));
    view.pause();
    working = null;
    asked += 1;
    const mine = asked;
    try {
      const answer = await ui.busy(view.element, api.post(...requestFor(setting)));
      if (mine !== asked) return;
      working = answer;
      setting = { ...setting, at: inside(setting.at, working.output) };
      view.show(setting, working);
    } catch (error) {
      if (mine !== asked) return;
      view.show(setting, null);
      view.fail(error);
    }
  }

  return {
    changed() {
      const next = readSetting(state);
      if (JSON.stringify(writtenSetting(next)) === own) return;
      own = JSON.stringify(writtenSetting(next));
      setting = next;
      calculate();
    },
    close() {
      clearTimeout(pause);
      asked += 1;
      view.close();
    },
  };
}

function inside([row, column], output) {
  return row < output.length && column < output[0].length ? [row, column] : [0, 0];
}
