// @ts-check
// The operations of ONNX that imagelet's layers are written in, for one image: numbers in, numbers out.
//
// Each is prepared once with its attributes and constants, and then computes: OPERATIONS[name](attributes, constants)
// returns a function of the inputs that are no constants.

import { makeConvolution } from "./convolution.js";

/** @typedef {{shape: any, data: Float32Array}} Value of one image: [channels, height, width] or [values] */
/** @typedef {(...inputs: Value[]) => Value} Computed */

/** @type {Record<string, (attributes: any, constants: any) => Computed>} */
export const OPERATIONS = {
  Add: (_, constants) => withBoth(constants, (one, other) => one + other),
  AveragePool: (attributes) => pooled(attributes, false),
  BatchNormalization: ({ epsilon }, constants) => normalized(epsilon, constants),
  Conv: (attributes, [weight, bias]) => makeConvolution(attributes, weight, bias),
  Div: (_, constants) => withBoth(constants, (one, other) => one / other),
  Erf: () => ofEvery(erf),
  Flatten: () => ({ data }) => ({ shape: [data.length], data }),
  Gemm: (_, [weight, bias]) => dense(weight, bias),
  GlobalAveragePool: () => ofMaps((map) => map.reduce((sum, value) => sum + value, 0) / map.length),
  GlobalMaxPool: () => ofMaps((map) => map.reduce((most, value) => Math.max(most, value), -Infinity)),
  MaxPool: (attributes) => pooled(attributes, true),
  Mul: (_, constants) => withBoth(constants, (one, other) => one * other),
  Relu: () => ofEvery((value) => (value > 0 ? value : 0)),
  Sigmoid: () => ofEvery((value) => 1 / (1 + Math.exp(-value))),
  Tanh: () => ofEvery(Math.tanh),
  Transpose: () => channelsLast,
};

/** The error function, to 1.2e-7 (erfcc of Press and others, Numerical Recipes in C, 1992, section 6.2). */
export function erf(/** @type {number} */ value) {
  const t = 1 / (1 + Math.abs(value) / 2);
  const factors = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
    -1.26551223,
  ];
  let sum = 0;
  for (const factor of factors) sum = sum * t + factor;
  const rest = t * Math.exp(sum - value * value);
  return value >= 0 ? 1 - rest : rest - 1;
}

function ofEvery(change) {
  return ({ shape, data }) => {
    const made = new Float32Array(data.length);
    for (let index = 0; index < data.length; index++) made[index] = change(data[index]);
    return { shape, data: made };
  };
}

/** Of two inputs, or of one and a single number behind it. */
function withBoth([constant], change) {
  if (constant) return ofEvery((value) => change(value, constant.data[0]));
  return ({ shape, data }, other) => {
    const made = new Float32Array(data.length);
    for (let index = 0; index < data.length; index++) made[index] = change(data[index], other.data[index]);
    return { shape, data: made };
  };
}

/** Each map (channel), or each flat value, scaled and shifted by what its running averages say. */
function normalized(epsilon, [scale, shift, mean, variance]) {
  const factors = scale.data.map((factor, channel) => factor / Math.sqrt(variance.data[channel] + epsilon));
  const terms = shift.data.map((term, channel) => term - mean.data[channel] * factors[channel]);
  return ({ shape, data }) => {
    const made = new Float32Array(data.length);
    const map = data.length / shape[0];
    for (let index = 0; index < data.length; index++) {
      const channel = Math.floor(index / map);
      made[index] = data[index] * factors[channel] + terms[channel];
    }
    return { shape, data: made };
  };
}

function dense({ shape: [units, inputs], data: weights }, bias) {
  return ({ data }) => {
    const made = new Float32Array(units);
    for (let unit = 0; unit < units; unit++) {
      let sum = bias ? bias.data[unit] : 0;
      const row = unit * inputs;
      for (let index = 0; index < inputs; index++) sum += weights[row + index] * data[index];
      made[unit] = sum;
    }
    return { shape: [units], data: made };
  };
}

/** One number of each map. */
function ofMaps(change) {
  return ({ shape: [channels], data }) => {
    const map = data.length / channels;
    const made = Float32Array.from({ length: channels }, (_, channel) =>
      change(data.subarray(channel * map, (channel + 1) * map)),
    );
    return { shape: [channels, 1, 1], data: made };
  };
}

/** [channels, height, width] as [height, width, channels]. */
function channelsLast({ shape: [channels, height, width], data }) {
  const made = new Float32Array(data.length);
  const map = height * width;
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < map; pixel++) made[pixel * channels + channel] = data[channel * map + pixel];
  }
  return { shape: [height, width, channels], data: made };
}

/** The largest number or the mean of the real cells under each window. */
function pooled({ kernel_shape: kernel, strides, pads }, largest) {
  return ({ shape: [channels, ...size], data }) => {
    const [rows, columns] = [0, 1].map((axis) => windowsAlong(size[axis], kernel[axis], strides[axis], pads, axis));
    const made = new Float32Array(channels * rows.length * columns.length);
    let place = 0;
    for (let channel = 0; channel < channels; channel++) {
      const map = data.subarray(channel * size[0] * size[1], (channel + 1) * size[0] * size[1]);
      for (const down of rows) {
        for (const across of columns) made[place++] = ofWindow(map, size[1], [...down, ...across], largest);
      }
    }
    return { shape: [channels, rows.length, columns.length], data: made };
  };
}

function ofWindow(map, width, /** @type {number[]} */ window, largest) {
  const [top, bottom, left, right] = window;
  let [most, sum] = [-Infinity, 0];
  for (let row = top; row < bottom; row++) {
    for (let at = row * width + left; at < row * width + right; at++) {
      sum += map[at];
      if (map[at] > most) most = map[at];
    }
  }
  return largest ? most : sum / ((bottom - top) * (right - left));
}

/** The first cell and the one behind the last of each window along one axis, without the padding. */
function windowsAlong(size, kernel, stride, pads, axis) {
  const places = Math.floor((size + pads[axis] + pads[axis + 2] - kernel) / stride) + 1;
  return Array.from({ length: places }, (_, place) => {
    const first = place * stride - pads[axis];
    return [Math.max(0, first), Math.min(size, first + kernel)];
  });
}
