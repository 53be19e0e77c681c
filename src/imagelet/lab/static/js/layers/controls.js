// @ts-check
// What is to be done with the image: operation, example, kernel, stride, padding, dilation.

import { numberField } from "../shared/field.js";
import { has, t } from "../shared/i18n.js";
import { choice, field, h, replace, select } from "../shared/ui.js";
import { EXAMPLES } from "./examples.js";
import { MOST_CELLS, MOST_WEIGHTS, resized, sameMatrix } from "./matrix.js";
import { LARGEST_STEP, OPERATIONS, PADDINGS } from "./setting.js";

const OWN = "own"; // in place of a kernel's name: numbers of one's own

export class Controls {
  #setting = null;
  #named; // [[name, matrix]] of the kernels that have names
  #operation;
  #examples;
  #note = h("p", { class: "example-note", "aria-live": "polite" });
  #kernel;
  #padding;
  #numbers;

  /** `changed(part of a setting)` is called with what is changed, `chosen(example)` with one of EXAMPLES. */
  constructor({ kernels, changed, chosen }) {
    this.#named = kernels.map(({ name, matrix }) => [name, matrix]);
    const operations = OPERATIONS.map((name) => [name, t(`layers.operation_${name}`)]);
    this.#operation = choice(t("layers.operation"), operations, "convolve", (operation) =>
      changed({ operation, stride: operation === "convolve" ? 1 : this.#setting.size, at: [0, 0] }),
    );
    this.#examples = exampleSelect(chosen);
    const names = [[OWN, t("layers.own")], ...kernels.map(({ name }) => [name, nameOf("kernel", name)])];
    this.#kernel = select(names, OWN, (name) => {
      const matrix = this.#named.find(([known]) => known === name)?.[1];
      if (matrix) changed({ kernel: matrix });
    });
    this.#padding = h("select", { onchange: () => changed({ padding: this.#padding.value }) });
    const resize = (rows, columns) => changed({ image: resized(this.#setting.image, rows, columns) });
    const resizeKernel = (side) => changed({ kernel: resized(this.#setting.kernel, side, side) });
    this.#numbers = {
      rows: wholeNumber("rows", MOST_CELLS, (rows) => resize(rows, this.#setting.image[0].length)),
      columns: wholeNumber("columns", MOST_CELLS, (columns) => resize(this.#setting.image.length, columns)),
      weights: wholeNumber("kernel_size", MOST_WEIGHTS, resizeKernel),
      size: wholeNumber("window_size", MOST_WEIGHTS, (size) => changed({ size })),
      stride: wholeNumber("stride", LARGEST_STEP, (stride) => changed({ stride })),
      dilation: wholeNumber("dilation", LARGEST_STEP, (dilation) => changed({ dilation })),
    };
    const example = field(t("layers.example"), this.#examples);
    const first = h("div", { class: "layer-choice" }, this.#operation, example, this.#note);
    this.element = h("div", { class: "layer-controls" }, first, this.#settings());
  }

  show(setting, example) {
    this.#setting = setting;
    const { operation, image, kernel, size, stride, padding, dilation } = setting;
    this.#operation.choose(operation);
    this.#examples.value = example?.name ?? "";
    this.#note.textContent = t(example ? `layers.note_${example.name}` : "layers.note_own");
    for (const part of this.onlyConvolving) part.hidden = operation !== "convolve";
    this.#numbers.size.field.hidden = operation === "convolve";
    this.#kernel.value = this.#named.find(([, matrix]) => sameMatrix(matrix, kernel))?.[0] ?? OWN;
    const paddings = PADDINGS.includes(padding) ? PADDINGS : [...PADDINGS, padding];
    replace(this.#padding, paddings.map((name) => h("option", { value: name }, nameOf("padding", name))));
    this.#padding.value = padding;
    const numbers = { rows: image.length, columns: image[0].length, weights: kernel.length, size, stride, dilation };
    for (const [name, value] of Object.entries(numbers)) this.#numbers[name].show(value);
  }

  #settings() {
    const { rows, columns, weights, size, stride, dilation } = this.#numbers;
    const kernel = field(t("layers.kernel"), this.#kernel);
    this.onlyConvolving = [kernel, weights.field, dilation.field];
    rows.input.setAttribute("aria-label", t("layers.rows"));
    columns.input.setAttribute("aria-label", t("layers.columns"));
    const times = h("span", { "aria-hidden": "true" }, "×");
    const sides = h("div", { class: "size-pair" }, rows.input, times, columns.input);
    const label = t("layers.image_size");
    const name = h("span", { class: "field-name" }, label);
    return h(
      "div",
      { class: "layer-settings" },
      h("div", { class: "field", role: "group", "aria-label": label }, name, sides, rows.problem, columns.problem),
      kernel,
      weights.field,
      size.field,
      stride.field,
      field(t("layers.padding"), this.#padding),
      dilation.field,
    );
  }
}

function exampleSelect(chosen) {
  const option = ({ name }) => h("option", { value: name }, t(`layers.example_${name}`));
  const group = (key, examples) => h("optgroup", { label: t(key) }, examples.map(option));
  const element = h(
    "select",
    { class: "example-select", onchange: () => chosen(EXAMPLES.find(({ name }) => name === element.value)) },
    h("option", { value: "", disabled: true, hidden: true }, t("layers.own_numbers")),
    group("layers.convolutions", EXAMPLES.filter(({ operation }) => operation === "convolve")),
    group("layers.poolings", EXAMPLES.filter(({ operation }) => operation !== "convolve")),
  );
  return element;
}

/** A whole number from 1 to `most`: typed, or stepped with the arrow keys; `onvalue(number)` when it is valid. */
function wholeNumber(name, most, onvalue) {
  const { input, problem, show } = numberField({ low: 1, high: most, typing: true, onvalue });
  const labelled = field(t(`layers.${name}`), input);
  labelled.append(problem);
  return { input, problem, field: labelled, show };
}

/** The text of a kernel's or padding's name, where there is one. */
function nameOf(kind, name) {
  const key = `layers.${kind}_${name}`;
  return has(key) ? t(key) : name;
}
