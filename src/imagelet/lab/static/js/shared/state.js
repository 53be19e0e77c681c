// @ts-check
// What is shown, kept in the address: #/draw?run=mnist&layer=conv1&lang=ko
//
// Every change goes one way: set() writes the address, then calls the watchers. The Back button takes the same way.
// Values are strings.

export const TABS = ["draw", "collect", "layers", "network", "train", "runs", "course"];
export const CLASS_TABS = ["class", "write"]; // of a teacher and of a pupil: see session.js
let tabs = TABS; // those of who opened the page
const EVERYWHERE = ["lang"]; // kept from tab to tab; everything else is the tab's own

const watchers = new Set();
const kept = new Map(); // tab → its parameters when it was left

function read() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const isKnown = tabs.includes(path);
  const unknown = isKnown || !path ? null : decoded(path);
  return { tab: isKnown ? path : tabs[0], unknown, parameters: new URLSearchParams(query) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function address(tab, parameters) {
  const query = parameters.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  return `#/${tab}${query ? `?${query}` : ""}`;
}

function notify() {
  const { tab, parameters } = read();
  kept.set(tab, parameters);
  for (const watcher of [...watchers]) watcher(state);
}

/** Take the tabs of who opened the page in place of the owner's. */
export function useTabs(names) {
  tabs = names;
}

export const state = {
  /** The names of the tabs, in the bar's order. */
  get tabs() {
    return tabs;
  },

  /** The tab that the address names. */
  get tab() {
    return read().tab;
  },

  /** What the address names in place of a tab, where there is none of that name; else null. */
  get unknownTab() {
    return read().unknown;
  },

  /** A parameter's value, or null. */
  get(name) {
    return read().parameters.get(name);
  },

  /** Change parameters; null takes one away. `replace` leaves no step for the Back button. */
  set(values, { replace = false } = {}) {
    const { tab, parameters } = read();
    for (const [name, value] of Object.entries(values)) {
      if (value === null || value === undefined || value === "") parameters.delete(name);
      else parameters.set(name, String(value));
    }
    const next = address(tab, parameters);
    if (next === location.hash) return;
    history[replace ? "replaceState" : "pushState"](null, "", next);
    notify();
  },

  /** The address of a tab as it was left, or with the given parameters. */
  link(tab, values = null) {
    const parameters = new URLSearchParams(values ?? kept.get(tab) ?? "");
    const current = read().parameters;
    for (const name of EVERYWHERE) {
      const value = current.get(name);
      if (value === null) parameters.delete(name);
      else parameters.set(name, value);
    }
    return address(tab, parameters);
  },

  /** Go to a tab. */
  open(tab, values = null) {
    history.pushState(null, "", state.link(tab, values));
    notify();
  },

  /** Call `watcher(state)` after each change; returns a function that ends it. */
  watch(watcher) {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  },
};

window.addEventListener("popstate", notify); // a changed hash, too
