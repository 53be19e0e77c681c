"""Framing in the page: the images and warnings of imagelet's own framing, to the last bit or nearly."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import imagelet
from imagelet.preprocessing.framing import Framing, apply_framing
from tests.interop import javascript

pytestmark = javascript.needs_node

ENGLISH = Path(imagelet.__file__).parent / "interop" / "page_static" / "texts" / "en.json"
PAPER, INK = (251, 250, 246), (35, 38, 44)
STROKES = {
    "2": [(0.3, 0.35), (0.4, 0.24), (0.56, 0.24), (0.64, 0.36), (0.52, 0.54), (0.32, 0.76), (0.68, 0.76)],
    "1": [(0.5, 0.2), (0.5, 0.8)],
    "5": [(0.36, 0.3), (0.34, 0.5), (0.55, 0.48), (0.64, 0.6), (0.56, 0.76), (0.34, 0.76)],
    "7": [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)],
}


def drawing(
    digit: str = "2",
    side: int = 160,
    width: float = 0.07,
    paper: object = PAPER,
    ink: object = INK,
    mode: str = "RGB",
) -> np.ndarray:
    """Return a digit on paper, uint8 (side, side, channels)."""
    image = Image.new(mode, (side, side), paper)  # type: ignore[arg-type]
    places = [(x * side, y * side) for x, y in STROKES[digit]]
    ImageDraw.Draw(image).line(places, fill=ink, width=max(1, round(width * side)), joint="curve")  # type: ignore[arg-type]
    return np.asarray(image).reshape(side, side, -1)


def pictures() -> Iterator[tuple[str, np.ndarray]]:
    """Yield pictures of digits, each in need of a step of the framing."""
    generator = np.random.default_rng(3)
    yield "drawn", drawing()
    yield "thin", drawing("7", width=0.006)
    yield "thick", drawing("1", width=0.3)
    yield "hairline", drawing("2", side=600, width=0.002)
    yield "light on black", drawing(paper=(0, 0, 0), ink=(255, 255, 255))
    yield "yellow", drawing(paper=(255, 255, 255), ink=(250, 240, 60))
    yield "grey", drawing("7", mode="L", paper=230, ink=40)
    yield "blank", np.full((90, 120, 3), 240, np.uint8)
    yield "off centre", np.pad(drawing("7", side=80), ((0, 200), (90, 0), (0, 0)), constant_values=250)
    yield "wide", np.pad(drawing(side=300), ((0, 0), (0, 1200), (0, 0)), constant_values=250)
    yield "touching", drawing(side=160)[30:, :120]
    noisy = drawing("2", side=500).astype(float) * np.linspace(0.45, 1, 500)[
        :, None, None
    ] + generator.normal(0, 6, (500, 500, 3))
    yield "shadow and grain", noisy.clip(0, 255).astype(np.uint8)
    ruled = drawing("7", side=200).copy()
    ruled[150:153] = 90
    yield "ruled", ruled
    banded = drawing("2", side=200).copy()
    banded[:, :14] = 30
    yield "band", banded
    faint = drawing("2", side=200).copy()
    faint[:14] = 150
    yield "faint band", faint
    several = np.concatenate([drawing("2"), drawing("7", width=0.1)], axis=1)
    yield "several", several
    down, across = np.mgrid[:160, :160]
    yield "dot", np.where(np.hypot(down - 40, across - 110) < 25, 20, 250).astype(np.uint8)[:, :, None]
    table = np.pad(drawing("1", side=220), ((18, 18), (18, 18), (0, 0)), constant_values=60)
    yield "on a table", table
    specked = drawing("7", side=240).copy()
    specked[20:24, 20:24] = 20
    yield "speck", specked
    broken = drawing("5", side=200).copy()
    broken[34:44, 84:130] = INK  # its bar, apart from it
    broken[20:26, 170:190] = INK  # and a mark that is further away
    yield "broken", broken
    form = drawing("2", side=260).copy()
    form[:6], form[-6:], form[:, :6], form[:, -6:] = INK, INK, INK, INK
    yield "in a frame", form
    crossed = drawing("7", side=240).copy()
    crossed[120:123] = 60
    crossed[:, 60:63] = 60
    yield "crossed by lines", crossed
    yield "a photo's noise", generator.integers(0, 256, (120, 90, 3), dtype=np.uint8)
    yield "28 already", (255 - drawing(mode="L", paper=255, ink=0, side=28)).astype(np.uint8)


PICTURES = dict(pictures())
HANDWRITING = Framing("handwriting", 28, 28, 1, box=20 / 28)
FRAMINGS = {
    "fit": Framing("fit", 20, 32, 3),
    "crop": Framing("crop", 24, 16, 1),
    "half-crop": Framing("half-crop", 24, 32, 3),
    "stretch": Framing("stretch", 32, 32, 3),
    "object": Framing("object", 28, 28, 1),
}


def check(framing: Framing, pictures: dict[str, np.ndarray], most: int = 0) -> None:
    """Compare what the page makes of pictures with what Python does; say which differ by more grey levels."""
    sentences = json.loads(ENGLISH.read_text("utf-8"))
    asked = {
        "facts": {"framing": framing.to_json()},
        "pictures": [javascript.as_json(picture) for picture in pictures.values()],
    }
    (answers,) = javascript.run([asked])
    differing = {}
    for (name, picture), answer in zip(pictures.items(), answers, strict=True):
        expected = apply_framing(picture, framing)
        made = javascript.image_of(answer, framing.shape)
        warnings = [sentences[f"warning_{key}"] for key in answer["warnings"] if key != "one_colour"]
        difference = int(np.abs(made.astype(int) - expected.image).max())
        if difference > most or warnings != [*expected.warnings]:
            differing[name] = difference, warnings, expected.warnings
    assert differing == {}


def test_handwriting_is_framed_alike() -> None:
    check(HANDWRITING, PICTURES)


def test_large_handwriting_is_framed_alike() -> None:
    some = {name: PICTURES[name] for name in ("drawn", "thin", "thick", "several")}
    check(Framing("handwriting", 40, 32, 1, box=0.9), some)


@pytest.mark.parametrize("kind", FRAMINGS)
def test_pictures_are_framed_alike(kind: str) -> None:
    check(FRAMINGS[kind], PICTURES, most=1)  # sines end in other digits elsewhere


def test_a_framed_digit_stays_as_it_is() -> None:
    digit = apply_framing(PICTURES["drawn"], HANDWRITING).image
    asked = {"facts": {"framing": HANDWRITING.to_json()}, "pictures": [javascript.as_json(digit)]}
    ((answer,),) = javascript.run([asked])
    assert np.array_equal(javascript.image_of(answer, HANDWRITING.shape), digit)


def test_what_is_unclear_is_so_in_both() -> None:
    asked = {
        "facts": {"framing": HANDWRITING.to_json()},
        "pictures": [javascript.as_json(picture) for picture in PICTURES.values()],
    }
    (answers,) = javascript.run([asked])
    unclear = {name for name, answer in zip(PICTURES, answers, strict=True) if answer["unclear"]}
    expected = {name for name, picture in PICTURES.items() if apply_framing(picture, HANDWRITING).unclear}
    assert unclear == expected
    assert "blank" in unclear
    assert "drawn" not in unclear
