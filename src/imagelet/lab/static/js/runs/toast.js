// A sentence that stays for a while, with something to be done about it.

import { button, h } from "../shared/ui.js";

/** Say something at the page's foot; `act` on the button. It stays while it is focused or under the pointer. */
export function toast(sentence, label, act, seconds = 10) {
  document.querySelector(".toast")?.remove();
  const text = h("p", { role: "status" });
  const undo = label ? button(label, run) : null;
  const left = h("span", { class: "toast-left", "aria-hidden": "true" });
  const element = h("div", { class: "toast" }, text, undo, left);
  document.body.append(element);
  text.textContent = sentence; // after it is in the page, so that it is read out
  left.style.animationDuration = `${seconds}s`;
  let timer = null;
  let rest = seconds * 1000;
  let since = 0;
  const held = () => element.matches(":hover") || element.contains(document.activeElement);
  const stop = () => {
    clearTimeout(timer);
    if (since) rest = Math.max(1500, rest - (Date.now() - since));
    since = 0;
    element.classList.add("held");
  };
  const go = () => {
    if (held()) return;
    element.classList.remove("held");
    since = Date.now();
    timer = setTimeout(close, rest);
  };
  function close() {
    clearTimeout(timer);
    element.remove();
  }
  async function run() {
    close();
    await act();
  }
  element.addEventListener("pointerenter", stop);
  element.addEventListener("pointerleave", go);
  element.addEventListener("focusin", stop);
  element.addEventListener("focusout", () => setTimeout(go));
  element.addEventListener("keydown", (event) => event.key === "Escape" && close());
  go();
  return { element, close, focus: () => undo?.focus() };
}
