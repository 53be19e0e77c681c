"""The course's table, as it is written for people and for programs."""

import json
import statistics
from pathlib import Path

import pytest

from imagelet.course.lessons import Printed, Training, lessons, trainings
from imagelet.course.results import (
    Reached,
    RepeatedResult,
    Result,
    course_folder,
    experiment_of,
    repeated_result,
    repeated_rows,
    result_of,
    rows,
    run_experiment,
    summary,
    write_repeated,
    write_results,
)
from imagelet.errors import RunError, SettingError
from imagelet.experiment.finalize import Finished
from imagelet.experiment.runner import run_experiment as carry_out_anything
from imagelet.metrics.classification import wilson_interval
from imagelet.runs.definition import Computing
from imagelet.runs.store import find_run_of
from imagelet.training.loop import EpochEnded


@pytest.fixture
def results() -> list[Result]:
    """What all trainings came to: `cnn-3` and `mlp-512` are done."""
    made = [Result(each, each.seed) for each in trainings()]
    for name, accuracies in (("cnn-3", (0.99,)), ("mlp-512", (0.92, 0.91))):
        lesson = lessons.get(name)
        assert isinstance(lesson, Training)
        reached = tuple(
            Reached(printed, accuracy, wilson_interval(round(1000 * accuracy), 1000), 1000)
            for printed, accuracy in zip(lesson.printed, accuracies, strict=True)
        )
        place = trainings().index(lesson)
        made[place] = Result(lesson, 0, Path("runs/course") / name, reached, 12.34)
    return made


def test_the_table_has_a_line_for_each_figure_that_the_notes_print(results: list[Result]) -> None:
    (line,) = rows(results[4])
    low, high = wilson_interval(990, 1000)
    interval = f"{100 * low:.2f} to {100 * high:.2f}"
    teaches = results[4].lesson.teaches
    assert line == ("cnn-3", teaches, "356,234", "test 99.10 %", "99.00 %", interval, "1,000", "12.3")
    first, second = rows(results[1])
    assert (first[3], first[4]) == ("test 92.24 %", "92.00 %")
    assert (second[0], second[3], second[4]) == ("", "validation 91.83 %", "91.00 %")
    (nothing,) = rows(results[0])
    assert nothing[3:] == ("test about 92 %", "–", "–", "–", "–")


def test_the_files_hold_the_table_and_the_summary(results: list[Result], tmp_path: Path) -> None:
    table = write_results(results, tmp_path)
    assert table == tmp_path / "README.md"
    text = table.read_text("utf-8")
    assert "| cnn-3 |" in text
    assert "| convolutional network (`cnn-3`) | about 99 % | 99.00 % |" in text
    assert "| softmax regression (`softmax`) | about 92 % | – |" in text
    content = json.loads((tmp_path / "results.json").read_text())
    found = {each["id"]: each for each in content["experiments"]}
    assert list(found) == [each.name for each in trainings()]
    assert found["cnn-3"]["reached"] == 0.99
    assert [each["reached"] for each in found["mlp-512"]["figures"]] == [0.92, 0.91]
    assert found["softmax"]["reached"] is None
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", "results.json"}


def test_another_seed_has_files_of_its_own(results: list[Result], tmp_path: Path) -> None:
    write_results(results, tmp_path)
    assert write_results(results, tmp_path, seed=3) == tmp_path / "README-seed-3.md"
    assert (tmp_path / "results-seed-3.json").exists()
    assert (tmp_path / "results.json").exists()


def test_the_summary_is_the_notes_own(results: list[Result]) -> None:
    assert [(each["id"], each["printed"], each["reached"]) for each in summary(results)] == [
        ("softmax", 0.92, None),
        ("mlp-1024", 0.98, None),
        ("cnn-3", 0.99, 0.99),
    ]


def test_an_exercise_with_a_figure_counts_its_networks_parameters() -> None:
    lesson = lessons.get("own-digits")
    result = Result(lesson, 1234, reached=(Reached(lesson.printed[0], 0.5, wilson_interval(5, 10), 10),))
    assert lesson.printed == (Printed("own pictures", 26 / 30),)
    (line,) = rows(result)
    assert line[2] == "5,259,594"
    assert line[3] == "own pictures 86.67 %"


# -- several seeds -------------------------------------------------------------------------------------------


def made(name: str, *accuracies: float) -> RepeatedResult:
    """Return a training with such test accuracies; one more seed was not carried out."""
    lesson = lessons.get(name)
    assert isinstance(lesson, Training)
    results = [
        Result(
            lesson,
            seed,
            Path("runs") / str(seed),
            tuple(
                Reached(printed, accuracy, wilson_interval(round(1000 * accuracy), 1000), 1000)
                for printed in lesson.printed
            ),
            seconds=10.0 + seed,
        )
        for seed, accuracy in enumerate(accuracies)
    ]
    return RepeatedResult(lesson, (*results, Result(lesson, len(results))))


def test_a_line_has_the_mean_of_the_seeds_that_were_carried_out() -> None:
    accuracies = (0.990, 0.992, 0.994)
    (line,) = repeated_rows(made("cnn-3", *accuracies))
    assert line[:4] == ("cnn-3", "test 99.10 %", "99.20 %", f"{100 * statistics.stdev(accuracies):.2f} %")
    assert line[5:] == ("3", "11.0")
    first, second = repeated_rows(made("mlp-512", 0.92, 0.93))
    assert second[:2] == ("", "validation 91.83 %")
    assert second[5:] == ("", "")
    assert first[2] == "92.50 %"


def test_one_seed_has_no_spread() -> None:
    (line,) = repeated_rows(made("cnn-3", 0.99))
    assert line[2:] == ("–", "–", "–", "1", "10.0")
    told = made("cnn-3", 0.99).to_json()
    assert (told["mean"], told["standard_deviation"], told["interval"]) == (None, None, None)
    assert [each["reached"] for each in told["seeds"]] == [0.99, None]


def test_the_files_have_the_seeds_in_their_names(tmp_path: Path) -> None:
    results = [made("cnn-3", 0.98, 0.99), made("softmax")]
    table = write_repeated(results, tmp_path, 3)
    assert table == tmp_path / "README-3-seeds.md"
    assert "| cnn-3 | test 99.10 % | 98.50 % |" in table.read_text("utf-8")
    content = json.loads((tmp_path / "results-3-seeds.json").read_text())["experiments"]
    assert [each["mean"] for each in content] == [pytest.approx(0.985), None]
    assert write_repeated(results, tmp_path, 3, first=7).name == "README-3-seeds-from-7.md"


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


@pytest.mark.usefixtures("every_epoch_saved")
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
    assert [path.parent.name for path in place.glob("*/experiment.toml")] == ["softmax"]
    *_, whole = run_experiment(softmax, experiment, place / "whole")
    assert isinstance(last, Finished)
    assert isinstance(whole, Finished)
    assert last.run.classifier_file.read_bytes() == whole.run.classifier_file.read_bytes()


@pytest.mark.parametrize(
    "other",
    [{"seed": 5}, {"computing": Computing(precision="fp32")}],
    ids=["another seed", "another precision"],
)
def test_another_experiment_is_another_run(softmax: Training, place: Path, other: dict[str, object]) -> None:
    list(run_experiment(softmax, experiment_of(softmax), place))
    experiment = experiment_of(softmax, **other)  # type: ignore[arg-type]
    assert find_run_of(experiment, place) is None
    list(run_experiment(softmax, experiment, place))
    expected = "softmax-seed-5" if experiment.seed else "softmax-2"
    assert {path.parent.name for path in place.glob("*/experiment.toml")} == {"softmax", expected}


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
