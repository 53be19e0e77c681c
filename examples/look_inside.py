"""Look inside the shipped classifier `mnist` while it reads a digit.

You see the shape and the range of each layer's output, the evidence's strongest place, and the sum behind one
number. The folder `inside/` gets a picture of every layer, its filters, and the evidence over the drawing.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import imagelet
from imagelet import plots
from imagelet.analysis.explain import draw
from imagelet.explanation.unit_trace import trace_unit


def main() -> None:
    """Show the layers, the evidence, and one number."""
    picture = Image.new("L", (300, 300), 240)
    ImageDraw.Draw(picture).line([(90, 70), (210, 70), (140, 235)], fill=40, width=16, joint="curve")
    found = imagelet.explain("mnist", np.asarray(picture), neighbours=0)
    answer = found.prediction
    print(f"predicted {answer.predicted}, {plots.percent(answer.probability)}")
    for layer in found.layers:
        print(f"{layer.name:<12} {layer.shape!s:>14}  {layer.low:7.2f} to {layer.high:5.2f}")
    for each in found.attributions:
        row, column = np.unravel_index(each.values.argmax(), each.values.shape)
        print(f"{each.method}: most at row {row}, column {column}")
    number = trace_unit(found.classifier, answer.framed_input, "conv1", (14, 14, 0))  # row, column, map
    print(f"one number of conv1: {number.text}")
    draw(found, Path("inside"))


if __name__ == "__main__":
    main()
