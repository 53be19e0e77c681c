// A map large beside the map that it is made from, with the window in between: clicked, stepped or played.

import { t } from "../shared/i18n.js";
import { drawImage, drawMap, rangeOf } from "../shared/maps.js";
import { button, calm, h, number, replace, select } from "../shared/ui.js";
import { extentOf, makePlayer } from "./play.js";

/** `pick([row, column])` is called for a place in the map; `askNumber(layer, place)` takes a number apart. */
export function makeStage({ pick, askNumber }) {
  const source = makeSource();
  const output = makeOutput({ pick: go, hover: (place) => tell(place ?? shown?.place) });
  const under = h("output", { class: "under mono" });
  const [row, column] = ["row", "column"].map((name) => h("input", { type: "number", min: "0", onchange: moved }));
  const play = button(t("draw.play"), toggle);
  const step = button(t("draw.step"), stepOn);
  let shown = null; // {layer, before, seen, map, place, picked, range}
  let taken = null; // the number that was taken apart last
  play.hidden = calm();

  const player = makePlayer({
    askNumber,
    at(count, windows) {
      output.uncover(count);
      if (!count) return;
      const place = placeOf(count - 1);
      output.mark(place);
      tell(place);
      const [down, across] = [0, 1].map((axis) => windows.first[axis] + windows.stride[axis] * place[axis]);
      source.frame([down, across], windows.extent);
    },
    ended(count) {
      play.textContent = t("draw.play");
      output.uncover(null);
      pick(placeOf(Math.max(0, count - 1)));
    },
  });

  function placeOf(count) {
    const width = shown.layer.shape[1];
    return [Math.floor(count / width), count % width];
  }

  function go(place) {
    player.stop();
    pick(place);
  }

  function moved() {
    const within = (input, axis) => Math.max(0, Math.min(shown.layer.shape[axis] - 1, Math.round(Number(input.value) || 0)));
    go([within(row, 0), within(column, 1)]);
  }

  async function toggle() {
    if (player.playing) return player.stop();
    play.textContent = t("draw.pause");
    return player.start(shown.layer, shown.map);
  }

  function stepOn() {
    const [height, width] = shown.layer.shape;
    player.stop();
    const [down, across] = shown.picked ? shown.place : [0, -1];
    const next = (down * width + across + 1) % (height * width);
    player.reset(next + 1);
    pick(placeOf(next));
  }

  function tell(place) {
    if (!shown || !place) {
      under.textContent = " ";
      return;
    }
    const [, width, count] = shown.layer.shape;
    const value = shown.layer.values[(place[0] * width + place[1]) * count + shown.map];
    under.textContent = `[${place.join(", ")}] = ${number(value, 4)}`;
  }

  function show(next) {
    const { layer, before, seen, map, place, range } = next;
    const other = shown?.layer.name !== layer.name || shown.map !== map;
    if (other) {
      player.reset();
      play.textContent = t("draw.play");
      output.uncover(null);
    }
    shown = next;
    const alone = layer.kind !== "conv" && before?.shape[2] === layer.shape[2]; // each map is made from one map
    source.show(before, seen, other && alone ? map : null);
    output.show(layer, map, range);
    [row.max, column.max] = [layer.shape[0] - 1, layer.shape[1] - 1];
    [row.value, column.value] = place ?? ["", ""];
    if (player.playing) return;
    output.mark(place);
    tell(place);
  }

  /** Show the window of a number that was taken apart; null for none. */
  function frame(found) {
    taken = found;
    if (player.playing) return;
    if (found?.first.length !== 3) source.frame(null);
    else source.frame(found.first, extentOf(found), strongest(found));
  }

  const label = (name, input) => h("label", { class: "inline" }, h("span", null, t(`draw.${name}`)), input);
  const element = h(
    "div",
    { class: "stage" },
    h("div", { class: "stage-maps" }, source.element, h("span", { class: "arrow", "aria-hidden": "true" }, "→"), output.element),
    h("div", { class: "row stage-controls" }, play, step, label("row", row), label("column", column), under),
    h("p", { class: "hint" }, t("draw.pick_place")),
  );
  return {
    element,
    show,
    window: frame,
    stop: player.stop,
    channel: (each) => taken && source.frame(taken.first, extentOf(taken), each),
  };
}

/** The map, or the image, that a layer gets, with a window on it. */
function makeSource() {
  const canvas = h("canvas", { role: "img", "aria-label": t("draw.made_from") });
  const mark = h("div", { class: "window-frame", hidden: true });
  const name = h("span");
  const channels = h("label", { class: "inline", hidden: true });
  let [before, seen, channel] = [null, null, 0];

  function draw() {
    channels.hidden = !(before?.shape[2] > 1);
    if (!before || before.shape.length !== 3) {
      drawImage(canvas, seen);
      replace(name, t("draw.image_seen"));
      return;
    }
    const [height, width, count] = before.shape;
    channel = Math.min(channel, count - 1);
    drawMap(canvas, before.values, width, height, rangeOf([before.low, before.high]), { first: channel, step: count });
    replace(name, before.name);
    const key = `${before.name} ${count}`;
    if (channels.dataset.of !== key) {
      channels.dataset.of = key;
      const list = select(Array.from({ length: count }, (_, each) => [each, String(each)]), channel, (each) => {
        channel = Number(each);
        draw();
      });
      replace(channels, h("span", null, t("draw.map_word")), list);
    }
    channels.querySelector("select").value = String(channel);
  }

  return {
    element: h("figure", null, h("figcaption", null, name, channels), h("div", { class: "laid framed source" }, canvas, mark)),
    show(newBefore, newSeen, map) {
      [before, seen] = [newBefore, newSeen];
      if (map !== null) channel = map;
      draw();
    },
    frame(first, extent, map) {
      mark.hidden = !first;
      if (!first) return;
      lay(mark, first, extent, [canvas.height, canvas.width]);
      if (map === undefined || map === channel) return;
      channel = map;
      draw();
    },
  };
}

/** The large map, in which a place is chosen by mouse or arrow keys. */
function makeOutput({ pick, hover }) {
  const canvas = h("canvas", { class: "large" });
  const veil = h("canvas", { class: "veil", "aria-hidden": "true", hidden: true });
  const cell = h("div", { class: "chosen-place", hidden: true });
  const face = h("div", { class: "laid framed pickable", tabindex: "0", role: "group" }, canvas, veil, cell);
  const name = h("span");
  let [size, chosen] = [[1, 1], null];

  function at(event) {
    const box = canvas.getBoundingClientRect();
    const shares = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
    return shares.map((share, axis) => Math.max(0, Math.min(size[axis] - 1, Math.floor(share * size[axis]))));
  }

  face.addEventListener("click", (event) => pick(at(event)));
  face.addEventListener("pointermove", (event) => hover(at(event)));
  face.addEventListener("pointerleave", () => hover(null));
  face.addEventListener("keydown", (event) => {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!by) return;
    event.preventDefault();
    pick(chosen ? chosen.map((place, axis) => (place + by[axis] + size[axis]) % size[axis]) : [0, 0]);
  });

  return {
    element: h("figure", null, h("figcaption", null, name), face),
    show(layer, map, range) {
      const [height, width, count] = layer.shape;
      size = [height, width];
      drawMap(canvas, layer.values, width, height, range, { first: map, step: count });
      face.setAttribute("aria-label", t("draw.map_large", { layer: layer.name, map }));
      replace(name, `${layer.name}, ${t("draw.map", { map })}`);
    },
    mark(place) {
      chosen = place;
      cell.hidden = !place;
      if (place) lay(cell, place, [1, 1], size);
    },
    /** Show so many places alone, row by row; null for all. */
    uncover(count) {
      veil.hidden = count === null;
      if (count === null) return;
      const [height, width] = size;
      [veil.width, veil.height] = [width, height];
      const context = veil.getContext("2d");
      context.fillStyle = getComputedStyle(veil).color;
      const [down, across] = [Math.floor(count / width), count % width];
      context.fillRect(across, down, width - across, 1);
      context.fillRect(0, down + 1, width, height);
    },
  };
}

/** The channel whose products add up to most; of a window without products the window's own. */
export function strongest({ products, first }) {
  if (!products || !Array.isArray(products[0])) return first[2];
  const sums = channelSums(products);
  return sums.reduce((best, each, at) => (Math.abs(each) > Math.abs(sums[best]) ? at : best), 0);
}

/** The sum of a window's numbers for each channel. */
export function channelSums(products) {
  const sums = new Array(products[0][0].length).fill(0);
  for (const line of products) for (const place of line) place.forEach((each, at) => (sums[at] += each ?? 0));
  return sums;
}

function lay(element, [down, across], [high, wide], [height, width]) {
  element.style.top = `${(down / height) * 100}%`;
  element.style.left = `${(across / width) * 100}%`;
  element.style.height = `${(high / height) * 100}%`;
  element.style.width = `${(wide / width) * 100}%`;
}
