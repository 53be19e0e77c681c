// A recipe's settings as inputs: the few that matter most in sight, the others in groups that open.
//
// Every input holds what the recipe says; only what differs from it is sent.

import { has, t } from "../shared/i18n.js";
import { h, number, replace, select, uniqueId } from "../shared/ui.js";

const IN_SIGHT = ["epochs", "batch_size", "learning_rate"]; // 0 in them: whatever suits the images
const GROUPS = {
  time: ["early_stopping"],
  steps: [
    "optimizer", "schedule", "warmup", "momentum", "beta1", "beta2", "rho", "epsilon", "other_rate", "first_layer",
    "gradient_clip", "averaging",
  ],
  restraint: ["weight_decay", "label_smoothing"],
  changes: [
    "shift", "rotation", "scaling", "shear", "thickness", "coarseness", "blur", "background", "noise", "torn",
    "cutout", "flip",
  ],
  numbers: ["normalization", "initial_weights", "views"],
};

const label = (name) => (has(`train.field.${name}`) ? t(`train.field.${name}`) : name);
const suits = (name, value) => value === 0 && IN_SIGHT.includes(name);
const inLanguage = (kind, name, otherwise) => (has(`train.${kind}.${name}`) ? t(`train.${kind}.${name}`) : otherwise);
const isNumber = (value) => typeof value === "number";

/** A setting's value as text: as people type it. */
export function written(value) {
  if (typeof value === "boolean") return value ? t("train.settings.yes") : t("train.settings.no");
  return isNumber(value) ? String(value) : String(value ?? "");
}

/** What may be typed, as a sentence. */
function allowedText({ allowed: [low, high], open_end: below }) {
  return t(below ? "train.settings.below" : "train.settings.allowed", { low: number(low, 9), high: number(high, 9) });
}

/** A remark as a sentence: with a capital letter, and its full stop. */
export function sentence(text) {
  return text && `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

/** One setting. Returns {name, element, use(value), value(), changed(), refuse(message)}. */
function input(field, onchange) {
  const { name, allowed } = field;
  const id = uniqueId("setting");
  const yesNo = typeof field.default === "boolean";
  const names = !yesNo && Array.isArray(allowed) && !isNumber(allowed[0]);
  const control = yesNo
    ? select([["true", t("train.settings.yes")], ["false", t("train.settings.no")]], "true", changed)
    : names
      ? select(allowed, allowed[0], changed)
      : h("input", { type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", oninput: changed });
  control.id = id;
  control.name = name;
  control.setAttribute("aria-describedby", `${id}-about`);
  const unit = inLanguage("unit", field.unit, field.unit === "name" || yesNo ? "" : field.unit);
  const about = h("p", { class: "hint", id: `${id}-about` });
  const element = h(
    "div",
    { class: "field setting", dataset: { setting: name } },
    h("label", { for: id }, label(name), h("code", null, name)),
    h("div", { class: "setting-input" }, control, unit && h("span", { class: "unit" }, unit)),
    about,
  );
  let recipe = field.default;

  function value() {
    if (yesNo) return control.value === "true";
    if (names) return control.value;
    const typed = control.value.trim().replace(",", ".");
    return typed === "" ? recipe : Number(typed);
  }

  function wrong() {
    if (yesNo || names) return false;
    const now = value();
    const [low, high] = allowed;
    return !Number.isFinite(now) || now < low || now > high || (field.open_end && now === high);
  }

  function changed() {
    const differs = value() !== recipe;
    element.classList.toggle("changed", differs);
    control.setAttribute("aria-invalid", String(wrong()));
    const told = suits(name, recipe) ? t("train.settings.auto") : written(recipe);
    replace(
      about,
      wrong() ? h("strong", null, allowedText(field)) : h("span", { class: "meaning" }, inLanguage("meaning", name, sentence(field.meaning))),
      differs && !wrong() && h("span", { class: "was" }, ` ${t("train.settings.recipe_says", { value: told })}`),
    );
    onchange?.();
  }

  return {
    name,
    element,
    value,
    wrong,
    changed: () => value() !== recipe && !wrong(),
    focus: () => control.focus(),
    /** Show a recipe's value, or the given one in its place. */
    use(next, given) {
      recipe = next;
      const known = given !== undefined && (yesNo ? ["true", "false"].includes(String(given)) : !names || allowed.includes(given));
      const shown = known ? given : next;
      control.value = suits(name, next) && suits(name, shown) ? "" : String(shown);
      control.placeholder = suits(name, next) ? t("train.settings.auto") : String(next); // what an empty field means
      changed();
    },
  };
}

/**
 * All settings of a recipe.
 * Returns {element, use(settings, given), changed() → {name: value}, wrong() → the first wrong input, reset()}.
 */
export function settings(fields, onchange) {
  const inputs = new Map();
  let quiet = true; // while a recipe is put in, one change is told at the end
  const told = () => {
    if (quiet) return;
    counts();
    onchange();
  };
  for (const each of fields) inputs.set(each.name, input(each, told));
  const known = new Set([...IN_SIGHT, ...Object.values(GROUPS).flat()]);
  const groups = { ...GROUPS, other: fields.map((each) => each.name).filter((name) => !known.has(name)) };
  const open = [];
  for (const [group, names] of Object.entries(groups)) {
    const present = names.filter((name) => inputs.has(name));
    if (!present.length) continue;
    const count = h("span", { class: "changed-count" });
    open.push({ names: present, count });
    open.at(-1).element = h(
      "details",
      { class: "group" },
      h("summary", null, h("span", null, t(`train.group.${group}`)), count),
      h("div", { class: "group-fields" }, present.map((name) => inputs.get(name).element)),
    );
  }
  const count = h("span", { class: "changed-count" });
  const reset = h("button", { type: "button", class: "quiet back-to-recipe", hidden: true, onclick: () => use(recipe) }, t("train.settings.reset"));
  const all = h(
    "details",
    { class: "group all-settings" },
    h("summary", null, h("span", null, t("train.settings.all")), count),
    open.map((each) => each.element),
  );
  const element = h(
    "div",
    { class: "settings" },
    h("div", { class: "in-sight" }, IN_SIGHT.filter((name) => inputs.has(name)).map((name) => inputs.get(name).element)),
    reset,
    all,
  );
  let recipe = {};

  function use(next, given = {}) {
    recipe = next;
    quiet = true;
    for (const [name, each] of inputs) each.use(next[name] ?? fields.find((field) => field.name === name).default, given[name]);
    quiet = false;
    told();
  }

  function counts() {
    const differ = (names) => names.filter((name) => inputs.get(name).changed()).length;
    const show = (place, many) => (place.textContent = many ? t("train.settings.changed", { count: many }) : "");
    for (const each of open) show(each.count, differ(each.names));
    show(count, differ(open.flatMap((each) => each.names)));
    reset.hidden = !differ([...inputs.keys()]);
  }

  return {
    element,
    use,
    changed: () => Object.fromEntries([...inputs.values()].filter((each) => each.changed()).map((each) => [each.name, each.value()])),
    /** The first input that is not allowed; its group is opened. */
    wrong() {
      const found = [...inputs.values()].find((each) => each.wrong());
      for (let at = found?.element.parentElement; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
      return found ?? null;
    },
  };
}
