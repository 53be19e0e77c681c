// @ts-check
// The form of a new training: images, network, recipe with its settings, split; and the command that does the same.

import { ApiError, api } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { state } from "../shared/state.js";
import { debounced, makeTurns } from "../shared/timing.js";
import { busy, button, command, error, field, group, h, number, replace, select, unknownValues } from "../shared/ui.js";
import { PlanPanel } from "./plan.js";
import { rangeTestButton } from "./range_test.js";
import { samplesOf } from "./samples.js";
import { NetworkField, SPLIT_DEFAULTS, datasetChoice, isHere, splitFields } from "./inputs.js";
import { Settings, sentence } from "./settings.js";
import { commandOf, fits, parametersOf, parametersText, readSetup, unknownIn } from "./setup.js";

const ADDRESS_WAIT = 300; // milliseconds without a change before the address says it
const CHECK_WAIT = 400; // milliseconds without typing before the network is checked

/** The form; what is chosen is in the address. */
export class Form {
  /** The data is what the server says of /api/datasets, networks and recipes; start(setup) resolves when it is taken. */
  constructor({ datasets, networks, recipes: { recipes, fields } }, start) {
    /** @type {import("./inputs.js").Dataset[]} */
    this.datasets = datasets;
    this.recipes = recipes;
    this.fields = fields;
    this.start = start;
    this.madeFor = null; // the images that the network was written for
    this.parameters = ""; // of the address, as this form has written or read them
    this.remember = debounced(() => this.writeAddress(), ADDRESS_WAIT);
    this.checkLater = debounced(() => this.check(), CHECK_WAIT);
    this.nextTurn = makeTurns();
    this.settings = new Settings(fields, () => this.changedByHand());
    this.settings.append("learning_rate", rangeTestButton(() => this.setup, (rates) => this.settings.take(rates)));
    this.dataset = datasetChoice(datasets, () => this.datasetChosen());
    this.network = new NetworkField(networks, () => this.networkTyped());
    this.recipe = select(recipes.map(({ name }) => name), recipes[0]?.name, () => this.useRecipe());
    this.split = splitFields(() => this.changedByHand());
    this.samples = samplesOf();
    this.plan = new PlanPanel(() => this.setup, (plan) => this.planned(plan));
    this.planLater = debounced(() => this.plan.refresh(this.isRight), CHECK_WAIT);
    this.unknown = h("div", { role: "status" }); // what the address names and is not there
    this.note = h("p", { class: "hint recipe-note" });
    this.sizeNote = h("p", { class: "hint made-for", role: "status", hidden: true });
    this.commandLine = h("div", { class: "command-line" });
    this.problem = h("div", { class: "problem", "aria-live": "polite" });
    this.startButton = button(t("train.start"), null, { primary: true });
    this.startButton.type = "submit";
    this.element = this.build();
    this.defaults = { ...SPLIT_DEFAULTS, dataset: this.dataset.value(), recipe: this.recipe.value };
    this.useAddress();
  }

  build() {
    return h(
      "form",
      {
        class: "card new-training",
        novalidate: "",
        onsubmit: (event) => this.submit(event),
        onchange: () => replace(this.unknown),
        "aria-labelledby": "new-training",
      },
      h("h2", { id: "new-training" }, t("train.new")),
      this.unknown,
      this.dataset.element,
      this.samples.element,
      this.network.element,
      this.sizeNote,
      field(t("train.recipe"), this.recipe),
      this.note,
      h("div", { class: "groups" }, this.settings.element, this.split.element),
      this.plan.element,
      h("div", { class: "start" }, this.startButton, this.problem),
      group(t("train.command"), this.commandLine, { class: "group as-command" }),
    );
  }

  /** The dataset that is chosen. */
  get images() {
    const name = this.dataset.value();
    return this.datasets.find((dataset) => dataset.name === name) ?? null;
  }

  /** Whether all that was typed may be sent. */
  get isRight() {
    return !this.network.isWrong && !this.settings.isWrong && !this.split.isWrong();
  }

  /** The setup that is chosen, as it is sent. */
  get setup() {
    const network = this.network.value;
    return {
      dataset: this.dataset.value(),
      recipe: this.recipe.value,
      ...(network ? { network } : {}),
      settings: this.settings.changed(),
      ...this.split.values(),
    };
  }

  datasetChosen() {
    this.showSizeNote();
    this.check();
    this.changedByHand();
  }

  networkTyped() {
    this.madeFor = null; // it is another network now
    this.showSizeNote();
    this.checkLater();
    this.changedByHand();
  }

  changedByHand() {
    replace(this.commandLine, command(commandOf(this.setup)));
    this.network.linkWith(this.images);
    this.samples.show(this.images);
    this.planLater();
    this.remember();
  }

  writeAddress() {
    const parameters = parametersOf({ ...this.setup, madeFor: this.madeFor }, this.defaults);
    this.parameters = parametersText((name) => parameters[name]);
    state.set(parameters, { replace: true });
  }

  /** Choose what the address names, and the defaults where it names nothing. */
  useAddress() {
    const setup = readSetup(state.get);
    this.parameters = parametersText(state.get);
    this.madeFor = setup.madeFor;
    const fitting = this.madeFor && this.datasets.find((dataset) => isHere(dataset) && fits(dataset, this.madeFor));
    this.dataset.choose(setup.dataset ?? fitting?.name ?? this.defaults.dataset);
    const isKnown = this.recipes.some(({ name }) => name === setup.recipe);
    this.recipe.value = isKnown ? setup.recipe : this.defaults.recipe;
    this.network.value = setup.network ?? "";
    this.split.use(setup);
    this.useRecipe(setup.settings);
    this.settings.wrong(); // what is out of range is in sight
    this.showSizeNote();
    this.sayUnknown(setup.dataset);
  }

  /** Say what the address names that is not known, and a dataset that is not on this computer. */
  sayUnknown(wanted) {
    const names = (listed) => listed.map(({ name }) => name);
    const known = { datasets: names(this.datasets), recipes: names(this.recipes), fields: this.fields };
    const absent = this.datasets.find((dataset) => dataset.name === wanted && !isHere(dataset));
    const remarks = unknownValues(unknownIn(state.get, known));
    if (absent) {
      remarks.push(h("p", { class: "note" }, t("train.dataset.absent", { title: absent.title })));
      this.dataset.openElsewhere();
    }
    replace(this.unknown, remarks);
  }

  /** Show the recipe that is chosen, and texts in the place of some of its settings. */
  useRecipe(texts = {}) {
    const recipe = this.recipes.find(({ name }) => name === this.recipe.value) ?? this.recipes[0];
    this.note.textContent = sentence(recipe.note);
    this.network.suggest(recipe.network);
    this.settings.use(recipe.settings, texts);
    this.check();
  }

  /** Say so where a network was written for images of another size than those that are chosen. */
  showSizeNote() {
    const { images, madeFor, datasets } = this;
    this.sizeNote.hidden = !madeFor || !images || fits(images, madeFor);
    if (this.sizeNote.hidden) return;
    const others = datasets.filter((dataset) => fits(dataset, madeFor));
    const other = others.find(isHere) ?? others[0];
    const values = {
      made: sizeText(madeFor.shape, madeFor.classes ?? images.classes.length),
      images: images.title,
      size: sizeText(images.shape, images.classes.length),
      fitting: other?.title,
    };
    const key = !other ? "none" : isHere(other) ? "other" : "absent";
    this.sizeNote.textContent = `${t("train.made_for", values)} ${t(`train.made_for.${key}`, values)}`;
  }

  /** Let the server check the network for the images, and count its parameters. */
  async check() {
    this.checkLater.cancel();
    const isNewest = this.nextTurn();
    const { images, network } = this;
    const text = network.value || network.suggested;
    if (!images || text === "auto") {
      network.say(text === "auto" ? t("train.network.suits") : "");
      this.planLater();
      return;
    }
    try {
      const body = { text, input_shape: images.shape, classes: images.classes.length };
      const { total } = await busy(network.element, api.post("/api/network", body));
      if (isNewest()) network.say(t("train.network.parameters", { parameters: number(total, 12) }));
    } catch (problem) {
      if (isNewest()) network.refuse(problem);
    }
    if (isNewest()) this.planLater();
  }

  /** The server has said what the training would be. */
  planned(/** @type {import("./plan.js").Plan} */ { network, parameters, settings, available_images: available }) {
    const isAuto = (this.network.value || this.network.suggested) === "auto";
    if (isAuto) {
      this.network.real = network;
      this.network.say(t("train.network.real", { network, parameters: number(parameters, 12) }));
      this.network.linkWith(this.images);
    }
    this.settings.suit(settings);
    this.split.sayAvailable(available);
  }

  async submit(event) {
    event.preventDefault();
    replace(this.problem);
    const wrong = this.settings.wrong() ?? this.split.wrong();
    if (wrong) {
      replace(this.problem, error(new ApiError({ message: t("train.invalid") })));
      wrong.focus();
      return;
    }
    this.planLater.cancel();
    this.plan.close();
    this.startButton.disabled = true;
    this.startButton.textContent = t("train.starting");
    try {
      await busy(this.element, this.start(this.setup));
      this.split.clearName(); // the next run needs another name
    } catch (problem) {
      replace(this.problem, error(problem));
      this.planLater();
    } finally {
      this.startButton.disabled = false;
      this.startButton.textContent = t("train.start");
    }
  }

  /** The address has changed. */
  changed() {
    if (parametersText(state.get) !== this.parameters) this.useAddress();
  }

  close() {
    this.remember.cancel();
    this.planLater.cancel();
    this.plan.close();
    this.nextTurn();
  }
}

const sizeText = (shape, classes) => t("train.size", { shape: shape.join(" × "), classes });
