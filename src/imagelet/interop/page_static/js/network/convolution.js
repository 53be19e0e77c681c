// @ts-check
// Convolution: eight filters at once, over the numbers under the window that are not 0. After ReLU half of them are.

/** @typedef {import("./operations.js").Value} Value */

const FILTERS = 8; // whose sums are held at once

/**
 * Prepare a convolution. Weights are (filters, channels of a group, rows, columns), in the order of ONNX.
 * @param {any} attributes strides, pads [top, left, bottom, right], dilations, group
 * @param {Value} weight
 * @param {Value} [bias] of each filter
 * @returns {(input: Value) => Value}
 */
export function makeConvolution(attributes, weight, bias) {
  const { group: groups = 1, strides, pads, dilations } = attributes;
  const [filters, channels, ...kernel] = weight.shape;
  const packed = pack(weight, groups);
  const ofGroup = filters / groups;
  const ofBlock = kernel[0] * kernel[1] * channels * FILTERS; // weights
  return ({ shape: [, height, width], data }) => {
    const places = [height, width].map((size, axis) => {
      const span = (kernel[axis] - 1) * dilations[axis] + 1;
      return Math.floor((size + pads[axis] + pads[axis + 2] - span) / strides[axis]) + 1;
    });
    const window = { height, width, places, kernel, strides, pads, dilations, channels };
    const made = new Float32Array(filters * places[0] * places[1]);
    for (let group = 0; group < groups; group++) {
      const listed = listWindows(data, group * channels, window);
      for (let first = 0; first < ofGroup; first += FILTERS) {
        const block = (group * Math.ceil(ofGroup / FILTERS) + first / FILTERS) * ofBlock;
        addUp(listed, packed, block, made, group * ofGroup + first, Math.min(FILTERS, ofGroup - first));
      }
    }
    if (bias) addBias(made, bias.data);
    return { shape: [filters, ...places], data: made };
  };
}

/** The weights as (groups, blocks of eight filters, cells of the window, channels, eight filters); 0 where none is. */
function pack({ shape: [filters, channels, rows, columns], data }, groups) {
  const [cells, ofGroup] = [rows * columns, filters / groups];
  const blocks = Math.ceil(ofGroup / FILTERS);
  const packed = new Float64Array(groups * blocks * cells * channels * FILTERS);
  for (let filter = 0; filter < filters; filter++) {
    const [group, inGroup] = [Math.floor(filter / ofGroup), filter % ofGroup];
    const block = group * blocks + Math.floor(inGroup / FILTERS);
    for (let channel = 0; channel < channels; channel++) {
      for (let cell = 0; cell < cells; cell++) {
        const place = ((block * cells + cell) * channels + channel) * FILTERS + (inGroup % FILTERS);
        packed[place] = data[(filter * channels + channel) * cells + cell];
      }
    }
  }
  return packed;
}

/**
 * For each place of the window the numbers under it that are not 0, from starts[place] on, and where in a block of
 * weights theirs lie.
 */
function listWindows(data, first, { height, width, places, kernel, strides, pads, dilations, channels }) {
  const most = places[0] * places[1] * kernel[0] * kernel[1] * channels;
  const [offsets, numbers] = [new Int32Array(most), new Float64Array(most)];
  const starts = new Int32Array(places[0] * places[1] + 1);
  let count = 0;
  for (let place = 0; place < starts.length - 1; place++) {
    const top = Math.trunc(place / places[1]) * strides[0] - pads[0];
    const left = (place % places[1]) * strides[1] - pads[1];
    for (let cell = 0; cell < kernel[0] * kernel[1]; cell++) {
      const y = top + Math.trunc(cell / kernel[1]) * dilations[0];
      const x = left + (cell % kernel[1]) * dilations[1];
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      for (let channel = 0; channel < channels; channel++) {
        const value = data[((first + channel) * height + y) * width + x];
        if (value === 0) continue;
        offsets[count] = (cell * channels + channel) * FILTERS;
        numbers[count++] = value;
      }
    }
    starts[place + 1] = count;
  }
  return { starts, offsets, numbers };
}

/** Write the sums of a block of filters, whose weights begin at `block`, for each place of the window. */
function addUp({ starts, offsets, numbers }, packed, block, made, filter, count) {
  const sums = new Float64Array(FILTERS);
  const map = starts.length - 1;
  for (let place = 0; place < map; place++) {
    let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let index = starts[place]; index < starts[place + 1]; index++) {
      const number = numbers[index];
      const at = block + offsets[index];
      a += number * packed[at];
      b += number * packed[at + 1];
      c += number * packed[at + 2];
      d += number * packed[at + 3];
      e += number * packed[at + 4];
      f += number * packed[at + 5];
      g += number * packed[at + 6];
      h += number * packed[at + 7];
    }
    [sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7]] = [a, b, c, d, e, f, g, h];
    for (let lane = 0; lane < count; lane++) made[(filter + lane) * map + place] = sums[lane];
  }
}

function addBias(made, bias) {
  const map = made.length / bias.length;
  for (let index = 0; index < made.length; index++) made[index] += bias[Math.trunc(index / map)];
}
