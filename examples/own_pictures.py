"""Let the shipped classifier `mnist` read your own pictures.

Name a folder of pictures of digits; without one, three are drawn, dark on light as with a pen. You see each
answer (a question mark: unsure), its probability, and what is odd about the picture; in `seen.png`, what the
network saw.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import imagelet
from imagelet import plots

ONE, SEVEN = [(150, 60), (150, 240)], [(90, 70), (210, 70), (140, 235)]
FOUR = [(170, 235), (170, 60), (85, 180), (215, 180)]


def main(folder: Path) -> None:
    """Answer each picture in the folder, and draw what the network saw."""
    if not folder.exists():
        folder.mkdir()
        for name, points in (("one", ONE), ("four", FOUR), ("seven", SEVEN)):
            picture = Image.new("RGB", (300, 300), "#f4efe4")
            ImageDraw.Draw(picture).line(points, fill="#22304a", width=16, joint="curve")
            picture.save(folder / f"{name}.png")
    classifier = imagelet.load("mnist")
    answers = classifier.predict(sorted(folder.iterdir()))
    for answer in answers:
        said = plots.answer_line(answer.predicted, answer.probability, unsure=not answer.sure)
        print(Path(answer.file).name, said, *answer.warnings, sep="   ")
    seen = np.stack([answer.framed_input for answer in answers])
    plots.save(plots.answers(seen, classifier.predict_proba(seen), classifier.classes), Path("seen.png"))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "own-pictures"))
