"""What a classifier says of one picture."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imagelet import html_repr
from imagelet.preprocessing.geometry import Placement


@dataclass(frozen=True)
class Look:
    """What is kept of a picture once it is framed.

    Attributes:
        file: its name; empty where it came without.
        seen: uint8 (height, width, channels), the image that the network gets.
        doubtful: there is nothing to see, or something else than the framing looks for.
        warnings: what is odd about the picture, a few words each.
        placement: which part of the picture the image shows; None where it shows none, or nobody knows.
    """

    file: str
    seen: np.ndarray
    doubtful: bool
    warnings: tuple[str, ...]
    placement: Placement | None = None


@dataclass(frozen=True)
class Prediction:
    """What a classifier makes of one picture.

    Attributes:
        file: the picture's file name; empty where it came without.
        class_index: the answer, counted from 0.
        label: its class name.
        probability: its calibrated probability, 0 to 1.
        top: the most probable classes with their probabilities, best first.
        top_classes: their indices.
        sure: the probability reaches the classifier's threshold, and there is something to see.
        warnings: what is odd about the picture, a few words each.
        seen: uint8 (height, width, channels), the picture as the network saw it.
    """

    file: str
    class_index: int
    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    top_classes: tuple[int, ...]
    sure: bool
    warnings: tuple[str, ...]
    seen: np.ndarray = field(repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as plain data, without the pixels."""
        return {
            "file": self.file,
            "class": self.class_index,
            "label": self.label,
            "probability": self.probability,
            "top": [
                {"class": index, "label": label, "probability": probability}
                for index, (label, probability) in zip(self.top_classes, self.top, strict=True)
            ],
            "sure": self.sure,
            "warnings": list(self.warnings),
        }

    def _repr_html_(self) -> str:
        """Return the answer as a notebook shows it, beside what the network saw."""
        answer = f"{self.label}{'' if self.sure else '?'}   {html_repr.percent(self.probability)}"
        remarks = "; ".join([*([] if self.sure else ["unsure"]), *self.warnings])
        said = html_repr.joined(
            html_repr.bars(self.top), remarks, html_repr.muted(f"   {self.file}" if self.file else "")
        )
        return html_repr.block(answer, html_repr.beside(html_repr.picture(self.seen, 112), said))
