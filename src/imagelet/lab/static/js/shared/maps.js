// Maps of numbers in the one colour scale, and images, as crisp pixels.
//
// 0 is the page's ground; blue is above it, red below; the deeper, the further. The same as in imagelet's figures.
// A canvas remembers what it shows and is drawn again when the theme changes.

import { decodeBytes } from "./api.js";
import { h, number, replace } from "./ui.js";
import { t } from "./i18n.js";

const PLACES = [0, 0.22, 0.5, 0.78, 1];
const NAMES = ["--map-lowest", "--map-low", "--map-zero", "--map-high", "--map-highest"];
const EVEN = Math.sqrt(1.05 * 0.05) - 0.05; // luminance on which black and white are equally readable (WCAG 2.2)
const STEPS = 512; // even, so that 0 has a colour of its own

const shown = new WeakMap(); // canvas → how to draw it again
let table = null;

/** The colour that a custom property has now, as [red, green, blue]. */
export function colourOf(name) {
  const probe = h("span", { hidden: true, style: { color: `var(${name})` } });
  document.body.append(probe);
  const found = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  probe.remove();
  return found;
}

function colours() {
  if (table) return table;
  const stops = NAMES.map(colourOf);
  table = new Uint32Array(STEPS + 1);
  for (let step = 0; step <= STEPS; step++) {
    const share = step / STEPS;
    const after = Math.max(1, PLACES.findIndex((each) => each >= share));
    const part = (share - PLACES[after - 1]) / (PLACES[after] - PLACES[after - 1]);
    const [red, green, blue] = stops[after].map((to, at) => Math.round(stops[after - 1][at] * (1 - part) + to * part));
    table[step] = (255 << 24) | (blue << 16) | (green << 8) | red;
  }
  return table;
}

/** The largest number of a range: what the deepest colour stands for. */
function limitOf({ low, high }) {
  return Math.max(-low, high, 0) || 1;
}

/** The range of some numbers as colours need it: 0 at an end or in the middle. */
export function rangeOf(values) {
  let low = 0;
  let high = 0;
  for (const each of values) {
    if (each < low) low = each;
    if (each > high) high = each;
  }
  if (low < 0 && high > 0) high = Math.max(-low, high);
  return { low: low < 0 && high > 0 ? -high : low, high };
}

/** A number's colour as CSS, and the ink that is readable on it. */
export function colourFor(value, range) {
  const packed = colours()[indexOf(value, limitOf(range))];
  const [red, green, blue] = [packed & 255, (packed >> 8) & 255, (packed >> 16) & 255];
  const light = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  return { ground: `rgb(${red} ${green} ${blue})`, ink: light > EVEN ? "#000000" : "#ffffff" };
}

/** A channel of sRGB as the amount of light. */
function linear(channel) {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function indexOf(value, limit) {
  return Math.max(0, Math.min(STEPS, Math.round(((value / limit + 1) / 2) * STEPS)));
}

/**
 * Draw numbers as crisp squares.
 * values: row by row; `range` {low, high}; every `step`-th number from `first` (a map among channels, channels last).
 */
export function drawMap(canvas, values, width, height, range, { first = 0, step = 1 } = {}) {
  const paint = () => {
    const scale = colours();
    const limit = limitOf(range);
    const data = new ImageData(width, height);
    const pixels = new Uint32Array(data.data.buffer);
    for (let at = 0; at < pixels.length; at++) pixels[at] = scale[indexOf(values[first + at * step], limit)];
    put(canvas, data);
  };
  shown.set(canvas, paint);
  canvas.classList.add("map");
  paint();
  return canvas;
}

/** Draw an image {height, width, channels, base64 | pixels} as crisp squares. */
export function drawImage(canvas, image) {
  const { height, width } = image;
  const bytes = image.pixels ?? decodeBytes(image.base64);
  const channels = image.channels ?? bytes.length / (height * width);
  const data = new ImageData(width, height);
  for (let at = 0; at < height * width; at++) {
    for (let channel = 0; channel < 3; channel++) {
      data.data[4 * at + channel] = bytes[at * channels + (channels === 1 ? 0 : channel)];
    }
    data.data[4 * at + 3] = 255;
  }
  shown.delete(canvas);
  canvas.classList.add("map");
  put(canvas, data);
  return canvas;
}

function put(canvas, data) {
  if (canvas.width !== data.width) canvas.width = data.width;
  if (canvas.height !== data.height) canvas.height = data.height;
  canvas.getContext("2d").putImageData(data, 0, 0);
}

/** Lay numbers over a canvas's picture: blue for, red against; where they are 0 nothing is laid. */
export function drawOverlay(canvas, values, width, height, range) {
  const paint = () => {
    const [against, pro] = [colourOf("--evidence-against"), colourOf("--evidence-for")];
    const limit = limitOf(range);
    const data = new ImageData(width, height);
    for (let at = 0; at < width * height; at++) {
      const share = Math.max(-1, Math.min(1, (values[at] || 0) / limit));
      const colour = share < 0 ? against : pro;
      for (let channel = 0; channel < 3; channel++) data.data[4 * at + channel] = colour[channel];
      data.data[4 * at + 3] = Math.round(225 * Math.abs(share) ** 0.6);
    }
    put(canvas, data);
  };
  shown.set(canvas, paint);
  canvas.classList.add("map");
  paint();
  return canvas;
}

/** The colours with their numbers; `update(range, ends)` shows another range, with words at its ends. */
export function legend(range, note = "") {
  const bar = h("canvas", { class: "legend-bar", role: "img" });
  const numbers = h("div", { class: "legend-numbers", "aria-hidden": "true" });
  const element = h("div", { class: "legend" }, bar, numbers, note && h("p", { class: "hint" }, note));
  element.update = ({ low, high }, ends = { low: number(low), high: number(high) }) => {
    const width = 240;
    const values = Float32Array.from({ length: width }, (_, at) => low + ((high - low) * at) / (width - 1));
    drawMap(bar, values, width, 1, { low, high });
    const empty = low === 0 && high === 0;
    bar.setAttribute("aria-label", empty ? t("common.all_zero") : t("common.legend", ends));
    const ticks = empty ? [t("common.all_zero")] : low < 0 && high > 0 ? [ends.low, "0", ends.high] : [ends.low, ends.high];
    replace(numbers, ticks.map((each) => h("span", null, each)));
  };
  element.update(range);
  return element;
}

/** Draw everything again in the colours of the theme that holds now. */
export function redraw() {
  table = null;
  for (const canvas of document.querySelectorAll("canvas.map")) shown.get(canvas)?.();
}
