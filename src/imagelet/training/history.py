"""The figures of the epochs: as a dictionary like Keras's, and as JSON lines in a file."""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagelet import atomic_files
from imagelet.errors import RunError


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


def write_history(path: Path, history: Sequence[EpochFigures]) -> None:
    """Replace ``path`` by a file with one line for each epoch, a JSON object."""
    atomic_files.write_text(
        path, "".join(json.dumps(dataclasses.asdict(figures)) + "\n" for figures in history)
    )


def read_history(path: Path) -> list[EpochFigures]:
    """Return what :func:`write_history` wrote; an absent file is an empty history.

    Raises:
        RunError: a line that is not an epoch's figures.
    """
    if not path.exists():
        return []
    try:
        return [EpochFigures(**json.loads(line)) for line in path.read_text().splitlines()]
    except (ValueError, TypeError) as error:
        raise RunError("{file} is damaged: a line of it is not an epoch's figures", file=path) from error
