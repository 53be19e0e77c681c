// @ts-check
// The Network tab: network text, checked while it is typed; its layers drawn, and what they cost.

import { costTable, totals } from "../network/costs.js";
import { diagram } from "../network/diagram.js";
import { Editor } from "../network/editor.js";
import { api } from "../shared/api.js";
import { numberField } from "../shared/field.js";
import { has, t } from "../shared/i18n.js";
import { readShape } from "../shared/layers.js";
import { mayChange } from "../shared/session.js";
import { state } from "../shared/state.js";
import { debounced, makeTurns } from "../shared/timing.js";
import { busy, button, field, h, select, unknownValues } from "../shared/ui.js";

const CHECK_WAIT = 250; // milliseconds without typing before the server is asked
const INPUT = [28, 28, 1];
const CLASSES = 10;
const LARGEST = { height: 256, width: 256, channels: 3, classes: 10_000 }; // as the server has them
const PARAMETERS = ["network", "input", "classes"];

/** A network that has a name. @typedef {{name: string, text: string, note: string, input_shape: number[]}} Preset */

class NetworkTab {
  /** @param {Preset[]} presets */
  constructor(presets) {
    this.presets = presets;
    this.parameters = {}; // of the address, as this tab has written or read them
    this.nextTurn = makeTurns();
    this.checkLater = debounced(() => this.use({ replace: true }), CHECK_WAIT);
    this.sizes = Object.entries(LARGEST).map(([name, high]) => {
      const label = name === "classes" ? null : t(`network.${name}`);
      return numberField({ low: 1, high, typing: true, onvalue: () => this.typed(), "aria-label": label });
    });
    const choices = [["", t("network.own")], ...presets.map(({ name }) => [name, name])];
    this.preset = select(choices, "", (name) => this.choosePreset(name));
    this.note = h("p", { class: "preset-note" });
    this.unknown = h("div", { role: "status" });
    this.train = h("a", { class: "button primary", hidden: !mayChange() }, t("network.train"));
    this.editor = new Editor({ ontype: () => this.typed(), beside: this.train });
    this.totals = totals();
    this.table = costTable();
    this.diagram = diagram((name) => this.table.point(name));
    this.views = [this.diagram, this.table, this.totals];
    this.drawn = h("div", { class: "network-drawn" }, this.totals.element, this.diagram.element);
    this.costs = h("section", { hidden: true }, h("h2", { class: "network-cost" }, t("network.cost")), this.table.element);
    const written = h(
      "div",
      { class: "network-write" },
      h("div", { class: "preset" }, field(t("network.preset"), this.preset), this.note),
      h("div", { class: "network-size" }, inputGroup(this.sizes.slice(0, 3)), field(t("network.classes"), this.sizes[3].input)),
      this.sizes.map(({ problem }) => problem),
      this.editor.element,
    );
    this.elements = [this.unknown, h("div", { class: "network-top" }, written, this.drawn), this.costs];
    this.readAddress();
  }

  readAddress() {
    const [network, input, classes] = PARAMETERS.map((name) => state.get(name));
    const preset = this.presets.find(({ name }) => name === network);
    this.editor.text = preset?.text ?? network ?? this.presets[0].text;
    const shape = readShape(input) ?? preset?.input_shape ?? INPUT;
    const count = Number(classes);
    const isAllowed = Number.isInteger(count) && count >= 1 && count <= LARGEST.classes;
    this.show(shape, isAllowed ? count : CLASSES);
    const unknown = { input: input && !readShape(input) && input, classes: classes && !isAllowed && classes };
    this.unknown.replaceChildren(...unknownValues(Object.entries(unknown).filter(([, value]) => value)));
    this.parameters = this.shown;
  }

  /** Show an image's size, and a number of classes. */
  show(shape, classes) {
    [...shape, classes].forEach((value, index) => this.sizes[index].show(value));
  }

  /** The address's parameters for what is shown. */
  get shown() {
    const [height, width, channels, classes] = this.sizes.map(({ value }) => value);
    return { network: this.editor.text, input: [height, width, channels].join("x"), classes: String(classes) };
  }

  /** The preset that is written, if it is one. */
  get written() {
    return this.presets.find(({ text }) => text === this.editor.text.trim());
  }

  choosePreset(name) {
    const preset = this.presets.find((known) => known.name === name);
    if (!preset) return;
    this.editor.text = preset.text;
    this.show(preset.input_shape, this.sizes[3].value);
    this.use();
  }

  typed() {
    this.showPreset();
    this.checkLater();
  }

  /** Write what is shown into the address, and check it. */
  use({ replace = false } = {}) {
    this.parameters = this.shown;
    state.set(this.parameters, { replace });
    this.check();
  }

  showPreset() {
    const preset = this.written;
    this.preset.value = preset?.name ?? "";
    const key = `network.note_${preset?.name}`;
    this.note.textContent = preset ? (has(key) ? t(key) : preset.note) : t("network.note_own");
  }

  /** Let the server read the network, and show its layers or what is wrong. */
  async check() {
    this.checkLater.cancel();
    this.showPreset();
    const isNewest = this.nextTurn();
    const [height, width, channels, classes] = this.sizes.map(({ value }) => value);
    const body = { text: this.editor.text, input_shape: [height, width, channels], classes };
    try {
      const summary = await busy(this.drawn, api.post("/api/network", body));
      if (isNewest()) this.accept(summary);
    } catch (problem) {
      if (problem.name !== "ApiError") throw problem;
      if (isNewest()) this.refuse(problem);
    }
  }

  accept(summary) {
    this.editor.accept(t("network.right", { count: summary.layers.length }), this.tidyButton(summary.text));
    for (const view of this.views) view.show(summary);
    const network = this.written?.name ?? this.editor.text.trim(); // a run is then said to have the name
    this.train.href = state.link("train", { ...this.shown, network });
    this.train.removeAttribute("aria-disabled");
  }

  refuse(problem) {
    this.editor.refuse(problem);
    for (const view of this.views) view.markStale();
    this.train.removeAttribute("href");
    this.train.setAttribute("aria-disabled", "true");
  }

  /** A button for the one canonical form, where the text is written otherwise. */
  tidyButton(canonical) {
    if (!canonical || canonical === this.editor.text.trim()) return null;
    const tidy = () => {
      this.editor.text = canonical;
      this.use();
    };
    return button(t("network.tidy"), tidy, { quiet: true, title: canonical });
  }

  /** The address has changed. */
  changed() {
    if (PARAMETERS.every((name) => (state.get(name) ?? "") === this.parameters[name])) return;
    this.readAddress();
    this.check();
  }

  close() {
    this.checkLater.cancel();
    this.nextTurn();
  }
}

function inputGroup(sizes) {
  const times = () => h("span", { "aria-hidden": "true" }, "×");
  const inputs = sizes.flatMap(({ input }, index) => (index ? [times(), input] : [input]));
  return h(
    "div",
    { class: "field", role: "group", "aria-label": t("network.input_size") },
    h("span", { class: "field-name" }, t("network.input_size")),
    h("div", { class: "size-pair" }, inputs),
  );
}

/** Fill `root`; see main.js. */
export async function open(root) {
  const tab = new NetworkTab(await busy(root, api.get("/api/networks")));
  root.append(...tab.elements);
  await tab.check();
  tab.costs.hidden = false;
  return tab;
}
