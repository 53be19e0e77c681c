// @ts-check
// Which parts of the answer belong to what lies on the sheet; the others are greyed.

const GRACE = 250; // milliseconds in which an answer that follows the pen is not called old

/**
 * `parts` are elements by their names. Returns {outdate, renew}: a part is out of date as soon as something else lies
 * on the sheet, and is renewed with the answer to it. `greyed(name)` is called when one is shown as being of the one
 * before.
 */
export function makeFreshness(/** @type {Record<string, HTMLElement[]>} */ parts, greyed = (_name) => {}) {
  const timers = new Map(); // of the parts that are out of date

  function grey(name) {
    for (const element of parts[name]) element.classList.add("stale");
    greyed(name);
  }

  function outdate(...names) {
    for (const name of names) if (!timers.has(name)) timers.set(name, setTimeout(grey, GRACE, name));
  }

  function renew(...names) {
    for (const name of names) {
      clearTimeout(timers.get(name));
      timers.delete(name);
      for (const element of parts[name]) element.classList.remove("stale");
    }
  }

  return { outdate, renew, isOutdated: (name) => timers.has(name) };
}
