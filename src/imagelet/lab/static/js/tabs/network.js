/** Network text, checked while it is typed; its layers drawn, and what they cost. */

import { diagram } from "../network/diagram.js";
import { editor } from "../network/editor.js";
import { layerTable, written } from "../network/layer_table.js";
import { has, t } from "../shared/i18n.js";

const PATIENCE = 250; // milliseconds without typing before the server is asked
const INPUT = [28, 28, 1];
const CLASSES = 10;
const LARGEST = { side: 256, channels: 3, classes: 10_000 }; // as the server has them
const TOTALS = ["parameters", "multiply_adds", "memory_bytes"];

/** Fill `root`; see main.js. */
export async function open(root, { api, state, ui }) {
  const { h } = ui;
  const known = await ui.busy(root, api.get("/api/networks"));
  let asked = 0;
  let pause = null;
  let own = "";

  const sizes = ["height", "width", "channels", "classes"].map((name) => sizeField(name, later, ui));
  const presets = ui.select(
    [["", t("network.own")], ...known.map(({ name }) => [name, name])],
    "",
    (name) => choosePreset(known.find((each) => each.name === name)),
  );
  const note = h("p", { class: "preset-note" });
  const train = h("a", { class: "button primary" }, t("network.train"));
  const text = editor({ typed: () => later(), beside: train });
  const totals = totalsList(h);
  const table = layerTable();
  const picture = diagram({ pointed: (name) => table.point(name) });
  const drawn = h("div", { class: "network-drawn" }, totals.element, picture.element);
  const costs = h("section", { hidden: true }, h("h2", { class: "network-cost" }, t("network.cost")), table.element);

  root.append(
    h(
      "div",
      { class: "network-top" },
      h(
        "div",
        { class: "network-write" },
        h("div", { class: "preset" }, ui.field(t("network.preset"), presets), note),
        h("div", { class: "network-size" }, inputGroup(sizes, h), sizes[3].field),
        text.element,
      ),
      drawn,
    ),
    costs,
  );
  readState();
  await check();
  costs.hidden = false;

  function readState() {
    const asGiven = state.get("network");
    const named = known.find(({ name }) => name === asGiven);
    const shape = (state.get("input") ?? "").split("x").map(Number);
    const good = shape.length === 3 && shape.every((side) => Number.isInteger(side) && side > 0);
    text.write(named?.text ?? asGiven ?? known[0].text);
    const input = good ? shape : (named?.input_shape ?? INPUT);
    [...input, Number(state.get("classes")) || CLASSES].forEach((value, place) => sizes[place].show(value));
    own = address();
  }

  /** Return the address of what is shown, as one text. */
  function address() {
    return JSON.stringify(values());
  }

  function values() {
    const [height, width, channels, classes] = sizes.map((each) => each.value());
    return { network: text.text, input: [height, width, channels].join("x"), classes: String(classes) };
  }

  function choosePreset(preset) {
    if (!preset) return;
    text.write(preset.text);
    preset.input_shape?.forEach((side, place) => sizes[place].show(side));
    remember(false);
    check();
  }

  function later() {
    clearTimeout(pause);
    showPreset();
    pause = setTimeout(() => {
      remember(true);
      check();
    }, PATIENCE);
  }

  function remember(replace) {
    own = address();
    state.set(values(), { replace });
  }

  function showPreset() {
    const preset = known.find((each) => each.text === text.text.trim());
    presets.value = preset?.name ?? "";
    const key = `network.note_${preset?.name}`;
    note.textContent = preset ? (has(key) ? t(key) : preset.note) : t("network.note_own");
  }

  async function check() {
    clearTimeout(pause);
    showPreset();
    asked += 1;
    const mine = asked;
    const written_ = text.text;
    const [height, width, channels, classes] = sizes.map((each) => each.value());
    try {
      const body = { text: written_, input_shape: [height, width, channels], classes };
      const summary = await ui.busy(drawn, api.post("/api/network", body));
      if (mine !== asked) return;
      const complete = { input_shape: body.input_shape, ...summary };
      text.right(t("network.right", { count: summary.layers.length }), ...tidying(summary.text));
      totals.show(complete);
      picture.show(complete);
      table.show(complete);
      train.href = state.link("train", { ...values(), network: named(written_.trim()) });
      train.removeAttribute("aria-disabled");
    } catch (error) {
      if (mine !== asked) return;
      if (error.name !== "ApiError") throw error;
      text.wrong(error);
      for (const part of [picture, table, totals]) part.stale(true);
      train.removeAttribute("href");
      train.setAttribute("aria-disabled", "true");
    }
  }

  /** A preset by its name: that is what a run is then said to have. */
  function named(written_) {
    return known.find((each) => each.text === written_)?.name ?? written_;
  }

  /** Offer the one canonical form, where the text is written otherwise. */
  function tidying(canonical) {
    if (!canonical || canonical === text.text.trim()) return [];
    const tidy = () => {
      text.write(canonical);
      remember(false);
      check();
    };
    return [ui.button(t("network.tidy"), tidy, { quiet: true, title: canonical })];
  }

  return {
    changed() {
      const now = ["network", "input", "classes"].map((name) => state.get(name) ?? "");
      const { network, input, classes } = JSON.parse(own);
      if (now.every((value, place) => value === [network, input, classes][place])) return;
      readState();
      check();
    },
    close() {
      clearTimeout(pause);
      asked += 1;
    },
  };
}

function sizeField(name, typed, ui) {
  let last = 1;
  const input = ui.h("input", {
    type: "number",
    min: "1",
    max: String(LARGEST[name] ?? LARGEST.side),
    "aria-label": name === "classes" ? null : t(`network.${name}`),
    oninput: () => {
      const wrong = !(input.value && input.checkValidity());
      input.setAttribute("aria-invalid", String(wrong));
      if (wrong) return;
      last = Number(input.value);
      typed();
    },
    onblur: () => show(last),
  });
  const show = (value) => {
    last = value;
    input.value = String(value);
    input.setAttribute("aria-invalid", "false");
  };
  return { input, field: ui.field(t(`network.${name}`), input), show, value: () => last };
}

function inputGroup(sizes, h) {
  const times = () => h("span", { "aria-hidden": "true" }, "×");
  return h(
    "div",
    { class: "field", role: "group", "aria-label": t("network.input_size") },
    h("span", { class: "field-name" }, t("network.input_size")),
    h("div", { class: "size-pair" }, sizes[0].input, times(), sizes[1].input, times(), sizes[2].input),
  );
}

function totalsList(h) {
  const numbers = TOTALS.map(() => h("dd"));
  const names = TOTALS.map((name) => h("dt", null, t(`network.total_${name}`)));
  const element = h(
    "dl",
    { class: "network-totals" },
    TOTALS.map((_, place) => h("div", null, names[place], numbers[place])),
  );
  return {
    element,
    stale: (on) => element.classList.toggle("stale", on),
    show(summary) {
      const memory = summary.layers.reduce((total, layer) => total + layer.memory_bytes, 0);
      const costs = [summary.total, summary.multiply_adds, memory];
      numbers.forEach((each, place) => (each.textContent = written(TOTALS[place], costs[place])));
      const { non_trainable: fixed } = summary;
      names[0].textContent = fixed ? t("network.total_with_fixed", { count: written("parameters", fixed) }) : t("network.total_parameters");
      element.classList.remove("stale");
    },
  };
}
