/** Arrow keys in a grid of focusable cells: one stop of the Tab key, then a cell a key. */

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Return the place that a key leads to from `place`, inside rows × columns; null where it leads nowhere. */
export function placeAfter(key, [row, column], rows, columns, withControl) {
  if (key === "Home") return withControl ? [0, 0] : [row, 0];
  if (key === "End") return withControl ? [rows - 1, columns - 1] : [row, columns - 1];
  const step = STEPS[key];
  if (!step) return null;
  const next = [row + step[0], column + step[1]];
  const inside = next[0] >= 0 && next[0] < rows && next[1] >= 0 && next[1] < columns;
  return inside ? next : null;
}

/** Make one cell of many the Tab key's stop. */
export function onlyStop(cells, stop) {
  for (const cell of cells) cell.tabIndex = cell === stop ? 0 : -1;
}
