// @ts-check
// Image sizes as texts, and layers as the server describes them.

/**
 * A layer as the server describes it.
 * @typedef {{name: string, kind: string, family: string, sources: string[], block: string, shape: number[],
 * parameters: number, multiply_adds: number, memory_bytes: number}} Layer `block`: the block that it is inside, or ""
 */

/** Whether each map of a layer is made from the map of the same index before it alone. */
export function isMapByMap({ channelwise, shape }, before) {
  return channelwise && before?.shape[2] === shape[2];
}

/**
 * Height, width and channels as the address writes them, such as 28x28x1; null for anything else.
 * @returns {number[] | null}
 */
export function readShape(text) {
  const shape = (text ?? "").split("x").map(Number);
  return shape.length === 3 && shape.every((side) => Number.isInteger(side) && side > 0) ? shape : null;
}
