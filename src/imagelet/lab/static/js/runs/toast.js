// @ts-check
// A sentence at the page's foot that stays for a while, with a button.

import { button, h } from "../shared/ui.js";

const LEAST_REST = 1500; // milliseconds that it stays after it was held

/** Say something; `act` is what the button does. It stays while it is focused or under the pointer. */
export function toast(sentence, label = null, act = null, seconds = 10) {
  document.querySelector(".toast")?.remove();
  const text = h("p", { role: "status" });
  const action = label && button(label, () => {
    close();
    act();
  });
  const left = h("span", { class: "toast-left", style: { "animation-duration": `${seconds}s` }, "aria-hidden": "true" });
  const element = h("div", { class: "toast" }, text, action, left);
  document.body.append(element);
  text.textContent = sentence; // after it is in the page, so that it is read out
  let timer = null;
  let rest = seconds * 1000;
  let since = 0;
  function hold() {
    clearTimeout(timer);
    if (since) rest = Math.max(LEAST_REST, rest - (Date.now() - since));
    since = 0;
    element.classList.add("held");
  }
  function resume() {
    if (element.matches(":hover") || element.contains(document.activeElement)) return;
    element.classList.remove("held");
    since = Date.now();
    timer = setTimeout(close, rest);
  }
  function close() {
    clearTimeout(timer);
    element.remove();
  }
  element.addEventListener("pointerenter", hold);
  element.addEventListener("pointerleave", resume);
  element.addEventListener("focusin", hold);
  element.addEventListener("focusout", () => setTimeout(resume));
  element.addEventListener("keydown", (event) => event.key === "Escape" && close());
  resume();
  return { focus: () => action?.focus() };
}
