"""Make the pictures of ``docs/how-to/inside.md``: what the commands on it draw, in fewer colours.

python -m benchmarks.inside_page

The digit is drawn here; nobody wrote it. MNIST's own images are on none of the pictures.
"""

import dataclasses
import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.processes import imagelet
from imagelet import atomic_files, plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "inside.md"
PICTURES = PAGE.parents[1] / "images"
PHOTO = PICTURES / "inside-photo.png"
CLASSIFIER = "mnist"
LABEL, OTHER = "4", "9"
COLOURS, ROUNDS = 256, 3  # of a picture; in which they are brought nearer to its own
SIDE, SCALE = 240, 4  # pixels of the photo, and how many times as large it is drawn
PAPER, PEN, THICKNESS = (247, 244, 236), (35, 60, 130), 8  # colours; pixels of the photo
STROKES = (
    ((0.43, 0.24), (0.39, 0.40), (0.36, 0.53), (0.50, 0.55), (0.62, 0.53)),
    ((0.64, 0.22), (0.62, 0.50), (0.59, 0.80)),
)


def main() -> int:
    """Draw the photo, explain it, test a small classifier, and write the pictures of both."""
    write(photo(), PHOTO)
    with tempfile.TemporaryDirectory() as folder:
        inside, other, runs = (Path(folder) / name for name in ("inside", "other", "runs"))
        explained = ["explain", CLASSIFIER, str(PHOTO), "--neighbours", "0", "--out"]
        imagelet([*explained, str(inside)])
        imagelet([*explained, str(other), "--class", OTHER])
        plots.save(untrained_figure(), inside / "untrained.png")
        plain = ["train", "digits", "--network", "softmax", "--epochs", "5", "--name", "plain"]
        imagelet([*plain, "--runs", str(runs)])
        imagelet(["evaluate", str(runs / "plain")])
        drawn = {
            "evidence": inside / "evidence.png",
            "other-class": other / "evidence.png",
            "maps": inside / "layer-01-conv1.png",
            "untrained": inside / "untrained.png",
            "calibration": runs / "plain" / "figures" / "reliability-test.png",
        }
        for name, file in drawn.items():
            with Image.open(file) as picture:
                write(np.asarray(picture.convert("RGB")), PICTURES / f"inside-{name}.png")
    return 0


def photo() -> NDArray[np.uint8]:
    """Return a made photo, uint8 (SIDE, SIDE, 3): a 4 in blue ink on paper that is darker on the right."""
    large = SIDE * SCALE
    page = Image.new("RGB", (large, large), PAPER)
    pen = ImageDraw.Draw(page)
    radius = THICKNESS * SCALE // 2
    for stroke in STROKES:
        points = [(x * large, y * large) for x, y in stroke]
        pen.line(points, PEN, THICKNESS * SCALE, joint="curve")
        for x, y in (points[0], points[-1]):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), PEN)
    small = page.resize((SIDE, SIDE), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.8))
    light = 1 - 0.35 * np.arange(SIDE) / SIDE
    return (np.asarray(small) * light[:, np.newaxis]).astype(np.uint8)


def untrained_figure() -> "Figure":
    """Draw the evidence that the same network finds in the photo before it has learned anything."""
    from imagelet.analysis.explain import MEANINGS
    from imagelet.classifier.classifier import Classifier
    from imagelet.explanation.attribution import METHODS, attribute
    from imagelet.networks import build
    from imagelet.plots.explanation import Marked
    from imagelet.preprocessing.picture import open_picture
    from imagelet.runs.store import find_classifier

    trained = Classifier.load(find_classifier(CLASSIFIER))
    network = build(trained.network_text, trained.input_shape, len(trained.classes))
    classifier = dataclasses.replace(trained, network=network)
    picture = open_picture(PHOTO)
    image = trained.frame(picture).image
    found = [attribute(classifier, image, method, LABEL) for method in METHODS]
    marked = []
    for each in found:
        meaning, note = MEANINGS[each.method]
        marked.append(Marked(each.method, note, meaning, each.values))
    return plots.evidence(picture, image, marked, f"{LABEL}   {plots.percent(found[0].probability)}")


def write(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write pixels (height, width, 3) as PNG of few colours, none of them far from the picture's own."""
    few = Image.fromarray(pixels).quantize(
        COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=ROUNDS, dither=Image.Dither.NONE
    )
    content = io.BytesIO()
    few.save(content, "PNG", optimize=True)
    atomic_files.write_bytes(path, content.getvalue())


if __name__ == "__main__":
    sys.exit(main())
