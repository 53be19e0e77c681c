"""What `imagelet tune` finds in ten minutes, on 5,000 images of CIFAR-10 and on a folder of made pictures."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.measuring import Benchmark, Measured, seconds_of
from benchmarks.processes import imagelet
from imagelet.data.datasets import place_of

MINUTES = 10
LIMIT = 5000
SHAPES, PICTURES, SIDE = ("disc", "ring", "square", "frame", "cross", "bar"), 150, 32  # pictures a class
KEPT = ("verdict", "difference", "interval", "images", "epochs", "own_epochs", "importance")


def tune() -> Iterator[Measured]:
    """The winner of ten minutes against the start, on images set aside: CIFAR-10, and made pictures."""
    measured: Measured = {"minutes": _minutes()}
    with tempfile.TemporaryDirectory(prefix="imagelet-tune-") as folder:
        place = Path(folder)
        draw_folder(place / "shapes")
        measured["made"] = _tuned(place, str(place / "shapes"))
        yield measured
        if place_of("cifar-10") is not None:
            measured["cifar-10"] = _tuned(place, "cifar-10", "--limit", str(LIMIT))
            yield measured


def benchmarks() -> dict[str, Benchmark]:
    """Return the benchmark by its name."""
    return {"tune": tune}


def _minutes() -> float:
    return float(os.environ.get("IMAGELET_BENCHMARK_MINUTES", MINUTES))


def _tuned(place: Path, *words: str) -> dict[str, Any]:
    """Run the search, and return what it says, with how long it took."""
    printed: list[str] = []

    def search() -> None:
        options = ("--minutes", str(_minutes()), "--runs", str(place / "runs"), "--json")
        printed.append(imagelet(["tune", *words, *options]).output)

    seconds = seconds_of(search)
    result = json.loads(printed[0])
    best = {"settings": result["finalists"][0]["settings"]} if result["finalists"] else {}
    kept = {name: result[name] for name in KEPT}
    return {"seconds": seconds, "trials": len(result["trials"]), **kept, **best}


def draw_folder(folder: Path) -> None:
    """Write a folder of made pictures, one subfolder a shape: noise, any place, size and colours."""
    random = np.random.default_rng(0)
    for shape in SHAPES:
        (folder / shape).mkdir(parents=True)
        for number in range(PICTURES):
            _draw(shape, random).save(folder / shape / f"{number:03}.png")


def _draw(shape: str, random: np.random.Generator) -> Image.Image:
    ground, ink = (tuple(int(value) for value in random.integers(0, 256, 3)) for _ in range(2))
    picture = Image.new("RGB", (SIDE, SIDE), ground)
    drawing = ImageDraw.Draw(picture)
    size = int(random.integers(8, 20))
    left, top = (int(value) for value in random.integers(0, SIDE - size, 2))
    box, third = (left, top, left + size, top + size), size // 3
    match shape:
        case "disc":
            drawing.ellipse(box, fill=ink)
        case "ring":
            drawing.ellipse(box, outline=ink, width=3)
        case "square":
            drawing.rectangle(box, fill=ink)
        case "frame":
            drawing.rectangle(box, outline=ink, width=3)
        case "cross":
            drawing.rectangle((left, top + third, left + size, top + 2 * third), fill=ink)
            drawing.rectangle((left + third, top, left + 2 * third, top + size), fill=ink)
        case _:
            drawing.rectangle((left, top + third, left + size, top + 2 * third), fill=ink)
    noisy = np.asarray(picture, np.int16) + random.normal(0, 40, (SIDE, SIDE, 3)).astype(np.int16)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
