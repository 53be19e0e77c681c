"""The study of a search on the disk: its definition, and the journal in which several processes note trials.

A study is a folder beside the runs::

    study.toml         what is searched: experiment, space, how long trainings are
    split.json         the images to learn from, and those that choose
    set-aside.json     the same together, and those that have no part in the search
    journal.log        Optuna's journal: a line of JSON for each thing that happened to a trial

Optuna keeps no snapshot of a journal that is a file; nothing here is read as pickle.
"""

import contextlib
import secrets
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w
from pydantic import Field, ValidationError

from imagelet import atomic_files
from imagelet.data.splits import Split
from imagelet.errors import ImageletError, MissingPackageError, RunError, UsageError
from imagelet.experiment.tuning.space import Space, space_of
from imagelet.runs.definition import Checked, Experiment, problem_of
from imagelet.runs.store import STUDY_FILE, create_run
from imagelet.training.recipe import Recipe, recipe_from_json, recipe_to_json
from imagelet.training.recipe_file import read_toml

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna.storages import JournalStorage

JOURNAL, SPLIT, SET_ASIDE = "journal.log", "split.json", "set-aside.json"
CLAIMING_LOCK = ".claiming.lock"  # held while a process notes what it alone does
WORKER_LOCK = ".worker-{name}.lock"  # a process holds it while it works on the study
FORMAT = 1
SEARCH, FINAL = "search", "final"  # the two parts of the journal
PROCESSES = "processes"  # how many have worked on the study so far
SECONDS_OF_A_LOCK = 20  # after which the journal's lock is that of a killed process
REDUCTION = 3  # one trial in so many goes on at each rung
FIRST_TRIALS = 8  # drawn at random, before the results of others lead


@dataclass(frozen=True)
class Definition:
    """What a study searches; it never changes.

    Attributes:
        experiment: the start, with a number in place of every ``auto`` of its recipe.
        asked: the start's recipe as it was asked for.
        space: what is searched.
        search_epochs: of a trial, where the start's number of epochs is not varied.
        final_epochs: of a training of the final.
        data_sha256: the fingerprint of the training images.
    """

    experiment: Experiment
    asked: Recipe
    space: Space
    search_epochs: int
    final_epochs: int
    data_sha256: str

    def to_toml(self) -> dict[str, Any]:
        """Return the content of ``study.toml``."""
        return {
            "format": FORMAT,
            "search_epochs": self.search_epochs,
            "final_epochs": self.final_epochs,
            "data_sha256": self.data_sha256,
            "experiment": self.experiment.to_toml(),
            "asked": recipe_to_json(self.asked),
            "space": self.space.to_toml(),
            "points": list(self.space.points),
        }


class _Fields(Checked):
    """The fields of ``study.toml`` with their types."""

    search_epochs: int = Field(ge=1, le=100_000)
    final_epochs: int = Field(ge=1, le=100_000)
    data_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    experiment: dict[str, Any]
    asked: dict[str, Any]
    space: dict[str, Any]
    points: list[dict[str, Any]]


def create_study(
    folder: Path, name: str | None, default_name: str, definition: Definition, parts: tuple[Split, Split]
) -> Path:
    """Make the folder of a new study, and return it.

    Args:
        folder: where runs live.
        name: the study's, if a person chose one.
        default_name: where none was chosen; numbered where it is taken.
        definition: what is searched.
        parts: the split to learn and choose by, and that of the images set aside.
    """

    def write(place: Path) -> None:
        parts[0].save(place / SPLIT)
        parts[1].save(place / SET_ASIDE)
        atomic_files.write_text(place / STUDY_FILE, tomli_w.dumps(definition.to_toml()))

    return create_run(folder, name, default_name, write).folder


def find_study(folder: Path, dataset: str, name: str | None) -> Path:
    """Return the folder of the newest study of a dataset, or of the one with that name.

    Args:
        folder: where runs live.
        dataset: as the experiment names it.
        name: the study's, if a person chose one.

    Raises:
        RunError: there is none.
    """
    places = [folder / name] if name else [path.parent for path in folder.glob(f"*/{STUDY_FILE}")]
    places = [place for place in places if (place / STUDY_FILE).is_file()]
    places.sort(key=lambda place: (place / STUDY_FILE).stat().st_mtime, reverse=True)
    for place in places:
        content = read_toml(place / STUDY_FILE).get("experiment")
        if isinstance(content, dict) and content.get("dataset") == dataset:
            return place
    raise RunError(
        "there is no study of '{dataset}' in {folder} to resume"
        if name is None
        else "there is no study '{name}' of '{dataset}' in {folder} to resume",
        hint="begin one: leave --resume out",
        dataset=dataset,
        folder=folder,
        name=name,
    )


def read_definition(folder: Path, shape: tuple[int, int, int], classes: int) -> Definition:
    """Return what ``study.toml`` holds.

    Raises:
        RunError: it is damaged.
    """
    path = folder / STUDY_FILE
    with _sound(path):
        fields = _Fields.model_validate(read_toml(path))
        space = space_of(path, fields.space, shape, classes)
        space = Space(space.fields, space.networks, tuple(fields.points))
        experiment, asked = Experiment.from_toml(fields.experiment), recipe_from_json(fields.asked)
    numbers = (fields.search_epochs, fields.final_epochs, fields.data_sha256)
    return Definition(experiment, asked, space, *numbers)


def experiment_of(folder: Path) -> Experiment:
    """Return the start of a study.

    Raises:
        RunError: ``study.toml`` is damaged.
    """
    path = folder / STUDY_FILE
    with _sound(path):
        return Experiment.from_toml(_Fields.model_validate(read_toml(path)).experiment)


@contextlib.contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Say in one sentence what is wrong with a study's definition."""
    try:
        yield
    except (ValidationError, ImageletError) as error:
        problem = problem_of(error) if isinstance(error, ValidationError) else error.message
        raise RunError("the study '{file}' is damaged: {problem}", file=path, problem=problem) from error


@contextlib.contextmanager
def optuna_needed() -> Iterator[None]:
    """Let a missing Optuna be one sentence with what to type.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "optuna":
            raise
        raise MissingPackageError(
            "the search needs the package {package}, which is not installed",
            hint="pip install 'imagelet[tune]'",
            package="optuna",
        ) from error


class Journal:
    """A study's journal, as this process reads and writes it.

    Attributes:
        search: the trials.
        final: the trainings of the final: each is claimed by one process, then told.
    """

    def __init__(self, folder: Path, definition: Definition, first_rung: int) -> None:
        import filelock

        with optuna_needed():
            import optuna

        self._folder = folder
        self._worker = secrets.token_hex(8)
        self._lock = filelock.FileLock(self._lock_file(self._worker))
        self._lock.acquire()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with _whole(folder), filelock.FileLock(folder / CLAIMING_LOCK):
            storage = _open(folder / JOURNAL)
            known = {study.study_name: study for study in _studies(storage)}
            self.is_new = SEARCH not in known
            before = 0 if self.is_new else known[SEARCH].user_attrs.get(PROCESSES, 1)
            seed = definition.experiment.seed + 1000 * before  # each process draws other trials
            self.search = _study(storage, SEARCH, first_rung, seed)
            self.search.set_user_attr(PROCESSES, before + 1)
            self.final = _study(storage, FINAL, first_rung, seed)

    def close(self) -> None:
        """Let other processes know that this one works no more."""
        self._lock.release()
        self._lock_file(self._worker).unlink(missing_ok=True)

    def claim(self, number: int, seed: int) -> Any:
        """Return a trial of the final for a training, which is this process's alone; None: it is another's.

        Args:
            number: of the trial whose settings are trained.
            seed: of the training.
        """
        import filelock

        with filelock.FileLock(self._folder / CLAIMING_LOCK):
            if self._is_taken(number, seed):
                return None
            mine = self.final.ask()
            for key, value in (("candidate", number), ("worker", self._worker), ("seed", seed)):
                mine.set_user_attr(key, value)
        return mine

    def give_up(self, claimed: Any) -> None:
        """Give a training back that was not finished."""
        from optuna.trial import TrialState

        self.final.tell(claimed, state=TrialState.FAIL)

    def finals(self) -> list[tuple[int, int, dict[str, Any], dict[str, Any]]]:
        """Return (candidate, seed, settings, what it reached) of each finished training of the final."""
        from optuna.trial import TrialState

        finished = self.final.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        keys = ("candidate", "seed", "settings", "reached")
        return [tuple(trial.user_attrs[key] for key in keys) for trial in finished]

    def _is_taken(self, number: int, seed: int) -> bool:
        """Say whether a training is finished, or claimed by a process that still runs."""
        from optuna.trial import TrialState

        for trial in self.final.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.COMPLETE)):
            about = trial.user_attrs
            if (about.get("candidate"), about.get("seed")) == (number, seed) and (
                trial.state == TrialState.COMPLETE or self._runs(str(about.get("worker")))
            ):
                return True
        return False

    def _runs(self, worker: str) -> bool:
        """Say whether a process still works on the study: it holds its lock."""
        return worker == self._worker or _is_held(self._lock_file(worker))

    def _lock_file(self, worker: str) -> Path:
        name = "".join(letter for letter in worker if letter.isalnum())
        return self._folder / WORKER_LOCK.format(name=name)


def is_searched(folder: Path) -> bool:
    """Say whether a process works on a study."""
    return any(_is_held(path) for path in folder.glob(WORKER_LOCK.format(name="*")))


def _is_held(path: Path) -> bool:
    """Say whether a process holds a lock's file; that of a killed process is taken away."""
    import filelock

    if not path.is_file():
        return False
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        return True
    lock.release()
    path.unlink(missing_ok=True)
    return False


@contextlib.contextmanager
def _whole(folder: Path) -> Iterator[None]:
    """Say in one sentence that a journal is damaged."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        raise RunError(
            "the journal of the study {folder} is damaged ({error})",
            hint="begin another study: leave --resume out",
            folder=folder,
            error=error,
        ) from error


def _open(path: Path) -> "JournalStorage":
    """Return Optuna's storage in a file; a last line that a killed process left incomplete is taken out."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    lock = JournalFileOpenLock(str(path), grace_period=SECONDS_OF_A_LOCK)
    backend = JournalFileBackend(str(path), lock_obj=lock)
    lock.acquire()
    try:
        with path.open("r+b") as file:
            content = file.read()
            if not content.endswith(b"\n"):
                file.truncate(content.rfind(b"\n") + 1)
    finally:
        lock.release()
    return JournalStorage(backend)


def _studies(storage: "JournalStorage") -> "list[Any]":
    from optuna import get_all_study_names, load_study

    return [load_study(study_name=name, storage=storage) for name in get_all_study_names(storage)]


def _study(storage: "JournalStorage", name: str, first_rung: int, seed: int) -> "OptunaStudy":
    """Return a part of the journal, made where it is not there yet."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=FIRST_TRIALS, constant_liar=True)
        pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=first_rung, reduction_factor=REDUCTION)
        return optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize",
            sampler=sampler,
            pruner=pruner,
            load_if_exists=True,
        )


def check_resumed(given: dict[str, Any]) -> None:
    """Raise where a resumed study is asked for something that it has decided.

    Args:
        given: options by their names, with their values; false ones were not given.
    """
    for option, value in given.items():
        if value:
            raise UsageError(
                "--resume keeps the study's own settings, so {option} cannot be changed",
                hint="leave it out, or begin another study: leave --resume out",
                option=option,
            )
