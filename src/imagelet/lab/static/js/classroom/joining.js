// @ts-check
// The form in which a pupil chooses a nickname.

import { t } from "../shared/i18n.js";
import { error, field, h, replace } from "../shared/ui.js";

const LONGEST = 24; // characters, as the server has it

/** `join(nickname)` lets the pupil in, or rejects with what is wrong with the name. */
export function joining(join) {
  const input = h("input", { type: "text", maxlength: String(LONGEST), autocomplete: "off", required: true });
  const problem = h("div");
  const send = h("button", { type: "submit", class: "primary" }, t("write.join"));
  const element = h(
    "form",
    {
      class: "write-join",
      async onsubmit(event) {
        event.preventDefault();
        replace(problem);
        try {
          await join(input.value);
        } catch (reason) {
          replace(problem, error(reason));
        }
      },
    },
    field(t("write.nickname"), input, t("write.nickname_hint")),
    send,
    problem,
  );
  return { element, focus: () => input.focus() };
}
