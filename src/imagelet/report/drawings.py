"""Figures inside a page, with words for what they show: curves, confusion matrix, calibration."""

import base64
import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imagelet import plots
from imagelet.analysis.error_analysis import ErrorAnalysis
from imagelet.html_repr import counted, percent
from imagelet.report.gathering import Figures

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from imagelet.plots import Figure

COLOURS = 64  # of a figure: lines and letters look the same, and it takes a third of the bytes
LARGEST_IMAGE = 96  # pixels a side of an image in a gallery; a larger one is shrunk


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Attributes:
        address: ``data:image/png;base64,…``.
        width, height: on the page, in its pixels.
        alt: what it shows, in words and numbers.
        caption: what stands below.
    """

    address: str
    width: int
    height: int
    alt: str
    caption: str


def draw_figure(
    figure: "Figure", alt: str, caption: str, *, colours: int = COLOURS, scale: float = 1.0
) -> Drawing:
    """Return a figure for the page.

    Args:
        figure: what to show.
        alt: what it shows, in words and numbers.
        caption: what stands below.
        colours: how many it keeps, at most 256.
        scale: its size on the page, where an inch of the figure is ``scale`` inches.
    """
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.png"
        plots.save(figure, path)
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    inches = image.width / figure.dpi
    few = image.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    width = round(96 * scale * inches)  # 96 of a page's pixels are an inch
    return Drawing(_address(few), width, round(width * image.height / image.width), alt, caption)


def image_address(pixels: NDArray[np.uint8]) -> str:
    """Return an image, uint8 (height, width, 1 or 3), as the address of itself; large ones are shrunk."""
    from PIL import Image

    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((LARGEST_IMAGE, LARGEST_IMAGE))
    return _address(image)


def _address(image: "Picture") -> str:
    content = io.BytesIO()
    image.save(content, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def draw_curves(history: Mapping[str, Sequence[float]], best_epoch: int) -> Drawing:
    """Draw loss and accuracy over the epochs."""
    percents = {name: [*map(percent, history.get(name, ()))] for name in ("accuracy", "val_accuracy")}
    losses = {name: [f"{loss:.3f}" for loss in history.get(name, ())] for name in ("loss", "val_loss")}
    alt = (
        f"Loss and accuracy over {counted(len(history['loss']), 'epoch')}. "
        f"Training loss {_course(losses['loss'])}, training accuracy {_course(percents['accuracy'])}."
    )
    caption = "Grey: training images, measured while the weights changed."
    if of_validation := percents["val_accuracy"]:
        alt += (
            f" Validation loss {_course(losses['val_loss'])}, validation accuracy {_course(of_validation)}; "
            f"best in epoch {best_epoch} with {of_validation[best_epoch - 1]}."
        )
        caption += " Blue: validation images, after each epoch; the ring marks the epoch that was kept."
    return draw_figure(plots.curves(history), alt, caption)


def _course(values: Sequence[str]) -> str:
    return f"from {values[0]} to {values[-1]}" if len(values) > 1 else values[0]


def draw_confusion(figures: Figures) -> Drawing:
    """Draw the confusion matrix."""
    names = [known["name"] for known in figures["classes"]]
    alt = f"Confusion matrix: {figures['right']:,} of {figures['images']:,} right"
    if figures["confused"]:
        label, answer, count = figures["confused"][0]
        alt += f"; most often {label} taken for {answer}, {counted(count, 'time')}"
    caption = "Rows are labels, columns answers; a right answer stands on the diagonal."
    return draw_figure(plots.confusion(figures["confusion"], names), f"{alt}.", caption)


def draw_reliability(analysis: ErrorAnalysis) -> Drawing:
    """Draw the calibration diagram."""
    bins, error = analysis.reliability, analysis.calibration_error
    most = max(bins, key=lambda bucket: bucket.images)
    alt = (
        f"Calibration diagram of {counted(len(bins), 'range')} of confidence: probability and share of right "
        f"answers lie {percent(error)} apart. Most answers, {most.images:,}, have a confidence above "
        f"{percent(most.low)}, {percent(most.confidence)} on average; {percent(most.accuracy)} of them are "
        "right."
    )
    caption = (
        "Each point is a range of confidence. On the diagonal, of answers with 70 % seventy in a hundred are "
        "right; lines are 95 % intervals. Below: how many answers have that confidence."
    )
    return draw_figure(plots.reliability(bins, error), alt, caption)


def draw_compared_curves(
    histories: Mapping[str, Mapping[str, Sequence[float]]], best: Mapping[str, int]
) -> Drawing:
    """Draw the validation figures of several runs over the epochs."""
    ends = "; ".join(
        f"{name} ends at {percent(history['val_accuracy'][-1])} after "
        f"{counted(len(history['val_loss']), 'epoch')}"
        for name, history in histories.items()
    )
    alt = f"Validation accuracy and loss of {len(histories)} runs over the epochs: {ends}."
    return draw_figure(plots.compared_curves(histories, best), alt, "Each line is a run’s validation images.")
