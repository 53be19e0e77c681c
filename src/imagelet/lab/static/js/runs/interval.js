// A share with its interval as a point on a line: what a number alone hides.

import { svg } from "../shared/ui.js";

/**
 * Draw shares on one scale. marks: [{value, interval: [low, high] | null, kind: "accent" | "muted"}]; low, high: the
 * scale's ends. The drawing is hidden from screen readers: the numbers beside it say the same.
 */
export function whisker(marks, low, high, { width = 120, height = 18, grid = true } = {}) {
  const pad = 5;
  const across = (share) => pad + ((Math.max(low, Math.min(high, share)) - low) / (high - low || 1)) * (width - 2 * pad);
  const middle = height / 2;
  return svg(
    "svg",
    { class: "whisker", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true", focusable: "false" },
    grid && svg("line", { class: "base", x1: pad, x2: width - pad, y1: middle, y2: middle }),
    marks
      .filter((each) => Number.isFinite(each.value))
      .map((each) => [
        each.interval &&
          svg("line", { class: `span ${each.kind}`, x1: across(each.interval[0]), x2: across(each.interval[1]), y1: middle, y2: middle }),
        each.kind === "muted"
          ? svg("line", { class: "tick-mark", x1: across(each.value), x2: across(each.value), y1: 2, y2: height - 2 })
          : svg("circle", { class: `dot ${each.kind}`, cx: across(each.value), cy: middle, r: 3.5 }),
      ]),
  );
}

/** The scale's ends for some intervals: a little more than they span. */
export function scaleOf(intervals) {
  const ends = intervals.filter(Boolean).flat().filter(Number.isFinite);
  if (!ends.length) return [0, 1];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = Math.max(0.005, (high - low) * 0.08);
  return [Math.max(0, low - room), Math.min(1, high + room)];
}
