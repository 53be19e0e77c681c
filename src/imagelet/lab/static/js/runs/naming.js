// Settings' names as people read them.

import { has, t } from "../i18n.js";

/** The name of a setting such as "recipe.learning_rate": in words where there are some, else as it is. */
export function fieldName(setting) {
  const plain = setting.replace(/^recipe\./, "");
  return has(`runs.setting.${plain}`) ? t(`runs.setting.${plain}`) : plain;
}
