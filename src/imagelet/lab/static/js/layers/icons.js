/** The player's icons. */

import { svg } from "../shared/ui.js";

const PATHS = {
  first: "M4 3v10M12 3.5 7.5 8l4.5 4.5",
  back: "M10 3.5 5.5 8l4.5 4.5",
  play: "M4.5 2.6v10.8L13 8z",
  pause: "M4.5 3h2.6v10H4.5zM9 3h2.6v10H9z",
  next: "m6 3.5 4.5 4.5L6 12.5",
  last: "M12 3v10M4 3.5 8.5 8 4 12.5",
};

/** Return an icon as high as the text beside it. */
export function icon(name) {
  return svg(
    "svg",
    { viewBox: "0 0 16 16", class: `icon icon-${name}`, "aria-hidden": "true", focusable: "false" },
    svg("path", { d: PATHS[name] }),
  );
}
