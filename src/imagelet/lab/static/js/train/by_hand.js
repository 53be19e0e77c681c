// What was changed by hand while something was trained, in the page's language.

import { t } from "../shared/i18n.js";

const CHANGES = [
  [/^learning rate × (?<factor>\S+)$/, "rate"],
  [/^ended$/, "ended"],
  [/^begun with the weights of the run (?<run>.+)$/, "begun"],
];

/** A line for each change {epoch, step, change}; `tab` has the words. */
export function byHandText({ epoch, step, change }, tab) {
  for (const [pattern, key] of CHANGES) {
    const found = change.match(pattern);
    if (found) return t(`${tab}.by_hand`, { epoch, step, change: t(`${tab}.by_hand.${key}`, found.groups) });
  }
  return t(`${tab}.by_hand`, { epoch, step, change });
}
