// The field for a training's network.

import { languageOf, t } from "../shared/i18n.js";
import { state } from "../shared/state.js";
import { field, h, replace, uniqueId } from "../shared/ui.js";

/** The network as a name or as text, with what it comes to. */
export function networkInput(networks, onchange) {
  const list = uniqueId("networks");
  const control = h("input", {
    type: "text", list, autocomplete: "off", spellcheck: "false", autocapitalize: "none", oninput: onchange, class: "network-text",
  });
  const about = h("p", { class: "network-about", "aria-live": "polite" });
  const link = h("a", { href: state.link("network") }, t("train.network.open"));
  const element = h(
    "div",
    { class: "network-field" },
    field(t("train.network"), control, t("train.network.hint")),
    h("datalist", { id: list }, networks.map((each) => h("option", { value: each.name }, each.note ?? ""))),
    h("div", { class: "network-line" }, about, link),
  );
  let suggested = "";
  const value = () => control.value.trim();
  let images = null;
  const aim = () => {
    const named = value() || suggested;
    link.hidden = !named || named === "auto";
    if (link.hidden) return;
    const size = images ? { input: images.shape.join("x"), classes: String(images.classes.length) } : {};
    link.href = state.link("network", { network: named, ...size });
  };
  control.addEventListener("input", aim);
  return {
    element,
    value,
    /** The images that the Network tab is to open it with. */
    aimAt(chosen) {
      images = chosen ?? null;
      aim();
    },
    choose(text) {
      control.value = text;
      aim();
    },
    suggest(text) {
      suggested = text;
      control.placeholder = t("train.network.own", { network: text });
      aim();
    },
    tell(text) {
      control.removeAttribute("aria-invalid");
      replace(about, text);
    },
    refuse(wrong) {
      control.setAttribute("aria-invalid", "true");
      const at = Number.isInteger(wrong.position) && value() ? pointed(value(), wrong.position) : null;
      replace(about, h("span", { class: "wrong", lang: languageOf(wrong.message) }, wrong.message, wrong.hint && ` ${wrong.hint}`), at);
    },
  };
}

/** The text with the place of the mistake marked. */
function pointed(text, position) {
  const at = Math.max(0, Math.min(text.length - 1, position - 1));
  return h("code", { class: "pointed" }, text.slice(Math.max(0, at - 16), at), h("mark", null, text[at]), text.slice(at + 1, at + 16));
}
