// A layer's numbers: one map of them, or the place of the strongest.

/** A map's numbers, row by row. */
export function mapOf(layer, map) {
  const [height, width, channels] = layer.shape;
  return Float32Array.from({ length: height * width }, (_, at) => layer.values[at * channels + map]);
}

/** Where the number farthest from 0 lies: [row, column] in a map, [index] among flat values. */
export function strongestPlace(layer, map) {
  const flat = layer.shape.length === 1;
  const values = flat ? layer.values : mapOf(layer, map);
  let best = 0;
  for (let at = 1; at < values.length; at++) if (Math.abs(values[at]) > Math.abs(values[best])) best = at;
  return flat ? [best] : [Math.floor(best / layer.shape[1]), best % layer.shape[1]];
}
