// @ts-check
// Maps of numbers in the one colour scale, and images, as crisp pixels.
//
// 0 is the page's ground; blue is above it, red below; the deeper, the further. The same as in imagelet's figures.
// A canvas remembers what it shows and is drawn again when the theme changes.

import { decodeBytes } from "./encoding.js";
import { t } from "./i18n.js";
import { clamp } from "./scales.js";
import { h, number, replace } from "./ui.js";

const PLACES = [0, 0.22, 0.5, 0.78, 1];
const NAMES = ["--map-lowest", "--map-low", "--map-zero", "--map-high", "--map-highest"];
const EVEN = Math.sqrt(1.05 * 0.05) - 0.05; // luminance on which black and white are equally readable (WCAG 2.2)
const STEPS = 512; // even, so that 0 has a colour of its own
const LEGEND = 240; // pixels

const painters = new WeakMap(); // canvas → how to draw it again
let table = null;

/** The colour that a custom property has now, as [red, green, blue]. */
export function colourOf(name) {
  const probe = h("span", { hidden: true, style: { color: `var(${name})` } });
  document.body.append(probe);
  const colour = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  probe.remove();
  return colour;
}

function colours() {
  table ??= colourTable(NAMES.map(colourOf));
  return table;
}

/** The packed colour of each step from the lowest to the highest; `stops` are the colours at PLACES. */
function colourTable(stops) {
  return Uint32Array.from({ length: STEPS + 1 }, (_, step) => {
    const share = step / STEPS;
    const after = Math.max(1, PLACES.findIndex((place) => place >= share));
    const part = (share - PLACES[after - 1]) / (PLACES[after] - PLACES[after - 1]);
    const mixed = stops[after].map((to, axis) => stops[after - 1][axis] * (1 - part) + to * part);
    const [red, green, blue] = mixed.map(Math.round);
    return (255 << 24) | (blue << 16) | (green << 8) | red;
  });
}

/** The largest number of a range: what the deepest colour stands for. */
function limitOf({ low, high }) {
  return Math.max(-low, high, 0) || 1;
}

/** The range of some numbers as colours need it: 0 at an end or in the middle. */
export function rangeOf(values) {
  let low = 0;
  let high = 0;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low < 0 && high > 0) high = Math.max(-low, high);
  return { low: low < 0 && high > 0 ? -high : low, high };
}

/** A number's colour as CSS, and the ink that is readable on it. */
export function colourFor(value, range) {
  const packed = colours()[stepOf(value, limitOf(range))];
  const [red, green, blue] = [packed & 255, (packed >> 8) & 255, (packed >> 16) & 255];
  const light = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  return { ground: `rgb(${red} ${green} ${blue})`, ink: light > EVEN ? "#000000" : "#ffffff" };
}

/** A channel of sRGB as the amount of light. */
function linear(channel) {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function stepOf(value, limit) {
  return clamp(Math.round(((value / limit + 1) / 2) * STEPS), 0, STEPS);
}

/**
 * Draw numbers as crisp squares.
 * values: row by row; `range` {low, high}; every `step`-th number from `first` (a map among channels, channels last).
 */
export function drawMap(canvas, values, width, height, range, { first = 0, step = 1 } = {}) {
  return painted(canvas, () => {
    const scale = colours();
    const limit = limitOf(range);
    const data = new ImageData(width, height);
    const pixels = new Uint32Array(data.data.buffer);
    for (let at = 0; at < pixels.length; at++) pixels[at] = scale[stepOf(values[first + at * step], limit)];
    return data;
  });
}

/** Lay numbers over a canvas's picture: blue for, red against; where they are 0 nothing is laid. */
export function drawOverlay(canvas, values, width, height, range) {
  return painted(canvas, () => {
    const [against, pro] = [colourOf("--evidence-against"), colourOf("--evidence-for")];
    const limit = limitOf(range);
    const data = new ImageData(width, height);
    for (let at = 0; at < width * height; at++) {
      const share = clamp((values[at] || 0) / limit, -1, 1);
      data.data.set(share < 0 ? against : pro, 4 * at);
      data.data[4 * at + 3] = Math.round(225 * Math.abs(share) ** 0.6);
    }
    return data;
  });
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
  painters.delete(canvas);
  return put(canvas, data);
}

/** Put what `paint` makes on a canvas, now and when the theme changes. */
function painted(canvas, paint) {
  painters.set(canvas, () => put(canvas, paint()));
  return put(canvas, paint());
}

function put(canvas, data) {
  if (canvas.width !== data.width) canvas.width = data.width;
  if (canvas.height !== data.height) canvas.height = data.height;
  canvas.classList.add("map");
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}

/** The colours with their numbers; `update(range, ends)` shows another range, with words at its ends. */
export function legend(range, note = "") {
  const bar = h("canvas", { class: "legend-bar", role: "img" });
  const numbers = h("div", { class: "legend-numbers", "aria-hidden": "true" });
  const element = h("div", { class: "legend" }, bar, numbers, note && h("p", { class: "hint" }, note));

  function update({ low, high }, ends = { low: number(low), high: number(high) }) {
    const values = Float32Array.from({ length: LEGEND }, (_, at) => low + ((high - low) * at) / (LEGEND - 1));
    drawMap(bar, values, LEGEND, 1, { low, high });
    const empty = low === 0 && high === 0;
    bar.setAttribute("aria-label", empty ? t("common.all_zero") : t("common.legend", ends));
    const ticks = low < 0 && high > 0 ? [ends.low, "0", ends.high] : [ends.low, ends.high];
    replace(numbers, (empty ? [t("common.all_zero")] : ticks).map((text) => h("span", null, text)));
  }

  update(range);
  return Object.assign(element, { update });
}

/** Draw everything again in the colours of the theme that holds now. */
export function redraw() {
  table = null;
  for (const canvas of document.querySelectorAll("canvas.map")) painters.get(canvas)?.();
}
