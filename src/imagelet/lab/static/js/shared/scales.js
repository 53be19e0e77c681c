// @ts-check
// Numbers along an axis: ticks, ranges, the nearest x. A series is {name, points: [[x, y]…], …}.

const CLOSE = 1e-9; // of a step: what floating-point arithmetic may be off by

/** The number itself, or the end of the range that it goes beyond. */
export function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

/** Round numbers that divide a range into about so many parts. */
export function ticks(low, high, parts = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / parts;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((round) => round >= rough * 0.999);
  const first = Math.ceil(low / step - CLOSE);
  const last = Math.floor(high / step + CLOSE);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** Round numbers of a range above 0 for an axis of powers: 1, 2 and 5 of each power, or the powers alone if they are many. */
export function logTicks(low, high) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const factors = last - first > 3 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
  const all = powers.flatMap((power) => factors.map((factor) => factor * power));
  const inside = all.filter((value) => value >= low && value <= high);
  return inside.length > 1 ? inside : ticks(low, high, 4);
}

/** The finite numbers of all series along an axis, 0 for x or 1 for y. */
function valuesOf(series, axis) {
  return series.flatMap(({ points }) => points.map((point) => point[axis])).filter(Number.isFinite);
}

/** The range that the series have along an axis; `given` [low | null, high | null] goes before it. Never empty. */
export function extent(series, axis, given = [null, null]) {
  const values = valuesOf(series, axis);
  const low = given[0] ?? (values.length ? Math.min(...values) : 0);
  const high = given[1] ?? (values.length ? Math.max(...values) : 1);
  if (low !== high) return [low, high];
  return axis === 0 ? [low, low + 1] : [low - 0.5, high + 0.5];
}

/** The range of y from a whole tick to a whole tick; null where the series have no range. */
export function wholeTicks(series, given = [null, null]) {
  const values = valuesOf(series, 1);
  const [low, high] = [given[0] ?? Math.min(...values), given[1] ?? Math.max(...values)];
  const [first, second] = ticks(low, high, 4);
  if (!(second > first)) return null;
  const step = second - first;
  return [Math.floor(low / step + CLOSE) * step, Math.ceil(high / step - CLOSE) * step];
}

/** The point of a series at this x, if it has a number there. */
export function pointAt({ points }, x) {
  return points.find(([other, y]) => other === x && Number.isFinite(y));
}

/** Every x at which a series has a number, in order. */
export function placesOf(series) {
  const all = series.flatMap(({ points }) => points.filter(([, y]) => Number.isFinite(y)).map(([x]) => x));
  return [...new Set(all)].sort((one, other) => one - other);
}

/** The place that is nearest to x; null where there is none. */
export function nearest(places, x) {
  const nearer = (best, place) => (Math.abs(place - x) < Math.abs(best - x) ? place : best);
  return places.length ? places.reduce(nearer) : null;
}
