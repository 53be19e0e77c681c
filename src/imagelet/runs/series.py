"""A series as its folder records it: which runs are one experiment with several seeds or folds.

A run does not say that it belongs to a series; it does where its experiment and its data are the series' own.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelet.data.splits import fold, read_fold
from imagelet.errors import ImageletError
from imagelet.runs.definition import Experiment
from imagelet.runs.files import read_series
from imagelet.runs.run import Run
from imagelet.runs.store import is_run_of

SEEDS, FOLDS = "seeds", "folds"


@dataclass(frozen=True)
class RecordedSeries:
    """What the folder of a series holds.

    Attributes:
        file: ``seeds.json`` or ``folds.json``.
        kind: ``seeds`` or ``folds``.
        numbers: the seeds, or the folds, counted from 1; finished or not.
        experiment: what all trainings have in common; the seed, or the fold, is any of them.
        data_sha256: the fingerprint of the training images.
        pooled: of folds, ``accuracy`` and ``interval`` of all images; None for seeds, and before the end.
    """

    file: Path
    kind: str
    numbers: tuple[int, ...]
    experiment: Experiment
    data_sha256: str
    pooled: dict[str, Any] | None

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.file.parent.name

    def number_of(self, run: Run) -> int | None:
        """Return the seed or the fold of a run of this series; None where it is none of it."""
        try:
            content = run.experiment
            if self.kind == SEEDS:
                number = int(content["seed"])
                experiment = dataclasses.replace(self.experiment, seed=number)
            else:
                number, folds = read_fold(content["validation"]) or (0, 0)
                if folds != len(self.numbers):
                    return None
                experiment = dataclasses.replace(self.experiment, validation=fold(number, folds))
            is_one = number in self.numbers and is_run_of(run, experiment, self.data_sha256)
        except (ImageletError, LookupError, TypeError, ValueError):  # it is damaged
            return None
        return number if is_one else None


def series_files(folder: Path) -> list[Path]:
    """Return the files that record the series among the runs in ``folder``."""
    return [path for kind in (SEEDS, FOLDS) for path in sorted(folder.glob(f"*/{kind}.json"))]


def read_recorded(file: Path) -> RecordedSeries:
    """Return what one of these files holds.

    Raises:
        ImageletError: it is damaged.
    """
    content, kind = read_series(file), file.stem
    numbers = tuple(member[kind.removesuffix("s")] for member in content.get(kind) or ())
    identity: dict[str, Any] = content["experiment"]
    kept = {name: value for name, value in identity.items() if name not in ("data_sha256", FOLDS)}
    first = {"seed": 0} if kind == SEEDS else {"validation": fold(1, len(numbers))}
    has_ended = kind == FOLDS and content.get("interval") and content.get("accuracy") is not None
    return RecordedSeries(
        file=file,
        kind=kind,
        numbers=numbers,
        experiment=Experiment.from_toml({**kept, **first}),
        data_sha256=str(identity.get("data_sha256")),
        pooled={name: content[name] for name in ("accuracy", "interval")} if has_ended else None,
    )


def runs_of(numbered: Iterable[tuple[int, Run]]) -> dict[int, Run]:
    """Return the run of each seed or fold: a finished one, else the first, in the order of the numbers."""
    found: dict[int, Run] = {}
    for number, run in numbered:
        if number not in found or (run.finished and not found[number].finished):
            found[number] = run
    return dict(sorted(found.items()))
