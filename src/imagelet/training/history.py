"""The figures of the epochs, also as a dictionary like Keras's."""

import dataclasses
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from imagelet.errors import UsageError


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
        val_balanced_accuracy: of the validation images after the epoch, every class counted alike (0 to 1);
            None where the recipe is not balanced: then it is not measured.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    val_balanced_accuracy: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data; the balanced accuracy only where it was measured."""
        figures = dataclasses.asdict(self)
        if self.val_balanced_accuracy is None:
            del figures["val_balanced_accuracy"]
        return figures


def as_columns(history: Iterable[EpochFigures]) -> dict[str, list[float]]:
    """Return ``{"loss": [...], "accuracy": [...], "val_loss": [...], "val_accuracy": [...]}``, as Keras does.

    A figure that was not measured in any epoch has an empty list. Balanced accuracies stand there only where
    they were measured, as ``val_balanced_accuracy``.
    """
    rows = [figures.to_json() for figures in history]
    names = ["loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
    if any("val_balanced_accuracy" in row for row in rows):
        names.append("val_balanced_accuracy")
    return {name: [row[name] for row in rows if row[name] is not None] for name in names}


def as_frame(history: Iterable[EpochFigures]) -> Any:
    """Return a ``pandas.DataFrame`` with a row an epoch, indexed by it; what was not measured is NaN.

    Raises:
        UsageError: pandas is not installed.
    """
    try:
        pandas = importlib.import_module("pandas")
    except ImportError as error:
        raise UsageError(
            "a table of the epochs needs pandas", "pip install pandas; history is a dictionary without it"
        ) from error
    rows = [dataclasses.asdict(figures) for figures in history]
    names = [field.name for field in dataclasses.fields(EpochFigures)]
    return pandas.DataFrame(rows, columns=names).set_index("epoch").astype(float)
