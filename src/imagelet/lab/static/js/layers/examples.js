// @ts-check
// The course's examples, with its numbers: docs/course/en/layers.md, cnn-1.md, cnn-3.md, convnet.md.

const NINE = "1 2 3; 4 5 6; 7 8 9";
const FIVE = "3 3 2 1 0; 0 0 1 3 1; 3 1 2 2 3; 2 0 0 2 2; 2 0 0 0 1";
const TURN = "0 1 2; 2 2 0; 0 1 2";
const SEVEN =
  "0 0 0 0 0 0 0; 0 1 1 1 1 1 0; 0 0 0 0 1 0 0; 0 0 0 1 0 0 0; 0 0 1 0 0 0 0; 0 0 1 0 0 0 0; 0 0 0 0 0 0 0";
const PHOTO = "60 113 56 139 85; 73 121 54 84 128; 131 99 70 129 127; 80 57 115 69 134; 104 126 123 95 130";
const ALL_ONES = "1 1 1 1 1; 1 1 1 1 1; 1 1 1 1 1; 1 1 1 1 1; 1 1 1 1 1";
const POOLED = "1 3 2 0; 5 4 1 1; 0 2 9 6; 1 1 7 8";
const UPRIGHT = "-1 2 -1; -1 2 -1; -1 2 -1";

/** In the order of the course; what is left out is as in `setting.js`. */
export const EXAMPLES = [
  { name: "first", operation: "convolve", image: NINE, kernel: "1 1; 1 1" },
  { name: "larger", operation: "convolve", image: FIVE, kernel: TURN },
  { name: "seven", operation: "convolve", image: SEVEN, kernel: "-1 -1 -1; 2 2 2; -1 -1 -1", padding: "1", at: "1_2" },
  { name: "same", operation: "convolve", image: NINE, kernel: "1 1; 1 1", padding: "same" },
  { name: "sharpen", operation: "convolve", image: PHOTO, kernel: "0 -1 0; -1 5 -1; 0 -1 0", padding: "same" },
  { name: "stride", operation: "convolve", image: FIVE, kernel: TURN, stride: 2 },
  { name: "dilation", operation: "convolve", image: FIVE, kernel: TURN, dilation: 2 },
  {
    name: "line",
    operation: "convolve",
    image: "0 1 0 0 0 0; 0 1 0 0 0 0; 0 1 0 0 0 0; 0 1 0 0 0 0",
    kernel: UPRIGHT,
  },
  {
    name: "moved-line",
    operation: "convolve",
    image: "0 0 1 0 0 0; 0 0 1 0 0 0; 0 0 1 0 0 0; 0 0 1 0 0 0",
    kernel: UPRIGHT,
  },
  { name: "frame", operation: "convolve", image: ALL_ONES, kernel: "1 1 1; 1 1 1; 1 1 1", padding: "same" },
  { name: "largest", operation: "max", image: POOLED, size: 2, stride: 2 },
  { name: "mean", operation: "average", image: POOLED, size: 2, stride: 2 },
  { name: "overlap", operation: "max", image: NINE, size: 2, stride: 1, padding: "same" },
  { name: "real-cells", operation: "average", image: NINE, size: 2, stride: 1, padding: "same", at: "2_2" },
  { name: "odd-side", operation: "max", image: NINE, size: 2, stride: 2, padding: "same" },
  { name: "forgives", operation: "max", image: "0 6 0 0; 0 6 0 0", size: 2, stride: 2 },
];
