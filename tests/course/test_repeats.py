"""The course's table of several seeds."""

import json
import statistics
from pathlib import Path

import pytest

from imagelet.course.lessons import Training, lessons
from imagelet.course.repeats import RepeatedResult, repeated_result, rows, write_repeated
from imagelet.course.results import Reached, Result
from imagelet.metrics.classification import wilson_interval


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
    (line,) = rows(made("cnn-3", *accuracies))
    assert line[:4] == ("cnn-3", "test 99.10 %", "99.20 %", f"{100 * statistics.stdev(accuracies):.2f} %")
    assert line[5:] == ("3", "11.0")
    first, second = rows(made("mlp-512", 0.92, 0.93))
    assert second[:2] == ("", "validation 91.83 %")
    assert second[5:] == ("", "")
    assert first[2] == "92.50 %"


def test_one_seed_has_no_spread() -> None:
    (line,) = rows(made("cnn-3", 0.99))
    assert line[2:] == ("–", "–", "–", "1", "10.0")
    told = made("cnn-3", 0.99).to_json()
    assert (told["mean"], told["deviation"], told["interval"]) == (None, None, None)
    assert [each["reached"] for each in told["seeds"]] == [0.99, None]


def test_the_files_have_the_seeds_in_their_names(tmp_path: Path) -> None:
    results = [made("cnn-3", 0.98, 0.99), made("softmax")]
    table = write_repeated(results, tmp_path, 3)
    assert table == tmp_path / "README-3-seeds.md"
    assert "| cnn-3 | test 99.10 % | 98.50 % |" in table.read_text("utf-8")
    content = json.loads((tmp_path / "results-3-seeds.json").read_text())["experiments"]
    assert [each["mean"] for each in content] == [pytest.approx(0.985), None]
    assert write_repeated(results, tmp_path, 3, first=7).name == "README-3-seeds-from-7.md"


def test_seeds_begin_with_the_trainings_own(tmp_path: Path) -> None:
    lesson = lessons.get("softmax")
    assert isinstance(lesson, Training)
    assert [each.seed for each in repeated_result(lesson, 3, tmp_path).results] == [0, 1, 2]
    assert [each.seed for each in repeated_result(lesson, 2, tmp_path, 5).results] == [5, 6]
