// The server's English sentences in another language, by templates with named places.
//
// A template is as the server's source has it: "unknown {kind:words} '{name}'{meant:sentence}". Its places:
//   {name}           anything; it is put into the translation as it is
//   {name:word}      the same, but without a blank: a number, a layer's name
//   {name:names}     anything; of several, parted by commas, "and" or "or", commas alone are left
//   {name:words}     words that have translations of their own, one or several; others stay as they are
//   {name:sentence}  a sentence or a part of one that must have a translation too, or else is empty
// A place right before another one ends at a blank, a comma, a semicolon or a bracket.

const PLACE = /\{(\w+)(?::(word|names|words|sentence))?\}/g;
const FRAME = /^\{\w+:sentence\}|: \{\w+:sentence\}$/;
const BETWEEN = /, | and | or /;

/** Return a function from a sentence to its translation; null where no template fits. */
export function translator(messages) {
  const exact = new Map();
  const templates = [];
  for (const [template, text] of Object.entries(messages)) {
    if (template.search(PLACE) < 0) exact.set(template, text);
    else templates.push(compiled(template, text));
  }
  templates.sort((one, other) => other.frame - one.frame || other.literal - one.literal || other.strict - one.strict);

  function translate(sentence) {
    const filled = (template) => first(template.patterns, (pattern) => fill(template, sentence.match(pattern)));
    return exact.get(sentence) ?? first(templates, filled);
  }

  function fill({ places, text }, found) {
    if (!found) return null;
    const values = places.map(({ name, kind }, at) => [name, inPlace[kind](found[at + 1])]);
    if (values.some(([, value]) => value === null)) return null;
    const filled = Object.fromEntries(values);
    return text.replace(PLACE, (_, name) => filled[name]);
  }

  const inPlace = {
    any: (value) => value,
    word: (value) => value,
    names: (value) => value.split(BETWEEN).join(", "),
    words: (value) => translate(value) ?? value.split(BETWEEN).map((each) => translate(each) ?? each).join(", "),
    sentence: (value) => (value === "" ? "" : translate(value)),
  };

  return translate;
}

/** What `make` gives for the first of the things for which it gives something. */
function first(things, make) {
  for (const each of things) {
    const made = make(each);
    if (made !== null) return made;
  }
  return null;
}

/**
 * A template as two anchored patterns, with places as short as they can be and as long as they can be.
 * Sentences in a frame ("conv at position 5: …") are taken out of it first; then the template with most
 * characters of its own goes first.
 */
function compiled(template, text) {
  const places = [...template.matchAll(PLACE)].map(([, name, kind = "any"]) => ({ name, kind }));
  const between = template.replace(PLACE, "\0").split("\0");
  const [start, ...parts] = between.map((each) => each.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = (reach) => {
    const place = (at) => {
      if (!parts[at] && at < parts.length - 1) return "([^\\s,;(]*)"; // right before another one
      return places[at].kind === "word" ? `(\\S${reach})` : `(.${reach})`;
    };
    return new RegExp(`^${start}${parts.map((each, at) => place(at) + each).join("")}$`, "s");
  };
  return {
    patterns: [pattern("*?"), pattern("*")],
    places,
    text,
    frame: FRAME.test(template),
    literal: between.join("").length,
    strict: places.filter(({ kind }) => kind === "sentence").length,
  };
}
