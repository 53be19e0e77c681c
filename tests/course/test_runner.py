"""Trainings of the course as run folders: begun once, found again, gone on with."""

from pathlib import Path

import pytest

from imagelet.course.lessons import Training, lessons
from imagelet.course.results import result_of
from imagelet.course.runner import course_folder, experiment_of, repeated_result, run_experiment
from imagelet.errors import RunError, SettingError
from imagelet.experiment.finalize import Finished
from imagelet.experiment.runner import run_experiment as carry_out_anything
from imagelet.metrics.classification import wilson_interval
from imagelet.runs.store import find_run_of
from imagelet.training.loop import EpochEnded


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder of the course; not there yet."""
    return tmp_path / "course"


@pytest.fixture
def softmax(small_data: Path) -> Training:
    lesson = lessons.get("softmax")
    assert isinstance(lesson, Training)
    return lesson


def test_a_training_looks_at_the_test_images_once_and_is_found_again(softmax: Training, place: Path) -> None:
    experiment = experiment_of(softmax)
    assert find_run_of(experiment, place) is None
    *_, last = run_experiment(softmax, experiment, place)
    assert isinstance(last, Finished)
    assert last.run.folder == place / "softmax"
    assert len(last.run.test_evaluations) == 1
    found = find_run_of(experiment, place)
    assert found == last.run
    with pytest.raises(RunError, match="finished"):
        next(run_experiment(softmax, experiment, place))


def test_an_interrupted_training_goes_on(softmax: Training, place: Path) -> None:
    experiment = experiment_of(softmax)
    for event in run_experiment(softmax, experiment, place):
        if isinstance(event, EpochEnded) and event.figures.epoch == 2:
            break
    begun = find_run_of(experiment, place)
    assert begun is not None
    assert not begun.finished
    started, *_, last = run_experiment(softmax, experiment, place)
    assert started.resumed_at == (2, 0)  # type: ignore[union-attr]
    assert [run.name for run in place.iterdir()] == ["softmax"]
    *_, whole = run_experiment(softmax, experiment, place / "whole")
    assert isinstance(last, Finished)
    assert isinstance(whole, Finished)
    assert last.run.classifier_file.read_bytes() == whole.run.classifier_file.read_bytes()


@pytest.mark.parametrize(
    "other", [{"seed": 5}, {"precision": "fp32", "seed": None}], ids=["another seed", "another precision"]
)
def test_another_experiment_is_another_run(softmax: Training, place: Path, other: dict[str, object]) -> None:
    list(run_experiment(softmax, experiment_of(softmax), place))
    experiment = experiment_of(softmax, **other)  # type: ignore[arg-type]
    assert find_run_of(experiment, place) is None
    list(run_experiment(softmax, experiment, place))
    expected = "softmax-seed-5" if experiment.seed else "softmax-2"
    assert {path.name for path in place.iterdir()} == {"softmax", expected}


def test_a_finished_run_is_preferred_to_one_begun_later(softmax: Training, place: Path) -> None:
    experiment = experiment_of(softmax)
    *_, last = run_experiment(softmax, experiment, place)
    assert isinstance(last, Finished)
    next(carry_out_anything(experiment, folder=place))
    assert find_run_of(experiment, place) == last.run


def test_folders_of_somebody_else_are_passed_over(softmax: Training, place: Path) -> None:
    for name, text in (("softmax", "nothing"), ("other", 'dataset = "mnist"\nsurprise = 1\n')):
        (place / name).mkdir(parents=True)
        (place / name / "experiment.toml").write_text(text)
    assert find_run_of(experiment_of(softmax), place) is None
    *_, last = run_experiment(softmax, experiment_of(softmax), place)
    assert isinstance(last, Finished)
    assert last.run.name == "softmax-2"


def test_the_course_lies_among_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGELET_RUNS", str(tmp_path))
    assert course_folder() == tmp_path / "course"
    assert course_folder(Path("elsewhere")) == Path("elsewhere/course")


@pytest.mark.parametrize("wrong", [{"seed": -1}])
def test_a_wrong_setting_is_refused_before_anything_happens(softmax: Training, wrong: dict[str, int]) -> None:
    with pytest.raises(SettingError, match="seed"):
        experiment_of(softmax, **wrong)


def test_a_validation_figure_is_that_of_the_last_epoch(small_data: Path, place: Path) -> None:
    lesson = lessons.get("mlp-512")
    assert isinstance(lesson, Training)
    *_, last = run_experiment(lesson, experiment_of(lesson), place)
    assert isinstance(last, Finished)
    test, validation = result_of(lesson, 0, last.run).reached
    assert (test.images, test.accuracy) == (100, last.metrics["test"]["accuracy"])
    assert validation.images == 60
    assert validation.accuracy == last.run.history[-1].val_accuracy
    assert validation.interval == wilson_interval(round(60 * validation.accuracy), 60)


def test_seeds_begin_with_the_trainings_own(tmp_path: Path) -> None:
    lesson = lessons.get("softmax")
    assert isinstance(lesson, Training)
    assert [each.seed for each in repeated_result(lesson, 3, tmp_path).results] == [0, 1, 2]
    assert [each.seed for each in repeated_result(lesson, 2, tmp_path, 5).results] == [5, 6]
