// @ts-check
// Elements of the page, by their ids and anew.

/** The element of the page that has this id. */
export function part(/** @type {string} */ id) {
  return /** @type {any} */ (document.getElementById(id));
}

/** Make an element of a class, with texts and elements inside. */
export function make(/** @type {string} */ tag, /** @type {string} */ kind, /** @type {(string | Node)[]} */ ...children) {
  const element = document.createElement(tag);
  element.className = kind;
  element.append(...children);
  return element;
}

/** The pixels of a canvas, in a size of its own. */
export function put(canvas, /** @type {ImageData} */ pixels) {
  [canvas.width, canvas.height] = [pixels.width, pixels.height];
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}
