// @ts-check
// Whole pictures, or their middle, in the network's size.

import { border, channelOf, clamp, cut, median, merged, placed, rounded } from "./planes.js";
import { resizePicture } from "./resize.js";

const GAP = 3; // times larger than wanted a picture stays when it is first reduced by whole numbers

/** @typedef {import("./framing.js").Framer} Framer */

/** The whole picture, aspect kept, padded with its border's median colour. @type {Framer} */
export function fit(picture, { height, width }) {
  const scale = Math.min(height / picture.height, width / picture.width);
  const [rows, columns] = [clamp(rounded(picture.height * scale), 1, height), clamp(rounded(picture.width * scale), 1, width)];
  const inner = resized(picture, rows, columns);
  if (rows === height && columns === width) return clear(inner);
  const [top, left] = [Math.floor((height - rows) / 2), Math.floor((width - columns) / 2)];
  const planes = Array.from({ length: picture.channels }, (_, channel) => {
    const ground = rounded(median(border(channelOf(picture, channel))));
    return placed(channelOf(inner, channel), height, width, top, left, ground);
  });
  return clear(merged(planes));
}

/** The largest centred part that has the input's aspect. @type {Framer} */
export function crop(picture, target) {
  const [rows, columns] = largestOfAspect(picture, target);
  return clear(resized(centredPart(picture, rows, columns), target.height, target.width));
}

/** Half of what crop cuts is cut, the rest padded as fit does. @type {Framer} */
export function halfCrop(picture, target) {
  const [rows, columns] = largestOfAspect(picture, target);
  const halves = [Math.floor((picture.height + rows) / 2), Math.floor((picture.width + columns) / 2)];
  return fit(centredPart(picture, halves[0], halves[1]), target);
}

/** The whole picture, aspect not kept. @type {Framer} */
export function stretch(picture, { height, width }) {
  return clear(resized(picture, height, width));
}

function largestOfAspect(picture, { height, width }) {
  const scale = Math.min(picture.height / height, picture.width / width);
  return [clamp(rounded(height * scale), 1, picture.height), clamp(rounded(width * scale), 1, picture.width)];
}

function centredPart(picture, rows, columns) {
  const [top, left] = [Math.floor((picture.height - rows) / 2), Math.floor((picture.width - columns) / 2)];
  const part = { top, bottom: top + rows, left, right: left + columns };
  return merged(Array.from({ length: picture.channels }, (_, channel) => cut(channelOf(picture, channel), part)));
}

function clear(image) {
  return { image, warnings: [], isUnclear: false };
}

function resized(picture, height, width) {
  if (picture.height === height && picture.width === width) return picture;
  const enlarges = height >= picture.height && width >= picture.width;
  return resizePicture(picture, height, width, enlarges ? "bicubic" : "lanczos", GAP);
}
