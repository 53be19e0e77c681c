"""The files of a run's folder, read with suspicion: a run may be damaged, or come from a stranger.

Size, nesting, types and ranges of each file are checked before anything else sees its content. What fails is
a :class:`imagelet.errors.RunError` that names the file and the field.
"""

import dataclasses
import json
import re
import stat
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from imagelet import atomic_files
from imagelet.errors import RunError
from imagelet.messages import Message
from imagelet.runs.definition import (
    Checked,
    Count,
    ExperimentFields,
    Finite,
    Fraction,
    Positive,
    Shape,
    Text,
    Threads,
    problem_of,
)
from imagelet.training.history import EpochFigures

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
FractionPair = Annotated[list[Fraction], Field(min_length=2, max_length=2)]

LARGEST = {  # bytes
    "experiment.toml": 512 * 1024,  # thousands of class names
    "environment.json": 64 * 1024,
    "metrics.json": 16 * 1024**2,  # the confusion matrix of a thousand classes
    "history.jsonl": 32 * 1024**2,  # 100,000 epochs
    "test_evaluations.jsonl": 4 * 1024**2,
    "seeds.json": 4 * 1024**2,
    "folds.json": 32 * 1024**2,  # with the label issues of a million images
    "tuning.json": 32 * 1024**2,
}
DEEPEST = 16  # tables and lists within each other
MOST_DOTS = 100  # in a line of TOML outside of strings: each part of a dotted key is a table of its own

TOML_TEXT = re.compile(  # strings and comments, in which dots and brackets mean nothing
    r'"""(?:\\.|[^\\])*?"""' r"|'''.*?'''" r'|"(?:\\.|[^"\\\n])*"' r"|'[^'\n]*'" r"|#[^\n]*", re.DOTALL
)


class _Start(Checked):
    name: Text
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    head: Text
    framing: dict[str, Any]
    learned_from: Annotated[list[Text], Field(max_length=1_000)]
    validation_learned: Count | None = None


class _Own(Checked):
    name: Annotated[str, Field(max_length=1_000)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Resolved(Checked):
    network: Text
    input_shape: Shape
    classes: Annotated[list[Text], Field(min_length=1, max_length=100_000)]
    parameters: Count
    training_images: Positive
    validation_images: Count
    device: Text
    precision: Text
    data_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    start: _Start | None = None
    own: dict[str, _Own] | None = None


class _Experiment(ExperimentFields):
    network: Text
    recipe: dict[str, bool | int | Finite | Text]
    validation: Text | Fraction
    resolved: _Resolved


class _MostFrequent(Checked):
    class_: Annotated[Text, Field(alias="class")]
    accuracy: Fraction


class _Figures(Checked):
    images: Count
    accuracy: Fraction
    interval: FractionPair
    loss: Seconds
    calibration_error: Fraction
    balanced_accuracy: Fraction | None = None  # of a run of an earlier version
    balanced_accuracy_interval: FractionPair | None = None
    macro_f1: Fraction | None = None
    macro_f1_interval: FractionPair | None = None
    distinct_images: Count | None = None
    copies_of_training: Count | None = None
    uneven: bool | None = None
    most_frequent: _MostFrequent | None = None
    classes: list[dict[str, Any]]
    confusion: list[list[Count]]

    @model_validator(mode="after")
    def _is_square(self) -> "_Figures":
        if {len(self.classes), *map(len, self.confusion)} != {len(self.confusion)}:
            raise ValueError("the confusion matrix is not square")
        return self


class _SecondsOfRun(Checked):
    data: Seconds
    training: Seconds
    total: Seconds


class _Change(Checked):
    epoch: Count
    step: Count
    change: Annotated[str, Field(max_length=1_000)]


class _Metrics(Checked):
    parameters: Count
    epochs: Count
    best_epoch: Count
    images_per_second: Seconds
    validation: _Figures | None = None
    test: _Figures | None = None
    manual_changes: list[_Change] | None = None
    seconds: _SecondsOfRun


class _Environment(Checked):
    python: Text = ""
    versions: dict[str, Text] | None = None
    system: Text = ""
    processor: Text = ""
    threads: Threads | None = None
    cuda_devices: list[Text] | None = None
    commit: Text | None = None
    processes: Threads | None = None
    launch: Text = ""


class _Epoch(Checked):
    epoch: Positive
    loss: float
    accuracy: Fraction
    val_loss: float | None
    val_accuracy: Fraction | None
    learning_rate: float
    val_balanced_accuracy: Fraction | None = None


class _TestEvaluation(Checked):
    when: Annotated[str, Field(max_length=100)]
    accuracy: Fraction
    images: Count
    data_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


class _Seed(Checked):
    seed: Count


class _Fold(Checked):
    fold: Positive


class _Series(Checked):
    experiment: dict[str, Any]
    seeds: Annotated[list[_Seed], Field(max_length=100_000)] | None = None
    folds: Annotated[list[_Fold], Field(max_length=100_000)] | None = None
    accuracy: Fraction | None = None
    interval: FractionPair | None = None


class _Trial(Checked):
    number: Count
    settings: dict[str, bool | int | Finite | Text]
    epochs: Count
    validation: Fraction | None
    state: Text


class _Standing(Checked):
    trial: Count | None
    settings: dict[str, bool | int | Finite | Text]
    seeds: Positive
    validation: Fraction
    aside: Fraction


class _Best(Checked):
    network: Text
    validation: Fraction | None


class _Study(Checked):
    dataset: Text
    trials: Annotated[list[_Trial], Field(max_length=1_000_000)]
    finalists: list[_Standing]
    best: _Best
    start: _Standing | None
    difference: Finite | None
    interval: Annotated[list[Finite], Field(min_length=2, max_length=2)] | None
    images: Count | None
    verdict: Literal["better", "perhaps better", "not better"] | None


def read_experiment(folder: Path) -> dict[str, Any]:
    """Return the checked content of ``experiment.toml``."""
    return _read(folder / "experiment.toml", _loaded_toml, _Experiment)


def read_metrics(folder: Path) -> dict[str, Any]:
    """Return the checked content of ``metrics.json``; empty where the run is not finished."""
    return _read_if_there(folder / "metrics.json", _Metrics)


def read_environment(folder: Path) -> dict[str, Any]:
    """Return the checked content of ``environment.json``; empty where there is none."""
    return _read_if_there(folder / "environment.json", _Environment)


def read_series(file: Path) -> dict[str, Any]:
    """Return the checked content of ``seeds.json`` or ``folds.json``."""
    return _read(file, json.loads, _Series)


def read_study(folder: Path) -> dict[str, Any]:
    """Return the checked content of ``tuning.json``, a search's result; empty where it has none yet."""
    return _read_if_there(folder / "tuning.json", _Study)


def read_test_evaluations(folder: Path) -> list[dict[str, Any]]:
    """Return the evaluations on the test images, the oldest first."""
    return _read_lines(folder / "test_evaluations.jsonl", _TestEvaluation)


def read_history(folder: Path) -> list[EpochFigures]:
    """Return the figures of the epochs that are done."""
    names = [field.name for field in dataclasses.fields(EpochFigures)]
    rows = _read_lines(folder / "history.jsonl", _Epoch)
    return [EpochFigures(**{name: row[name] for name in names if name in row}) for row in rows]


def write_history(folder: Path, history: Sequence[EpochFigures]) -> None:
    """Replace ``history.jsonl`` by one line for each epoch, a JSON object."""
    lines = [json.dumps(figures.to_json()) + "\n" for figures in history]
    atomic_files.write_text(folder / "history.jsonl", "".join(lines))


def _read_if_there(path: Path, form: type[BaseModel]) -> dict[str, Any]:
    return _read(path, json.loads, form) if path.exists() or path.is_symlink() else {}


def _read(path: Path, load: Callable[[str], Any], form: type[BaseModel]) -> dict[str, Any]:
    content: dict[str, Any] = _checked(path, _loaded(path, load), form)
    return content


def _read_lines(path: Path, form: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the JSON objects of a file, one a line; of an absent file none."""
    if not path.exists() and not path.is_symlink():
        return []
    lines = _loaded(path, lambda text: [json.loads(line) for line in text.splitlines()])
    content: list[dict[str, Any]] = _checked(path, lines, list[form])  # type: ignore[valid-type]
    return content


def _loaded(path: Path, load: Callable[[str], Any]) -> Any:
    """Return the content of a file that is not too large and not too deep."""
    most = LARGEST[path.name]
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _damaged(path, Message("it is not a file"))
        with path.open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise _damaged(path, Message("it has more than {most:,} bytes", most=most))
        return load(content.decode())
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    except RecursionError as error:
        raise _damaged(path, Message("it is nested too deeply")) from error


def _loaded_toml(text: str) -> dict[str, Any]:
    """Return the content of a TOML document whose shape cannot make reading it slow."""
    bare = TOML_TEXT.sub("", text)
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", bare):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            raise RecursionError
    if any(line.count(".") > MOST_DOTS for line in bare.splitlines()):
        raise RecursionError
    return tomllib.loads(text)


def _checked(path: Path, content: Any, form: Any) -> Any:
    """Return ``content`` as it is, after a look at its types and ranges, its nesting and its letters."""
    try:
        TypeAdapter(form).validate_python(content)
    except ValidationError as error:
        raise _damaged(path, problem_of(error)) from error
    _check_nesting(path, content)
    return content


def _check_nesting(path: Path, content: Any) -> None:
    level = [content]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.keys()
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str) and not value.isascii():
                _check_letters(path, value)
        level = below
    if level:
        raise _damaged(path, Message("it is nested too deeply"))


def _check_letters(path: Path, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _damaged(path, Message("a text of it is not Unicode")) from error


def _damaged(path: Path, problem: str) -> RunError:
    return RunError(
        "the run '{name}' is damaged: {problem}",
        name=path.parent.name,
        problem=Message("{file}: {problem}", file=path.name, problem=problem),
    )
