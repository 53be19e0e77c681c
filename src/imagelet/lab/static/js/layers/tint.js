/** Colour a cell by its value: the one scale, blue above 0, red below, as strong as its share of the largest. */
export function tint(cell, value, largest) {
  const share = largest ? Math.abs(value) / largest : 0;
  cell.style.setProperty("--share", `${Math.round(share * 100)}%`);
  cell.classList.toggle("above", value > 0);
  cell.classList.toggle("below", value < 0);
}
