// @ts-check
// A recipe's settings as inputs: the few that matter most in sight, the others in groups that open.
//
// Every input holds what the recipe says; only what differs from it is sent.

import { t } from "../shared/i18n.js";
import { button, h, number, replace, select, uniqueId } from "../shared/ui.js";

/**
 * A setting of every recipe, as /api/recipes describes it.
 * @typedef {{name: string, group: string, term: string, unit: string, meaning: string,
 * default: boolean | number | string, allowed: string[] | number[], open_end: boolean, auto: number | null}} Field
 */

const IN_SIGHT = ["epochs", "batch_size", "learning_rate"];

const yesNo = () => ({ true: t("train.settings.yes"), false: t("train.settings.no") });
const isAuto = (/** @type {Field} */ { auto }, value) => auto !== null && value === auto;
/** A symbol such as β stays as it is: its capital is another one. */
const capital = (text) => text.replace(/^[a-z]/, (letter) => letter.toUpperCase());

const isNumeric = (/** @type {Field} */ field) => typeof field.default === "number"; // else yes or no, or a name

/** The value that a text in a setting's input stands for; of an empty one, the recipe's. */
export function valueOf(/** @type {Field} */ field, text, recipeValue) {
  if (!isNumeric(field)) return typeof field.default === "boolean" ? text === "true" : text;
  const digits = text.trim().replace(",", ".");
  return digits === "" ? recipeValue : Number(digits);
}

/** Whether a setting's control can show a text, be it allowed or not. */
export function mayBeShown(/** @type {Field} */ field, text) {
  if (isNumeric(field)) return true;
  return typeof field.default === "boolean" ? ["true", "false"].includes(text) : field.allowed.some((name) => name === text);
}

/** Whether a setting may have a value; of the others there are only right ones to choose from. */
export function isAllowed(/** @type {Field} */ field, value) {
  if (!isNumeric(field) || isAuto(field, value)) return true;
  const [low, high] = field.allowed;
  return Number.isFinite(value) && value >= low && value <= high && !(field.open_end && value === high);
}

/** The groups of the settings out of sight: {group, members}. */
export function groupsOf(/** @type {Field[]} */ fields) {
  const hidden = fields.filter(({ name }) => !IN_SIGHT.includes(name));
  const groups = [...new Set(hidden.map(({ group }) => group))];
  return groups.map((group) => ({ group, members: hidden.filter((field) => field.group === group).map(({ name }) => name) }));
}

/** A remark as a sentence: with a capital letter, and its full stop. */
export function sentence(text) {
  return text && `${capital(text)}${/[.!?]$/.test(text) ? "" : "."}`;
}

/** The input or list of choices of a setting. @returns {any} */
function controlOf(/** @type {Field} */ field, onchange) {
  if (!isNumeric(field)) return select(field.allowed ?? Object.entries(yesNo()), null, onchange);
  return h("input", { type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", oninput: onchange });
}

/** What is said below a setting: its meaning, or what may be typed; and the recipe's value where it differs. */
function remarks(/** @type {Field} */ field, recipeValue, { wrong, changed }) {
  const { allowed, open_end: below } = field;
  if (wrong) {
    const [low, high] = allowed.map((end) => number(end, 9));
    return h("strong", null, t(below ? "train.settings.below" : "train.settings.allowed", { low, high }));
  }
  const value = isAuto(field, recipeValue) ? t("train.settings.auto") : (yesNo()[recipeValue] ?? String(recipeValue));
  return [
    h("span", { class: "meaning" }, sentence(field.meaning)),
    changed && h("span", { class: "was" }, ` ${t("train.settings.recipe_says", { value })}`),
  ];
}

/** One setting: its control, and what the recipe says of it. */
class Setting {
  constructor(/** @type {Field} */ field, /** @type {() => void} */ onchange) {
    this.field = field;
    this.recipeValue = field.default;
    const unit = isNumeric(field) ? field.unit : "";
    const id = uniqueId("setting");
    this.control = controlOf(field, () => {
      this.show();
      onchange();
    });
    Object.assign(this.control, { id, name: field.name });
    this.control.setAttribute("aria-describedby", `${id}-about`);
    this.about = h("p", { class: "hint", id: `${id}-about` });
    this.element = h(
      "div",
      { class: "field setting", dataset: { setting: field.name } },
      h("label", { for: id }, h("span", null, capital(field.term)), h("code", null, field.name)),
      h("div", { class: "setting-input" }, this.control, unit && h("span", { class: "unit" }, unit)),
      this.about,
    );
  }

  get value() {
    return valueOf(this.field, this.control.value, this.recipeValue);
  }

  get wrong() {
    return !isAllowed(this.field, this.value);
  }

  /** Whether it is to be sent. */
  get changed() {
    return this.value !== this.recipeValue && !this.wrong;
  }

  focus() {
    this.control.focus();
  }

  /** Show a recipe's value, or the text of another value in its place. */
  use(recipeValue, text) {
    const automatic = isAuto(this.field, recipeValue);
    const shown = text !== undefined && mayBeShown(this.field, text) ? text : recipeValue;
    this.recipeValue = recipeValue;
    this.control.value = automatic && isAuto(this.field, shown) ? "" : String(shown);
    // What an empty input means:
    this.control.placeholder = automatic ? t("train.settings.auto") : String(recipeValue);
    this.show();
  }

  /** Say what auto stands for with these images. */
  suit(value) {
    if (isAuto(this.field, this.recipeValue)) this.control.placeholder = t("train.settings.auto_is", { value: number(value, 2) });
  }

  show() {
    const { wrong } = this;
    this.element.classList.toggle("changed", this.value !== this.recipeValue);
    this.control.setAttribute("aria-invalid", String(wrong));
    replace(this.about, remarks(this.field, this.recipeValue, { wrong, changed: this.changed }));
  }
}

/** A group that opens, and says how many of its settings differ from the recipe. */
function countedGroup(className, title, settings, content) {
  const count = h("span", { class: "changed-count" });
  const element = h("details", { class: className }, h("summary", null, h("span", null, title), count), content);
  return {
    element,
    show() {
      const changed = settings.filter((setting) => setting.changed).length;
      count.textContent = changed ? t("train.settings.changed", { count: changed }) : "";
    },
  };
}

/** All settings of a recipe. */
export class Settings {
  constructor(/** @type {Field[]} */ fields, /** @type {() => void} */ onchange) {
    this.onchange = onchange;
    this.recipe = {};
    this.settings = fields.map((field) => new Setting(field, () => this.show()));
    const byName = Object.fromEntries(this.settings.map((setting) => [setting.field.name, setting]));
    const elements = (settings) => settings.map((setting) => setting.element);
    const inSight = IN_SIGHT.map((name) => byName[name]).filter(Boolean);
    const hidden = this.settings.filter((setting) => !inSight.includes(setting));
    const groups = groupsOf(fields).map(({ group, members }) => {
      const settings = members.map((name) => byName[name]);
      const content = h("div", { class: "group-fields" }, elements(settings));
      return countedGroup("group", t(`train.group.${group}`), settings, content);
    });
    const all = countedGroup("group all-settings", t("train.settings.all"), hidden, elements(groups));
    this.groups = [...groups, all];
    this.reset = button(t("train.settings.reset"), () => this.use(this.recipe), { quiet: true });
    this.reset.classList.add("back-to-recipe");
    this.element = h("div", { class: "settings" }, h("div", { class: "in-sight" }, elements(inSight)), this.reset, all.element);
  }

  /** Show a recipe's settings, {name: value}, and texts in the place of some. */
  use(recipe, texts = {}) {
    this.recipe = recipe;
    for (const setting of this.settings) {
      const { name } = setting.field;
      setting.use(recipe[name] ?? setting.field.default, texts[name]);
    }
    this.show();
  }

  /** Put something below a setting. */
  append(name, element) {
    this.settings.find(({ field }) => field.name === name)?.element.append(element);
  }

  /** Show values in place of the recipe's: {name: number}. */
  take(values) {
    for (const setting of this.settings) {
      const { name } = setting.field;
      if (name in values) setting.use(setting.recipeValue, String(values[name]));
    }
    this.show();
  }

  /** Say what auto stands for: {name: number}. */
  suit(values) {
    for (const setting of this.settings) {
      if (setting.field.name in values) setting.suit(values[setting.field.name]);
    }
  }

  show() {
    for (const { show } of this.groups) show();
    this.reset.hidden = !this.settings.some((setting) => setting.changed);
    this.onchange();
  }

  /** What differs from the recipe: {name: value}. */
  changed() {
    const changed = this.settings.filter((setting) => setting.changed);
    return Object.fromEntries(changed.map(({ field, value }) => [field.name, value]));
  }

  get isWrong() {
    return this.settings.some((setting) => setting.wrong);
  }

  /** The first setting that is not allowed; its group is opened. */
  wrong() {
    const wrong = this.settings.find((setting) => setting.wrong) ?? null;
    for (const details of this.element.querySelectorAll("details")) {
      if (details.contains(wrong?.element)) details.open = true;
    }
    return wrong;
  }
}
