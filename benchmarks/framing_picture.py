"""A picture of ``docs/explanation/own-pictures.md``: a made photo of a digit, and what each step leaves."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from imagelet import plots
from imagelet.preprocessing.handwriting import STEPS, Target, trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MNIST = Target(28, 28, 20 / 28)
SIDE = 280  # pixels of a panel


def steps_figure() -> "Figure":
    """Draw a page of a notebook, and what each step leaves of it."""
    photo = notebook_page()
    panels = [photo]
    for _, ink in trace(photo, MNIST):
        shade = Image.fromarray(np.rint(ink * 255).astype(np.uint8))
        scale = SIDE / max(shade.size)
        size = max(1, round(shade.width * scale)), max(1, round(shade.height * scale))
        square = Image.new("L", (SIDE, SIDE))
        square.paste(
            shade.resize(size, Image.Resampling.NEAREST), ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2)
        )
        panels.append(np.repeat(np.asarray(square)[:, :, None], 3, axis=2))
    return plots.grid(np.stack(panels), ["photo", *(step.name for step in STEPS)], columns=6)


def notebook_page() -> NDArray[np.uint8]:
    """Return a made photo, uint8 (SIDE, SIDE, 3): a red 5 on ruled paper in uneven light, with a crumb."""
    side, scale = SIDE, 4
    page = Image.new("RGB", (side * scale, side * scale), (250, 247, 236))
    pen = ImageDraw.Draw(page)
    for line in (0.2, 0.87):
        pen.line([(0, line * side * scale), (side * scale, line * side * scale)], (150, 175, 215), 2 * scale)
    bar = [(0.42, 0.36), (0.66, 0.34)]
    bow = [(0.42, 0.36), (0.40, 0.52), (0.50, 0.48), (0.61, 0.53), (0.64, 0.63), (0.59, 0.74), (0.48, 0.78)]
    for stroke in (bar, [*bow, (0.38, 0.73)]):
        points = [(x * side * scale, y * side * scale) for x, y in stroke]
        pen.line(points, (190, 45, 60), 8 * scale, joint="curve")
    pen.ellipse(
        [0.10 * side * scale, 0.66 * side * scale, 0.118 * side * scale, 0.678 * side * scale], (70, 60, 50)
    )
    small = page.resize((side, side), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.8))
    down, across = np.mgrid[:side, :side] / side
    light = 0.55 + 0.45 * np.exp(-2 * ((across - 0.2) ** 2 + (down - 0.25) ** 2))
    grain = np.random.default_rng(0).normal(0, 2.5, (side, side, 3))
    photo: NDArray[np.uint8] = np.clip(np.asarray(small) * light[:, :, None] + grain, 0, 255).astype(np.uint8)
    return photo
