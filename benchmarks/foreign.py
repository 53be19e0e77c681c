"""Pictures that are no digit: clothes, photos, noise, textures, and what is drawn. All are made or public."""

import string
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks import drawn
from benchmarks.drawn import LIKE_DIGITS, Pictures
from imagelet.data.datasets import load_dataset
from imagelet.preprocessing.picture import with_channels

EACH = 1000  # of a dataset
MADE = 300  # of noise, and of textures
SIDES = (28, 64, 100, 200)  # pixels
FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSansMono",
    "DejaVuSerif",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
    "cmmi10",
    "cmr10",
    "cmss10",
    "cmtt10",
)


def foreign_pictures() -> dict[str, Pictures]:
    """Return pictures by their kind, each uint8 (height, width, 1), always the same ones.

    Raises:
        DataError: Fashion-MNIST or CIFAR-10 is not on this computer.
    """
    clothes = load_dataset("fashion-mnist").test.images
    photos = load_dataset("cifar-10").test.images
    return {
        "Fashion-MNIST": [np.asarray(image) for image in clothes[:: len(clothes) // EACH]],
        "CIFAR-10 in grey": [with_channels(np.asarray(image), 1) for image in photos[:EACH]],
        "noise": noise(),
        "textures": textures(),
        "letters in twelve fonts": letters(),
        "letters by pen": drawn.stroke_letters(),
        "shapes by pen": drawn.shapes(),
        "scribbles": drawn.scribbles(),
        "dots": drawn.blobs(),
        "two digits": drawn.two_digits(load_dataset("mnist").test.images),
        "one colour": [np.full((100, 100, 1), level, np.uint8) for level in range(0, 256, 15)],
    }


def noise() -> Pictures:
    """Return uniform, Gaussian and Poisson noise, salt and pepper, and clouds, of several sizes."""
    rng = np.random.default_rng(0)
    made = []
    for place in range(MADE):
        side = int(rng.choice(SIDES))
        square = (side, side)
        match place % 5:
            case 0:
                values: NDArray[np.floating] = rng.uniform(0, 255, square)
            case 1:
                values = rng.normal(128, rng.uniform(5, 60), square)
            case 2:
                values = (rng.random(square) < rng.uniform(0.02, 0.5)) * 255.0
            case 3:
                few = Image.fromarray(rng.uniform(0, 255, (max(4, side // 8),) * 2).astype(np.uint8))
                values = np.asarray(few.resize(square, Image.Resampling.BICUBIC), np.float64)
            case _:
                values = rng.poisson(rng.uniform(1, 30), square) * rng.uniform(1, 8)
        made.append(np.clip(values, 0, 255).astype(np.uint8)[:, :, None])
    return made


def textures() -> Pictures:
    """Return waves, stripes, chequers, rings, weaves and noisy ramps, of any contrast and direction."""
    rng = np.random.default_rng(0)
    made = []
    for place in range(MADE):
        side = int(rng.choice(SIDES))
        down, across = np.mgrid[:side, :side]
        period, turn = rng.uniform(side / 14, side / 3), rng.uniform(0, np.pi)
        along = across * np.cos(turn) + down * np.sin(turn)
        beside = down * np.cos(turn) - across * np.sin(turn)
        wave, other = 2 * np.pi * along / period, 2 * np.pi * beside / period
        match place % 6:
            case 0:
                values: NDArray[np.floating] = np.sin(wave)
            case 1:
                values = np.sign(np.sin(wave))
            case 2:
                values = np.sign(np.sin(wave) * np.sin(other))
            case 3:
                middle = rng.uniform(0, side, 2)
                values = np.sin(2 * np.pi * np.hypot(across - middle[0], down - middle[1]) / period)
            case 4:
                values = np.maximum(np.cos(wave), np.cos(other))
            case _:
                values = along / side + rng.normal(0, 0.05, along.shape)
        low, high = sorted(rng.uniform(0, 255, 2))
        shares = (values - values.min()) / np.ptp(values)
        made.append((low + shares * (high - low)).astype(np.uint8)[:, :, None])
    return made


def letters() -> Pictures:
    """Return the letters that do not look like a digit, in the fonts that matplotlib brings along."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    made = []
    for name in FONTS:
        font = ImageFont.truetype(folder / f"{name}.ttf", 140)
        for letter in string.ascii_letters:
            if letter not in LIKE_DIGITS:
                page = Image.new("L", (200, 200), 255)
                ImageDraw.Draw(page).text((100, 100), letter, font=font, fill=0, anchor="mm")
                made.append(np.asarray(page)[:, :, None])
    return made
