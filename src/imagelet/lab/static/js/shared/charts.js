// @ts-check
// Charts as SVG: curves over epochs, which are read by mouse, finger or arrow keys; accuracies with intervals on a line.

import { h, inPercent, number, percent, replace, svg, uniqueId } from "./ui.js";
import { t } from "./i18n.js";
import { clamp, extent, logTicks, nearest, placesOf, pointAt, ticks, wholeTicks } from "./scales.js";

const MARGIN = { left: 48, right: 12, top: 10, bottom: 30 };

/**
 * Curves of an accuracy or a loss over epochs that can be updated while they are shown. They are as wide as their
 * place, the letters keep their size. Below them a line of text says the numbers where mouse, finger or arrow keys are.
 *
 * series: [{name, points: [[epoch, value]…], kind: "accent" | "muted" | "wrong" | "second", dashed}]
 * options: {title, isAccuracy, height, xRange, yRange ([low | null, high | null]), isLog (y, of numbers above 0),
 * xName and xFormat (where x is no epoch), upright (an x to mark)}
 * Returns {update(series, options), element}.
 */
export function curves(parent, series, /** @type {any} */ options) {
  const face = h("div", { class: "chart-face", tabindex: "0", role: "group" });
  const reading = h("output", { class: "chart-reading" });
  const below = h("div");
  const element = h("div", { class: "chart" }, face, reading, below);
  parent.append(element);
  let [lines, settings, chart, marked] = [series, options, null, null];

  function update(newSeries, changed = {}) {
    [lines, settings] = [newSeries, { ...settings, ...changed }];
    const whole = settings.isLog ? null : wholeTicks(lines, settings.yRange);
    chart = drawChart(lines, { ...settings, yRange: whole ?? settings.yRange });
    replace(face, chart.picture);
    face.setAttribute("aria-label", t("common.chart_read", { title: settings.title ?? "" }));
    replace(below, key(lines));
    read(marked);
  }

  /** Say the numbers at this x; null for none. */
  function read(x) {
    marked = x;
    chart.mark(x);
    reading.textContent = x === null ? "" : readingAt(lines, settings, x);
  }

  listen(face, { read, places: () => placesOf(lines), marked: () => marked, xAt: (share) => chart.xAt(share) });
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.round(contentRect.width);
    if (width && width !== settings.width) update(lines, { width });
  }).observe(element);
  update(series);
  return { update, element };
}

/** Call `read(x | null)` as the mouse and the keys go from place to place. */
function listen(face, { read, places, marked, xAt }) {
  face.addEventListener("pointermove", (event) => {
    const box = face.getBoundingClientRect();
    read(nearest(places(), xAt((event.clientX - box.left) / box.width)));
  });
  face.addEventListener("pointerleave", () => read(null));
  face.addEventListener("blur", () => read(null));
  face.addEventListener("keydown", (event) => {
    const all = places();
    const from = all.indexOf(marked());
    const last = all.length - 1;
    const to = { ArrowRight: from + 1, ArrowLeft: from < 0 ? last : from - 1, Home: 0, End: last }[event.key];
    if (to === undefined || !all.length) return;
    event.preventDefault();
    read(all[clamp(to, 0, last)]);
  });
}

/** What the lines say at this x, with more digits than the axis has. */
function readingAt(series, { isAccuracy, xName, xFormat }, x) {
  const exact = (value) => (isAccuracy ? percent(value, 2) : number(value, 4));
  const lines = series.filter((line) => pointAt(line, x));
  const values = lines.map((line) => namedValue(line.name, exact(pointAt(line, x)[1])));
  return [`${xName ?? t("common.epoch")} ${xFormat?.(x) ?? number(x, 6)}`, ...values].join(" · ");
}

function namedValue(name, value) {
  return t("common.chart_last", { name, value });
}

function classOf({ kind = "accent", dashed }) {
  return `${kind}${dashed ? " dashed" : ""}`;
}

function key(series) {
  if (series.length < 2) return null;
  return h("ul", { class: "chart-key" }, series.map((line) => h("li", { class: classOf(line) }, line.name)));
}

/** Where values lie on a picture of that size: across(x), up(y), and xAt(share of the width). */
function scales(series, { width, height, xRange, yRange, isLog }) {
  const [left, right] = extent(series, 0, xRange);
  const place = isLog ? Math.log10 : (/** @type {number} */ value) => value;
  const ends = extent(series, 1, yRange);
  const [low, high] = ends.map(place);
  const [wide, tall] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
  return {
    xTicks: ticks(left, right, 6),
    yTicks: isLog ? logTicks(...ends) : ticks(low, high, 4),
    across: (x) => MARGIN.left + ((x - left) / (right - left)) * wide,
    up: (y) => height - MARGIN.bottom - ((place(y) - low) / (high - low)) * tall,
    xAt: (share) => left + ((share * width - MARGIN.left) / wide) * (right - left),
  };
}

function drawChart(series, { width = 480, height, title, isAccuracy, xRange, yRange, isLog, upright, ...named }) {
  const format = (value) => (isAccuracy ? inPercent(number(Number((100 * value).toFixed(1)), 3)) : number(value, 2));
  const { across, up, xAt, ...axes } = scales(series, { width, height, xRange, yRange, isLog });
  const id = uniqueId("chart");
  const marked = svg("g", { class: "marked" });
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": id },
    svg("title", { id }, `${title} ${series.map((line) => lastValue(line, format)).join("; ")}`.trim()),
    drawAxes({ across, up, ...axes }, { width, height, ...named }, format),
    upright !== undefined && drawUpright(across(upright), height),
    series.map((line) => drawLine(line, across, up)),
    marked,
  );

  function mark(x) {
    if (x === null) return replace(marked);
    const lines = series.filter((line) => pointAt(line, x));
    return replace(
      marked,
      svg("line", { x1: across(x), x2: across(x), y1: MARGIN.top, y2: height - MARGIN.bottom }),
      lines.map((line) => dot(line.kind ?? "accent", [across(x), up(pointAt(line, x)[1])], 3.5)),
    );
  }
  return { picture, xAt, mark };
}

/** Grid, ticks and the name of the axis below. */
function drawAxes({ across, up, xTicks, yTicks }, { width, height, xName = t("common.epoch"), xFormat = String }, format) {
  const [right, below] = [width - MARGIN.right, height - MARGIN.bottom + 15];
  const text = (kind, place, content, anchor) =>
    svg("text", { class: kind, ...place, "text-anchor": anchor }, content);
  return [
    yTicks.map((value) => [
      svg("line", { class: "grid", x1: MARGIN.left, x2: right, y1: up(value), y2: up(value) }),
      text("tick", { x: MARGIN.left - 6, y: up(value) + 3.5 }, format(value), "end"),
    ]),
    xTicks.filter(Number.isInteger).map((x) => text("tick", { x: across(x), y: below }, xFormat(x), "middle")),
    text("axis-name", { x: right, y: height - 2 }, xName, "end"),
  ];
}

function drawUpright(x, height) {
  return svg("line", { class: "curve second dashed", x1: x, x2: x, y1: MARGIN.top, y2: height - MARGIN.bottom });
}

function drawLine(line, across, up) {
  const points = line.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  const places = points.map(([x, y]) => [across(x), up(y)]);
  if (places.length === 1) return dot(classOf(line), places[0], 3);
  const written = places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  return svg("polyline", { class: `curve ${classOf(line)}`, points: written });
}

function dot(kind, [cx, cy], r) {
  return svg("circle", { class: `curve ${kind}`, cx, cy, r });
}

function lastValue({ name, points }, format) {
  return points.length ? namedValue(name, format(points.at(-1)[1])) : name;
}

/**
 * Accuracies with their intervals on a line from `low` to `high`. It is hidden from screen readers: the numbers beside
 * it say the same.
 * @param {{value: number | null, interval?: number[] | null, kind: string}[]} marks  kind: accent, or muted for a line
 */
export function whisker(marks, low, high, { width = 120, height = 18, grid = true } = {}) {
  const padding = 5;
  const across = (value) => padding + ((clamp(value, low, high) - low) / (high - low || 1)) * (width - 2 * padding);
  const middle = height / 2;
  const level = (kind, left, right) => svg("line", { class: kind, x1: left, x2: right, y1: middle, y2: middle });
  const mark = ({ value, interval = null, kind }) => [
    interval && level(`span ${kind}`, across(interval[0]), across(interval[1])),
    kind === "muted"
      ? svg("line", { class: "tick-mark", x1: across(value), x2: across(value), y1: 2, y2: height - 2 })
      : svg("circle", { class: `dot ${kind}`, cx: across(value), cy: middle, r: 3.5 }),
  ];
  return svg(
    "svg",
    { class: "whisker", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true", focusable: "false" },
    grid && level("base", padding, width - padding),
    marks.filter(({ value }) => Number.isFinite(value)).map(mark),
  );
}

/** The ends of a line for some intervals: a little more than they span. */
export function whiskerScale(intervals) {
  const ends = intervals.filter(Boolean).flat().filter(Number.isFinite);
  if (!ends.length) return [0, 1];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = Math.max(0.005, (high - low) * 0.08);
  return [Math.max(0, low - room), Math.min(1, high + room)];
}
