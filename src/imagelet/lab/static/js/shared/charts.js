// Line charts as SVG that follow a training, and are read by mouse, finger or arrow keys.

import { h, number, percent, replace, svg, uniqueId } from "./ui.js";
import { t } from "./i18n.js";

const MARGIN = { left: 48, right: 12, top: 10, bottom: 30 };

/** Round steps that divide a range into about so many parts. */
function ticks(low, high, about = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) found.push(at * step);
  return found;
}

function extent(series, axis, given) {
  const all = series.flatMap((each) => each.points.map((point) => point[axis])).filter(Number.isFinite);
  let low = given?.[0] ?? (all.length ? Math.min(...all) : 0);
  let high = given?.[1] ?? (all.length ? Math.max(...all) : 1);
  if (low === high) [low, high] = axis === 0 ? [low, low + 1] : [low - 0.5, high + 0.5];
  return [low, high];
}

/**
 * A line chart that can be updated while it is shown, as wide as its place: its letters keep their size. Where the mouse, the finger or the arrow keys are, a line of
 * text below it says the numbers.
 *
 * series: [{name, points: [[x, y]…], kind: "accent" | "muted" | "wrong" | "second", dashed}]
 * options: {title, x, y (axis names), height, xRange, yRange ([low | null, high | null]), format(y), formatX(x),
 *   share (whether y is a share, read as a percentage)}
 * Returns {update(series, options), element}.
 */
export function curves(element, series, options = {}) {
  const drawn = h("div", { class: "chart-face", tabindex: "0", role: "group" });
  const reading = h("output", { class: "chart-reading" });
  const below = h("div");
  const place = h("div", { class: "chart" }, drawn, reading, below);
  element.append(place);
  let [lines, now, shape, at] = [series, options, null, null];

  function update(next, changed = {}) {
    [lines, now] = [next, { ...now, ...changed }];
    shape = chart(lines, { ...now, ...toTicks(lines, now) });
    replace(drawn, shape.picture);
    drawn.setAttribute("aria-label", t("common.chart_read", { title: now.title ?? "" }));
    replace(below, key(lines));
    read(at);
  }

  /** Say the numbers at this x; null for none. */
  function read(x) {
    at = x;
    shape.mark(x);
    const found = lines.map((each) => [each.name, each.points.find(([other, y]) => other === x && Number.isFinite(y))]);
    const said = found.filter(([, point]) => point).map(([name, point]) => t("common.chart_last", { name, value: exact(point[1]) }));
    reading.textContent = x === null ? "" : [`${now.x ?? "x"} ${number(x, 6)}`, ...said].join(" · ");
  }

  /** A number with more digits than the axis has. */
  function exact(value) {
    return now.share ? percent(value, 2) : number(value, 4);
  }

  drawn.addEventListener("pointermove", (event) => {
    const box = drawn.getBoundingClientRect();
    read(nearest(placesOf(lines), shape.xAt((event.clientX - box.left) / box.width)));
  });
  drawn.addEventListener("pointerleave", () => read(null));
  drawn.addEventListener("blur", () => read(null));
  drawn.addEventListener("keydown", (event) => {
    const places = placesOf(lines);
    const from = places.indexOf(at);
    const to = { ArrowRight: from + 1, ArrowLeft: from < 0 ? places.length - 1 : from - 1, Home: 0, End: places.length - 1 }[event.key];
    if (to === undefined || !places.length) return;
    event.preventDefault();
    read(places[Math.max(0, Math.min(places.length - 1, to))]);
  });
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.round(contentRect.width);
    if (width && width !== now.width) update(lines, { width });
  }).observe(place);
  update(series);
  return { update, element: place };
}

/** The range of y from a whole tick to a whole tick. */
function toTicks(series, { yRange = [] }) {
  const all = series.flatMap(({ points }) => points.map(([, y]) => y)).filter(Number.isFinite);
  const [low, high] = [yRange[0] ?? Math.min(...all), yRange[1] ?? Math.max(...all)];
  const [first, second] = ticks(low, high, 4);
  if (!(second > first)) return {};
  const step = second - first;
  return { yRange: [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step] };
}

/** Every x of the series, in order. */
function placesOf(series) {
  const all = series.flatMap((each) => each.points.filter(([, y]) => Number.isFinite(y)).map(([x]) => x));
  return [...new Set(all)].sort((one, other) => one - other);
}

function nearest(places, x) {
  return places.reduce((best, each) => (best === null || Math.abs(each - x) < Math.abs(best - x) ? each : best), null);
}

function key(series) {
  if (series.length < 2) return null;
  return h(
    "ul",
    { class: "chart-key" },
    series.map((each) => h("li", { class: `${each.kind ?? "accent"}${each.dashed ? " dashed" : ""}` }, each.name)),
  );
}

function chart(series, options) {
  const { width = 480, height = 220, format = (value) => number(value), formatX = (value) => number(value, 4) } = options;
  const [left, right] = extent(series, 0, options.xRange);
  const [low, high] = extent(series, 1, options.yRange);
  const across = (x) => MARGIN.left + ((x - left) / (right - left)) * (width - MARGIN.left - MARGIN.right);
  const up = (y) => height - MARGIN.bottom - ((y - low) / (high - low)) * (height - MARGIN.top - MARGIN.bottom);
  const described = uniqueId("chart");
  const marked = svg("g", { class: "marked" });
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": described },
    svg("title", { id: described }, `${options.title ?? ""} ${series.map((each) => last(each, format)).join("; ")}`.trim()),
    ticks(low, high, 4).map((y) => [
      svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: up(y), y2: up(y) }),
      svg("text", { class: "tick", x: MARGIN.left - 6, y: up(y) + 3.5, "text-anchor": "end" }, format(y)),
    ]),
    ticks(left, right, 6).map((x) =>
      svg("text", { class: "tick", x: across(x), y: height - MARGIN.bottom + 15, "text-anchor": "middle" }, formatX(x)),
    ),
    options.x && svg("text", { class: "axis-name", x: width - MARGIN.right, y: height - 2, "text-anchor": "end" }, options.x),
    options.y && svg("text", { class: "axis-name", x: MARGIN.left + 4, y: MARGIN.top + 4 }, options.y),
    series.map((each) => line(each, across, up)),
    marked,
  );
  return {
    picture,
    xAt: (share) => left + ((share * width - MARGIN.left) / (width - MARGIN.left - MARGIN.right)) * (right - left),
    mark(x) {
      if (x === null) return replace(marked);
      const points = series.flatMap((each) => each.points.filter(([other, y]) => other === x && Number.isFinite(y)).map(([, y]) => [each, y]));
      return replace(
        marked,
        svg("line", { x1: across(x), x2: across(x), y1: MARGIN.top, y2: height - MARGIN.bottom }),
        points.map(([each, y]) => svg("circle", { class: `curve ${each.kind ?? "accent"}`, cx: across(x), cy: up(y), r: 3.5 })),
      );
    },
  };
}

function line(each, across, up) {
  const points = each.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  const kind = `curve ${each.kind ?? "accent"}${each.dashed ? " dashed" : ""}`;
  if (points.length === 1) return svg("circle", { class: kind, cx: across(points[0][0]), cy: up(points[0][1]), r: 3 });
  return svg("polyline", { class: kind, points: points.map(([x, y]) => `${across(x).toFixed(1)},${up(y).toFixed(1)}`).join(" ") });
}

function last(each, format) {
  const point = each.points.at(-1);
  return point ? t("common.chart_last", { name: each.name, value: format(point[1]) }) : each.name;
}
