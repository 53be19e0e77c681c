// @ts-check
// A QR code, drawn from the rows of the server: dark on white in the dark theme, too.

import { svg } from "../shared/ui.js";

/** The path of the dark modules; each is a square of side 1. `rows` are texts in which 1 is dark. */
export function pathOf(/** @type {string[]} */ rows) {
  const squares = rows.flatMap((row, y) => [...row].map((module, x) => (module === "1" ? `M${x} ${y}h1v1h-1z` : "")));
  return squares.join("");
}

/** The code as a picture; `label` says what it holds. */
export function qrCode(/** @type {string[]} */ rows, /** @type {string} */ label) {
  const side = rows.length;
  return svg(
    "svg",
    { class: "qr", viewBox: `0 0 ${side} ${side}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" },
    svg("rect", { width: side, height: side, fill: "#fff" }),
    svg("path", { d: pathOf(rows), fill: "#000" }),
  );
}
