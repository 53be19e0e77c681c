// The form of a new training: images, network, recipe with its settings, split; and the command that does the same.

import { ApiError } from "../api.js";
import { has, t } from "../i18n.js";
import { state } from "../state.js";
import { busy, button, command, error, field, h, number, replace, select, uniqueId } from "../ui.js";
import { settings } from "./fields.js";

const draft = {}; // what was chosen, kept while the page is open

/**
 * Build the form. data: {datasets, networks, recipes: {recipes, fields}}; `start(order)` resolves when it is taken.
 * Returns {element, use({network, dataset, recipe})}.
 */
export function form(api, data, start) {
  const { recipes, fields } = data.recipes;
  const own = settings(fields, written);
  const dataset = datasetChoice(data.datasets, draft.dataset, () => { checkNetwork(); written(); });
  const network = networkInput(data.networks, () => { checkNetwork.later(); written(); });
  const recipe = select(recipes.map((each) => each.name), draft.recipe ?? recipes[0]?.name, useRecipe);
  const note = h("p", { class: "hint recipe-note" });
  const split = splitFields(written);
  const line = h("div", { class: "command-line" });
  const problem = h("div", { class: "problem", "aria-live": "polite" });
  const go = button(t("train.start"), null, { primary: true });
  go.type = "submit";
  const element = h(
    "form",
    { class: "card new-training", novalidate: "", onsubmit: submit, "aria-labelledby": "new-training" },
    h("h2", { id: "new-training" }, t("train.new")),
    dataset.element,
    network.element,
    field(t("train.recipe"), recipe),
    note,
    h("div", { class: "groups" }, own.element, split.element),
    h("div", { class: "start" }, go, problem),
    h("details", { class: "group as-command" }, h("summary", null, h("span", null, t("train.command"))), line),
  );

  function chosen() {
    return recipes.find((each) => each.name === recipe.value) ?? recipes[0];
  }

  function useRecipe(_value, given = {}) {
    const now = chosen();
    note.textContent = noteOf(now);
    network.suggest(now.network);
    own.use(asObject(now.settings), given);
    checkNetwork();
  }

  function order() {
    const changed = own.changed();
    return {
      dataset: dataset.value(),
      recipe: recipe.value,
      ...(network.value() ? { network: network.value() } : {}),
      settings: changed,
      ...split.values(),
    };
  }

  function written() {
    const now = order();
    Object.assign(draft, { dataset: now.dataset, recipe: now.recipe, network: now.network ?? "", settings: now.settings });
    replace(line, command(asCommand(now)));
  }

  let asked = 0;
  let timer = null;
  async function checkNetwork() {
    clearTimeout(timer);
    asked += 1;
    const mine = asked;
    const images = data.datasets.find((each) => each.name === dataset.value());
    const text = network.value() || chosen().network;
    if (!images || text === "auto") return network.tell(text === "auto" ? t("train.network.suits") : "");
    try {
      const classes = Array.isArray(images.classes) ? images.classes.length : images.classes;
      const found = await api.post("/api/network", { text: network.textOf(text), input_shape: images.shape, classes });
      if (mine === asked) network.tell(t("train.network.parameters", { parameters: number(found.total, 12) }));
    } catch (wrong) {
      if (mine === asked) network.refuse(wrong);
    }
  }
  checkNetwork.later = () => {
    clearTimeout(timer);
    timer = setTimeout(checkNetwork, 400);
  };

  async function submit(event) {
    event.preventDefault();
    replace(problem);
    const wrong = own.wrong();
    if (wrong) {
      replace(problem, error(new ApiError({ message: t("train.invalid") })));
      wrong.focus();
      return;
    }
    go.disabled = true;
    go.textContent = t("train.starting");
    try {
      await busy(element, start(order()));
    } catch (refused) {
      replace(problem, error(refused));
    } finally {
      go.disabled = false;
      go.textContent = t("train.start");
    }
  }

  /** Choose what the address names, or what was chosen before. */
  function use({ network: text, dataset: images, recipe: named } = {}) {
    if (images) dataset.choose(images);
    if (named && recipes.some((each) => each.name === named)) recipe.value = named;
    network.choose(text ?? draft.network ?? "");
    useRecipe(null, named ? {} : draft.settings);
  }

  return { element, use };
}

const MEASURED = /^(.+): ([\d.]+(?: ± [\d.]+)?) % of test images \((\d+) seeds?\) after (\d+) s$/;

/** A recipe's note in the page's language, where there are words for it; what was measured keeps its numbers. */
function noteOf({ name, note }) {
  if (has(`train.note.${name}`)) return t(`train.note.${name}`);
  const [, dataset, accuracy, seeds, seconds] = note.match(MEASURED) ?? [];
  return dataset ? t("train.note_measured", { dataset, accuracy, seeds, seconds }) : note;
}

/** Settings as {name: value}, however they are listed. */
function asObject(list) {
  if (!Array.isArray(list)) return list ?? {};
  return Object.fromEntries(list.map((each) => [each.name ?? each.field, each.value]));
}

/** The datasets as a list to choose from: first those that are at hand; the others say how to get them. */
function datasetChoice(datasets, chosen, onchange) {
  const here = datasets.filter((each) => each.at_hand);
  const elsewhere = datasets.filter((each) => !each.at_hand);
  const name = uniqueId("dataset");
  const first = here.find((each) => each.name === chosen) ?? here[0];
  const inputs = new Map();
  const entry = (each, disabled) => {
    const radio = h("input", { type: "radio", name, value: each.name, checked: each === first, disabled, onchange });
    inputs.set(each.name, radio);
    const [height, width, channels] = each.shape ?? [];
    const classes = Array.isArray(each.classes) ? each.classes.length : each.classes;
    return h(
      "label",
      { class: disabled ? "dataset absent" : "dataset" },
      radio,
      h("span", { class: "dataset-title" }, each.title ?? each.name),
      h("span", { class: "hint" }, each.shape ? t("train.dataset.about", { classes, height, width, channels }) : ""),
    );
  };
  const element = h(
    "fieldset",
    { class: "datasets" },
    h("legend", null, t("train.dataset")),
    here.map((each) => entry(each, false)),
    elsewhere.length > 0 &&
      h(
        "details",
        { class: "elsewhere", open: here.length === 0 },
        h("summary", null, t("train.dataset.elsewhere"), h("span", { class: "hint" }, elsewhere.map((each) => each.title ?? each.name).join(", "))),
        h("p", { class: "hint" }, t("train.dataset.get")),
        elsewhere.map((each) => command(`imagelet data get ${each.name}`)),
      ),
  );
  return {
    element,
    value: () => [...inputs].find(([, radio]) => radio.checked)?.[0] ?? null,
    choose(wanted) {
      const radio = inputs.get(wanted);
      if (radio && !radio.disabled) radio.checked = true;
    },
  };
}

/** The network as a name or as text, with what it comes to. */
function networkInput(networks, onchange) {
  const list = uniqueId("networks");
  const control = h("input", {
    type: "text", list, autocomplete: "off", spellcheck: "false", autocapitalize: "none", oninput: onchange, class: "network-text",
  });
  const about = h("p", { class: "network-about", "aria-live": "polite" });
  const link = h("a", { href: state.link("network") }, t("train.network.open"));
  const element = h(
    "div",
    { class: "network-field" },
    field(t("train.network"), control, t("train.network.hint")),
    h("datalist", { id: list }, networks.map((each) => h("option", { value: each.name }, each.note ?? ""))),
    h("div", { class: "network-line" }, about, link),
  );
  let suggested = "";
  const value = () => control.value.trim();
  const aim = () => {
    const named = value() || suggested;
    link.hidden = !named || named === "auto";
    if (!link.hidden) link.href = state.link("network", { network: named });
  };
  control.addEventListener("input", aim);
  return {
    element,
    value,
    textOf: (text) => networks.find((each) => each.name === text)?.name ?? text,
    choose(text) {
      control.value = text;
      aim();
    },
    suggest(text) {
      suggested = text;
      control.placeholder = t("train.network.own", { network: text });
      aim();
    },
    tell(text) {
      control.removeAttribute("aria-invalid");
      replace(about, text);
    },
    refuse(wrong) {
      control.setAttribute("aria-invalid", "true");
      const at = Number.isInteger(wrong.position) && value() ? pointed(value(), wrong.position) : null;
      replace(about, h("span", { class: "wrong" }, wrong.message, wrong.hint && ` ${wrong.hint}`), at);
    },
  };
}

/** The text with the place of the mistake marked. */
function pointed(text, position) {
  const at = Math.max(0, Math.min(text.length - 1, position - 1));
  return h("code", { class: "pointed" }, text.slice(Math.max(0, at - 16), at), h("mark", null, text[at]), text.slice(at + 1, at + 16));
}

function splitFields(onchange) {
  const text = (value, extra = {}) => h("input", { type: "text", value, autocomplete: "off", spellcheck: "false", oninput: onchange, ...extra });
  const validation = text("auto");
  const limit = text("0", { inputmode: "numeric" });
  const seed = text("0", { inputmode: "numeric" });
  const name = text("");
  const test = h("input", { type: "checkbox", id: uniqueId("test"), onchange });
  const whole = (input) => Math.max(0, Math.round(Number(input.value) || 0));
  const element = h(
    "details",
    { class: "group split" },
    h("summary", null, h("span", null, t("train.split"))),
    h(
      "div",
      { class: "group-fields" },
      field(t("train.validation"), validation, t("train.validation.hint")),
      field(t("train.limit"), limit, t("train.limit.hint")),
      field(t("train.seed"), seed, t("train.seed.hint")),
      field(t("train.name"), name, t("train.name.hint")),
      h("div", { class: "field check" }, h("label", { for: test.id }, test, h("span", null, t("train.test"))), h("p", { class: "hint" }, t("train.test.hint"))),
    ),
  );
  return {
    element,
    values: () => ({
      validation: validation.value.trim() || "auto",
      limit: whole(limit),
      seed: whole(seed),
      test: test.checked,
      ...(name.value.trim() ? { name: name.value.trim() } : {}),
    }),
  };
}

const quoted = (text) => (/^[\w.\/:=+-]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`);

/** The command line that starts the same training. */
function asCommand(order) {
  const words = ["imagelet train", quoted(order.dataset ?? "DATASET")];
  if (order.network) words.push("--network", quoted(order.network));
  words.push("--recipe", quoted(order.recipe));
  for (const [name, value] of Object.entries(order.settings)) words.push("--set", quoted(`${name}=${value}`));
  if (order.validation !== "auto") words.push("--validation", quoted(order.validation));
  if (order.limit) words.push("--limit", order.limit);
  if (order.seed) words.push("--seed", order.seed);
  if (order.name) words.push("--name", quoted(order.name));
  if (order.test) words.push("--test");
  return words.join(" ");
}
