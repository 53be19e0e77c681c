// The form of a new training: images, network, recipe with its settings, split; and the command that does the same.

import { ApiError } from "../shared/api.js";
import { has, said, t } from "../shared/i18n.js";
import { state } from "../shared/state.js";
import { busy, button, command, error, field, h, number, replace, select, uniqueId } from "../shared/ui.js";
import { quoted } from "../runs/naming.js";
import { asText, readOrder, writtenOrder } from "./address.js";
import { sentence, settings } from "./fields.js";
import { networkInput } from "./network_input.js";
import { USUAL, splitFields } from "./split.js";

const PATIENCE = 300; // milliseconds without typing before the address says it

/**
 * Build the form. data: {datasets, networks, recipes: {recipes, fields}}; `start(order)` resolves when it is taken.
 * What is chosen stands in the address. Returns {element, changed() — the address has changed —, close()}.
 */
export function form(api, data, start) {
  const { recipes, fields } = data.recipes;
  const recipeSettings = settings(fields, written);
  const dataset = datasetChoice(data.datasets, () => { tellSize(); checkNetwork(); written(); });
  const network = networkInput(data.networks, () => {
    madeFor = null; // it is another network now
    tellSize();
    checkNetwork.later();
    written();
  });
  const recipe = select(recipes.map((each) => each.name), recipes[0]?.name, useRecipe);
  const note = h("p", { class: "hint recipe-note" });
  const split = splitFields(written);
  const line = h("div", { class: "command-line" });
  const problem = h("div", { class: "problem", "aria-live": "polite" });
  const size = h("p", { class: "hint made-for", role: "status", hidden: true });
  const usual = { ...USUAL, dataset: dataset.value(), recipe: recipe.value };
  let madeFor = null; // {shape, classes}: the images that the network was written for, in the Network tab
  let own = ""; // what the address says of this form
  let pause = null;
  const go = button(t("train.start"), null, { primary: true });
  go.type = "submit";
  const element = h(
    "form",
    { class: "card new-training", novalidate: "", onsubmit: submit, "aria-labelledby": "new-training" },
    h("h2", { id: "new-training" }, t("train.new")),
    dataset.element,
    network.element,
    size,
    field(t("train.recipe"), recipe),
    note,
    h("div", { class: "groups" }, recipeSettings.element, split.element),
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
    recipeSettings.use(asObject(now.settings), given);
    checkNetwork();
  }

  function order() {
    const changed = recipeSettings.changed();
    return {
      dataset: dataset.value(),
      recipe: recipe.value,
      ...(network.value() ? { network: network.value() } : {}),
      settings: changed,
      ...split.values(),
    };
  }

  function written() {
    replace(line, command(asCommand(order())));
    network.aimAt(imagesOf(dataset.value()));
    clearTimeout(pause);
    pause = setTimeout(remember, PATIENCE);
  }

  function remember() {
    const values = writtenOrder({ ...order(), madeFor }, usual);
    own = asText((name) => values[name]);
    state.set(values, { replace: true });
  }

  const imagesOf = (name) => data.datasets.find((each) => each.name === name);

  /** Say so where a network was written for images of another size than those that are chosen. */
  function tellSize() {
    const images = imagesOf(dataset.value());
    size.hidden = !madeFor || !images || fits(images, madeFor);
    if (size.hidden) return;
    const others = data.datasets.filter((each) => fits(each, madeFor));
    const near = others.find((each) => each.at_hand) ?? others[0];
    const made = sizeText(madeFor.shape, madeFor.classes ?? classesOf(images));
    const values = { made, images: images.title, size: sizeText(images.shape, classesOf(images)), fitting: near?.title };
    const key = !near ? "none" : near.at_hand ? "other" : "absent";
    size.textContent = `${t("train.made_for", values)} ${t(`train.made_for.${key}`, values)}`;
  }

  let asked = 0;
  let timer = null;
  async function checkNetwork() {
    clearTimeout(timer);
    asked += 1;
    const mine = asked;
    const images = imagesOf(dataset.value());
    const text = network.value() || chosen().network;
    if (!images || text === "auto") return network.tell(text === "auto" ? t("train.network.suits") : "");
    try {
      const found = await busy(network.element, api.post("/api/network", { text, input_shape: images.shape, classes: classesOf(images) }));
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
    const wrong = recipeSettings.wrong() ?? split.wrong();
    if (wrong) {
      replace(problem, error(new ApiError({ message: t("train.invalid") })));
      wrong.focus();
      return;
    }
    go.disabled = true;
    go.textContent = t("train.starting");
    try {
      await busy(element, start(order()));
      split.unname(); // the next run needs another name
    } catch (refused) {
      replace(problem, error(refused));
    } finally {
      go.disabled = false;
      go.textContent = t("train.start");
    }
  }

  /** Choose what the address names, and the usual where it names nothing. */
  function use() {
    const given = readOrder(state);
    own = asText(state.get);
    madeFor = given.madeFor;
    const fitting = madeFor && data.datasets.find((each) => each.at_hand && fits(each, madeFor));
    dataset.choose(given.dataset ?? fitting?.name ?? usual.dataset);
    recipe.value = recipes.some((each) => each.name === given.recipe) ? given.recipe : usual.recipe;
    network.choose(given.network ?? "");
    split.use(given);
    useRecipe(null, given.settings);
    tellSize();
  }

  use();
  return {
    element,
    changed() {
      if (asText(state.get) !== own) use();
    },
    close() {
      clearTimeout(pause);
      asked += 1;
    },
  };
}

const classesOf = ({ classes }) => classes.length;
const sizeText = (shape, classes) => t("train.size", { shape: shape.join(" × "), classes });

/** Whether images have the size, and as many classes as a network was written for. */
function fits(images, { shape, classes }) {
  return images.shape.join() === shape.join() && (!classes || classesOf(images) === classes);
}

const MEASURED = /^(.+): ([\d.]+(?: ± [\d.]+)?) % of test images \((\d+) seeds?\) after (\d+) s$/;

/** A recipe's note in the page's language, where there are words for it; what was measured keeps its numbers. */
function noteOf({ name, note }) {
  if (has(`train.note.${name}`)) return t(`train.note.${name}`);
  const [, dataset, accuracy, seeds, seconds] = note.match(MEASURED) ?? [];
  return dataset ? t("train.note_measured", { dataset, accuracy, seeds, seconds }) : sentence(note);
}

/** Settings as {name: value}, however they are listed. */
function asObject(list) {
  if (!Array.isArray(list)) return list ?? {};
  return Object.fromEntries(list.map((each) => [each.name ?? each.field, each.value]));
}

/** The datasets as a list to choose from: first those that are at hand; the others say how to get them. */
function datasetChoice(datasets, onchange) {
  const here = datasets.filter((each) => each.at_hand);
  const elsewhere = datasets.filter((each) => !each.at_hand);
  const name = uniqueId("dataset");
  const inputs = new Map();
  const entry = (each, disabled) => {
    const radio = h("input", { type: "radio", name, value: each.name, checked: each === here[0], disabled, onchange });
    inputs.set(each.name, radio);
    const [height, width, channels] = each.shape;
    const classes = classesOf(each);
    return h(
      "label",
      { class: disabled ? "dataset absent" : "dataset" },
      radio,
      h("span", { class: "dataset-title" }, said(each.title ?? each.name)),
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
        h("summary", null, t("train.dataset.elsewhere"), h("span", { class: "hint" }, elsewhere.map((each) => said(each.title ?? each.name)).join(", "))),
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
