// @ts-check
// Numbers and files as base64, as the server's JSON has them.

/** Base64 → bytes. */
export function decodeBytes(base64) {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let index = 0; index < letters.length; index++) bytes[index] = letters.charCodeAt(index); // quicker than from()
  return bytes;
}

/** {shape, base64} (float32, little-endian) → {shape, values: Float32Array}. */
export function decodeNumbers({ shape, base64 }) {
  return { shape, values: new Float32Array(decodeBytes(base64).buffer) };
}

/**
 * A file or blob → base64.
 * @returns {Promise<string>}
 */
export function encodeBlob(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(",")[1]);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
