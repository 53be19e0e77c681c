// @ts-check
// A person's own handwriting, brought to the form in which MNIST holds its digits: light on black, boxed, its mass
// in the middle.

import { atFullStrength, contrastOf, evened, inkColour, resizeInk, shrunk, thresholded, upright } from "./binarise.js";
import {
  DARK,
  hasOtherMarks,
  isNearInk,
  mainMark,
  withoutBands,
  withoutLines,
  withoutSpecks,
} from "./connected_components.js";
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
  sumOf,
} from "./planes.js";

/** @typedef {import("./planes.js").Plane} Plane */
/** @typedef {{height: number, width: number, box: number}} Target */

const LEAST_SHARE = 0.5; // of all ink, that the digit must have
const PAPER = 0.1; // quantile of the darkness that is paper's
const HOLLOW = 0.6; // of the ink's darkness, from which what is no ink is as dark as ink
const MOST_HOLLOW = 0.01; // of the strokes' area
const LOW_CONTRAST = 0.25; // of black to white, between paper and ink
const MNIST_BOX = 20; // pixels
const [THINNEST_STROKE, THICKEST_STROKE] = [2.1, 3.9]; // pixels in a box of MNIST_BOX
const MOST_PIXELS = 16; // by which a side of a stroke is moved
const FINE = 5; // pixels of the enlarged ink for each of the box
const THICKEST_PEN = 5.5; // pixels in such a box, behind all steps: what is wider is an area, not a stroke
const HAIRLINE = 0.7; // pixels in such a box: the pen left less than a pixel
const OFF_CENTRE = 1; // pixels that MNIST's own digits are away from where their mass is in the middle

/**
 * Bring handwriting to the form in which the dataset holds it; a picture that has it already stays as it is.
 * @param {import("./planes.js").Picture} picture
 * @param {Target} target
 * @returns {import("./framing.js").Framed}
 */
export function handwriting(picture, target) {
  if (picture.height === target.height && picture.width === target.width) {
    const grey = greyOf(picture);
    if (isNormalized(grey, target)) return { image: merged([grey]), warnings: [], isUnclear: false };
  }
  const colour = mapped(inkColour(shrunk(picture)), (value) => 1 - Math.fround(value / 255));
  const polarity = upright(colour);
  const light = evened(polarity);
  const threshold = thresholded(light);
  const specks = withoutSpecks(withoutLines(withoutBands(threshold)));
  const mark = mainMark(specks);
  const ink = centred(boxed(withFittingStrokes(mark, target), target), target);
  const image = merged([mapped(ink, (value) => rounded(Math.fround(value * 255)))]);
  const reasons = unclearBecause({ polarity, threshold, specks, mark, ink }, target);
  const isUnclear = reasons.length > 0;
  return { image, warnings: [...reasons, ...warningsOf({ light, mark }, target)], isUnclear };
}

/** Whether an image of the target's size is as the steps would leave it. */
function isNormalized(grey, target) {
  const { height, width } = target;
  if (largest(grey.data) < 128) return false;
  const edge = border(grey);
  if (median(edge) > 0 || shareOf(edge, (value) => value > 0) >= 0.5) return false;
  const part = extent(grey);
  const filled = Math.max((part.bottom - part.top) / height, (part.right - part.left) / width);
  if (Math.abs(filled - target.box) > 1 / Math.min(height, width)) return false;
  const wanted = placeOf(mapped(cut(grey, part), (value) => value / 255), target);
  return Math.abs(part.top - wanted.top) <= OFF_CENTRE && Math.abs(part.left - wanted.left) <= OFF_CENTRE;
}

/** Where ink lies in the image when its mass is in the middle: moved by whole pixels, never over the edge. */
function placeOf({ height, width, data }, target) {
  let [sum, down, across] = [0, 0, 0];
  data.forEach((value, index) => {
    sum += value;
    down += value * Math.trunc(index / width);
    across += value * (index % width);
  });
  return {
    top: clamp(rounded(target.height / 2 - down / sum), 0, target.height - height),
    left: clamp(rounded(target.width / 2 - across / sum), 0, target.width - width),
  };
}

/** Ink whose strokes have a width that MNIST's have, once it is scaled into the box. */
function withFittingStrokes(mark, target) {
  const part = extent(mark);
  if (!part) return mark;
  let ink = atFullStrength(cut(mark, part));
  const scale = (FINE * MNIST_BOX) / Math.max(ink.height, ink.width);
  if (scale > 1) ink = resizeInk(ink, scale);
  let [missing, surplus] = wrongWidths(ink, target);
  if (Math.max(missing, surplus) > MOST_PIXELS) {
    ink = resizeInk(ink, MOST_PIXELS / Math.max(missing, surplus));
    [missing, surplus] = wrongWidths(ink, target);
  }
  if (missing > 0) {
    const room = placed(ink, ink.height + 2 * missing, ink.width + 2 * missing, missing, missing);
    return diskExtremes(room, missing, Math.max);
  }
  if (surplus <= 0) return ink;
  const thinned = diskExtremes(ink, surplus, Math.min);
  return thinned.data.some((value) => value > 0) ? thinned : ink;
}

/** By how many pixels each side of a stroke is too thin, and too thick; 0 or less: it is not. */
function wrongWidths(ink, target) {
  const unit = unitOf(target) / scaleOf(ink, target);
  const width = strokeWidth(ink);
  return [rounded((THINNEST_STROKE * unit - width) / 2), rounded((width - THICKEST_STROKE * unit) / 2)];
}

/** Pixels of the image for each pixel of a box of MNIST_BOX. */
function unitOf({ height, width, box }) {
  return (box * Math.min(height, width)) / MNIST_BOX;
}

function scaleOf({ height, width }, target) {
  return target.box * Math.min(target.height / height, target.width / width);
}

/** The mean width of the strokes in pixels: twice the area by the length of the outline. */
function strokeWidth(cutOut) {
  const ink = atFullStrength(cutOut);
  const { height, width, data } = placed(ink, ink.height + 2, ink.width + 2, 1, 1);
  let outline = 0;
  for (let index = 0; index < data.length; index++) {
    const inside = data[index] > DARK;
    if (index % width < width - 1 && data[index + 1] > DARK !== inside) outline += 1;
    if (index < (height - 1) * width && data[index + width] > DARK !== inside) outline += 1;
  }
  return (2 * sumOf(ink.data)) / Math.max(1, (outline * Math.PI) / 4); // an outline of pixels is 4/π too long
}

/** The largest or smallest number of the disk around each pixel; outside there is no ink. */
function diskExtremes(ink, radius, choose) {
  const { height, width, data } = ink;
  const halves = Array.from({ length: 2 * radius + 1 }, (_, row) =>
    Math.floor(Math.sqrt((radius + 0.3) ** 2 - (row - radius) ** 2)),
  );
  const lines = new Map([...new Set(halves)].map((half) => [half, rowExtremes(ink, half, choose)]));
  return mapped({ height, width, data }, (value, index) => {
    const row = Math.trunc(index / width);
    let most = value;
    for (let offset = -radius; offset <= radius; offset++) {
      const inside = row + offset >= 0 && row + offset < height;
      most = choose(most, inside ? lines.get(halves[offset + radius])[index + offset * width] : 0);
    }
    return most;
  });
}

function rowExtremes({ width, data }, half, choose) {
  return data.map((value, index) => {
    const column = index % width;
    let most = column < half || column >= width - half ? choose(value, 0) : value;
    for (let at = Math.max(0, column - half); at <= Math.min(width - 1, column + half); at++) {
      most = choose(most, data[index - column + at]);
    }
    return most;
  });
}

/** The ink, cut out and scaled so that its longer side fills the box. */
function boxed(ink, target) {
  const part = extent(ink);
  if (!part) return ink;
  const inside = cut(ink, part);
  return resizeInk(inside, scaleOf(inside, target));
}

/** The ink in an image of the target's size, its mass in the middle; the strongest becomes 1. */
function centred(ink, target) {
  const { height, width } = target;
  const most = largest(ink.data);
  if (!(most > 0)) return { height, width, data: new Float32Array(height * width) };
  const fits = ink.height <= height && ink.width <= width;
  const inside = fits ? ink : boxed(ink, { ...target, box: 1 });
  const strongest = largest(inside.data);
  const { top, left } = placeOf(inside, target);
  return placed(mapped(inside, (value) => value / strongest), height, width, top, left);
}

/** Why the picture may show something else than one digit's strokes on paper. */
function unclearBecause({ polarity, threshold, specks, mark, ink }, target) {
  const amount = sumOf(mark.data);
  if (!amount) return ["blank"];
  const isLess = amount <= LEAST_SHARE * sumOf(specks.data);
  const reasons = isLess ? ["beside"] : hasOtherMarks(specks, mark) ? ["several"] : [];
  const half = largest(mark.data) / 2;
  const darkness = polarity.data.filter((_, index) => mark.data[index] > half);
  const [paper] = quantiles(polarity.data, [PAPER]);
  const asDark = paper + HOLLOW * (median(darkness) - paper);
  const hollow = polarity.data.filter((value, index) => value >= asDark && !isNearInk(threshold, index));
  if (hollow.length > MOST_HOLLOW * darkness.length) reasons.push("dark");
  if (strokeWidth(cut(ink, extent(ink))) > THICKEST_PEN * unitOf(target)) reasons.push("filled");
  return reasons;
}

/** What else a person should know about the picture. */
function warningsOf({ light, mark }, target) {
  const part = extent(mark);
  if (!part) return [];
  const inside = cut(mark, part);
  return [
    contrastOf(light) < LOW_CONTRAST && "contrast",
    border(mark).some((value) => value > 0) && "edge",
    strokeWidth(inside) * scaleOf(inside, target) < HAIRLINE * unitOf(target) && "thin",
  ].filter(Boolean);
}
