"""A series of trainings and what it came to, as data: one experiment with several seeds, or folds."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelet.metrics.classification import Interval
from imagelet.metrics.label_issues import Suspect
from imagelet.metrics.repetition import Pooled, Spread
from imagelet.runs.definition import Experiment
from imagelet.runs.run import Run

SEEDS, FOLDS = "seeds", "folds"


@dataclass(frozen=True)
class Part:
    """One training of a series.

    Attributes:
        number: its seed, or its fold, counted from 1.
        experiment: what is carried out.
        run: of exactly this experiment and its data, finished or begun; None where there is none yet.
    """

    number: int
    experiment: Experiment
    run: Run | None


@dataclass(frozen=True)
class Series:
    """What is to be carried out, and what of it was carried out before.

    Attributes:
        kind: ``seeds`` or ``folds``.
        experiment: what all parts have in common.
        parts: one for each seed or fold.
        folder: where the runs live.
        name: begins the names of the runs where the user chose it, else None.
        default_name: begins them where none was chosen.
        data_sha256: the fingerprint of the training images.
        test: evaluate on the test images after each training, once.
    """

    kind: str
    experiment: Experiment
    parts: tuple[Part, ...]
    folder: Path
    name: str | None
    default_name: str
    data_sha256: str
    test: bool

    @property
    def identity(self) -> dict[str, Any]:
        """What series of the same trainings have in common, however many there are."""
        own = "seed" if self.kind == SEEDS else "validation"
        described = {key: value for key, value in self.experiment.to_toml().items() if key != own}
        plain: dict[str, Any] = json.loads(json.dumps(described | {"data_sha256": self.data_sha256}))
        return plain if self.kind == SEEDS else plain | {"folds": len(self.parts)}


@dataclass(frozen=True)
class Member:
    """What one training of a series came to.

    Attributes:
        number: its seed or fold.
        run: its folder.
        accuracy: on test images or on validation images, 0 to 1.
        interval: its Wilson interval, of the images.
        images: how many there are.
    """

    number: int
    run: Run
    accuracy: float
    interval: Interval
    images: int


@dataclass(frozen=True)
class Repeated:
    """What a series came to.

    Attributes:
        kind: ``seeds`` or ``folds``.
        dataset, network: as the experiment names them.
        part: what was measured: ``test``, ``validation``, or ``fold``.
        members: one for each seed or fold.
        spread: the accuracies taken together; its interval holds for seeds alone.
        pooled: the folds' images taken together; None for seeds.
        folder: has all this as ``seeds.json`` or ``folds.json``.
        out_of_fold: the file with the folds' probabilities; None for seeds.
        suspects: the training images whose labels may be wrong by these, the surest first.
        classes: the class names.
    """

    kind: str
    dataset: str
    network: str
    part: str
    members: tuple[Member, ...]
    spread: Spread
    pooled: Pooled | None
    folder: Path
    out_of_fold: Path | None
    suspects: tuple[Suspect, ...] = ()
    classes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        members = [
            {
                self.kind.removesuffix("s"): each.number,
                "run": str(each.run.folder),
                "accuracy": each.accuracy,
                "interval": list(each.interval),
                "images": each.images,
            }
            for each in self.members
        ]
        content = {"dataset": self.dataset, "network": self.network, "part": self.part, self.kind: members}
        if self.pooled is None:
            return {**content, **self.spread.to_json(), "folder": str(self.folder)}
        figures = {"mean": self.spread.mean, "deviation": self.spread.deviation, **self.pooled.to_json()}
        suspects = {"suspects": [each.to_json(self.classes) for each in self.suspects]}
        files = {"folder": str(self.folder), "out_of_fold": str(self.out_of_fold)}
        return {**content, **figures, **suspects, **files}
