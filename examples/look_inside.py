"""Look inside the shipped classifier `mnist` while it reads a digit.

You see the shape and the range of each layer's output, and the sum behind one number of the first layer. In
`inside.png`: the first maps of some layers, and the evidence; pixels that speak for the answer are light.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import imagelet
from imagelet import figures
from imagelet.explanation.evidence import evidence
from imagelet.explanation.layers import layer_outputs
from imagelet.explanation.one_number import take_apart

SHOWN = ("conv1", "relu1", "relu2", "relu3")


def main() -> None:
    """Show the layers, one number, and the evidence."""
    picture = Image.new("L", (300, 300), 240)
    ImageDraw.Draw(picture).line([(90, 70), (210, 70), (140, 235)], fill=40, width=16, joint="curve")
    classifier = imagelet.load("mnist")
    answer = classifier.predict(np.asarray(picture))[0]
    print(f"answer {answer.label}, {figures.percent(answer.probability)}")
    outputs = layer_outputs(classifier, answer.seen)
    for output in outputs:
        print(f"{output.name:<12} {output.shape!s:>14}  {output.low:7.2f} to {output.high:5.2f}")
    number = take_apart(classifier, answer.seen, "conv1", (14, 14, 0))  # row, column, map
    print(f"one number of conv1: {number.text}")
    rows = [(output.name, output.maps[:8]) for output in outputs if output.name in SHOWN]
    rows.append((f"evidence for {answer.label}", evidence(classifier, answer.seen, "occlusion").values[None]))
    figures.save(figures.feature_maps(rows), Path("inside.png"))


if __name__ == "__main__":
    main()
