// Settings and figures as people read them, everywhere the same.

import { has, t } from "../shared/i18n.js";
import { number } from "../shared/ui.js";

/** The name of a setting such as "recipe.learning_rate": in words where there are some, else as it is. */
export function fieldName(setting) {
  const plain = setting.replace(/^recipe\./, "");
  return has(`runs.setting.${plain}`) ? t(`runs.setting.${plain}`) : plain;
}

/** Seconds in a column: whole from ten on, else with a digit after the point. */
export function secondsText(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  return seconds < 10 ? seconds.toFixed(1) : number(Math.round(seconds), 9);
}

/** A word of a command line, in quotes where it needs them. */
export function quoted(text) {
  return /^[\w./:=+-]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}
