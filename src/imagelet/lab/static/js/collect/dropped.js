// @ts-check
// Files that are chosen, pasted or dropped: which class each belongs to, and in how large parts they are sent.

const PARTS = new Set(["train", "training", "test", "testing", "val", "valid", "validation"]); // no classes
const PICTURE = /\.(png|jpe?g|webp|bmp|gif|tiff?|ppm|pgm|pbm)$/i;
const MOST = 16; // pictures of one request
const MOST_BYTES = 12 * 2 ** 20;
export const LARGEST = 20 * 2 ** 20; // bytes of one picture

/** @typedef {{file: File, path: string}} Found */

/** The class that a file's path below what was dropped names: "rose" of "flowers/rose/1.png"; null for none. */
export function classOf(/** @type {string} */ path) {
  const folders = path.split("/").slice(0, -1).filter((name) => name && !PARTS.has(name.toLowerCase()));
  return folders[1] ?? folders[0] ?? null;
}

export function isPicture(/** @type {{name: string, type: string}} */ { name, type }) {
  const isHidden = name.startsWith(".");
  return !isHidden && (type.startsWith("image/") || PICTURE.test(name));
}

/**
 * The items by a key.
 * @template Item
 * @param {Item[]} items
 * @param {(item: Item) => any} keyOf
 * @returns {Map<any, Item[]>}
 */
export function grouped(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

/**
 * Part a list so that no part has too many pictures or bytes.
 * @template {{size: number}} Item
 * @param {Item[]} items
 * @returns {Item[][]}
 */
export function parted(items, most = MOST, bytes = MOST_BYTES) {
  const parts = [];
  let size = Infinity;
  for (const item of items) {
    if (size + item.size > bytes || parts.at(-1).length >= most) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1).push(item);
    size += item.size;
  }
  return parts;
}

/**
 * The files that were dropped, those in folders, too.
 * @returns {Promise<Found[]>}
 */
export async function filesIn(/** @type {DataTransfer} */ data) {
  const entries = [...data.items].filter(({ kind }) => kind === "file").map((item) => item.webkitGetAsEntry());
  const loose = [...data.files]; // where the browser knows no entries
  if (entries.some((entry) => !entry)) return loose.map((file) => ({ file, path: file.name }));
  const files = await Promise.all(entries.map((entry) => below(entry, entry.name)));
  return files.flat();
}

async function below(/** @type {any} */ entry, path) {
  if (entry.isFile) return [{ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path }];
  const inner = await listed(entry.createReader());
  const files = await Promise.all(inner.map((child) => below(child, `${path}/${child.name}`)));
  return files.flat();
}

/** All that is in a folder: a reader gives a hundred at a time. */
async function listed(reader) {
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}
