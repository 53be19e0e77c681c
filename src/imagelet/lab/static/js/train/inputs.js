// @ts-check
// The form's other inputs: images, network, and how the images are split.

import { t } from "../shared/i18n.js";
import { state } from "../shared/state.js";
import { command, field, group, h, number, remark, replace, uniqueId } from "../shared/ui.js";

/**
 * A dataset as /api/datasets lists it.
 * @typedef {{name: string, title: string, classes: string[], shape: number[], available: boolean}} Dataset
 */

/** @param {Dataset} dataset */
export const isHere = (dataset) => dataset.available;

/** The datasets as a list to choose from: first those on this machine; the others say how to get them. */
export function datasetChoice(/** @type {Dataset[]} */ datasets, onchange) {
  const name = uniqueId("dataset");
  const here = datasets.filter(isHere);
  const elsewhere = datasets.filter((dataset) => !isHere(dataset));
  const titles = elsewhere.map(({ title }) => title).join(", ");
  const radios = here.map((dataset, index) =>
    h("input", { type: "radio", name, value: dataset.name, checked: index === 0, onchange }),
  );
  const absent = elsewhere.length > 0 && h(
    "details",
    { class: "elsewhere", open: here.length === 0 },
    h("summary", null, t("train.dataset.elsewhere"), h("span", { class: "hint" }, titles)),
    remark(t("train.dataset.get")),
    elsewhere.map((dataset) => command(`imagelet data get ${dataset.name}`)),
  );
  const element = h(
    "fieldset",
    { class: "datasets" },
    h("legend", null, t("train.dataset")),
    here.map((dataset, index) => datasetLabel(dataset, radios[index])),
    absent,
  );
  return {
    element,
    value: () => radios.find((radio) => radio.checked)?.value ?? null,
    choose(wanted) {
      const radio = radios.find(({ value }) => value === wanted);
      if (radio) radio.checked = true;
    },
    openElsewhere() {
      if (absent) absent.open = true;
    },
  };
}

function datasetLabel(/** @type {Dataset} */ { title, classes, shape }, radio) {
  const [height, width, channels] = shape;
  const about = shape.length ? t("train.dataset.about", { classes: classes.length, height, width, channels }) : "";
  return h(
    "label",
    { class: "dataset" },
    radio,
    h("span", { class: "dataset-title" }, title),
    h("span", { class: "hint" }, about),
  );
}

/** The network as a name or as text, with what is said of it and a link to its tab. */
export class NetworkField {
  /** @param {{name: string, note: string}[]} networks */
  constructor(networks, onchange) {
    const list = uniqueId("networks");
    this.suggested = "";
    this.real = ""; // what auto stands for
    this.control = h("input", {
      type: "text", class: "network-text", list, autocomplete: "off", spellcheck: "false", autocapitalize: "none",
      oninput: onchange,
    });
    this.about = h("p", { class: "network-about", "aria-live": "polite" });
    this.link = h("a", { href: state.link("network") }, t("train.network.open"));
    this.element = h(
      "div",
      { class: "network-field" },
      field(t("train.network"), this.control, t("train.network.hint")),
      h("datalist", { id: list }, networks.map(({ name, note }) => h("option", { value: name }, note))),
      h("div", { class: "network-line" }, this.about, this.link),
    );
  }

  get value() {
    return this.control.value.trim();
  }

  get isWrong() {
    return this.control.getAttribute("aria-invalid") === "true";
  }

  set value(text) {
    this.control.value = text;
  }

  /** What an empty field stands for: the recipe's network. */
  suggest(text) {
    this.suggested = text;
    this.control.placeholder = t("train.network.own", { network: text });
  }

  /** Let the link open the network that is meant, with the images of a dataset. */
  linkWith(/** @type {Dataset | null} */ dataset) {
    const meant = this.value || this.suggested;
    const network = meant === "auto" ? this.real : meant;
    this.link.hidden = !network;
    const size = dataset ? { input: dataset.shape.join("x"), classes: String(dataset.classes.length) } : {};
    this.link.href = state.link("network", { network, ...size });
  }

  say(text) {
    this.control.removeAttribute("aria-invalid");
    replace(this.about, text);
  }

  /** Say what is wrong with the network, and mark the place in the text. */
  refuse({ message, hint, position }) {
    const text = this.value;
    this.control.setAttribute("aria-invalid", "true");
    replace(
      this.about,
      h("span", { class: "wrong" }, message, hint && ` ${hint}`),
      Number.isInteger(position) && text && marked(text, Math.max(0, Math.min(text.length, position) - 1)),
    );
  }
}

/** The text around a letter, which is marked. */
function marked(text, at) {
  const [before, after] = [text.slice(Math.max(0, at - 16), at), text.slice(at + 1, at + 16)];
  return h("code", { class: "pointed" }, before, h("mark", null, text[at]), after);
}

const LARGEST = 2 ** 32 - 1; // as the server has it
const isWhole = (text) => /^\d+$/.test(text) && Number(text) <= LARGEST;
const CHECKS = {
  validation: (text) => /^(auto|course|0|0?\.\d+|fold \d+ of \d+)$/.test(text),
  limit: isWhole,
  seed: isWhole,
  name: (text) => /^([\p{L}\p{N}_][\p{L}\p{N}_ .+-]{0,99})?$/u.test(text),
};
export const SPLIT_DEFAULTS = { validation: "auto", limit: "0", seed: "0", name: "" };

/** How images are split, the seed, and the run's name: checked while they are typed. */
export function splitFields(onchange) {
  const inputs = Object.fromEntries(Object.keys(CHECKS).map((name) => [name, checkedInput(name, onchange)]));
  const test = h("input", { type: "checkbox", id: uniqueId("test"), onchange });
  const testLabel = h("label", { for: test.id }, test, h("span", null, t("train.test")));
  const testField = h("div", { class: "field check" }, testLabel, remark(t("train.test.hint")));
  const fields = h("div", { class: "group-fields" }, Object.values(inputs).map(({ element }) => element), testField);
  const element = group(t("train.split"), fields, { class: "group split" });
  return {
    element,
    /** @param {import("./setup.js").Setup} setup */
    use(setup) {
      for (const [name, input] of Object.entries(inputs)) input.write(setup[name] ?? SPLIT_DEFAULTS[name]);
      test.checked = Boolean(setup.test);
      if (test.checked || Object.keys(inputs).some((name) => name in setup)) element.open = true;
    },
    /** What may be sent; in place of what may not, the default. */
    values() {
      const [validation, limit, seed, name] = ["validation", "limit", "seed", "name"].map((key) => inputs[key].value());
      return { validation, limit: Number(limit), seed: Number(seed), test: test.checked, ...(name ? { name } : {}) };
    },
    isWrong: () => Object.values(inputs).some((input) => input.isWrong()),
    /** The first input that is wrong, or null; the group is opened. */
    wrong() {
      const wrong = Object.values(inputs).find((input) => input.isWrong());
      if (wrong) element.open = true;
      return wrong ?? null;
    },
    /** How many images there are: more than that is all of them. */
    sayAvailable(count) {
      inputs.limit.say(t("train.limit.there", { count: number(count, 12) }));
    },
    clearName() {
      inputs.name.write("");
      onchange();
    },
  };
}

function checkedInput(name, onchange) {
  const input = h("input", {
    type: "text",
    name,
    inputmode: CHECKS[name] === isWhole ? "numeric" : null,
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => {
      show();
      onchange();
    },
  });
  const element = field(t(`train.${name}`), input, t(`train.${name}.hint`));
  const note = element.querySelector(".hint");
  let hint = t(`train.${name}.hint`);
  const text = () => input.value.trim() || SPLIT_DEFAULTS[name];
  const isWrong = () => !CHECKS[name](text());
  function show() {
    const wrong = isWrong();
    input.setAttribute("aria-invalid", String(wrong));
    note.textContent = wrong ? t(`train.${name}.wrong`) : hint;
    note.classList.toggle("wrong", wrong);
  }
  return {
    element,
    isWrong,
    value: () => (isWrong() ? SPLIT_DEFAULTS[name] : text()),
    focus: () => input.focus(),
    say(remarks) {
      hint = remarks;
      show();
    },
    write(value) {
      input.value = value;
      show();
    },
  };
}
