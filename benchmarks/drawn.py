"""Pictures that are drawn with a pen and are no digit: letters, shapes, scribbles, two digits side by side.

Each is a few strokes on a sheet as the lab has it, drawn with a wobble, a slant and a pen of its own. What
looks like a digit is left out: ``LIKE_DIGITS`` and, of shapes, circles and single lines.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Pictures = list[NDArray[np.uint8]]
Points = NDArray[np.float64]  # (n, 2), across and down

SIDE = 160  # pixels of the sheet
FINE = 4  # the sheet is drawn so much larger, for smooth edges
PENS = (0.04, 0.07, 0.1)  # of the side
LIKE_DIGITS = "OoDQIijlSsZzBbgq"  # letters that, at any size, are a digit's shape to many people
EACH = 6  # drawings of a letter or a shape
SCRIBBLES, PAIRS, BLOBS = 100, 200, 50


def stroke_letters() -> Pictures:
    """Return the letters that do not look like a digit, in single strokes, ``EACH`` times."""
    rng = np.random.default_rng(1)
    letters = [strokes for letter, strokes in LETTERS.items() if letter not in LIKE_DIGITS]
    return [drawn_by_pen(strokes, rng, aspect=1.4) for strokes in letters for _ in range(EACH)]


def shapes() -> Pictures:
    """Return triangles, squares, stars, hearts, crosses, arrows, faces, houses and more, ``EACH`` times."""
    rng = np.random.default_rng(2)
    return [drawn_by_pen(strokes, rng) for strokes in SHAPES.values() for _ in range(EACH)]


def scribbles() -> Pictures:
    """Return scribbles: a pen that wanders about the sheet."""
    rng = np.random.default_rng(3)
    made = []
    for _ in range(SCRIBBLES):
        turns = np.cumsum(rng.normal(0, 0.5, 120)) + rng.uniform(0, 2 * np.pi)
        speeds = rng.uniform(0.5, 1.5, 120)[:, None]
        walk = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1) * speeds, axis=0)
        made.append(drawn_by_pen([(walk - walk.min(axis=0)) / np.ptp(walk, axis=0).max()], rng))
    return made


def blobs() -> Pictures:
    """Return filled dots and ovals anywhere on the sheet, also in its corners."""
    rng = np.random.default_rng(4)
    made = []
    for place in range(BLOBS):
        page = Image.new("L", (SIDE, SIDE), 255)
        radius = rng.uniform(0.02, 0.2, 2) * SIDE
        middle = rng.uniform(0, SIDE, 2) if place % 2 else np.round(rng.random(2)) * SIDE
        ImageDraw.Draw(page).ellipse([*(middle - radius), *(middle + radius)], fill=0)
        made.append(np.asarray(page)[:, :, None])
    return [picture for picture in made if (picture < 255).any()]


def two_digits(images: NDArray[np.uint8]) -> Pictures:
    """Return pairs of digits side by side on a sheet.

    Args:
        images: uint8 (n, height, width, 1), light on black.
    """
    rng = np.random.default_rng(5)
    made = []
    for _ in range(PAIRS):
        left, right = images[rng.integers(len(images), size=2)]
        gap = int(rng.integers(-8, 6))
        page = np.zeros((60, 80), np.int64)
        for image, start in ((left, 40 - 28 - gap // 2), (right, 40 + (gap + 1) // 2)):
            page[16:44, start : start + 28] += image[:, :, 0]
        made.append((255 - np.minimum(page, 255)).astype(np.uint8)[:, :, None])
    return made


def drawn_by_pen(
    strokes: Sequence[Points], rng: np.random.Generator, aspect: float = 1.0
) -> NDArray[np.uint8]:
    """Return strokes in a unit square, drawn as by hand, black on white: uint8 (SIDE, SIDE, 1)."""
    height = rng.uniform(0.4, 0.75)
    slant, turn = rng.normal(0, 0.12), rng.normal(0, 0.08)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = 0.5 + rng.uniform(-0.08, 0.08, 2)
    pen = float(rng.choice(PENS)) * SIDE * FINE
    page = Image.new("L", (SIDE * FINE, SIDE * FINE), 255)
    draw = ImageDraw.Draw(page)
    for stroke in strokes:
        points = (densely(stroke) - 0.5) * [height / aspect, height]
        points[:, 0] -= slant * points[:, 1]
        points = points @ rotation + middle + wobble(len(points), rng)
        scaled = points * SIDE * FINE
        draw.line([tuple(point) for point in scaled.tolist()], fill=0, width=round(pen))
        for across, down in scaled.tolist():
            radius = pen / 2
            draw.ellipse([across - radius, down - radius, across + radius, down + radius], fill=0)
    return np.asarray(page.resize((SIDE, SIDE), Image.Resampling.LANCZOS))[:, :, None]


def densely(stroke: Points, steps: int = 8) -> Points:
    """Return a line through the same points with more of them."""
    places = np.arange(len(stroke))
    between = np.linspace(0, len(stroke) - 1, steps * len(stroke))
    return np.stack([np.interp(between, places, stroke[:, axis]) for axis in (0, 1)], axis=1)


def wobble(points: int, rng: np.random.Generator) -> Points:
    """Return a smooth way off the line for each point."""
    knots = rng.normal(0, 0.012, (5, 2))
    places = np.linspace(0, 4, points)
    return np.stack([np.interp(places, np.arange(5), knots[:, axis]) for axis in (0, 1)], axis=1)


def line(*points: tuple[float, float]) -> Points:
    """Return a stroke of points, each (across, down) in 0 to 1."""
    return np.array(points, np.float64)


def arc(across: float, down: float, wide: float, high: float, start: float, end: float) -> Points:
    """Return a part of an oval around (across, down); angles in degrees, 0 to the right, 90 below."""
    angles = np.radians(np.linspace(start, end, 24))
    return np.stack([across + wide * np.cos(angles), down + high * np.sin(angles)], axis=1)


def joined(*parts: Points) -> Points:
    """Return one stroke of several parts."""
    return np.concatenate(parts)


def star(points: int) -> Points:
    """Return the outline of a star."""
    angles = np.pi * np.arange(2 * points + 1) / points - np.pi / 2
    radius = np.where(np.arange(2 * points + 1) % 2, 0.22, 0.5)
    return 0.5 + np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def spiral() -> Points:
    """Return a spiral of three turns."""
    angles = np.linspace(0, 6 * np.pi, 90)
    round_about: Points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    turned: Points = 0.5 + round_about * (0.5 * angles / angles[-1])[:, None]
    return turned


def polygon(corners: int, start: float = -90) -> Points:
    """Return the outline of a regular polygon; ``start``: of its first corner, in degrees."""
    angles = np.radians(start + 360 * np.arange(corners + 1) / corners)
    return 0.5 + 0.5 * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def wave() -> Points:
    """Return three waves."""
    across = np.linspace(0, 1, 60)
    return np.stack([across, 0.5 + 0.2 * np.sin(3 * 2 * np.pi * across)], axis=1)


BOWL = arc(0.4, 0.27, 0.5, 0.27, -90, 90)
LETTERS: dict[str, list[Points]] = {
    "A": [line((0, 1), (0.5, 0), (1, 1)), line((0.2, 0.65), (0.8, 0.65))],
    "C": [arc(0.55, 0.5, 0.55, 0.5, -50, -310)],
    "E": [line((1, 0), (0, 0), (0, 1), (1, 1)), line((0, 0.5), (0.8, 0.5))],
    "F": [line((1, 0), (0, 0), (0, 1)), line((0, 0.5), (0.8, 0.5))],
    "G": [joined(arc(0.55, 0.5, 0.5, 0.5, -50, -350), line((1.05, 0.55), (0.6, 0.55)))],
    "H": [line((0, 0), (0, 1)), line((1, 0), (1, 1)), line((0, 0.5), (1, 0.5))],
    "J": [joined(line((0.8, 0), (0.8, 0.7)), arc(0.4, 0.7, 0.4, 0.3, 0, 180))],
    "K": [line((0, 0), (0, 1)), line((0.9, 0), (0, 0.55)), line((0.3, 0.4), (1, 1))],
    "L": [line((0, 0), (0, 1), (0.9, 1))],
    "M": [line((0, 1), (0, 0), (0.5, 0.6), (1, 0), (1, 1))],
    "N": [line((0, 1), (0, 0), (1, 1), (1, 0))],
    "P": [line((0, 1), (0, 0)), joined(line((0, 0)), BOWL, line((0, 0.54)))],
    "Q": [arc(0.5, 0.5, 0.5, 0.5, 0, 360), line((0.6, 0.65), (1, 1.05))],
    "R": [line((0, 1), (0, 0)), joined(line((0, 0)), BOWL, line((0, 0.54))), line((0.4, 0.54), (0.95, 1))],
    "T": [line((0, 0), (1, 0)), line((0.5, 0), (0.5, 1))],
    "U": [joined(line((0, 0), (0, 0.6)), arc(0.5, 0.6, 0.5, 0.4, 180, 0), line((1, 0)))],
    "V": [line((0, 0), (0.5, 1), (1, 0))],
    "W": [line((0, 0), (0.25, 1), (0.5, 0.3), (0.75, 1), (1, 0))],
    "X": [line((0, 0), (1, 1)), line((1, 0), (0, 1))],
    "Y": [line((0, 0), (0.5, 0.5), (1, 0)), line((0.5, 0.5), (0.5, 1))],
    "a": [arc(0.45, 0.65, 0.4, 0.35, 0, -360), line((0.88, 0.3), (0.88, 1))],
    "d": [arc(0.45, 0.7, 0.4, 0.3, 0, -360), line((0.87, 0), (0.87, 1))],
    "e": [joined(line((0.05, 0.5), (0.95, 0.5)), arc(0.5, 0.5, 0.45, 0.5, 0, -310))],
    "f": [joined(arc(0.7, 0.25, 0.3, 0.25, -30, -180), line((0.4, 1))), line((0.1, 0.45), (0.8, 0.45))],
    "h": [line((0, 0), (0, 1)), joined(arc(0.4, 0.7, 0.4, 0.3, -180, 0), line((0.8, 1)))],
    "k": [line((0, 0), (0, 1)), line((0.7, 0.35), (0, 0.7)), line((0.25, 0.6), (0.8, 1))],
    "m": [
        line((0, 0.2), (0, 1)),
        joined(arc(0.25, 0.45, 0.25, 0.25, -180, 0), line((0.5, 1))),
        joined(arc(0.75, 0.45, 0.25, 0.25, -180, 0), line((1, 1))),
    ],
    "n": [line((0, 0.2), (0, 1)), joined(arc(0.4, 0.5, 0.4, 0.3, -180, 0), line((0.8, 1)))],
    "p": [line((0.1, 0), (0.1, 1)), arc(0.5, 0.3, 0.4, 0.3, -180, 180)],
    "r": [line((0.1, 0.1), (0.1, 1)), arc(0.6, 0.5, 0.5, 0.35, -170, -40)],
    "t": [
        joined(line((0.45, 0), (0.45, 0.8)), arc(0.65, 0.8, 0.2, 0.2, 180, 30)),
        line((0.1, 0.3), (0.85, 0.3)),
    ],
    "u": [joined(line((0, 0.2), (0, 0.7)), arc(0.4, 0.7, 0.4, 0.3, 180, 0)), line((0.8, 0.2), (0.8, 1))],
    "w": [line((0, 0.2), (0.25, 1), (0.5, 0.4), (0.75, 1), (1, 0.2))],
    "x": [line((0.05, 0.1), (0.9, 0.9)), line((0.9, 0.1), (0.05, 0.9))],
    "y": [line((0.1, 0), (0.5, 0.55)), line((0.9, 0), (0.25, 1))],
}
FACE = [arc(0.5, 0.5, 0.5, 0.5, 0, 360), line((0.33, 0.35), (0.34, 0.36)), line((0.67, 0.35), (0.68, 0.36))]
HEART = joined(
    arc(0.25, 0.28, 0.25, 0.25, 150, 360), arc(0.75, 0.28, 0.25, 0.25, 180, 390), line((0.5, 1), (0.03, 0.4))
)
SHAPES: dict[str, list[Points]] = {
    "triangle": [polygon(3)],
    "square": [polygon(4, -45)],
    "diamond": [polygon(4)],
    "pentagon": [polygon(5)],
    "hexagon": [polygon(6)],
    "star": [star(5)],
    "plus": [line((0.5, 0), (0.5, 1)), line((0, 0.5), (1, 0.5))],
    "cross": [line((0, 0), (1, 1)), line((1, 0), (0, 1))],
    "asterisk": [
        line((0.5, 0), (0.5, 1)),
        line((0.07, 0.25), (0.93, 0.75)),
        line((0.93, 0.25), (0.07, 0.75)),
    ],
    "arrow": [line((0, 0.5), (1, 0.5)), line((0.65, 0.2), (1, 0.5), (0.65, 0.8))],
    "arrow up": [line((0.5, 1), (0.5, 0)), line((0.2, 0.35), (0.5, 0), (0.8, 0.35))],
    "heart": [HEART],
    "smiling face": [*FACE, arc(0.5, 0.55, 0.28, 0.22, 20, 160)],
    "sad face": [*FACE, arc(0.5, 0.85, 0.28, 0.22, 200, 340)],
    "house": [line((0, 1), (0, 0.4), (0.5, 0), (1, 0.4), (1, 1), (0, 1))],
    "spiral": [spiral()],
    "wave": [wave()],
    "zigzag": [line((0, 0.7), (0.2, 0.3), (0.4, 0.7), (0.6, 0.3), (0.8, 0.7), (1, 0.3))],
    "equals": [line((0, 0.3), (1, 0.3)), line((0, 0.7), (1, 0.7))],
    "hash": [
        *(line((0.3, 0), (0.3, 1)), line((0.7, 0), (0.7, 1))),
        *(line((0, 0.3), (1, 0.3)), line((0, 0.7), (1, 0.7))),
    ],
    "hourglass": [line((0, 0), (1, 0), (0, 1), (1, 1), (0, 0))],
    "tree": [line((0.5, 1), (0.5, 0.7)), line((0.5, 0), (0, 0.7), (1, 0.7), (0.5, 0))],
    "person": [
        arc(0.5, 0.15, 0.15, 0.15, 0, 360),
        *(
            line((0.5, 0.3), (0.5, 0.65)),
            line((0.2, 0.4), (0.8, 0.4)),
            line((0.25, 1), (0.5, 0.65), (0.75, 1)),
        ),
    ],
    "tick": [line((0, 0.6), (0.35, 1), (1, 0))],
    "cup": [line((0, 0), (0.15, 1), (0.75, 1), (0.9, 0), (0, 0))],
    "moon": [joined(arc(0.5, 0.5, 0.5, 0.5, -60, -300), arc(0.75, 0.5, 0.4, 0.42, 120, 240))],
    "circle with a dot": [arc(0.5, 0.5, 0.5, 0.5, 0, 360), line((0.49, 0.5), (0.51, 0.5))],
    "crossed circle": [arc(0.5, 0.5, 0.5, 0.5, 0, 360), line((0, 0.5), (1, 0.5)), line((0.5, 0), (0.5, 1))],
}
