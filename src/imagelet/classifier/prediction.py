"""Prediction: the predicted class of one picture; FramedInput: the image that the network got, and how."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imagelet import html_repr
from imagelet.messages import Message
from imagelet.metrics.calibration import Calibration
from imagelet.preprocessing.framing import Framing, apply_framing
from imagelet.preprocessing.geometry import Placement

UNLIKE_TRAINING = Message("it is unlike the training images")


@dataclass(frozen=True)
class FramedInput:
    """A picture once it is framed: the image that the network gets, and what is known of it.

    Attributes:
        file: its name; empty where it came without.
        image: uint8 (height, width, channels), the network's input before normalization.
        unclear: the picture is blank, or shows something else than the framing expects: no answer is sure.
        warnings: what is odd about the picture, a few words each. Where it is not unclear, they are advice
            for a better picture, in case the prediction is unsure.
        placement: which part of the picture the image shows; None where it shows none, or nobody knows.
    """

    file: str
    image: np.ndarray
    unclear: bool
    warnings: tuple[str, ...]
    placement: Placement | None = None


def framed_input(picture: np.ndarray, framing: Framing, file: str = "") -> FramedInput:
    """Return a picture as a network gets it, with what is odd about it.

    Args:
        picture: uint8 (height, width, 1 or 3).
        framing: the classifier's.
        file: the picture's name.
    """
    image, warnings, unclear, placement = apply_framing(picture, framing)
    blank = _is_of_one_colour(picture) or _is_of_one_colour(image)
    if blank and not warnings:
        warnings = (Message("the picture is all one colour"),)
    image = image.copy()  # it may be the caller's own array
    return FramedInput(file, image, blank or unclear, warnings, placement)


def _is_of_one_colour(picture: np.ndarray) -> bool:
    first = picture[0, 0]
    return bool((picture[::16, ::16] == first).all() and (picture == first).all())  # most end at some pixels


@dataclass(frozen=True)
class Prediction:
    """A classifier's prediction for one picture.

    Attributes:
        file: the picture's file name; empty where it came without.
        class_index: index of the predicted class.
        predicted: name of the predicted class.
        probability: its calibrated probability, 0 to 1.
        top: the most probable classes with their probabilities, best first.
        top_classes: their indices.
        sure: the probability reaches the classifier's threshold, the image is not unlike the training images,
            and the picture is not unclear.
        warnings: what speaks against the prediction or is odd about the picture, a few words each; none of a
            sure one. The texts are for people: a page can show them as they are.
        framed_input: uint8 (height, width, channels), the image that the network got.
    """

    file: str
    class_index: int
    predicted: str
    probability: float
    top: tuple[tuple[str, float], ...]
    top_classes: tuple[int, ...]
    sure: bool
    warnings: tuple[str, ...]
    framed_input: np.ndarray = field(repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as plain data, without the pixels."""
        return {
            "file": self.file,
            "class": self.class_index,
            "predicted": self.predicted,
            "probability": self.probability,
            "top": [
                {"class": index, "name": name, "probability": probability}
                for index, (name, probability) in zip(self.top_classes, self.top, strict=True)
            ],
            "sure": self.sure,
            "warnings": list(self.warnings),
        }

    def _repr_html_(self) -> str:
        """Return the prediction as a notebook shows it, beside the framed input."""
        answer = f"{self.predicted}{'' if self.sure else '?'}   {html_repr.percent(self.probability)}"
        remarks = "; ".join([*([] if self.sure else ["unsure"]), *self.warnings])
        said = html_repr.joined(
            html_repr.bars(self.top), remarks, html_repr.muted(f"   {self.file}" if self.file else "")
        )
        return html_repr.block(answer, html_repr.beside(html_repr.picture(self.framed_input, 112), said))


def verdict(
    calibration: Calibration, framed: FramedInput, logits: np.ndarray
) -> tuple[bool, tuple[str, ...]]:
    """Return whether the prediction for a framed picture is sure, and if not what speaks against it.

    Args:
        calibration: the classifier's.
        framed: the picture.
        logits: (classes,), the classifier's for it.
    """
    if calibration.are_sure(logits[np.newaxis])[0] and not framed.unclear:
        return True, ()
    unlike = calibration.are_unlike(logits[np.newaxis])[0]
    return False, (*framed.warnings, *((UNLIKE_TRAINING,) if unlike and not framed.unclear else ()))
