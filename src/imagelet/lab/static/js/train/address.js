// A training as the form describes it ↔ the page's address: only what differs from the form as it is at first.

const NAMES = ["dataset", "network", "recipe", "settings", "validation", "limit", "seed", "name", "test", "input", "classes"];

/**
 * Return what the address says: {dataset, network, recipe, settings: {name: text}, validation, limit, seed, name, test,
 * madeFor: {shape, classes} | null}; what it says nothing of is missing.
 */
export function readOrder(state) {
  const order = {};
  for (const name of ["dataset", "network", "recipe", "validation", "limit", "seed", "name"]) {
    const value = state.get(name);
    if (value !== null) order[name] = value;
  }
  const pairs = (state.get("settings") ?? "").split(",").map((each) => each.split(":"));
  order.settings = Object.fromEntries(pairs.filter((pair) => pair.length === 2 && pair[0]));
  order.test = state.get("test") === "yes";
  const shape = (state.get("input") ?? "").split("x").map(Number);
  const whole = shape.length === 3 && shape.every((side) => Number.isInteger(side) && side > 0);
  order.madeFor = whole ? { shape, classes: Number(state.get("classes")) || null } : null;
  return order;
}

/** Return the address's values of an order; null takes one away. `usual` is what need not be said. */
export function writtenOrder(order, usual) {
  const values = Object.fromEntries(NAMES.map((name) => [name, null]));
  for (const name of ["dataset", "network", "recipe", "validation", "limit", "seed", "name"]) {
    const value = order[name] ?? "";
    if (String(value) !== String(usual[name] ?? "")) values[name] = String(value);
  }
  const settings = Object.entries(order.settings).map(([name, value]) => `${name}:${value}`);
  if (settings.length) values.settings = settings.join(",");
  if (order.test) values.test = "yes";
  if (order.madeFor) {
    values.dataset = order.dataset;
    values.input = order.madeFor.shape.join("x");
    values.classes = order.madeFor.classes && String(order.madeFor.classes);
  }
  return values;
}

/** Return what the address says now, or would say with `values`, as one text. */
export function asText(get) {
  return JSON.stringify(NAMES.map((name) => get(name) ?? null));
}
