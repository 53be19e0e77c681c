// @ts-check
// From a picture of any size to the network's input, in the way that the classifier was trained with.

import { withChannels } from "./planes.js";

/** @typedef {import("./planes.js").Picture} Picture */
/** @typedef {{kind: string, height: number, width: number, channels: number, box: number}} Framing */
/**
 * @typedef {{image: Picture, warnings: string[], isUnclear: boolean}} Framed
 *   `warnings` name the page's texts; `isUnclear`: no answer to the picture is sure
 */
/** @typedef {(picture: Picture, framing: Framing) => Framed} Framer */

/** The function that makes of a picture what the network wants, with what is odd about it. */
export function makeFrame(/** @type {Record<string, Framer>} */ framings, /** @type {Framing} */ framing) {
  return (/** @type {Picture} */ picture) => {
    const { image, warnings, isUnclear } = framings[framing.kind](picture, framing);
    const framed = withChannels(image, framing.channels);
    const isBlank = isOfOneColour(picture) || isOfOneColour(framed);
    return {
      image: framed,
      warnings: isBlank && !warnings.length ? ["one_colour"] : warnings,
      isUnclear: isUnclear || isBlank,
    };
  };
}

function isOfOneColour({ channels, data }) {
  for (let index = channels; index < data.length; index++) if (data[index] !== data[index - channels]) return false;
  return true;
}
