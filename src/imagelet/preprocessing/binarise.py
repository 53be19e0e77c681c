"""Ink and paper told apart: from a picture's colours to how much ink each pixel holds."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagelet.preprocessing import morphology
from imagelet.preprocessing.picture import border
from imagelet.preprocessing.quantiles import median, quantiles

Ink = NDArray[np.float32]  # (height, width): 0 where there is none, 1 where there is most
Mask = NDArray[np.bool_]

WORKING_SIDE = 320  # pixels; larger pictures are scaled down first: a stroke is still several pixels wide
BETTER = 1.5  # times the contrast of grey that one colour must have to be looked at alone
BACKGROUND_SIDE = 64  # pixels; uneven light is smooth, so it is estimated on a small picture
WIDEST_STROKE = 17  # pixels of BACKGROUND_SIDE, odd
EVEN_SPREAD = 0.04  # of black to white; a drawn picture's border varies less, a photo's more
LEAST_CONTRAST = 0.08  # of black to white, between paper and ink; less is noise
SOFT_EDGE = 2  # pixels around a stroke that may be greyer than Otsu's threshold; further off it is paper
DEEPEST_FRAME = 0.15  # of the shorter side
FRAME_CONTRAST = 0.25  # of black to white, between a frame and the paper inside
ALL_ALONG = 0.85  # of the pixels inside of a frame that are paper; a tight digit leaves more ink there
EXTREMES = 0.002  # share of the pixels at either end of brightness that are left out of account


def shrunk(picture: NDArray[np.uint8], longest: int = WORKING_SIDE) -> NDArray[np.uint8]:
    """Return a picture (height, width, 1 or 3) whose longer side has so many pixels at most."""
    height, width, channels = picture.shape
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    planes = (
        np.ascontiguousarray(picture[:, :, channel]) for channel in range(channels)
    )  # one copy at a time
    small = [Image.fromarray(plane).resize(size, Image.Resampling.BOX, reducing_gap=2.0) for plane in planes]
    return np.stack([np.asarray(plane) for plane in small], axis=2)


def grey_of(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return uint8 (height, width, 1): grey, or that one of three colours in which the ink stands out more.

    Yellow or light red ink is nearly as bright as paper; in blue or green it is dark.
    """
    if picture.shape[2] == 1:
        return picture
    image = Image.fromarray(picture)
    grey, colours = image.convert("L"), image.split()
    reaches = [_reach(colour) for colour in colours]
    best = int(np.argmax(reaches))
    clearest = colours[best] if reaches[best] > BETTER * _reach(grey) else grey
    return np.asarray(clearest)[:, :, np.newaxis]


def upright(darkness: Ink) -> Ink:
    """Return the darkness with dark ink on light paper, whichever way it was.

    Ink is on the side of the paper's brightness on which the picture reaches further.
    """
    paper = median(_edge_of_paper(darkness))
    lowest, highest = quantiles(darkness, (EXTREMES, 1 - EXTREMES))
    return darkness if highest - paper >= paper - lowest else np.float32(1) - darkness


def evened(darkness: Ink) -> Ink:
    """Return how far each pixel is from the paper around it towards the ink, 0 to 1.

    Light falls on paper and ink alike, so brightness is compared as a ratio to the paper's.
    """
    edge = _edge_of_paper(darkness)
    brightness = np.float32(1) - darkness
    low, high = quantiles(edge, (0.1, 0.9))
    paper = np.float32(1 - median(edge)) if high - low < EVEN_SPREAD else _background(brightness)
    return np.clip(1 - brightness / np.maximum(paper, 1 / 255), 0, 1).astype(np.float32)


def thresholded(darkness: Ink) -> Ink:
    """Return how much ink each pixel holds, 0 to 1, with soft edges and exactly 0 on the paper.

    The threshold is Otsu's: it parts paper from ink without knowing how dark either is. Half of it is where
    the soft edge begins, so that a stroke keeps its width and its antialiasing.
    """
    threshold = otsu(darkness)
    strokes = darkness > threshold
    if _apart(darkness, strokes) < LEAST_CONTRAST:
        return np.zeros_like(darkness)
    low, high = threshold / 2, median(darkness[strokes])
    ink = np.clip((darkness - low) / max(high - low, 1e-6), 0, 1)
    near = morphology.largest_around(strokes, 2 * SOFT_EDGE + 1)
    return np.where(near, ink, 0).astype(np.float32)


def contrast_of(darkness: Ink) -> float:
    """Return how far ink and paper are apart, 0 to 1: the means on both sides of Otsu's threshold."""
    return _apart(darkness, darkness > otsu(darkness))


def otsu(values: Ink) -> float:
    """Return the threshold, 0 to 1, with the largest variance between the two sides (N. Otsu, 1979)."""
    counts = np.array(Image.fromarray(np.minimum(values * 256, 255).astype(np.uint8)).histogram())
    middles = (np.arange(256) + 0.5) / 256
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = sums / below - (sums[-1] - sums) / above
        between = np.nan_to_num(below * above * apart**2, nan=0.0, posinf=0.0)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))  # in an empty gap all thresholds are as good
    return (int(best.mean()) + 1) / 256


def at_full_strength(ink: Ink) -> Ink:
    """Return ink whose strokes have the full strength: beside a dark table they were taken for faint ones."""
    full: Ink = np.minimum(ink / np.float32(median(ink[ink > ink.max() / 2])), np.float32(1))
    return full


def resized(ink: Ink, scale: float) -> Ink:
    """Return the ink ``scale`` times as large; every pixel counts when it shrinks, so thin strokes stay."""
    height, width = (max(1, round(length * scale)) for length in ink.shape)
    method = Image.Resampling.BOX if height < ink.shape[0] else Image.Resampling.BICUBIC
    return np.clip(np.asarray(Image.fromarray(ink).resize((width, height), method), np.float32), 0, 1)


def _apart(darkness: Ink, strokes: Mask) -> float:
    """Return how much darker strokes are than paper, in the mean; 0 where there is only one of them."""
    number = int(np.count_nonzero(strokes))
    if number in (0, strokes.size):
        return 0.0
    return float(darkness[strokes].mean() - darkness[~strokes].mean())


def _reach(image: Image.Image) -> float:
    """Return how far an image of one channel goes from its border's brightness, 0 to 255."""
    cumulative = np.cumsum(image.histogram()) / (image.height * image.width)
    ends = np.searchsorted(cumulative, (EXTREMES, 1 - EXTREMES))
    return float(np.abs(ends - median(border(np.asarray(image)))).max())


def _edge_of_paper(darkness: Ink) -> Ink:
    """Return the darkness (pixels,) along the paper's edge: the picture's own, or that inside of a frame.

    A frame, such as a form's or a table around the sheet, is all along the edge, and so is the paper inside,
    which is most of the picture and has ink on it.
    """
    edge = border(darkness)
    outside, most = median(edge), median(darkness)
    if abs(most - outside) <= FRAME_CONTRAST:
        return edge
    for depth in range(1, int(DEEPEST_FRAME * min(darkness.shape)) + 1):
        sheet = darkness[depth:-depth, depth:-depth]
        inside = border(sheet)
        if np.mean(np.abs(inside - outside) > FRAME_CONTRAST) >= ALL_ALONG:
            lowest, highest = quantiles(sheet, (EXTREMES, 1 - EXTREMES))
            reach = max(highest - median(inside), median(inside) - lowest)
            return inside if reach > FRAME_CONTRAST else edge
    return edge


def _background(brightness: Ink) -> Ink:
    """Return the paper's brightness without its dark ink: a wide closing, smoothed."""
    height, width = brightness.shape
    scale = BACKGROUND_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(brightness).resize(size, Image.Resampling.BOX))
    smooth = morphology.smoothed(morphology.closed(small, WIDEST_STROKE), WIDEST_STROKE / 4)
    return np.asarray(Image.fromarray(smooth).resize((width, height), Image.Resampling.BILINEAR))
