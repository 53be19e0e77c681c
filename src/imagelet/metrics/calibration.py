"""Calibration: the temperature, when a prediction is unsure, and the reliability diagram's bins."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from imagelet.metrics.classification import CALIBRATION_BINS, Interval, check_labels, wilson_interval
from imagelet.metrics.novelty import are_unlike, fit_lowest_logits

FEWEST_IMAGES = 50  # with fewer, a fitted temperature or threshold is mostly noise
COLDEST, HOTTEST = 0.25, 4.0  # no trained network needs more; beyond lies a damaged fit
CORRECT_BUT_UNSURE = 0.03  # the largest share of correct predictions that may be called unsure
DEFAULT_THRESHOLD = 0.5  # below, the prediction is more likely wrong than correct
HIGHEST_THRESHOLD = 0.9  # a higher probability is always enough: below it, largest logits tell more


@dataclass(frozen=True)
class Calibration:
    """What turns logits into probabilities that can be believed, and says when not to believe them.

    Attributes:
        temperature: the logits are divided by it before the softmax; above 1, probabilities are less extreme.
        threshold: a prediction with a smaller probability is unsure; in [0, 1].
        lowest_logits: of each class; a prediction whose largest logit is smaller is unlike the training
            images (:mod:`imagelet.metrics.novelty`). None where that is not known, as in earlier files.

    Raises:
        ValueError: a temperature that is not in [0.25, 4], a threshold that is not in [0, 1], or a lowest
            logit that is not finite.
    """

    temperature: float
    threshold: float
    lowest_logits: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not COLDEST <= self.temperature <= HOTTEST:
            raise ValueError(f"a temperature of {self.temperature}: must be from {COLDEST} to {HOTTEST}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"a threshold of {self.threshold}: must be from 0 to 1")
        if self.lowest_logits is not None and not all(map(math.isfinite, self.lowest_logits)):
            raise ValueError("a lowest logit that is not finite")

    @classmethod
    def none(cls) -> "Calibration":
        """Return the calibration of a network of which nothing is known: temperature 1, threshold 0.5."""
        return cls(temperature=1.0, threshold=DEFAULT_THRESHOLD)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return the calibrated probabilities of logits ``(n, k)``: float64 ``(n, k)``, rows of sum 1."""
        scaled = np.asarray(logits, np.float64) / self.temperature
        probabilities: np.ndarray = np.exp(_log_softmax(scaled))
        return probabilities

    def are_unlike(self, logits: np.ndarray) -> np.ndarray:
        """Return which of the images with these logits (n, k) are unlike the training images, bool (n,)."""
        if self.lowest_logits is None:
            return np.zeros(len(logits), np.bool_)
        return are_unlike(logits, self.lowest_logits)

    def are_sure(self, logits: np.ndarray) -> np.ndarray:
        """Return which predictions of these logits (n, k) are sure, bool (n,): likely, and not unlike."""
        likely = self.probabilities(logits).max(axis=1) >= self.threshold
        sure: np.ndarray = likely & ~self.are_unlike(logits)
        return sure

    def to_json(self) -> dict[str, Any]:
        """Return ``{"temperature": …, "threshold": …, "lowest_logits": […]}``, the last where it is known."""
        content: dict[str, Any] = {"temperature": self.temperature, "threshold": self.threshold}
        return content if self.lowest_logits is None else {**content, "lowest_logits": [*self.lowest_logits]}

    @classmethod
    def from_json(cls, content: object) -> "Calibration":
        """Return the calibration that :meth:`to_json` wrote.

        Raises:
            ValueError: anything but that.
        """
        names = {"temperature", "threshold"}
        if not isinstance(content, Mapping) or set(content) - {"lowest_logits"} != names:
            raise ValueError(
                "a calibration holds a temperature and a threshold, perhaps lowest logits, and nothing else"
            )
        temperature, threshold = content["temperature"], content["threshold"]
        if type(temperature) not in (int, float) or type(threshold) not in (int, float):
            raise ValueError("a calibration's temperature and threshold must be numbers")
        lowest = content.get("lowest_logits")
        if lowest is not None and not (
            isinstance(lowest, list) and all(type(number) in (int, float) for number in lowest)
        ):
            raise ValueError("a calibration's lowest logits must be a list of numbers")
        return cls(temperature, threshold, None if lowest is None else tuple(map(float, lowest)))


def fit_calibration(logits: np.ndarray, labels: np.ndarray) -> Calibration:
    """Fit temperature, threshold and lowest logits on validation images, which training must not have seen.

    Of the correct predictions at most 3 % are unsure: 1.5 % at most for their largest logit, and as many
    of the others for their probability as make it 3 %.

    Args:
        logits: float ``(n, k)``, finite; ``n`` may be 0.
        labels: int ``(n,)``, in ``[0, k)``.

    Returns:
        The calibration; :meth:`Calibration.none` where there are fewer than 50 images.

    Raises:
        ValueError: arrays of other shapes, labels out of range, or logits that are not finite.
    """
    temperature = fit_temperature(logits, labels)
    if len(labels) < FEWEST_IMAGES:
        return Calibration.none()
    probabilities = Calibration(temperature, 0.0).probabilities(logits)
    lowest_logits = fit_lowest_logits(logits, labels)
    if lowest_logits is None:
        return Calibration(temperature, fit_threshold(probabilities, labels))
    correct = probabilities.argmax(axis=1) == labels  # (n,)
    like = ~are_unlike(logits, lowest_logits)  # (n,)
    remaining = CORRECT_BUT_UNSURE * np.count_nonzero(correct) - np.count_nonzero(correct & ~like)
    share = remaining / np.count_nonzero(correct & like)
    return Calibration(temperature, fit_threshold(probabilities[like], labels[like], share), lowest_logits)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature under which the labels are most likely.

    The targets are softened as Platt (1999) did: ``n`` images, all correct, are evidence for no more than
    ``(n + 1) / (n + 2)``. Without it, a network that classifies all validation images correctly would be
    driven to complete certainty.

    Args:
        logits: float ``(n, k)``, finite; ``n`` may be 0.
        labels: int ``(n,)``, in ``[0, k)``.

    Returns:
        A temperature from 0.25 to 4; exactly 1 where there are fewer than 50 images.

    Raises:
        ValueError: arrays of other shapes, labels out of range, or logits that are not finite.
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise ValueError(f"logits of shape {logits.shape}: must be (images, classes)")
    if not np.isfinite(logits).all():
        raise ValueError("logits must be finite")
    if len(logits) or len(labels):
        check_labels(labels, images=len(logits), classes=logits.shape[1])
    if len(logits) < FEWEST_IMAGES:
        return 1.0
    smoothing = 1 / (len(logits) + 2)
    others = logits.shape[1] - 1

    def loss(log_temperature: float) -> float:
        scores = _log_softmax(logits / math.exp(log_temperature))  # (n, k)
        of_label = np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]  # (n,)
        rest = scores.sum(axis=1) - of_label  # (n,)
        return -float(((1 - smoothing) * of_label + smoothing / others * rest).mean())

    from scipy.optimize import minimize_scalar

    bounds = (math.log(COLDEST), math.log(HOTTEST))  # convex in 1/T, so there is one minimum
    best = minimize_scalar(loss, bounds=bounds, method="bounded")
    return min(max(math.exp(float(best.x)), COLDEST), HOTTEST)


def fit_threshold(probabilities: np.ndarray, labels: np.ndarray, share: float = CORRECT_BUT_UNSURE) -> float:
    """Return the highest threshold that calls few correct predictions unsure, but at least 0.5.

    Below one half a prediction is more likely wrong than correct: it is not sure.

    Args:
        probabilities: float ``(n, k)``, calibrated.
        labels: int ``(n,)``, in ``[0, k)``.
        share: the largest share of the correct predictions that may be unsure, 0 to 1.

    Returns:
        A threshold from 0.5 to 0.9; 0.5 where there are fewer than 50 correct predictions.
    """
    confidences = probabilities.max(axis=1)  # (n,)
    correct = np.sort(confidences[probabilities.argmax(axis=1) == labels])
    if len(correct) < FEWEST_IMAGES:
        return DEFAULT_THRESHOLD
    unsure = math.floor(share * len(correct))
    return min(max(float(correct[unsure]), DEFAULT_THRESHOLD), HIGHEST_THRESHOLD)


@dataclass(frozen=True)
class ReliabilityBin:
    """The predictions whose confidence lies in ``(low, high]``, at least one.

    How often they are correct is what stands behind the calibration error.

    Attributes:
        low: the end that does not belong to it.
        high: the end that does.
        images: how many predictions it holds.
        confidence: the mean probability of these predictions, 0 to 1.
        accuracy: the fraction of them that is correct, 0 to 1.
        interval: the accuracy's Wilson interval at 95 %.
    """

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float
    interval: Interval

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data, the interval as ``[low, high]``."""
        return {**vars(self), "interval": list(self.interval)}


def reliability_bins(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = CALIBRATION_BINS
) -> tuple[ReliabilityBin, ...]:
    """Return the predictions in bins of equal width by their confidence, the lowest first.

    The bins are those of :func:`imagelet.metrics.classification.calibration_error`: the mean distance between
    their confidence and accuracy, weighted with their images, is that error. Empty ones are left out.

    Args:
        probabilities: float ``(n, k)``, each row in [0, 1] with a sum of 1.
        labels: int ``(n,)``, in ``[0, k)``.
        bins: how many bins there are between 0 and 1.

    Raises:
        ValueError: other numbers of labels, or labels out of range.
    """
    check_labels(labels, images=len(probabilities), classes=probabilities.shape[1])
    confidences = probabilities.max(axis=1).astype(np.float64)  # (n,)
    correct = probabilities.argmax(axis=1) == labels  # (n,)
    numbers = np.clip(np.ceil(confidences * bins).astype(np.int64) - 1, 0, bins - 1)  # (n,)
    filled = []
    for number in np.unique(numbers).tolist():
        inside = numbers == number
        images, hits = int(inside.sum()), int(correct[inside].sum())
        filled.append(
            ReliabilityBin(
                low=number / bins,
                high=(number + 1) / bins,
                images=images,
                confidence=float(confidences[inside].mean()),
                accuracy=hits / images,
                interval=wilson_interval(hits, images),
            )
        )
    return tuple(filled)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)  # (n, k); no overflow in exp
    normalised: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalised
