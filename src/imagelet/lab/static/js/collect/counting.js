// @ts-check
// How many pictures the classes have, and what to say of that.

const FEWEST = 2; // of a class: one is set aside for testing
const FEW = 10;
const UNEVEN = 3; // times as many as the smallest class has

/** @typedef {{name: string, pictures: {file: string, version: string}[]}} CollectedClass */

/**
 * What is to be said of the classes: a text's key with its values; `ready` says whether a training can begin.
 * @returns {{key: string, values: Record<string, any>, ready: boolean}}
 */
export function adviceOn(/** @type {CollectedClass[]} */ classes) {
  const counts = classes.map(({ name, pictures }) => ({ name, count: pictures.length }));
  const [least, most] = [counts.reduce(smaller, counts[0]), counts.reduce(larger, counts[0])];
  if (counts.length < 2) return { key: "two_classes", values: {}, ready: false };
  if (least.count < FEWEST) return { key: "too_few", values: { ...least, fewest: FEWEST }, ready: false };
  if (least.count < FEW) return { key: "few", values: { ...least, few: FEW }, ready: true };
  if (most.count > UNEVEN * least.count) {
    const values = { most: most.name, many: most.count, least: least.name, little: least.count };
    return { key: "uneven", values, ready: true };
  }
  return { key: "enough", values: { count: counts.reduce((sum, { count }) => sum + count, 0) }, ready: true };
}

function smaller(one, other) {
  return other.count < one.count ? other : one;
}

function larger(one, other) {
  return other.count > one.count ? other : one;
}
