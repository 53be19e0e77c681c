// @ts-check
// Ink and paper told apart: from a picture's colours to how much ink each pixel holds, 0 to 1.

import { border, clamp, cut, greyOf, channelOf, largest, mapped, median, quantiles, rounded, shareOf, sumOf } from "./planes.js";
import { resizePicture, resizePlane } from "./resize.js";

/** @typedef {import("./planes.js").Plane} Plane */
/** @typedef {import("./planes.js").Picture} Picture */

const WORKING_SIDE = 320; // pixels; larger pictures are scaled down first
const BETTER = 1.5; // times the contrast of grey that one colour must have to be looked at alone
const BACKGROUND_SIDE = 64; // pixels; uneven light is smooth
const WIDEST_STROKE = 17; // pixels of BACKGROUND_SIDE, odd
const EVEN_SPREAD = 0.04; // of black to white; a drawn picture's border varies less
const LEAST_CONTRAST = 0.08; // of black to white; less is noise
const SOFT_EDGE = 2; // pixels around a stroke
const DEEPEST_FRAME = 0.15; // of the shorter side
const FRAME_CONTRAST = 0.25; // of black to white, between a frame and the paper inside
const ALL_ALONG = 0.85; // of the pixels inside of a frame that are paper
const EXTREMES = 0.002; // of the pixels at either end of brightness that are left out of account

const { fround } = Math;

/** A picture whose longer side has so many pixels at most. */
export function shrunk(/** @type {Picture} */ picture, longest = WORKING_SIDE) {
  const { height, width } = picture;
  const scale = longest / Math.max(height, width);
  if (scale >= 1) return picture;
  return resizePicture(picture, Math.max(1, rounded(height * scale)), Math.max(1, rounded(width * scale)), "box", 2);
}

/** Grey, or that one of three colours in which the ink stands out more. */
export function inkColour(/** @type {Picture} */ picture) {
  const grey = greyOf(picture);
  if (picture.channels === 1) return grey;
  const planes = [0, 1, 2].map((channel) => channelOf(picture, channel));
  const reaches = planes.map(reachOf);
  const most = Math.max(...reaches);
  return most > BETTER * reachOf(grey) ? planes[reaches.indexOf(most)] : grey;
}

/** How far a channel goes from its border's brightness, 0 to 255. */
function reachOf(/** @type {Plane} */ plane) {
  const counts = new Int32Array(256);
  for (const value of plane.data) counts[value] += 1;
  const paper = median(border(plane));
  const ends = [EXTREMES, 1 - EXTREMES].map((share) => {
    let [below, value] = [0, 0];
    while (value < 255 && (below + counts[value]) / plane.data.length < share) below += counts[value++];
    return Math.abs(value - paper);
  });
  return Math.max(...ends);
}

/** Dark ink on light paper, whichever way it was. */
export function upright(/** @type {Plane} */ darkness) {
  const paper = median(edgeOfPaper(darkness));
  const [lowest, highest] = quantiles(darkness.data, [EXTREMES, 1 - EXTREMES]);
  return highest - paper >= paper - lowest ? darkness : mapped(darkness, (value) => 1 - value);
}

/** How far each pixel is from the paper around it towards the ink, as a ratio: light falls on both alike. */
export function evened(/** @type {Plane} */ darkness) {
  const edge = edgeOfPaper(darkness);
  const brightness = mapped(darkness, (value) => 1 - value);
  const [low, high] = quantiles(edge, [0.1, 0.9]);
  const even = fround(1 - median(edge));
  const paper = high - low < EVEN_SPREAD ? null : backgroundOf(brightness).data;
  const least = fround(1 / 255);
  return mapped(brightness, (value, index) => {
    const ground = Math.max(paper ? paper[index] : even, least);
    return clamp(1 - fround(value / ground), 0, 1);
  });
}

/** How much ink each pixel holds, with soft edges and exactly 0 on the paper. */
export function thresholded(/** @type {Plane} */ darkness) {
  const threshold = fround(otsu(darkness));
  const strokes = mapped(darkness, (value) => (value > threshold ? 1 : 0));
  if (apart(darkness, threshold) < LEAST_CONTRAST) return mapped(darkness, () => 0);
  const low = fround(threshold / 2);
  const span = fround(Math.max(median(darkness.data.filter((value) => value > threshold)) - low, 1e-6));
  const near = squareExtremes(strokes, SOFT_EDGE, Math.max);
  return mapped(darkness, (value, index) => (near.data[index] ? clamp(fround(value - low) / span, 0, 1) : 0));
}

/** How far ink and paper are apart, 0 to 1. */
export function contrastOf(/** @type {Plane} */ darkness) {
  return apart(darkness, fround(otsu(darkness)));
}

function apart({ data }, threshold) {
  let [above, below, count] = [0, 0, 0];
  for (const value of data) {
    if (value > threshold) {
      above += value;
      count += 1;
    } else below += value;
  }
  return count && count < data.length ? above / count - below / (data.length - count) : 0;
}

const thresholds = new WeakMap(); // numbers → their threshold: it is asked for more than once

/** The threshold, 0 to 1, with the largest variance between the two sides (N. Otsu, 1979). */
function otsu(/** @type {Plane} */ { data }) {
  if (!thresholds.has(data)) thresholds.set(data, thresholdOf(data));
  return thresholds.get(data);
}

function thresholdOf(data) {
  const counts = new Float64Array(256);
  for (let index = 0; index < data.length; index++) counts[Math.min(data[index] * 256, 255) | 0] += 1;
  const whole = counts.reduce((sum, count, index) => sum + (count * (index + 0.5)) / 256, 0);
  let [below, sum] = [0, 0];
  const between = Array.from(counts, (count, index) => {
    below += count;
    sum += (count * (index + 0.5)) / 256;
    const above = data.length - below;
    return below && above ? below * above * (sum / below - (whole - sum) / above) ** 2 : 0;
  });
  const most = largest(between) * (1 - 1e-9);
  const best = between.flatMap((value, index) => (value >= most ? [index] : [])); // in an empty gap all are as good
  return (Math.trunc(sumOf(best) / best.length) + 1) / 256;
}

/** Ink whose strokes have the full strength. */
export function atFullStrength(/** @type {Plane} */ ink) {
  const half = largest(ink.data) / 2;
  const full = fround(median(ink.data.filter((value) => value > half)));
  return mapped(ink, (value) => Math.min(value / full, 1));
}

/** Ink `scale` times as large. */
export function resizeInk(/** @type {Plane} */ ink, /** @type {number} */ scale) {
  const [height, width] = [ink.height, ink.width].map((length) => Math.max(1, rounded(length * scale)));
  const filter = height < ink.height ? "box" : "bicubic";
  return mapped(resizePlane(ink, height, width, filter), (value) => clamp(value, 0, 1));
}

/** The darkness along the paper's edge: the picture's own, or that inside of a frame, such as a table around the sheet. */
function edgeOfPaper(darkness) {
  const edge = border(darkness);
  const outside = median(edge);
  if (Math.abs(median(darkness.data) - outside) <= FRAME_CONTRAST) return edge;
  const { height, width } = darkness;
  for (let depth = 1; depth <= Math.trunc(DEEPEST_FRAME * Math.min(height, width)); depth++) {
    const sheet = cut(darkness, { top: depth, bottom: height - depth, left: depth, right: width - depth });
    const inside = border(sheet);
    if (shareOf(inside, (value) => Math.abs(value - outside) > FRAME_CONTRAST) < ALL_ALONG) continue;
    const middle = median(inside);
    const reaches = quantiles(sheet.data, [EXTREMES, 1 - EXTREMES]).map((value) => Math.abs(value - middle));
    return Math.max(...reaches) > FRAME_CONTRAST ? inside : edge;
  }
  return edge;
}

/** The paper's brightness without its dark ink: a wide closing, smoothed. */
function backgroundOf(brightness) {
  const { height, width } = brightness;
  const scale = BACKGROUND_SIDE / Math.max(height, width);
  const [rows, columns] = [height, width].map((length) => Math.max(1, rounded(length * scale)));
  const small = resizePlane(brightness, rows, columns, "box");
  const radius = (WIDEST_STROKE - 1) / 2;
  const closed = squareExtremes(squareExtremes(small, radius, Math.max), radius, Math.min);
  return resizePlane(smoothed(closed, WIDEST_STROKE / 4), height, width, "bilinear");
}

/** A plane smoothed by a Gaussian of that standard deviation in pixels; the rim is repeated. */
function smoothed(plane, deviation) {
  const reach = Math.trunc(4 * deviation + 0.5);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, index) => Math.exp((-0.5 * (index - reach) ** 2) / deviation ** 2));
  const sum = sumOf(weights);
  return overLines(plane, reach, 0, (total, value, index) => total + (value * weights[index]) / sum);
}

/** The largest or smallest number of the square around each pixel; `choose` is Math.max or Math.min. */
function squareExtremes(plane, radius, choose) {
  return overLines(plane, radius, choose === Math.max ? -Infinity : Infinity, (most, value) => choose(most, value));
}

/** What a function gathers of the numbers around each pixel, down and then across; the rim is repeated. */
function overLines({ height, width, data }, radius, start, gather) {
  const down = mapped({ height, width, data }, (_, index) => {
    const [row, column] = [Math.trunc(index / width), index % width];
    let result = start;
    for (let step = 0; step <= 2 * radius; step++) {
      result = gather(result, data[clamp(row + step - radius, 0, height - 1) * width + column], step);
    }
    return result;
  });
  return mapped(down, (_, index) => {
    const column = index % width;
    let result = start;
    for (let step = 0; step <= 2 * radius; step++) {
      result = gather(result, down.data[index - column + clamp(column + step - radius, 0, width - 1)], step);
    }
    return result;
  });
}
