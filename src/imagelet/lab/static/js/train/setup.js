// @ts-check
// The setup of a training as the form describes it: read from the address, written to it, and as a command line.

import { readShape } from "../shared/layers.js";
import { quoted } from "../shared/ui.js";
import { mayBeShown } from "./settings.js";

/**
 * The images that a network was written for, in the Network tab.
 * @typedef {{shape: number[], classes: number}} MadeFor
 */

/**
 * A setup; what it does not name is left to the form's defaults.
 * @typedef {{dataset?: string, network?: string, recipe?: string, settings: Record<string, string | number | boolean>,
 * validation?: string, limit?: string | number, seed?: string | number, name?: string, test: boolean,
 * madeFor?: MadeFor}} Setup
 */

const TEXTS = /** @type {const} */ (["dataset", "network", "recipe", "validation", "limit", "seed", "name"]);
const PARAMETERS = [...TEXTS, "settings", "test", "input", "classes"];

/**
 * The setup that an address describes.
 * @param {(name: string) => string | null} get  a parameter's value
 * @returns {Setup}
 */
export function readSetup(get) {
  const texts = TEXTS.map((name) => [name, get(name)]).filter(([, value]) => value !== null);
  const pairs = (get("settings") ?? "").split(",").map((pair) => pair.split(":"));
  const shape = readShape(get("input"));
  return {
    ...Object.fromEntries(texts),
    settings: Object.fromEntries(pairs.filter(([name, ...values]) => name && values.length === 1)),
    test: get("test") === "yes",
    madeFor: shape && { shape, classes: Number(get("classes")) || null },
  };
}

/**
 * What an address names and the form cannot hold, [name, value] each; what is out of range is shown in the form.
 * @param {(name: string) => string | null} get  a parameter's value
 * @param {{datasets: string[], recipes: string[], fields: import("./settings.js").Field[]}} known
 * @returns {[string, string][]}
 */
export function unknownIn(get, { datasets, recipes, fields }) {
  const allowed = { dataset: datasets, recipe: recipes, test: ["yes", "no"] };
  const named = Object.keys(allowed).filter((name) => get(name) !== null && !allowed[name].includes(get(name)));
  const isSetting = (pair) => {
    const [name, ...values] = pair.split(":");
    const field = fields.find((other) => other.name === name);
    return field && values.length === 1 && mayBeShown(field, values[0]);
  };
  const settings = (get("settings") ?? "").split(",").filter((pair) => pair && !isSetting(pair));
  const shape = readShape(get("input"));
  if (get("input") && !shape) named.push("input");
  if (shape && get("classes") && !/^[1-9]\d*$/.test(get("classes"))) named.push("classes");
  const pairs = [...named.map((name) => [name, get(name)]), ...settings.map((pair) => ["settings", pair])];
  return /** @type {[string, string][]} */ (pairs);
}

/**
 * The address's parameters for a setup; null takes one away, as do the defaults, which need not be said.
 * @param {Setup} setup
 * @param {Partial<Setup>} defaults
 * @returns {Record<string, string | null>}
 */
export function parametersOf(setup, defaults) {
  const parameters = Object.fromEntries(PARAMETERS.map((name) => [name, null]));
  for (const name of TEXTS) {
    const value = String(setup[name] ?? "");
    if (value !== String(defaults[name] ?? "")) parameters[name] = value;
  }
  const settings = Object.entries(setup.settings).map(([name, value]) => `${name}:${value}`);
  if (settings.length) parameters.settings = settings.join(",");
  if (setup.test) parameters.test = "yes";
  if (setup.madeFor) {
    const { shape, classes } = setup.madeFor;
    Object.assign(parameters, { dataset: setup.dataset, input: shape.join("x"), classes: classes && String(classes) });
  }
  return parameters;
}

/** All parameters of a setup as one text, to tell whether two are the same. */
export function parametersText(get) {
  return JSON.stringify(PARAMETERS.map((name) => get(name) ?? null));
}

/** The command line that starts the same training. */
export function commandOf(/** @type {Setup} */ setup) {
  const { dataset, network, recipe, settings, validation, limit, seed, name, test } = setup;
  const words = ["imagelet train", quoted(dataset ?? "DATASET")];
  if (network) words.push("--network", quoted(network));
  words.push("--recipe", quoted(recipe));
  for (const [setting, value] of Object.entries(settings)) words.push("--set", quoted(`${setting}=${value}`));
  if (validation !== "auto") words.push("--validation", quoted(validation));
  if (limit) words.push("--limit", limit);
  if (seed) words.push("--seed", seed);
  if (name) words.push("--name", quoted(name));
  if (test) words.push("--test");
  return words.join(" ");
}

/** Whether a dataset has the image size, and as many classes, as a network was written for. */
export function fits(/** @type {{shape: number[], classes: string[]}} */ dataset, /** @type {MadeFor} */ { shape, classes }) {
  return dataset.shape.join() === shape.join() && (!classes || dataset.classes.length === classes);
}
