// @ts-check
// A field for a whole number: what is not allowed stays as it was typed, in red, with a sentence that says what is.

import { t } from "./i18n.js";
import { h, uniqueId } from "./ui.js";

/**
 * `onvalue(number)` is called with each allowed number. `typing`: as it is typed; else once it is complete.
 * Returns {input, problem, value, show(value), limit(high)}: the sentence goes below the input, wherever that stands.
 */
export function numberField({ low = 0, high, typing = false, onvalue, ...attributes }) {
  const problem = h("p", { class: "field-problem", id: uniqueId("problem"), role: "status", hidden: true });
  const input = h("input", { type: "number", min: String(low), max: String(high), step: "1", ...attributes });
  let [value, highest] = [low, high];
  input.addEventListener("input", typing ? take : () => isAllowed() && mark(true));
  input.addEventListener("change", take);

  function isAllowed() {
    const typed = Number(input.value);
    return input.value.trim() !== "" && Number.isInteger(typed) && typed >= low && typed <= highest;
  }

  function take() {
    const isRight = isAllowed();
    mark(isRight);
    if (!isRight || Number(input.value) === value) return;
    value = Number(input.value);
    onvalue(value);
  }

  function mark(isRight) {
    input.setAttribute("aria-invalid", String(!isRight));
    problem.hidden = isRight;
    problem.textContent = isRight ? "" : t("common.whole_number", { low, high: highest });
    if (isRight) input.removeAttribute("aria-describedby");
    else input.setAttribute("aria-describedby", problem.id);
  }

  return {
    input,
    problem,
    get value() {
      return value;
    },
    /** Show a number that came from elsewhere; what is just typed, or stays in red, stays as it was typed. */
    show(/** @type {number} */ next) {
      const stays = input === document.activeElement || input.getAttribute("aria-invalid") === "true";
      if (typing && next === value && stays) return;
      value = next;
      input.value = String(next);
      mark(true);
    },
    /** The highest number is another now. */
    limit(/** @type {number} */ next) {
      highest = next;
      input.max = String(next);
    },
  };
}
