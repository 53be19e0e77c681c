// @ts-check
// The form in which the teacher says what the class is to write.

import { t } from "../shared/i18n.js";
import { session } from "../shared/session.js";
import { error, field, h, replace, select } from "../shared/ui.js";

const MOST_LABELS = 30; // as the server has it
const EACH = [1, 2, 3, 5, 10];

/** `classifiers` as /api/classifiers lists them; `ask({classifier, labels, each})` asks the class, or rejects. */
export function asking(classifiers, task, ask) {
  const usable = classifiers.filter(({ classes }) => classes.length <= MOST_LABELS);
  const names = usable.map(({ name }) => name);
  const chosen = [task?.classifier, session.classifier].find((name) => names.includes(name)) ?? names[0];
  const labels = h("div", { class: "ask-labels" });
  const problem = h("div");
  const showLabels = () => {
    const { classes } = usable.find(({ name }) => name === classifier.value);
    const isAsked = (label) => task?.classifier !== classifier.value || task.labels.includes(label);
    const box = (label) => h("input", { type: "checkbox", value: label, checked: isAsked(label) });
    replace(labels, classes.map((label) => h("label", { class: "inline" }, box(label), h("span", null, label))));
  };
  const classifier = select(names, chosen, showLabels);
  const times = select(EACH.map((count) => [String(count), String(count)]), String(task?.times ?? 2));
  showLabels();

  async function submit(event) {
    event.preventDefault();
    replace(problem);
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (labels.querySelectorAll("input:checked"));
    try {
      await ask({ classifier: classifier.value, labels: [...boxes].map(({ value }) => value), times: Number(times.value) });
    } catch (reason) {
      replace(problem, error(reason));
    }
  }

  return h(
    "form",
    { class: "ask", onsubmit: submit },
    field(t("class.classifier"), classifier),
    h("fieldset", null, h("legend", null, t("class.labels")), labels),
    field(t("class.each"), times),
    h("button", { type: "submit", class: "primary" }, t(task ? "class.ask_again" : "class.ask")),
    problem,
  );
}
