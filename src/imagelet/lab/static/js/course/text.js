// A page's HTML, as the package has it, becomes elements.

/**
 * Make elements of a page's HTML: {heading, parts}. Nothing in it can run: it is parsed apart from this page, and what
 * it may load is for the server's rules to say. Tables scroll in themselves; commands can be copied.
 */
export function elementsOf(html, { t, state, ui }) {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  for (const link of body.querySelectorAll('a[href^="#/course?"]')) {
    const values = new URLSearchParams(link.getAttribute("href").split("?")[1]);
    if (!values.has("lang")) link.setAttribute("href", state.link("course", values));
  }
  for (const table of body.querySelectorAll("table")) {
    const scroller = scrolling(ui.h("div", { class: "wide" }), t("common.table"));
    if (table.rows[0].cells.length > 3) scroller.classList.add("broad");
    table.replaceWith(scroller);
    scroller.append(table);
  }
  for (const formula of body.querySelectorAll(".formula")) scrolling(formula, t("course.formula")).classList.add("wide");
  for (const block of body.querySelectorAll("pre")) {
    const commands = block.querySelector(".language-sh") && commandsOf(block.textContent);
    if (commands) block.replaceWith(ui.h("div", { class: "commands wide" }, commands.map((each) => ui.command(each))));
    else block.classList.add("wide");
  }
  const heading = body.querySelector("h1");
  heading.remove();
  return { heading, parts: [...body.childNodes] };
}

/** Let an element scroll in itself where it is too wide, then by keyboard, too. */
function scrolling(element, label) {
  element.classList.add("scroll");
  new ResizeObserver(() => {
    const wide = element.scrollWidth > element.clientWidth;
    for (const [name, value] of Object.entries({ tabindex: "0", role: "group", "aria-label": label })) {
      if (wide) element.setAttribute(name, value);
      else element.removeAttribute(name);
    }
  }).observe(element);
  return element;
}

/** A block's commands, a line that goes on taken together; null where it holds something else. */
export function commandsOf(text) {
  const commands = text.trim().split(/(?<!\\)\n/);
  return commands.every((each) => each.startsWith("imagelet ")) ? commands : null;
}
