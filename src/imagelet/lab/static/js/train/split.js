// How images are split, chance, and the run's name: typed, and checked while one types.

import { t } from "../shared/i18n.js";
import { field, h, uniqueId } from "../shared/ui.js";

const LARGEST = 2 ** 32 - 1; // as the server has it
const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_ .+-]{0,99}$/u;
const whole = (text) => /^\d+$/.test(text) && Number(text) <= LARGEST;
const CHECKS = {
  validation: (text) => /^(auto|course|0|0?\.\d+|fold \d+ of \d+)$/.test(text),
  limit: whole,
  seed: whole,
  name: (text) => text === "" || NAME.test(text),
};
export const USUAL = { validation: "auto", limit: "0", seed: "0", name: "" };

/** Return {element, use(order), values(), wrong() → the first wrong input or null, unname()}. */
export function splitFields(onchange) {
  const inputs = Object.fromEntries(Object.keys(CHECKS).map((name) => [name, checked(name, onchange)]));
  const test = h("input", { type: "checkbox", id: uniqueId("test"), onchange });
  const element = h(
    "details",
    { class: "group split" },
    h("summary", null, h("span", null, t("train.split"))),
    h(
      "div",
      { class: "group-fields" },
      Object.values(inputs).map((each) => each.element),
      h("div", { class: "field check" }, h("label", { for: test.id }, test, h("span", null, t("train.test"))), h("p", { class: "hint" }, t("train.test.hint"))),
    ),
  );
  return {
    element,
    use(order) {
      for (const [name, each] of Object.entries(inputs)) each.write(order[name] ?? USUAL[name]);
      test.checked = Boolean(order.test);
      if (test.checked || Object.keys(inputs).some((name) => name in order)) element.open = true;
    },
    /** What may be sent; in place of what may not, the usual. */
    values() {
      const { validation, limit, seed, name } = Object.fromEntries(Object.entries(inputs).map(([key, each]) => [key, each.value()]));
      return { validation, limit: Number(limit), seed: Number(seed), test: test.checked, ...(name ? { name } : {}) };
    },
    wrong() {
      const found = Object.values(inputs).find((each) => each.wrong());
      if (found) element.open = true;
      return found ?? null;
    },
    unname() {
      inputs.name.write("");
      onchange();
    },
  };
}

function checked(name, onchange) {
  const input = h("input", {
    type: "text",
    name,
    value: USUAL[name],
    inputmode: whole === CHECKS[name] ? "numeric" : null,
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => {
      show();
      onchange();
    },
  });
  const element = field(t(`train.${name}`), input, t(`train.${name}.hint`));
  const hint = element.querySelector(".hint");
  const typed = () => input.value.trim() || USUAL[name];
  const wrong = () => !CHECKS[name](typed());
  function show() {
    const so = wrong();
    input.setAttribute("aria-invalid", String(so));
    hint.textContent = t(so ? `train.${name}.wrong` : `train.${name}.hint`);
    hint.classList.toggle("wrong", so);
  }
  return {
    element,
    wrong,
    value: () => (wrong() ? USUAL[name] : typed()),
    focus: () => input.focus(),
    write(text) {
      input.value = text;
      show();
    },
  };
}
