// @ts-check
// A frame laid over a canvas whose pixels are places.

const STYLES = [["top", "height"], ["left", "width"]]; // of each axis: where it begins, how far it reaches

/** Lay an element over the cells from [row, column] on, `extent` rows and columns of a canvas of `size`. */
export function layOver(element, first, extent, size) {
  STYLES.forEach(([begin, reach], axis) => {
    element.style[begin] = `${(first[axis] / size[axis]) * 100}%`;
    element.style[reach] = `${(extent[axis] / size[axis]) * 100}%`;
  });
}
