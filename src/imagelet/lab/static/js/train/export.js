// @ts-check
// Curves as files: SVG and PNG as they are drawn, with their keys, and the numbers as CSV.

const STYLED = ["stroke", "stroke-width", "stroke-dasharray", "fill", "font-size", "font-family"];
const [HEAD, PADDING, SCALE] = [34, 12, 2]; // pixels; a PNG has twice as many
const NARROWEST = 460; // pixels: room for the names of the curves
const SVG = "http://www.w3.org/2000/svg";
const COLUMNS = ["epoch", "loss", "val_loss", "accuracy", "val_accuracy", "learning_rate"];

/** The figures of the epochs as CSV. */
export function csvOf(history) {
  const rows = history.map((epoch) => COLUMNS.map((name) => epoch[name] ?? "").join(","));
  return `${[COLUMNS.join(","), ...rows].join("\n")}\n`;
}

/** Let the browser keep a file. */
export function download(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Charts below each other as the text of an SVG file. faces: [{title, svg, key}]. */
export function svgOf(faces) {
  return new XMLSerializer().serializeToString(picture(faces).element);
}

/** The same as a PNG file's content. */
export async function pngOf(faces) {
  const { element, width, height } = picture(faces);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(element))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * SCALE, height * SCALE];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function picture(faces) {
  const style = getComputedStyle(document.body);
  const ground = getComputedStyle(document.documentElement).getPropertyValue("--card");
  const sizes = faces.map(({ svg }) => svg.viewBox.baseVal);
  const width = Math.max(NARROWEST, ...sizes.map((size) => size.width)) + 2 * PADDING;
  const height = sizes.reduce((sum, size) => sum + size.height + HEAD, PADDING);
  const element = make("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` });
  element.append(make("rect", { width, height, fill: colour(ground) }));
  let top = PADDING;
  faces.forEach((face, index) => {
    element.append(...headOf(face, top + 14, style));
    const copy = withStyles(face.svg);
    const place = { x: PADDING, y: top + HEAD - 8, ...plainSize(sizes[index]) };
    for (const [name, value] of Object.entries(place)) copy.setAttribute(name, value);
    element.append(copy);
    top += sizes[index].height + HEAD;
  });
  return { element, width, height };
}

const plainSize = ({ width, height }) => ({ width, height });

/** The title of a chart, and the names of its curves in their colours. */
function headOf({ title, key }, y, { color, fontFamily }) {
  const text = make("text", { x: PADDING, y, "font-family": fontFamily, "font-size": 13, fill: color });
  text.append(make("tspan", { "font-weight": 600 }, title));
  for (const item of key) {
    const line = getComputedStyle(item, "::before");
    const mark = line.borderTopStyle === "dashed" ? "╌" : "—";
    text.append(make("tspan", { dx: 14, fill: line.borderTopColor }, mark), make("tspan", { dx: 4 }, item.textContent));
  }
  return [text];
}

/** A copy of a chart that looks the same without the page's style sheets. */
function withStyles(svg) {
  const copy = /** @type {SVGElement} */ (svg.cloneNode(true));
  copy.querySelectorAll(".marked, title").forEach((element) => element.remove());
  const from = [...svg.querySelectorAll("*")].filter((element) => !element.closest(".marked, title"));
  [...copy.querySelectorAll("*")].forEach((element, index) => {
    const style = getComputedStyle(from[index]);
    for (const name of STYLED) element.setAttribute(name, style.getPropertyValue(name));
    element.removeAttribute("class");
  });
  copy.removeAttribute("aria-labelledby");
  return copy;
}

/** A colour as an SVG file may have it, of one that depends on the theme. */
function colour(value) {
  const probe = document.createElement("span");
  probe.style.color = value;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

function make(tag, attributes, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.textContent = text;
  return element;
}
