// @ts-check
// The map, or the image, that a layer gets, with a window on it.

import { t } from "../shared/i18n.js";
import { drawImage, drawMap, rangeOf } from "../shared/maps.js";
import { h, replace, select } from "../shared/ui.js";
import { isFlat } from "./layer_values.js";
import { layOver } from "./overlay.js";

export function makeSourceMap() {
  const canvas = h("canvas", { role: "img", "aria-label": t("draw.made_from") });
  const mark = h("div", { class: "window-frame", hidden: true });
  const name = h("span");
  const channels = h("label", { class: "inline", hidden: true });
  let [layer, seen, channel] = [null, null, 0];

  function draw() {
    channels.hidden = !(layer?.shape[2] > 1);
    if (!layer || isFlat(layer)) {
      drawImage(canvas, seen);
      replace(name, t("draw.image_seen"));
      return;
    }
    const [height, width, count] = layer.shape;
    channel = Math.min(channel, count - 1);
    drawMap(canvas, layer.values, width, height, rangeOf([layer.low, layer.high]), { first: channel, step: count });
    replace(name, layer.name);
    offerChannels(count);
  }

  function offerChannels(count) {
    const key = `${layer.name} ${count}`;
    if (channels.dataset.of !== key) {
      channels.dataset.of = key;
      const options = Array.from({ length: count }, (_, index) => [index, String(index)]);
      replace(channels, h("span", null, t("draw.map_word")), select(options, channel, (index) => showChannel(Number(index))));
    }
    channels.querySelector("select").value = String(channel);
  }

  function showChannel(index) {
    channel = index;
    draw();
  }

  return {
    element: h("figure", null, h("figcaption", null, name, channels), h("div", { class: "laid framed source" }, canvas, mark)),
    showChannel,

    /** Show what the layer before gives, or the image where there is none; `map` null leaves the channel. */
    show(before, image, map) {
      [layer, seen] = [before, image];
      showChannel(map ?? channel);
    },

    /** Frame a window at [row, column]; null for none. */
    frame(first, extent = [1, 1]) {
      mark.hidden = !first;
      if (first) layOver(mark, first, extent, [canvas.height, canvas.width]);
    },
  };
}
