"""The search: trials with successive halving, a final with several seeds, and the winner beside the start.

:func:`tune` yields what happens; the last event is the result. Every trial is noted in the study's journal as
it is trained, so a killed search is resumed, and several processes work on one study.
"""

import dataclasses
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import paths
from imagelet.data.datasets import findable, load_dataset
from imagelet.data.imageset import Dataset
from imagelet.data.signal import check_signal
from imagelet.data.splits import Split, split
from imagelet.data.store import InMemory
from imagelet.device import choose_threads, using_threads
from imagelet.errors import SettingError
from imagelet.experiment.session import interruptible
from imagelet.experiment.tuning.budget import (
    CERTAIN,
    Budget,
    candidates_and_seeds,
    lengths,
    seconds_of_final,
)
from imagelet.experiment.tuning.conclusion import conclude, ranked, trials_of
from imagelet.experiment.tuning.result import START, Tuned
from imagelet.experiment.tuning.space import default_space, read_space
from imagelet.experiment.tuning.study import (
    REDUCTION,
    SET_ASIDE,
    SPLIT,
    Definition,
    Journal,
    create_study,
    experiment_of,
    find_study,
    optuna_needed,
    read_definition,
)
from imagelet.experiment.tuning.trials import (
    Images,
    Reached,
    begun,
    experiment_with,
    images_of,
    measure,
    seconds_of_an_epoch,
    train_until,
    with_length,
)
from imagelet.progress import Progress
from imagelet.runs.definition import AUTO, Experiment, settled
from imagelet.training.history import EpochFigures
from imagelet.training.loop import EpochEnded

ASIDE = "0.2"  # of the training images: they have no part in the search
MEASURING_SECONDS, MEASURING_SHARE = 3.0, 0.03  # how long the first steps are timed
RUNGS = 2  # at which trials are compared before their last epoch
MOST_MINUTES = 100_000


@dataclass(frozen=True)
class Began:
    """The search begins, or is resumed.

    Attributes:
        folder: the study's.
        definition: what is searched.
        images: of the search.
        seconds_of_an_epoch: of the start, as measured here.
        resumed_trials: how many there are already.
        notes: a sentence each on what the images are.
    """

    folder: Path
    definition: Definition
    images: Images
    seconds_of_an_epoch: float
    resumed_trials: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TrialEnded:
    """A trial of the search ended.

    Attributes:
        number: counted from 0.
        settings: what differs from the start; empty for the start.
        epochs: how many it was trained.
        validation: its highest validation accuracy; None where not an epoch was finished.
        state: ``complete`` or ``pruned``.
        seconds_left: of the budget.
    """

    number: int
    settings: dict[str, Any]
    epochs: int
    validation: float | None
    state: str
    seconds_left: float


@dataclass(frozen=True)
class FinalEnded:
    """A training of the final ended.

    Attributes:
        number: of the trial whose settings were trained, or ``START``.
        seed: of the training.
        reached: what it reached.
        seconds_left: of the budget.
    """

    number: int
    seed: int
    reached: Reached
    seconds_left: float


Event = Began | TrialEnded | FinalEnded | Tuned


def tune(
    experiment: Experiment,
    *,
    space: str | os.PathLike[str] | None = None,
    minutes: float = 10.0,
    trials: int | None = None,
    name: str | None = None,
    folder: Path | None = None,
    resume: bool = False,
    in_memory: InMemory = "auto",
    allow_import: bool | None = None,
    progress: Progress | None = None,
) -> Iterator[Event]:
    """Search for a better recipe than the experiment's, and yield what happens.

    Trials are compared by validation images alone (successive halving: Jamieson and Talwalkar 2016, Li and
    others 2018), the winner and the start on training images set aside. The test images are not read.

    Args:
        experiment: the start. Where a study is resumed, only its dataset counts.
        space: a file that says what is searched; None: :func:`default_space`.
        minutes: how long this session may take, with reading the data and writing the result.
        trials: how many trials there may be at most; None: as many as there is time for.
        name: the study's; None: made of the dataset.
        folder: where runs live; None: ``paths.runs()``.
        resume: resume a study; other processes may do so at the same time.
        in_memory: as :func:`load_dataset` takes it.
        allow_import: whether code that a network names is imported; None: as IMAGELET_ALLOW_IMPORT says.
        progress: is told (done, total) while data is read.

    Raises:
        ImageletError: Optuna is not installed, a value is not allowed, there is no study to resume.
    """
    started = time.monotonic()
    _check(minutes)
    place = Path(folder or paths.runs()).expanduser()
    experiment = dataclasses.replace(experiment, dataset=findable(experiment.dataset))
    study = find_study(place, experiment.dataset, name) if resume else None
    experiment = experiment_of(study) if study else experiment
    with using_threads(choose_threads(experiment.threads)), interruptible() as interrupted:
        budget = Budget(started, 60 * minutes, interrupted)
        dataset = _open(experiment, in_memory, progress)
        session = _Session(budget, place, dataset, allow_import=allow_import)
        yield session.resume(study) if study else session.begin(experiment, space, name)
        try:
            yield from session.search(trials)
            yield from session.final()
            yield session.end()
        finally:
            session.journal.close()


def _open(experiment: Experiment, in_memory: InMemory, progress: Progress | None) -> Dataset:
    return load_dataset(experiment.dataset, **experiment.reading, in_memory=in_memory, progress=progress)


def _check(minutes: float) -> None:
    """Raise where a search cannot begin.

    Raises:
        SettingError: no number of minutes.
        MissingPackageError: Optuna is not installed.
    """
    if not 0 < minutes <= MOST_MINUTES:
        raise SettingError(
            "--minutes {minutes:g} is not allowed; it is above 0, and at most {most:,}",
            minutes=minutes,
            most=MOST_MINUTES,
        )
    with optuna_needed():
        import optuna  # noqa: F401


class _Session:
    """What one process does for a study: its budget, its images, and the study's journal."""

    journal: Journal
    definition: Definition
    images: Images
    folder: Path
    epoch_seconds: float
    asked: Experiment

    def __init__(self, budget: Budget, place: Path, dataset: Dataset, *, allow_import: bool | None) -> None:
        self.budget = budget
        self.place = place
        self.dataset = dataset
        self.allow_import = allow_import

    def begin(self, asked: Experiment, space: str | os.PathLike[str] | None, name: str | None) -> Began:
        """Make the study: set images aside, measure an epoch, choose how long trainings are."""
        training = self.dataset.train
        notes = tuple(check_signal(training))
        shape, classes = training.shape, len(training.classes)
        read = None if space is None else read_space(Path(space).expanduser(), shape, classes)
        parts = _divide(self.dataset, asked)
        self.images = images_of(self.dataset, parts, asked.validation)
        start = settled(asked, len(self.images.training), shape)
        found = read or default_space(
            start.recipe, shape, len(self.images.training), flips=self.dataset.card.flips
        )
        self.epoch_seconds = self._measure(start, allow_import=True)
        long = lengths(self.budget.left, self.epoch_seconds, start.recipe.epochs)
        self.definition = Definition(start, asked.recipe, found, *long, self.images.fingerprint)
        default_name = f"{self.dataset.card.name}-tuning"
        self.folder = create_study(self.place, name, default_name, self.definition, parts)
        return self._began(notes)

    def resume(self, folder: Path) -> Began:
        """Resume a study."""
        shape, classes = self.dataset.train.shape, len(self.dataset.train.classes)
        self.folder, self.definition = folder, read_definition(folder, shape, classes)
        parts = (Split.load(folder / SPLIT), Split.load(folder / SET_ASIDE))
        self.images = images_of(self.dataset, parts, self.definition.experiment.validation)
        self.epoch_seconds = self._measure(self.definition.experiment, allow_import=self.allow_import)
        return self._began(())

    def _measure(self, start: Experiment, *, allow_import: bool | None) -> float:
        seconds = min(MEASURING_SECONDS, MEASURING_SHARE * self.budget.seconds)
        return seconds_of_an_epoch(start, self.images, seconds, allow_import=allow_import)

    def _began(self, notes: tuple[str, ...]) -> Began:
        self.first_rung = max(1, round(self.definition.search_epochs / REDUCTION**RUNGS))
        self.journal = Journal(self.folder, self.definition, self.first_rung)
        before = 0 if self.journal.is_new else len(trials_of(self.journal, self.definition))
        if self.journal.is_new:
            known = self.definition.space.distributions()
            for point in self.definition.space.points:
                self.journal.search.enqueue_trial({key: point[key] for key in point if key in known})
        return Began(self.folder, self.definition, self.images, self.epoch_seconds, before, notes)

    def search(self, most: int | None) -> Iterator[TrialEnded]:
        """Train trials until the final's time begins, and yield each."""
        training = self.epoch_seconds * self.definition.final_epochs
        end = self.budget.end - seconds_of_final(self.budget.left, training)
        distributions = self.definition.space.distributions()
        if not distributions:  # test-time augmentation alone: it needs no trials
            return
        if self.journal.is_new:
            yield from self._trial({}, end)
        while not self._ends(end) and (most is None or self._count() < most):
            yield from self._trial(distributions, end)

    def _count(self) -> int:
        """Return how many trials have begun, those of other processes too, without the start's."""
        return sum(bool(trial.settings) for trial in trials_of(self.journal, self.definition))

    def _ends(self, end: float) -> bool:
        return self.budget.is_over() or time.monotonic() >= end

    def _trial(self, distributions: dict[str, Any], end: float) -> Iterator[TrialEnded]:
        """Train one trial, note its accuracy after each epoch, and end it where others were better."""
        from optuna.trial import TrialState

        trial = self.journal.search.ask(distributions)
        is_start = not distributions
        experiment = self._shortened(trial.params, self.definition.search_epochs)
        setup, state = begun(experiment, self.images, allow_import=self.allow_import or is_start)
        history: list[float] = []
        pruned = False
        for event in train_until(setup, state, lambda: self._ends(end)):
            if isinstance(event, EpochEnded):
                history.append(_accuracy(event.figures))
                trial.report(history[-1], len(history))
                pruned = trial.should_prune() and not is_start and len(history) < setup.recipe.epochs
                if pruned:
                    break
        complete = len(history) == setup.recipe.epochs
        if complete:
            self.journal.search.tell(trial, max(history))
        elif not history and self._ends(end):
            self.journal.search.tell(trial, state=TrialState.FAIL)
            return
        else:
            if not pruned and not self._ends(end):  # the loss was not finite
                trial.report(0.0, len(history) + 1)
            self.journal.search.tell(trial, state=TrialState.PRUNED)
        number, best = trial.number, max(history, default=None)
        kind = "complete" if complete else "pruned"
        yield TrialEnded(number, dict(trial.params), len(history), best, kind, self.budget.left)

    def _shortened(self, settings: dict[str, Any], epochs: int) -> Experiment:
        start = self.definition.experiment
        experiment = experiment_with(start, settings, self.images)
        recipe = with_length(experiment.recipe, start.recipe, epochs)
        return dataclasses.replace(experiment, recipe=recipe)

    def final(self) -> Iterator[FinalEnded]:
        """Train the best trials and the start with several seeds, as many as there is time for."""
        training = self.epoch_seconds * self.definition.final_epochs
        candidates, seeds = candidates_and_seeds(self.budget.left, training)
        trials = ranked(trials_of(self.journal, self.definition))[:candidates]
        chosen: dict[int, dict[str, Any]] = {START: {}, **{one.number: dict(one.settings) for one in trials}}
        for seed in range(1, seeds + 1):
            for number, settings in chosen.items():
                if self.budget.is_over() or (seed > 1 and CERTAIN * training > self.budget.left):
                    return
                yield from self._final_training(number, settings, self.definition.experiment.seed + seed)

    def _final_training(self, number: int, settings: dict[str, Any], seed: int) -> Iterator[FinalEnded]:
        """Train one finalist with one seed, unless another process does or has done so."""
        claimed = self.journal.claim(number, seed)
        if claimed is None:
            return
        claimed.set_user_attr("settings", settings)
        experiment = self._shortened(settings, self.definition.final_epochs)
        experiment = dataclasses.replace(experiment, seed=seed)
        allowed = self.allow_import or number == START
        setup, state = begun(experiment, self.images, allow_import=allowed)
        for _ in train_until(setup, state, self.budget.is_over):
            pass
        if state.epoch < setup.recipe.epochs:
            self.journal.give_up(claimed)
            return
        own = self.definition.experiment.recipe.test_time_augmentation
        kinds = tuple(dict.fromkeys((own, *self.definition.space.views)))
        reached = measure(setup, state, self.images, kinds)
        claimed.set_user_attr("reached", reached.to_json())
        self.journal.final.tell(claimed, max(reached.validation.values()))
        yield FinalEnded(number, seed, reached, self.budget.left)

    def end(self) -> Tuned:
        """Return the result and write it."""
        return conclude(
            self.folder,
            self.definition,
            self.journal,
            aside=len(self.images.aside),
            first_rung=self.first_rung,
            interrupted=self.budget.interrupted(),
        )


def _accuracy(figures: EpochFigures) -> float:
    """Return the validation accuracy of an epoch by which its training chooses the best."""
    chosen = figures.val_accuracy if figures.val_balanced_accuracy is None else figures.val_balanced_accuracy
    return 0.0 if chosen is None else float(chosen)


def _divide(dataset: Dataset, experiment: Experiment) -> tuple[Split, Split]:
    """Return the split to learn and choose by, and that of these together and the images set aside."""
    outer = split(dataset.train, ASIDE, experiment.seed, experiment.limit)
    how = experiment.validation
    if how == AUTO:
        how = "0" if "validation" in dataset.parts else "0.2"
    inner = split(dataset.train.take(outer.train), how, experiment.seed)
    chosen = dataclasses.replace(
        inner,
        train=np.sort(outer.train[inner.train]),
        validation=np.sort(outer.train[inner.validation]),
        data_sha256=outer.data_sha256,
    )
    return chosen, outer


def tune_to_end(experiment: Experiment, **rest: Any) -> Tuned:
    """Search as :func:`tune` does, and return the result."""
    *_, last = tune(experiment, **rest)
    assert isinstance(last, Tuned)
    return last
