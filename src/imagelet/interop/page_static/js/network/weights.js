// @ts-check
// The network's numbers out of the page: base64, half or single precision, as 32-bit floats.

/** Decode base64 into bytes. */
export function decodeBase64(/** @type {string} */ text) {
  const letters = atob(text.trim());
  const bytes = new Uint8Array(letters.length);
  for (let index = 0; index < letters.length; index++) bytes[index] = letters.charCodeAt(index);
  return bytes;
}

/** What a half-precision number (IEEE 754 binary16) of these 16 bits is. */
export function halfNumber(/** @type {number} */ bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -24 * fraction;
}

/**
 * The numbers of a constant: written out, or a part of the page's bytes.
 * @param {{shape: number[], values?: number[], type?: string, start?: number}} constant
 * @param {Uint8Array} bytes
 * @returns {import("./operations.js").Value}
 */
export function readConstant({ shape, values, type, start }, bytes) {
  if (values) return { shape, data: Float32Array.from(values) };
  const count = shape.reduce((product, side) => product * side, 1);
  const size = type === "half" ? 2 : 4;
  const { buffer } = bytes.slice(start, start + count * size); // from its own beginning, as views need it
  if (type !== "half") return { shape, data: new Float32Array(buffer) };
  return { shape, data: Float32Array.from(new Uint16Array(buffer), halfNumber) };
}
