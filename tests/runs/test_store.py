"""Run folders: made, found, counted, locked; never overwritten."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagelet import paths
from imagelet.errors import RunError, UsageError
from imagelet.runs.run import Run
from imagelet.runs.store import (
    create_run,
    find_classifier,
    find_run,
    list_runs,
    shipped_classifiers,
)


def made(folder: Path, name: str) -> Run:
    run = create_run(folder, name, "unused")
    (run.folder / "experiment.toml").write_text("dataset = 'digits'\n")
    return run


def test_a_default_name_gets_a_number_and_a_chosen_one_is_refused(tmp_path: Path) -> None:
    names = [create_run(tmp_path, None, "digits-small cnn/2").name for _ in range(3)]
    assert names == ["digits-small-cnn-2", "digits-small-cnn-2-2", "digits-small-cnn-2-3"]
    made(tmp_path, "mine")
    with pytest.raises(RunError, match="there is a run 'mine'") as caught:
        made(tmp_path, "mine")
    assert "--resume" in caught.value.hint


def test_many_at_once_get_folders_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        runs = list(threads.map(lambda _: create_run(tmp_path, None, "run"), range(40)))
    assert len({run.folder for run in runs}) == 40


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", ".hidden", "-x", "a" * 101, "a\nb", "a\\b"])
def test_a_name_that_is_no_folder_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a run's name"):
        create_run(tmp_path, name, "unused")
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_found_by_name_and_by_folder_and_a_miss_names_the_nearest(tmp_path: Path) -> None:
    run = made(paths.runs(), "mnist-cnn-3")
    assert find_run("mnist-cnn-3") == run
    assert find_run(str(run.folder)) == run
    assert find_run("mnist-cnn-3", paths.runs()) == run
    with pytest.raises(RunError, match="did you mean 'mnist-cnn-3'"):
        find_run("mnist-cnn-4")
    with pytest.raises(RunError, match="no run 'x'"):
        find_run("x", tmp_path)


def test_a_classifier_is_a_file_or_a_finished_runs(tmp_path: Path) -> None:
    run = made(paths.runs(), "first")
    for path in (run.classifier_file, run.folder / "metrics.json"):  # in the order in which they are written
        with pytest.raises(RunError, match="not finished") as caught:
            find_classifier("first")
        assert caught.value.hint == f"imagelet train --resume {run.folder}"
        path.touch()
    assert find_classifier("first") == run.classifier_file
    assert find_classifier(str(run.classifier_file)) == run.classifier_file
    with pytest.raises(RunError, match="there is no file"):
        find_classifier(str(tmp_path / "none.safetensors"))


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the package come with two classifiers, ``mnist`` and ``fashion-mnist``; return their folder."""
    folder = tmp_path / "pretrained"
    folder.mkdir()
    for name in ("mnist.safetensors", "mnist.md", "fashion-mnist.safetensors"):
        (folder / name).touch()
    monkeypatch.setattr(paths, "shipped", lambda: folder)
    return folder


def test_a_shipped_classifier_is_found_by_name_unless_a_run_has_it(shipped: Path) -> None:
    assert list(shipped_classifiers()) == ["fashion-mnist", "mnist"]
    assert find_classifier("mnist") == shipped_classifiers()["mnist"] == shipped / "mnist.safetensors"
    run = made(paths.runs(), "mnist")
    with pytest.raises(RunError, match="'mnist' is not finished"):
        find_classifier("mnist")
    run.classifier_file.touch()
    (run.folder / "metrics.json").touch()
    assert find_classifier("mnist") == run.classifier_file
    assert find_classifier("fashion-mnist") == shipped / "fashion-mnist.safetensors"


def test_a_miss_names_the_nearest_of_runs_and_shipped_classifiers(shipped: Path) -> None:
    made(paths.runs(), "digits-cnn")
    for missed, nearest in (
        ("mnst", "mnist"),
        ("fashion_mnist", "fashion-mnist"),
        ("digits-cn", "digits-cnn"),
    ):
        with pytest.raises(RunError, match=f"no run '{missed}'.*; did you mean '{nearest}'") as caught:
            find_classifier(missed)
        assert caught.value.hint
    with pytest.raises(RunError) as caught:  # what is shipped is no run
        find_run("mnist")
    assert "did you mean" not in str(caught.value)
    with pytest.raises(RunError, match="there is no file"):
        find_classifier("mnist.safetensors")


def test_without_shipped_classifiers_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "shipped", lambda: tmp_path / "none")
    assert shipped_classifiers() == {}
    with pytest.raises(RunError, match="no run 'mnist'"):
        find_classifier("mnist")


def test_runs_are_listed_the_oldest_first_and_other_folders_left_out(tmp_path: Path) -> None:
    for age, name in enumerate(["c", "a", "b"]):
        run = made(tmp_path, name)
        os.utime(run.folder / "experiment.toml", (1000 + age, 1000 + age))
    (tmp_path / "not-a-run").mkdir()
    assert [run.name for run in list_runs(tmp_path)] == ["c", "a", "b"]
    assert list_runs() == []
    with pytest.raises(RunError, match="there is no folder"):
        list_runs(tmp_path / "none")


def test_test_evaluations_are_counted_also_by_several_at_once(tmp_path: Path) -> None:
    run = made(tmp_path, "run")
    with ThreadPoolExecutor(4) as threads:
        counts = list(
            threads.map(
                lambda number: run.record_test_evaluation({"accuracy": number / 20, "images": 10}), range(20)
            )
        )
    assert sorted(counts) == list(range(1, 21))
    assert sorted(entry["accuracy"] for entry in run.test_evaluations) == [
        number / 20 for number in range(20)
    ]


def test_damaged_files_get_a_sentence(tmp_path: Path) -> None:
    run = made(tmp_path, "run")
    (run.folder / "metrics.json").write_text("{")
    with pytest.raises(RunError, match=r"metrics\.json is damaged"):
        _ = run.metrics
    (run.folder / "test_evaluations.jsonl").write_text('{"accuracy": 0.5}\n{')
    with pytest.raises(RunError, match=r"test_evaluations\.jsonl is damaged"):
        _ = run.test_evaluations
    (run.folder / "experiment.toml").write_text("=")
    with pytest.raises(RunError, match=r"no experiment\.toml that can be read"):
        _ = run.experiment
