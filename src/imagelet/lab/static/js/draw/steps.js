// @ts-check
// What was done on the sheet, as a list of steps. Undo takes the last one away, and the rest is drawn again.
//
// A stroke on a picture, or on the example that greets, begins a new sheet; undo brings back what was there.

/**
 * @typedef {{x: number, y: number}} Point pixels of the sheet
 * @typedef {{kind: "stroke", points: Point[], erase: boolean, fresh?: boolean, example?: boolean}} Stroke
 *   `fresh`: on a new sheet; `example`: the page's own, not a person's
 * @typedef {{kind: "picture", blob?: Blob, sample?: string, image: any, example?: boolean}} Picture
 *   `image` is null while it loads
 * @typedef {Stroke | Picture | {kind: "clear"}} Step
 */

/** What lies on the sheet: all steps since it was last new. */
export function visible(/** @type {Step[]} */ steps) {
  const from = steps.findLastIndex((step) => step.kind !== "stroke" || step.fresh);
  return from < 0 ? steps : steps.slice(from);
}

/**
 * The picture that lies on the sheet.
 * @returns {Picture | undefined}
 */
export function pictureOn(/** @type {Step[]} */ steps) {
  return /** @type {Picture} */ (visible(steps).findLast(({ kind }) => kind === "picture"));
}

/**
 * The strokes on the sheet; null where a picture lies there.
 * @returns {Stroke[] | null}
 */
export function strokesOn(/** @type {Step[]} */ steps) {
  if (pictureOn(steps)) return null;
  return /** @type {Stroke[]} */ (visible(steps).filter(({ kind }) => kind === "stroke"));
}

/** Whether nothing was drawn and no picture is there. */
export function isEmpty(/** @type {Step[]} */ steps) {
  return strokesOn(steps)?.every(({ erase }) => erase) ?? false;
}

/** Whether what lies on the sheet is the page's own example. */
export function isExample(/** @type {Step[]} */ steps) {
  return visible(steps).some((step) => "example" in step && Boolean(step.example));
}
