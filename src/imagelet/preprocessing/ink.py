"""Ink and paper told apart: how much ink each pixel of a picture holds, and which of it is dust."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from imagelet.preprocessing.picture import border

Ink = NDArray[np.float32]  # (height, width): 0 where there is none, 1 where there is most
Mask = NDArray[np.bool_]

WORKING_SIDE = 320  # pixels; larger pictures are scaled down first: a stroke is still several pixels wide
BACKGROUND_SIDE = 64  # pixels; uneven light is smooth, so it is estimated on a small picture
WIDEST_STROKE = 17  # pixels of BACKGROUND_SIDE, odd
EVEN_SPREAD = 0.04  # of black to white; a drawn picture's border varies less, a photo's more
LEAST_CONTRAST = 0.08  # of black to white, between paper and ink; less is noise
SOFT_EDGE = 2  # pixels around a stroke that may be greyer than Otsu's threshold; further off it is paper
SMALLEST_PART = 0.1  # of the largest part's ink; smaller ones are specks, unless they are near
SMALLEST_NEAR_PART = 0.01
NEAR = 0.1  # of the larger side of the largest part's box


def ink_of(grey: NDArray[np.uint8]) -> Ink:
    """Return how much ink each pixel holds, 0 to 1, with soft edges and exactly 0 on the paper.

    The threshold is Otsu's: it parts paper from ink without knowing how dark either is. Half of it is where
    the soft edge begins, so that a stroke keeps its width and its antialiasing.

    Args:
        grey: uint8 (height, width, 1), ink of either polarity.

    Returns:
        float32, of the picture's size, or smaller where its longer side is above ``WORKING_SIDE``.
    """
    darkness = darkness_of(grey)
    threshold = otsu(darkness)
    strokes = darkness > threshold
    if contrast_of(darkness) < LEAST_CONTRAST:
        return np.zeros_like(darkness)
    low, high = threshold / 2, float(np.median(darkness[strokes]))
    ink = np.clip((darkness - low) / max(high - low, 1e-6), 0, 1)
    near = Image.fromarray(strokes.astype(np.uint8)).filter(ImageFilter.MaxFilter(2 * SOFT_EDGE + 1))
    return np.where(np.asarray(near) > 0, ink, 0).astype(np.float32)


def darkness_of(grey: NDArray[np.uint8]) -> Ink:
    """Return how far each pixel is from the paper towards the ink, 0 to 1.

    Ink is on the side of the paper's brightness on which the picture reaches further. Light falls on paper
    and ink alike, so brightness is compared as a ratio to the paper's around it.
    """
    side = max(grey.shape[:2])
    image = Image.fromarray(grey[:, :, 0])
    if side > WORKING_SIDE:
        height, width = (max(1, round(length * WORKING_SIDE / side)) for length in grey.shape[:2])
        image = image.resize((width, height), Image.Resampling.BOX)
    pixels: NDArray[np.uint8] = np.asarray(image)
    edge = border(pixels[:, :, np.newaxis]) / 255
    values: Ink = (pixels / 255).astype(np.float32)
    paper = float(np.median(edge))
    if paper - float(np.quantile(values, 0.005)) < float(np.quantile(values, 0.995)) - paper:
        values, paper = np.float32(1) - values, 1 - paper
    even = float(np.quantile(edge, 0.9) - np.quantile(edge, 0.1)) < EVEN_SPREAD
    background = np.full_like(values, paper) if even else _background(values)
    return np.clip(1 - values / np.maximum(background, 1 / 255), 0, 1).astype(np.float32)


def contrast_of(darkness: Ink) -> float:
    """Return how far ink and paper are apart, 0 to 1: the means on both sides of Otsu's threshold."""
    strokes = darkness > otsu(darkness)
    if strokes.all() or not strokes.any():
        return 0.0
    return float(darkness[strokes].mean() - darkness[~strokes].mean())


def otsu(values: Ink) -> float:
    """Return the threshold, 0 to 1, with the largest variance between the two sides (N. Otsu, 1979)."""
    counts, edges = np.histogram(values, bins=256, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = sums / below - (sums[-1] - sums) / above
        between = np.nan_to_num(below * above * apart**2, nan=0.0, posinf=0.0)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))  # in an empty gap all thresholds are as good
    return float(edges[int(best.mean()) + 1])


def without_specks(ink: Ink) -> Ink:
    """Return the ink without dust: the largest part, other large ones, small ones near it (a broken 5)."""
    labels, count = parts(ink > 0)
    if count == 0:
        return ink
    areas = np.bincount(labels.ravel(), weights=ink.ravel(), minlength=count + 1)
    areas[0] = 0
    rows, columns = extent(labels == np.argmax(areas))
    reach = NEAR * max(rows.stop - rows.start, columns.stop - columns.start)
    top, bottom = max(0, int(rows.start - reach)), int(rows.stop + reach) + 1
    left, right = max(0, int(columns.start - reach)), int(columns.stop + reach) + 1
    near = np.zeros(count + 1, bool)
    near[np.unique(labels[top:bottom, left:right])] = True
    kept = areas >= areas.max() * np.where(near, SMALLEST_NEAR_PART, SMALLEST_PART)
    kept[0] = False
    return np.where(kept[labels], ink, np.float32(0))


def parts(mask: Mask) -> tuple[NDArray[np.int64], int]:
    """Number the connected parts of ``mask`` (height, width): labels 1 to the count, 0 outside.

    Pixels that touch at a corner belong together. Each pixel takes the largest number around it until nothing
    changes; numbers travel along rows and columns at once, so that takes a few rounds.
    """
    height, width = mask.shape
    labels = np.where(mask, np.arange(1, height * width + 1).reshape(height, width), 0)
    while True:
        before = labels
        padded = np.pad(labels, 1)
        around = [padded[r : r + height, c : c + width] for r in range(3) for c in range(3)]
        labels = np.where(mask, np.maximum.reduce(around), 0)
        labels = _along_rows(_along_rows(labels, mask).T, mask.T).T
        if np.array_equal(labels, before):
            break
    numbers, inverse = np.unique(np.append(labels.ravel(), 0), return_inverse=True)
    return inverse[:-1].reshape(height, width).astype(np.int64), len(numbers) - 1


def extent(mask: Mask) -> tuple[slice, slice]:
    """Return the rows and columns that the True pixels of ``mask`` take; there must be one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _background(values: Ink) -> Ink:
    """Return the paper's brightness without its dark ink: a wide closing, smoothed."""
    height, width = values.shape
    image = Image.fromarray(np.rint(values * 255).astype(np.uint8))
    scale = BACKGROUND_SIDE / max(height, width)
    small = image.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BOX)
    closed = small.filter(ImageFilter.MaxFilter(WIDEST_STROKE)).filter(ImageFilter.MinFilter(WIDEST_STROKE))
    smooth = closed.filter(ImageFilter.GaussianBlur(WIDEST_STROKE / 4))
    return (np.asarray(smooth.resize((width, height), Image.Resampling.BILINEAR)) / 255).astype(np.float32)


def _along_rows(labels: NDArray[np.int64], mask: Mask) -> NDArray[np.int64]:
    """Give each run of a row's pixels in ``mask`` its largest label."""
    starts = mask.copy()
    starts[:, 1:] &= ~mask[:, :-1]
    runs = np.cumsum(starts.ravel()) - 1
    inside = mask.ravel()
    if not inside.any():
        return labels
    largest = np.zeros(runs[-1] + 1, np.int64)
    np.maximum.at(largest, runs[inside], labels.ravel()[inside])
    return np.where(mask, largest[np.maximum(runs, 0)].reshape(mask.shape), 0)
