// @ts-check
// What each layer makes of the image: its maps side by side, in one scale of colours. 0 is the page's ground; blue is
// above it, red below; the deeper, the further.

import { make, part, put } from "./elements.js";
import { t } from "./texts.js";

/** @typedef {{name: string, output: string, shape: any}} Layer `shape` is [height, width, channels] or [values] */

const PLACES = [0, 0.22, 0.5, 0.78, 1]; // of the scale's colours, from the lowest to the highest
const STEPS = 512; // even, so that 0 has a colour of its own
const WIDE = 2.6; // times its height a strip of maps is wide
const MOST = 128; // maps of a layer that are shown

let colours = null;

/** Make a strip for each layer. */
export function makeLayers(/** @type {Layer[]} */ layers) {
  const strips = layers.map(({ name, shape }) => {
    const canvas = make("canvas", "maps");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${name}, ${shape.join(" × ")}`);
    return make("li", "", make("p", "", make("strong", "", name), ` ${shape.join(" × ")}`, make("span", "more")), canvas);
  });
  part("layers").replaceChildren(...strips);
}

/** Draw what the layers make of an image, by the names of their outputs. */
export function showLayers(/** @type {Layer[]} */ layers, values) {
  colours ??= colourTable([...part("scale").children].map((place) => colourOf(place)));
  layers.forEach(({ output, shape }, index) => {
    const [title, canvas] = part("layers").children[index].children;
    const { data } = values.get(output);
    const count = shape.length > 1 ? shape[2] : 1;
    title.querySelector(".more").textContent = count > MOST ? ` · ${t("first_maps", { count: MOST })}` : "";
    put(canvas, shape.length > 1 ? strip(data, shape) : cells(data));
  });
}

/** The scale's colours have changed: the theme is another one. */
export function forgetColours() {
  colours = null;
}

function colourOf(element) {
  return getComputedStyle(element).backgroundColor.slice(4, -1).split(",").map(Number);
}

/** The packed colour of each step from the lowest to the highest; `stops` are the colours at PLACES. */
function colourTable(stops) {
  return Uint32Array.from({ length: STEPS + 1 }, (_, step) => {
    const share = step / STEPS;
    const after = Math.max(1, PLACES.findIndex((place) => place >= share));
    const mix = (share - PLACES[after - 1]) / (PLACES[after] - PLACES[after - 1]);
    const [red, green, blue] = stops[after].map((to, axis) => Math.round(stops[after - 1][axis] * (1 - mix) + to * mix));
    return (255 << 24) | (blue << 16) | (green << 8) | red;
  });
}

/** Maps side by side, a pixel apart. */
function strip(data, [height, width, channels]) {
  const count = Math.min(channels, MOST);
  const columns = columnsFor(count, Math.sqrt((count * WIDE * height) / width));
  const across = columns * (width + 1) - 1;
  const placeOf = (index) => {
    const [map, pixel] = [Math.trunc(index / (height * width)), index % (height * width)];
    const row = Math.trunc(map / columns) * (height + 1) + Math.trunc(pixel / width);
    return row * across + (map % columns) * (width + 1) + (pixel % width);
  };
  return coloured(data.subarray(0, count * height * width), across, Math.ceil(count / columns) * (height + 1) - 1, placeOf);
}

/** About so many columns, and if there are such, as many as leave no gap. */
function columnsFor(count, wanted) {
  const usual = Math.min(count, Math.ceil(wanted));
  for (let columns = Math.ceil(0.75 * usual); columns <= 1.5 * usual; columns++) if (count % columns === 0) return columns;
  return usual;
}

/** Flat values, row by row. */
function cells(data) {
  const columns = data.length <= 16 ? data.length : Math.ceil(Math.sqrt(data.length * WIDE * 2));
  return coloured(data, columns, Math.ceil(data.length / columns), (index) => index);
}

function coloured(data, width, height, placeOf) {
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const limit = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  data.forEach((value, index) => {
    pixels[placeOf(index)] = colours[Math.round(((value / limit + 1) / 2) * STEPS)];
  });
  return image;
}
