/** What is to be done with the image: operation, example, kernel, stride, padding, dilation. */

import { has, t } from "../shared/i18n.js";
import { choice, field, h, replace, select } from "../shared/ui.js";
import { EXAMPLES } from "./examples.js";
import { MOST_CELLS, MOST_WEIGHTS, resized, sameMatrix } from "./matrix.js";
import { LARGEST_STEP, OPERATIONS, PADDINGS } from "./setting.js";

const OWN = "own";

/**
 * Return { element, show(setting, example), kernels([[name, matrix]]) }.
 *
 * Args: changed(part of a setting), example(one of EXAMPLES).
 */
export function controls({ changed, example }) {
  let setting = null;
  let named = [];

  const operation = choice(
    t("layers.operation"),
    OPERATIONS.map((name) => [name, t(`layers.operation_${name}`)]),
    "convolve",
    (name) => changed({ operation: name, stride: name === "convolve" ? 1 : setting.size, at: [0, 0] }),
  );
  const examples = exampleSelect(example);
  const note = h("p", { class: "example-note", "aria-live": "polite" });
  const kernel = select([[OWN, t("layers.own")]], OWN, (name) => {
    const found = named.find(([each]) => each === name);
    if (found) changed({ kernel: found[1] });
  });
  const size = (key, most, act) => whole(t(`layers.${key}`), most, act);
  const rows = size("rows", MOST_CELLS, (count) => changed({ image: resized(setting.image, count, setting.image[0].length) }));
  const columns = size("columns", MOST_CELLS, (count) => changed({ image: resized(setting.image, setting.image.length, count) }));
  const weights = size("kernel_size", MOST_WEIGHTS, (count) => changed({ kernel: resized(setting.kernel, count, count) }));
  const window_ = size("window_size", MOST_WEIGHTS, (count) => changed({ size: count }));
  const stride = size("stride", LARGEST_STEP, (count) => changed({ stride: count }));
  const dilation = size("dilation", LARGEST_STEP, (count) => changed({ dilation: count }));
  const padding = select(paddings(PADDINGS), "valid", (name) => changed({ padding: name }));

  const shapes = h("div", { class: "size-pair" }, rows.input, h("span", { "aria-hidden": "true" }, "×"), columns.input);
  rows.input.setAttribute("aria-label", t("layers.rows"));
  columns.input.setAttribute("aria-label", t("layers.columns"));
  const onlyConvolving = [field(t("layers.kernel"), kernel), weights.field, dilation.field];
  const settings = h(
    "div",
    { class: "layer-settings" },
    h("div", { class: "field", role: "group", "aria-label": t("layers.image_size") }, h("span", { class: "field-name" }, t("layers.image_size")), shapes),
    onlyConvolving[0],
    weights.field,
    window_.field,
    stride.field,
    field(t("layers.padding"), padding),
    dilation.field,
  );

  return {
    element: h(
      "div",
      { class: "layer-controls" },
      h("div", { class: "layer-choice" }, operation, field(t("layers.example"), examples.element), note),
      settings,
    ),

    kernels(known) {
      named = known;
      replace(
        kernel,
        [[OWN, t("layers.own")], ...known].map(([name], place) =>
          h("option", { value: name }, place ? kernelName(name) : t("layers.own")),
        ),
      );
    },

    show(shown, shownExample) {
      setting = shown;
      const convolving = shown.operation === "convolve";
      operation.choose(shown.operation);
      examples.show(shownExample?.name);
      note.textContent = t(shownExample ? `layers.note_${shownExample.name}` : "layers.note_own");
      for (const each of onlyConvolving) each.hidden = !convolving;
      window_.field.hidden = convolving;
      kernel.value = named.find(([, matrix]) => sameMatrix(matrix, shown.kernel))?.[0] ?? OWN;
      const listed = PADDINGS.includes(shown.padding) ? PADDINGS : [...PADDINGS, shown.padding];
      replace(padding, paddings(listed).map(([value, text]) => h("option", { value }, text)));
      padding.value = shown.padding;
      rows.show(shown.image.length);
      columns.show(shown.image[0].length);
      weights.show(shown.kernel.length);
      window_.show(shown.size);
      stride.show(shown.stride);
      dilation.show(shown.dilation);
    },
  };
}

function exampleSelect(chosen) {
  const option = ({ name }) => h("option", { value: name }, t(`layers.example_${name}`));
  const group = (key, pooling) =>
    h("optgroup", { label: t(key) }, EXAMPLES.filter(({ operation }) => (operation !== "convolve") === pooling).map(option));
  const element = h(
    "select",
    { class: "example-select", onchange: () => chosen(EXAMPLES.find(({ name }) => name === element.value)) },
    h("option", { value: "", disabled: true, hidden: true }, t("layers.own_numbers")),
    group("layers.convolutions", false),
    group("layers.poolings", true),
  );
  return { element, show: (name) => (element.value = name ?? "") };
}

/** A whole number from 1 to `most`: typed, or stepped with the arrow keys. */
function whole(label, most, act) {
  const input = h("input", {
    type: "number",
    min: "1",
    max: String(most),
    step: "1",
    oninput: () => {
      const wrong = !(input.checkValidity() && input.value);
      input.setAttribute("aria-invalid", String(wrong));
      if (!wrong) act(Number(input.value));
    },
    onblur: () => show(shown),
  });
  let shown = 1;
  const show = (value) => {
    shown = value;
    input.setAttribute("aria-invalid", "false");
    if (Number(input.value) !== value || input !== document.activeElement) input.value = String(value);
  };
  return { input, field: field(label, input), show };
}

function paddings(names) {
  return names.map((name) => [name, has(`layers.padding_${name}`) ? t(`layers.padding_${name}`) : name]);
}

function kernelName(name) {
  return has(`layers.kernel_${name}`) ? t(`layers.kernel_${name}`) : name;
}
