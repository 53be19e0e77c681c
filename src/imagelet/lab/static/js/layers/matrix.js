// @ts-check
// Matrices as they are typed, pasted and written in the address. Nothing here computes an image.

export const MOST_CELLS = 12; // a side of an image: more cannot be read on a page
export const MOST_WEIGHTS = 7; // a side of a kernel or window
const LARGEST = 1e15; // as the server has it: beyond it floats are not exact whole numbers

/** What is wrong with typed numbers: a key of the texts, and what goes into its sentence. */
export class MatrixError extends Error {
  constructor(key, values = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }
}

/** The number that a person typed, a decimal or a fraction such as 1/9; null where it is none. */
export function readNumber(text) {
  const written = text.trim().replace(/[−–]/g, "-");
  const [, above, below] = written.match(/^([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?:\/(\d+\.?\d*))?$/i) ?? [];
  if (above === undefined) return null;
  const value = Number(above) / Number(below ?? 1);
  return Number.isFinite(value) && Math.abs(value) <= LARGEST ? value : null;
}

/**
 * The matrix that is written in rows: a line each, or split by `;`; numbers split by blanks, tabs or commas.
 * Brackets, as Python and spreadsheets write them, are overlooked. Raises a MatrixError.
 */
export function readMatrix(text, most = MOST_CELLS) {
  const lines = text.replace(/\]\s*,\s*\[/g, ";").replace(/[[\](){}]/g, " ").split(/[;\n\r]+/);
  const rows = lines.map((line) => line.split(/[\s,]+/).filter(Boolean)).filter((row) => row.length);
  if (!rows.length) throw new MatrixError("layers.matrix_empty");
  const columns = rows[0].length;
  const ragged = rows.findIndex((row) => row.length !== columns);
  if (ragged >= 0) {
    throw new MatrixError("layers.matrix_ragged", { row: ragged + 1, count: rows[ragged].length, first: columns });
  }
  if (rows.length > most || columns > most) {
    throw new MatrixError("layers.matrix_large", { rows: rows.length, columns, most });
  }
  return rows.map((row) => row.map(readWord));
}

function readWord(word) {
  const value = readNumber(word);
  if (value === null) throw new MatrixError("layers.matrix_word", { word });
  return value;
}

/** A matrix for the address, with every digit: `1_2_3*4_5_6`, of signs that need no escaping there. */
export function writeMatrix(matrix) {
  return matrix.map((row) => row.map((value) => value + 0).join("_")).join("*");
}

/** The matrix that `writeMatrix` wrote, or null. */
export function matrixFromAddress(text, most = MOST_CELLS) {
  try {
    return text ? readMatrix(text.replace(/\*/g, ";").replace(/_/g, " "), most) : null;
  } catch {
    return null;
  }
}

/** The matrix cut or filled up with zeros to another size. */
export function resized(matrix, rows, columns) {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => matrix[row]?.[column] ?? 0),
  );
}

export function sameMatrix(one, other) {
  return writeMatrix(one) === writeMatrix(other);
}

export function largestOf(matrix) {
  return Math.max(...matrix.flat().map(Math.abs));
}

/**
 * A number with at most so many letters, as exactly as they allow; with a real minus sign. Digits that there is no room
 * for never become zeros: 123456789 is 1.2e8.
 */
export function shortNumber(value, room = 6) {
  if (value === null || value === undefined) return "";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value).replace("-", "−");
  const whole = Math.max(1, Math.floor(Math.log10(Math.abs(value))) + 1);
  const decimals = [4, 3, 2, 1].filter((digits) => digits >= whole).map((digits) => String(+value.toPrecision(digits)));
  const powers = [3, 2, 1, 0].map((digits) => value.toExponential(digits).replace("e+", "e"));
  const forms = decimals.length ? decimals : [String(Math.round(value))];
  const bare = forms.map((form) => form.replace(/^(-?)0\./, "$1."));
  const fits = (form) => form.length - (form.includes(".") ? 0.5 : 0) <= room; // a dot is narrow
  return (forms.find(fits) ?? bare.find(fits) ?? powers.find(fits) ?? powers.at(-1)).replace("-", "−");
}

/** All digits of a number that may have been shortened; "" for a whole one. */
export function allDigits(value) {
  return Number.isInteger(value ?? 0) ? "" : String(value);
}
