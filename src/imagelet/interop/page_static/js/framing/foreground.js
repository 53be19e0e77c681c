// @ts-check
// An object on plain ground, trimmed, on black, as Fashion-MNIST holds its clothes.

import { shrunk } from "./binarise.js";
import { partsOf } from "./connected_components.js";
import {
  border,
  clamp,
  cut,
  extent,
  greyOf,
  largest,
  mapped,
  median,
  merged,
  placed,
  quantiles,
  rounded,
  shareOf,
} from "./planes.js";
import { resizePlane } from "./resize.js";

const LONGEST_SIDE = 2048; // pixels; larger pictures are scaled down first
const GROUND = 0.06; // of the largest difference from the ground; less is the ground's own grain
const LEAST_AREA = 0.02; // of the largest part's area; smaller ones are dust
const UNEVEN = 0.1; // of the difference, that a plain ground's border varies at most
const LEAST_DIFFERENCE = 0.1; // of black to white, between object and ground; it is stretched tenfold at most
const MOST_OF_BORDER = 0.3; // of the border, that the object covers at most

/**
 * The object of a picture on black, as large as the image allows, in its middle.
 * @param {import("./planes.js").Picture} picture
 * @param {{height: number, width: number}} target
 * @returns {import("./framing.js").Framed}
 */
export function foreground(picture, { height, width }) {
  const grey = greyOf(shrunk(picture, LONGEST_SIDE));
  const edge = border(grey);
  const ground = median(edge);
  if (grey.height === height && grey.width === width && ground === 0) {
    return { image: merged([grey]), warnings: [], isUnclear: false };
  }
  const most = Math.max(ground, 255 - ground);
  const difference = mapped(grey, (value) => Math.fround(Math.abs(value - ground)) / most);
  const inside = withoutDust(mapped(difference, (value) => (value > Math.fround(GROUND) ? 1 : 0)));
  const part = extent(inside);
  if (!part || largest(difference.data) < LEAST_DIFFERENCE) {
    const nothing = { height, width, data: new Uint8Array(height * width) };
    return { image: merged([nothing]), warnings: ["no_object"], isUnclear: true };
  }
  const [low, high] = quantiles(edge, [0.1, 0.9]);
  const isPlain = high - low <= UNEVEN * 255;
  const touches = shareOf(border(inside), (value) => value > 0) > MOST_OF_BORDER;
  const object = cut(difference, part);
  const warnings = [!isPlain && "ground", touches && "object_edge"].filter(Boolean);
  return { image: merged([centred(object, height, width)]), warnings, isUnclear: !isPlain };
}

function withoutDust(inside) {
  const { labels, areas } = partsOf(inside, false);
  const least = LEAST_AREA * largest(areas);
  return mapped(inside, (_, index) => (labels[index] && areas[labels[index] - 1] >= least ? 1 : 0));
}

/** The object's part, scaled into the image, aspect kept, its brightest pixel white. */
function centred(object, height, width) {
  const scale = Math.min(height / object.height, width / object.width);
  const rows = clamp(rounded(object.height * scale), 1, height);
  const columns = clamp(rounded(object.width * scale), 1, width);
  const small = resizePlane(object, rows, columns, scale < 1 ? "lanczos" : "bicubic");
  const most = Math.max(largest(small.data), Math.fround(LEAST_DIFFERENCE));
  const bytes = mapped(small, (value) => rounded(Math.fround(clamp(Math.fround(value / most), 0, 1) * 255)));
  return placed(bytes, height, width, Math.floor((height - rows) / 2), Math.floor((width - columns) / 2));
}
