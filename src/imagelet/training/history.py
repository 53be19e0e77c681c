"""The figures of the epochs, also as a dictionary like Keras's."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class EpochFigures:
    """The figures of one epoch. It holds no times, so that equal trainings give equal figures.

    Attributes:
        epoch: counted from 1.
        loss: mean loss of the training images during the epoch (nats, without label smoothing).
        accuracy: of the training images during the epoch (0 to 1).
        val_loss: of the validation images after the epoch (nats); None without any.
        val_accuracy: of the validation images after the epoch (0 to 1); None without any.
        learning_rate: that of the epoch's last step.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float


def as_columns(history: Iterable[EpochFigures]) -> dict[str, list[float]]:
    """Return ``{"loss": [...], "accuracy": [...], "val_loss": [...], "val_accuracy": [...]}``, as Keras does.

    A figure that was not measured in any epoch has an empty list.
    """
    rows = [dataclasses.asdict(figures) for figures in history]
    names = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
    return {name: [row[name] for row in rows if row[name] is not None] for name in names}
