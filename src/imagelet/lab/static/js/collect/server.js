// @ts-check
// What the tab asks the server about a collection; each answer that has the collection is handed to `changed`.

import { api } from "../shared/api.js";
import { encodeBlob } from "../shared/encoding.js";

/** @typedef {{label: string, file: string}} Named */
/**
 * @typedef {{name: string, folder: string, command: string,
 *   classes: import("./counting.js").CollectedClass[]}} Collection
 */

export class Server {
  /**
   * @param {string} name of the collection
   * @param {(collection: Collection) => void} changed
   */
  constructor(name, changed) {
    this.name = name;
    this.path = `/api/collections/${encodeURIComponent(name)}`;
    this.changed = changed;
  }

  async #post(what, body) {
    const collection = await api.post(`${this.path}/${what}`, body);
    this.changed(collection);
  }

  /** Add pictures to a class; returns what became of each. */
  async add(label, kind, /** @type {Blob[]} */ blobs, burst = null) {
    const pictures = await Promise.all(blobs.map(encodeBlob));
    const { added, collection } = await api.post(`${this.path}/pictures`, { label, kind, burst, pictures });
    this.changed(collection);
    return added;
  }

  move(/** @type {Named[]} */ pictures, to) {
    return this.#post("move", { pictures, to });
  }

  delete(/** @type {Named[]} */ pictures) {
    return this.#post("delete", { pictures });
  }

  restore(/** @type {Named[]} */ pictures) {
    return this.#post("restore", { pictures });
  }

  addClass(name) {
    return this.#post("classes", { name });
  }

  renameClass(renamed, name) {
    return this.#post("classes", { name, renamed });
  }

  async removeClass(label) {
    this.changed(await api.del(`${this.path}/classes?label=${encodeURIComponent(label)}`));
  }

  /** The address of a picture, small. */
  thumbnail(label, { file, version }) {
    const query = new URLSearchParams({ label, file, version });
    return `${this.path}/thumbnail?${query}`;
  }

  train(start) {
    return api.post(`${this.path}/train`, { start });
  }
}
