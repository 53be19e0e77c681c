// Small line charts as SVG that follow a training, and Plotly where a chart is large.

import { h, number, replace, svg, uniqueId } from "./ui.js";
import { t } from "./i18n.js";

const MARGIN = { left: 48, right: 12, top: 10, bottom: 30 };

/** Round steps that divide a range into about so many parts. */
export function ticks(low, high, about = 5) {
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
 * A line chart that can be updated while it is shown.
 *
 * series: [{name, points: [[x, y]…], kind: "accent" | "muted" | "wrong" | "second", dashed}]
 * options: {title, x, y (axis names), width, height, xRange, yRange ([low | null, high | null]), format(y), formatX(x)}
 * Returns {update(series, options), element}.
 */
export function curves(element, series, options = {}) {
  const place = h("div", { class: "chart" });
  element.append(place);
  let now = options;
  const update = (next, changed = {}) => {
    now = { ...now, ...changed };
    replace(place, chart(next, now), key(next));
  };
  update(series);
  return { update, element: place };
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
  return svg(
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
  );
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

let plotlyLoading = null;

/** Load Plotly, once; resolves to window.Plotly. */
export function loadPlotly() {
  plotlyLoading ??= new Promise((resolve, reject) => {
    const script = h("script", { src: "plotly.min.js" });
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("plotly.min.js did not load"));
    document.head.append(script);
  });
  return plotlyLoading;
}
