// @ts-check
// Image sizes as texts, and what the page concludes from the kind of a layer: here alone.

/**
 * A layer as the server describes it.
 * @typedef {{name: string, kind: string, shape: number[], parameters: number, multiply_adds: number,
 * memory_bytes: number}} Layer
 */

const FAMILIES = /** @type {const} */ ([
  [/^(conv|depthwise|whiten)/i, "convolution"],
  [/pool|^global/i, "pooling"],
  [/^(dense|linear)/i, "dense"],
  [/^(relu|gelu|silu|tanh|sigmoid|softmax)/i, "activation"],
  [/norm/i, "normalization"],
  [/^dropout/i, "dropout"],
]);

/** The family of a layer, by what the server calls its kind. */
export function familyOf({ kind }) {
  return FAMILIES.find(([pattern]) => pattern.test(kind))?.[1] ?? "other";
}

/** Whether each map of a layer is made from the map of the same index before it alone. */
export function isMapByMap({ kind, shape }, before) {
  return kind !== "conv" && before?.shape[2] === shape[2];
}

/**
 * Height, width and channels as the address writes them, such as 28x28x1; null for anything else.
 * @returns {number[] | null}
 */
export function readShape(text) {
  const shape = (text ?? "").split("x").map(Number);
  return shape.length === 3 && shape.every((side) => Number.isInteger(side) && side > 0) ? shape : null;
}
