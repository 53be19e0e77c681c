// @ts-check
// Which of a picture's ink is the digit: without the sheet's edge, ruled lines, dust and other marks.

import { largest, mapped, shareOf, sumOf, rounded } from "./planes.js";

/** @typedef {import("./planes.js").Plane} Plane */

export const DARK = 0.5; // ink from which a pixel belongs to a stroke and not to its soft edge
const FAINT = 0.15; // ink from which a pixel may belong to the sheet's edge
const BAND = 0.9; // of a row or column that is inked: the sheet's edge or a ruled line, not a stroke
const DEEPEST_BAND = 0.15; // of the side
const THICKEST_LINE = 0.03; // of the side
const MARGIN = 0.02; // of the side: a ruled line reaches so near to both edges
const SMALLEST_PART = 0.01; // of the largest part's ink; smaller ones are dust
const NEAR = 0.15; // of the longer side of the mark's box: what is nearer belongs to it
const AT_THE_EDGE = 0.25; // how much a part counts that touches the edge
const SECOND_MARK = 0.3; // of the mark's ink; another mark with more is told

const TURNS = [0, 1, 2, 3]; // by 90°, which bring the edges to the top

/** A plane that is turned by so many times 90°, without a copy: its rows as those of NumPy's rot90. */
function turned({ height, width, data }, turn) {
  const [rows, length] = turn % 2 ? [width, height] : [height, width];
  const step = turn % 2 ? width : 1;
  const startOf = (index) => [index * width, width - 1 - index, (height - 1 - index) * width, index][turn];
  return {
    rows,
    length,
    row: (index) => {
      const [start, made] = [startOf(index), new Float32Array(length)];
      for (let at = 0; at < length; at++) made[at] = data[start + at * step];
      return made;
    },
    clear: (index, isCleared) => {
      for (let at = 0; at < length; at++) if (isCleared(at)) data[startOf(index) + at * step] = 0;
    },
  };
}

function copyOf(/** @type {Plane} */ plane) {
  return mapped(plane, (value) => value);
}

/** Ink without what lies along the picture's edges: a scanner's shadow, the frame of a form. */
export function withoutBands(/** @type {Plane} */ ink) {
  const rest = withoutEdges(ink, TURNS.map((turn) => bandOf(turned(ink, turn))));
  if (rest) return rest;
  return TURNS.reduce((left, turn) => {
    const depth = bandOf(turned(left, turn));
    return withoutEdges(left, TURNS.map((side) => (side === turn ? depth : 0))) ?? left;
  }, ink);
}

/** Up to which row from the first on there is a band, with its soft edge; 0 where there is none. */
function bandOf({ rows, row }) {
  const limit = Math.trunc(DEEPEST_BAND * rows);
  const inked = (index, least) => shareOf(row(index), (value) => value > least) >= BAND;
  let depth = 0;
  for (let index = 0; index <= limit && index < rows; index++) if (inked(index, FAINT)) depth = index + 1;
  while (depth > 0 && depth <= limit && inked(depth, 0)) depth += 1;
  return depth <= limit ? depth : 0;
}

/** Ink without so many rows at each edge; null where it hangs on them or reaches an edge. */
function withoutEdges(ink, depths) {
  const rest = copyOf(ink);
  const sides = TURNS.map((turn) => turned(rest, turn));
  sides.forEach((side, turn) => {
    for (let row = 0; row < depths[turn]; row++) side.clear(row, () => true);
  });
  const isDark = (value) => value > DARK;
  if (!depths.some((depth) => depth > 0) || !rest.data.some(isDark)) return null;
  return sides.some((side, turn) => side.row(depths[turn]).some(isDark)) ? null : rest;
}

/** Ink without ruled lines: thin ones from edge to edge, level or upright. */
export function withoutLines(/** @type {Plane} */ ink) {
  const rest = copyOf(ink);
  for (const turn of [0, 1]) {
    const sheet = turned(rest, turn);
    for (const [first, last] of runsOf(sheet)) clearLine(sheet, first, last);
  }
  return rest;
}

/** The runs of inked rows: the first, and the one behind the last. */
function runsOf({ rows, row }) {
  /** @type {[number, number][]} */
  const runs = [];
  for (let index = 0; index < rows; index++) {
    if (shareOf(row(index), (value) => value > DARK) < BAND) continue;
    if (runs.at(-1)?.[1] === index) runs.at(-1)[1] = index + 1;
    else runs.push([index, index + 1]);
  }
  return runs;
}

/** Clear a run of rows if it is a ruled line; where a stroke crosses it, it stays. */
function clearLine({ rows, length, row, clear }, first, last) {
  if (last - first > Math.max(1, THICKEST_LINE * rows) || first === 0 || last === rows) return;
  const margin = Math.max(1, rounded(MARGIN * length));
  const lines = Array.from({ length: last - first }, (_, index) => row(first + index));
  const isDark = (value) => value > DARK;
  const reaches = [[0, margin], [-margin]].every((end) => lines.some((line) => line.slice(...end).some(isDark)));
  if (!reaches) return; // it ends before the picture does
  const [top, bottom] = [first - 1, last + 1]; // with the soft edges
  const [above, below] = [row(Math.max(0, top - 1)), row(Math.min(rows - 1, bottom))];
  for (let index = top; index < bottom; index++) clear(index, (at) => !(isDark(above[at]) && isDark(below[at])));
}

/** Ink without dust: parts with next to no ink beside the largest. */
export function withoutSpecks(/** @type {Plane} */ ink) {
  const { labels, amounts } = partsOf(ink);
  const least = SMALLEST_PART * largest(amounts);
  return keep(ink, labels, amounts.map((amount) => amount >= least));
}

/** The ink of the largest mark: the largest part, and all that is near it. */
export function mainMark(/** @type {Plane} */ ink) {
  const { labels, amounts, boxes, touches } = partsOf(ink);
  if (amounts.length <= 1) return ink;
  const worth = amounts.map((amount, part) => amount * (touches[part] ? AT_THE_EDGE : 1));
  const chosen = amounts.map(() => false);
  chosen[worth.indexOf(largest(worth))] = true;
  for (let grew = true; grew; ) {
    const mark = around(boxes.filter((_, part) => chosen[part]));
    const reach = NEAR * Math.max(mark.bottom - mark.top, mark.right - mark.left);
    grew = false;
    boxes.forEach((box, part) => {
      const down = Math.max(mark.top - box.bottom, box.top - mark.bottom);
      const across = Math.max(mark.left - box.right, box.left - mark.right);
      if (chosen[part] || touches[part] || down > reach || across > reach) return;
      chosen[part] = grew = true;
    });
  }
  return keep(ink, labels, chosen);
}

function around(boxes) {
  const most = (side) => Math.max(...boxes.map((box) => box[side]));
  const least = (side) => Math.min(...boxes.map((box) => box[side]));
  return { top: least("top"), bottom: most("bottom"), left: least("left"), right: most("right") };
}

/** Whether the ink beside the mark holds others of a size that may matter, clear of the edges. */
export function hasOtherMarks(/** @type {Plane} */ ink, /** @type {Plane} */ mark) {
  const { amounts, touches } = partsOf(mapped(ink, (value, index) => (mark.data[index] > 0 ? 0 : value)));
  const least = SECOND_MARK * sumOf(mark.data);
  return amounts.some((amount, part) => !touches[part] && amount >= least);
}

function keep(ink, labels, kept) {
  return mapped(ink, (value, index) => (labels[index] && kept[labels[index] - 1] ? value : 0));
}

/**
 * Number the connected parts of the ink.
 * @param {Plane} ink
 * @param {boolean} [corners] pixels that touch at a corner belong together
 * @returns {{labels: Int32Array, amounts: number[], areas: number[], boxes: import("./planes.js").Part[], touches: boolean[]}}
 *   labels: from 1 on, 0 on the paper; of each part its ink, pixels, box, and whether it touches the edge
 */
export function partsOf({ height, width, data }, corners = true) {
  const labels = new Int32Array(data.length);
  const parts = { labels, amounts: [], areas: [], boxes: [], touches: [] };
  const stack = [];
  const visit = (at, part) => {
    if (labels[at] || !(data[at] > 0)) return;
    labels[at] = part;
    stack.push(at);
  };
  for (let start = 0; start < data.length; start++) {
    if (labels[start] || !(data[start] > 0)) continue;
    const box = { top: height, bottom: 0, left: width, right: 0 };
    let [amount, area] = [0, 0];
    visit(start, parts.amounts.length + 1);
    while (stack.length) {
      const at = stack.pop();
      const [row, column] = [Math.trunc(at / width), at % width];
      amount += data[at];
      area += 1;
      [box.top, box.bottom] = [Math.min(box.top, row), Math.max(box.bottom, row + 1)];
      [box.left, box.right] = [Math.min(box.left, column), Math.max(box.right, column + 1)];
      for (let y = Math.max(0, row - 1); y <= Math.min(height - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(width - 1, column + 1); x++) {
          if (corners || y === row || x === column) visit(y * width + x, parts.amounts.length + 1);
        }
      }
    }
    parts.amounts.push(amount);
    parts.areas.push(area);
    parts.boxes.push(box);
    parts.touches.push(box.top === 0 || box.left === 0 || box.bottom === height || box.right === width);
  }
  return parts;
}

/** Whether there is ink in a pixel, or above, below or beside it. */
export function isNearInk(/** @type {Plane} */ { height, width, data }, /** @type {number} */ index) {
  const [row, column] = [Math.trunc(index / width), index % width];
  return (
    data[index] > 0 ||
    (row > 0 && data[index - width] > 0) ||
    (row < height - 1 && data[index + width] > 0) ||
    (column > 0 && data[index - 1] > 0) ||
    (column < width - 1 && data[index + 1] > 0)
  );
}
