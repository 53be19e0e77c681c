// @ts-check
// The one place that says that the server does not answer: it counts the seconds until the next try, and goes by itself.

import { connection } from "./connection.js";
import { has, t } from "./i18n.js";
import { button, h, replace } from "./ui.js";

const SECOND = 1000;

/** Fill `place`, which stays empty as long as the server answers. */
export function showConnection(/** @type {HTMLElement} */ place) {
  const sentence = h("p", { role: "alert" });
  const next = h("p", { class: "hint" });
  let ticking = 0;

  function tick() {
    const { seconds } = connection;
    next.textContent = seconds ? t("common.next_try", { seconds }) : t("common.trying");
  }

  function update() {
    clearInterval(ticking);
    if (!connection.lost || !has("common.no_server")) {
      replace(place);
      return;
    }
    ticking = window.setInterval(tick, SECOND / 4);
    tick();
    if (place.childElementCount) return;
    const now = button(t("common.try_now"), () => connection.probe());
    const landmark = { class: "banner-row", "aria-label": t("common.no_server") };
    replace(place, h("aside", landmark, h("div", null, sentence, next), now));
    sentence.textContent = `${t("common.no_server")} ${t("common.no_server_hint")}`;
  }

  connection.watch(update);
}
