"""The result of a search: trials, the finalists, the winner, and its difference from the start."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagelet.experiment.tuning.trials import Reached
from imagelet.metrics.classification import Interval
from imagelet.metrics.comparison import mean_difference
from imagelet.training.recipe import Recipe, recipe_to_json

START = -1  # the number of the start among the finalists
COMPLETE, PRUNED, RUNNING = "complete", "pruned", "running"


@dataclass(frozen=True)
class Trial:
    """A trial of the search.

    Attributes:
        number: counted from 0; the start's is that of the first.
        settings: what differs from the start: fields of the recipe, and ``network``.
        history: the validation accuracy after each epoch, 0 to 1.
        state: ``complete``, ``pruned`` (others were better at the same epoch), or ``running``.
    """

    number: int
    settings: Mapping[str, Any]
    history: tuple[float, ...]
    state: str

    @property
    def validation(self) -> float | None:
        """The highest validation accuracy of its epochs."""
        return max(self.history, default=None)

    def to_json(self) -> dict[str, Any]:
        """Return the trial as plain data."""
        return {
            "number": self.number,
            "settings": dict(self.settings),
            "epochs": len(self.history),
            "validation": self.validation,
            "state": self.state,
        }


@dataclass(frozen=True)
class Finalist:
    """Settings that were trained with several seeds, to the full length of the final.

    Attributes:
        number: of its trial, or ``START``.
        settings: what differs from the start.
        reached: for each seed what its training reached.
    """

    number: int
    settings: Mapping[str, Any]
    reached: Mapping[int, Reached]

    def best_views(self, seeds: Sequence[int], own: str) -> tuple[str, float]:
        """Return the test-time augmentation with the highest mean validation accuracy, and that accuracy.

        Args:
            seeds: of the trainings that count.
            own: what is taken where another is not better.
        """
        kinds = set.intersection(*(set(self.reached[seed].validation) for seed in seeds))
        means = {kind: float(np.mean([self.reached[s].validation[kind] for s in seeds])) for kind in kinds}
        best = max(sorted(kinds), key=lambda kind: (means[kind], kind == own))
        return best, means[best]

    def correct(self, seeds: Sequence[int], kind: str) -> np.ndarray:
        """Return which of the images set aside each training classified correctly, bool (seeds, n)."""
        return np.stack([self.reached[seed].aside[kind] for seed in seeds])


@dataclass(frozen=True)
class Standing:
    """What a finalist reaches in the mean of its seeds.

    Attributes:
        finalist: whose.
        seeds: of the trainings that count.
        views: the test-time augmentation.
        validation: the mean accuracy on the validation images, 0 to 1.
        aside: that on the images set aside.
    """

    finalist: Finalist
    seeds: tuple[int, ...]
    views: str
    validation: float
    aside: float

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "trial": None if self.finalist.number == START else self.finalist.number,
            "settings": {**self.finalist.settings, "test_time_augmentation": self.views},
            "seeds": len(self.seeds),
            "epochs": self.finalist.reached[self.seeds[0]].epochs,
            "validation": self.validation,
            "aside": self.aside,
        }


@dataclass(frozen=True)
class Comparison:
    """The winner of the final and the start, on the images set aside.

    Attributes:
        start: as it was asked for.
        standings: the finalists, the winner first; the start with another test-time augmentation is one.
        difference: the accuracy of the winner minus that of the start, on the images set aside.
        interval: its 95 % interval.
        images: how many were set aside.
    """

    start: Standing
    standings: tuple[Standing, ...]
    difference: float
    interval: Interval
    images: int

    @property
    def winner(self) -> Standing:
        """The finalist with the highest mean validation accuracy."""
        return self.standings[0]

    @property
    def start_won(self) -> bool:
        """Whether nothing was better than the start on the validation images."""
        return self.winner.finalist.number == START and self.winner.views == self.start.views

    @property
    def verdict(self) -> str:
        """``better``, ``perhaps better`` (the interval has 0 in it), or ``not better``."""
        if self.start_won or self.difference <= 0:
            return "not better"
        return "better" if self.interval.low > 0 else "perhaps better"


def compare_finalists(finalists: Iterable[Finalist], own_views: str) -> Comparison | None:
    """Return the winner beside the start; None while there is nothing to compare.

    Only finalists with the same seeds are compared: as many as the start has in common with another.

    Args:
        finalists: the start among them.
        own_views: the start's test-time augmentation.
    """
    trained = {finalist.number: finalist for finalist in finalists if finalist.reached}
    if START not in trained:
        return None
    start = trained[START]
    others = [finalist for number, finalist in trained.items() if number != START]
    seeds = sorted(start.reached)
    while seeds and others and not any(set(seeds) <= set(other.reached) for other in others):
        seeds.pop()
    if not seeds:
        others, seeds = [], sorted(start.reached)
    compared = [start, *(other for other in others if set(seeds) <= set(other.reached))]
    standings = [_standing(finalist, seeds, *finalist.best_views(seeds, own_views)) for finalist in compared]
    mean = float(np.mean([start.reached[seed].validation[own_views] for seed in seeds]))
    as_asked = _standing(start, seeds, own_views, mean)
    standings.sort(key=lambda standing: (-standing.validation, standing.finalist.number))
    winner = standings[0]
    difference, interval = mean_difference(
        start.correct(seeds, own_views), winner.finalist.correct(seeds, winner.views)
    )
    images = winner.finalist.correct(seeds, winner.views).shape[1]
    return Comparison(as_asked, tuple(standings), difference, interval, images)


def _standing(finalist: Finalist, seeds: Sequence[int], views: str, validation: float) -> Standing:
    aside = float(finalist.correct(seeds, views).mean())
    return Standing(finalist, tuple(seeds), views, validation, aside)


@dataclass(frozen=True)
class Tuned:
    """The result of a search.

    Attributes:
        folder: the study's.
        dataset: as the experiment names it.
        trials: in their order.
        comparison: of the winner with the start; None where no time was left for the final.
        recipe: the winner's; without a final that of the trial that got furthest.
        network: that it trains.
        recipe_file: holds both, for ``imagelet train --recipe FILE``.
        figures: the pictures of the trials and of the importance of the fields.
        importance: how much of the difference between trials each field explains, adding up to 1; empty where
            there are too few trials.
        final_epochs: of the start's trainings in the final.
        own_epochs: of the start's recipe.
        interrupted: Ctrl-C ended the search.
    """

    folder: Path
    dataset: str
    trials: tuple[Trial, ...]
    comparison: Comparison | None
    recipe: Recipe
    network: str
    recipe_file: Path
    figures: tuple[Path, ...]
    importance: Mapping[str, float]
    final_epochs: int
    own_epochs: int
    interrupted: bool

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        compared = self.comparison
        winner = None if compared is None else compared.winner
        return {
            "dataset": self.dataset,
            "study": str(self.folder),
            "trials": [trial.to_json() for trial in self.trials],
            "finalists": [] if compared is None else [one.to_json() for one in compared.standings],
            "best": {
                "recipe": recipe_to_json(self.recipe),
                "network": self.network,
                "validation": None if winner is None else winner.validation,
            },
            "start": None if compared is None else compared.start.to_json(),
            "difference": None if compared is None else compared.difference,
            "interval": None if compared is None else list(compared.interval),
            "images": None if compared is None else compared.images,
            "verdict": None if compared is None else compared.verdict,
            "epochs": self.final_epochs,
            "own_epochs": self.own_epochs,
            "importance": dict(self.importance),
            "recipe_file": str(self.recipe_file),
            "figures": [str(figure) for figure in self.figures],
            "interrupted": self.interrupted,
        }
