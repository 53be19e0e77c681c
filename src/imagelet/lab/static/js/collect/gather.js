// @ts-check
// New pictures: from the camera, one or a burst, after a count-down; from the sheet; from files and folders.

import { t } from "../shared/i18n.js";
import { button, choice, error, h, inline, replace, select } from "../shared/ui.js";
import { LARGEST, classOf, filesIn, grouped, isPicture, parted } from "./dropped.js";
import { makeStage } from "./stage.js";

const SIDE = 320; // pixels of a picture of the camera that is kept
const BURST = 10; // pictures
const BURST_PAUSE = 200; // milliseconds between two of them
const WAITS = [0, 3, 10]; // seconds
const MOST_UNREAD = 3; // problems that are told one by one

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Gather {
  #busy = false;
  #closed = false;
  #label = null; // the class that new pictures belong to
  #names = [];
  #notes = h("div", { class: "notes", role: "status" });
  #labels = h("div");
  #actions = h("div", { class: "row actions" });
  #count = h("p", { class: "count-down", "aria-hidden": "true", hidden: true });
  #waits = select(WAITS.map((seconds) => [seconds, t(seconds ? "collect.wait" : "collect.no_wait", { seconds })]), 0);

  /**
   * @param {import("./server.js").Server} server
   * @param {{kind: string, chosen: (kind: string) => void, done: (undo: object) => void}} options
   */
  constructor(server, { kind, chosen, done }) {
    this.server = server;
    this.done = done;
    this.stage = makeStage({
      kinds: ["camera", "drawing", "file"],
      kind,
      chosen: (name) => {
        chosen(name);
        this.#showActions();
      },
      others: { file: this.#dropPlace() },
    });
    this.stage.element.append(this.#count);
    this.element = h(
      "section",
      { class: "card gather", "aria-labelledby": "gather-title" },
      h("div", { class: "row spread" }, h("h2", { id: "gather-title" }, t("collect.gather")), this.stage.picker),
      this.stage.element,
      this.#labels,
      this.#actions,
      this.#notes,
    );
  }

  /** Show the classes; the one that was chosen stays so. */
  show(names) {
    if (!names.includes(this.#label)) this.#label = names[0] ?? null;
    if (names.join("\n") !== this.#names.join("\n") || !this.#labels.children.length) {
      this.#names = names;
      const choose = (name) => {
        this.#label = name;
        this.#showActions();
      };
      const pairs = names.map((name) => [name, name]);
      replace(this.#labels, names.length > 0 && choice(t("collect.belongs"), pairs, this.#label, choose));
    }
    this.#showActions();
  }

  close() {
    this.#closed = true;
    this.stage.close();
  }

  #showActions() {
    const label = this.#label;
    const isFree = !this.#busy && label !== null;
    const act = (text, work, options = {}) => button(text, work, { disabled: !isFree, ...options });
    const primary = { primary: true };
    const actions = {
      camera: () => [
        act(t("collect.take", { label }), () => this.#take(1), primary),
        act(t("collect.burst", { count: BURST }), () => this.#take(BURST)),
        inline(t("collect.wait_label"), this.#waits),
      ],
      drawing: () => [act(t("collect.add_drawing", { label }), () => this.#addDrawing(), primary)],
      file: () => [],
    };
    const focused = [...this.#actions.children].findIndex((child) => child.contains(document.activeElement));
    replace(this.#actions, label === null ? h("p", { class: "hint" }, t("collect.no_class")) : actions[this.stage.kind]());
    if (focused >= 0) /** @type {HTMLElement} */ (this.#actions.children[focused])?.focus();
  }

  /** Take pictures with the camera, after the count-down. */
  #take(count) {
    return this.#work(async () => {
      await this.#countDown(Number(this.#waits.value));
      const label = this.#label;
      const blobs = [];
      for (let taken = 0; taken < count && !this.#closed; taken++) {
        if (taken) await wait(BURST_PAUSE);
        const blob = await this.stage.picture(SIDE);
        if (blob) blobs.push(blob);
      }
      if (!blobs.length) replace(this.#notes, h("p", { class: "note" }, t("collect.no_picture")));
      else await this.#add(label, "camera", blobs, count > 1 ? Date.now() : null);
    });
  }

  async #countDown(seconds) {
    for (let left = seconds; left > 0 && !this.#closed; left--) {
      this.#count.hidden = false;
      this.#count.textContent = String(left);
      await wait(1000);
    }
    this.#count.hidden = true;
  }

  #addDrawing() {
    return this.#work(async () => {
      const blob = await this.stage.picture(SIDE);
      if (!blob) {
        replace(this.#notes, h("p", { class: "note" }, t("collect.no_drawing")));
        return;
      }
      await this.#add(this.#label, "drawing", [blob]);
      this.stage.pad.clear();
    });
  }

  /** Take files: those in folders belong to the class of their folder, the others to the chosen one. */
  take(/** @type {import("./dropped.js").Found[]} */ dropped) {
    return this.#work(async () => {
      const pictures = dropped.filter(({ file }) => isPicture(file));
      const small = pictures.filter(({ file }) => file.size <= LARGEST);
      const byClass = grouped(small, ({ path }) => classOf(path) ?? this.#label);
      const summary = { added: 0, known: 0, problems: [], skipped: dropped.length - small.length };
      const names = [];
      let done = 0;
      for (const [label, items] of byClass) {
        if (label === null) throw new Error("no class"); // the actions say so before
        const name = await this.#classNamed(label);
        for (const part of parted(items.map(({ file }) => file))) {
          replace(this.#notes, h("p", { class: "note" }, t("collect.sending", { done, count: small.length })));
          const added = await this.server.add(name, "file", part);
          done += part.length;
          tally(summary, added);
          names.push(...added.filter(({ file, known }) => file && !known).map(({ file }) => ({ label: name, file })));
        }
      }
      this.#tell(summary);
      if (names.length) this.done(undoAdding(this.server, names));
    });
  }

  /** The class of that name, whatever its capitals; a new one where there is none. */
  async #classNamed(name) {
    const wanted = name.normalize("NFC").trim();
    const known = this.#names.find((other) => other.toLowerCase() === wanted.toLowerCase());
    if (known) return known;
    await this.server.addClass(wanted);
    return wanted;
  }

  async #add(label, kind, blobs, burst = null) {
    const added = await this.server.add(label, kind, blobs, burst);
    const summary = { added: 0, known: 0, problems: [], skipped: 0 };
    tally(summary, added);
    this.#tell(summary, label);
    const names = added.filter(({ file, known }) => file && !known).map(({ file }) => ({ label, file }));
    if (names.length) this.done(undoAdding(this.server, names));
  }

  #tell({ added, known, problems, skipped }, label = "") {
    const lines = [
      t(label ? "collect.added_to" : "collect.added", { count: added, label }),
      known > 0 && t("collect.known", { count: known }),
      skipped > 0 && t("collect.skipped", { count: skipped, megabytes: LARGEST / 2 ** 20 }),
      problems.length > 0 && t("collect.unread", { count: problems.length }),
    ];
    const reasons = [...new Set(problems.map(({ message }) => message))].slice(0, MOST_UNREAD);
    replace(
      this.#notes,
      h("p", { class: "note" }, lines.filter(Boolean).join(" ")),
      reasons.length > 0 && h("ul", { class: "hint" }, reasons.map((reason) => h("li", null, reason))),
    );
  }

  /** Do one thing at a time, and say what goes wrong. */
  async #work(work) {
    if (this.#busy) return;
    this.#busy = true;
    this.#showActions();
    replace(this.#notes);
    try {
      await work();
    } catch (problem) {
      replace(this.#notes, error(problem));
    } finally {
      this.#busy = false;
      this.#count.hidden = true;
      if (!this.#closed) this.#showActions();
    }
  }

  #dropPlace() {
    const chooser = (isFolder) => {
      const input = h("input", {
        type: "file",
        class: "visually-hidden",
        tabindex: "-1",
        "aria-hidden": "true",
        multiple: true,
        webkitdirectory: isFolder,
        accept: isFolder ? null : "image/*",
        onchange: () => {
          const dropped = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
          input.value = ""; // so that the same files can be chosen again
          this.take(dropped);
        },
      });
      return [input, button(t(isFolder ? "collect.open_folder" : "collect.open_files"), () => input.click())];
    };
    return h(
      "div",
      { class: "drop-place" },
      h("p", { class: "drop-words" }, t("collect.drop")),
      h("p", { class: "hint" }, t("collect.drop_hint")),
      h("div", { class: "row" }, chooser(false), chooser(true)),
    );
  }

  /** Take pictures that are pasted or dropped anywhere on the page; returns what ends it. */
  listen() {
    const ending = new AbortController();
    const on = (type, handler) => document.addEventListener(type, handler, { signal: ending.signal });
    const { element } = this.stage;
    on("paste", ({ clipboardData }) => {
      const files = [...(clipboardData?.files ?? [])].filter(isPicture);
      if (files.length) this.take(files.map((file) => ({ file, path: file.name })));
    });
    on("dragover", (event) => {
      event.preventDefault();
      element.classList.add("dropping");
    });
    on("dragleave", (event) => event.relatedTarget === null && element.classList.remove("dropping"));
    on("drop", async (event) => {
      event.preventDefault();
      element.classList.remove("dropping");
      this.take(await filesIn(event.dataTransfer));
    });
    return () => ending.abort();
  }
}

function tally(summary, added) {
  for (const { known, error: problem } of added) {
    if (problem) summary.problems.push(problem);
    else if (known !== null) summary.known += 1;
    else summary.added += 1;
  }
}

function undoAdding(server, names) {
  return { text: t("collect.undo_added", { count: names.length }), work: () => server.delete(names) };
}
