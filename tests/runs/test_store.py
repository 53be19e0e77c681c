"""Run folders: made, found, counted, locked; never overwritten."""

import os
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagelet import paths
from imagelet.errors import RunError, UsageError
from imagelet.runs.run import Run
from imagelet.runs.store import (
    MAKING,
    MAKING_LOCK,
    create_run,
    find_classifier,
    find_run,
    list_runs,
    shipped_classifiers,
    sweep,
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
    (tmp_path / "mine" / "metrics.json").touch()
    with pytest.raises(RunError, match="there is a run 'mine'") as caught:
        made(tmp_path, "mine")
    assert caught.value.hint == "choose another --name"  # it is finished: nothing is left to resume


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
    with (
        pytest.raises(RunError, match="'mnist' is not finished"),
        pytest.warns(UserWarning, match="'mnist' is the run"),
    ):
        find_classifier("mnist")
    run.classifier_file.touch()
    (run.folder / "metrics.json").touch()
    with pytest.warns(UserWarning, match="'mnist' is the run .*mnist; the classifier of that name") as told:
        assert find_classifier("mnist") == run.classifier_file
    other = str(told[0].message).rpartition(" is typed ")[2]
    assert find_classifier(*shlex.split(other)) == shipped / "mnist.safetensors"
    assert find_classifier("fashion-mnist") == shipped / "fashion-mnist.safetensors"


def test_of_two_runs_with_one_name_the_one_here_is_taken_and_the_other_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here, other = made(tmp_path, "first try"), made(paths.runs(), "first try")
    with pytest.warns(UserWarning, match="'first try' is the run in the folder") as told:
        assert find_run("first try").folder.resolve() == here.folder
    taken, _, typed = str(told[0].message).partition("the folder ")[2].partition("; the other run")
    assert find_run(*shlex.split(taken)).folder.resolve() == here.folder
    assert find_run(*shlex.split(typed.rpartition(" is typed ")[2])).folder == other.folder


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


def write_first_files(folder: Path) -> None:
    (folder / "split.json").write_text("{}")
    (folder / "experiment.toml").write_text("")


def test_a_run_folder_appears_with_its_first_files_or_not_at_all(tmp_path: Path) -> None:
    seen = []

    def write(folder: Path) -> None:
        (folder / "split.json").write_text("{}")
        seen.append([path.name for path in tmp_path.iterdir() if path.name[0] != "."])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_run(tmp_path, "run", "unused", write)
    assert seen == [[]]
    assert [path.name for path in tmp_path.iterdir()] == [MAKING_LOCK]
    run = create_run(tmp_path, "run", "unused", write_first_files)
    assert {path.name for path in run.folder.iterdir()} == {"split.json", "experiment.toml"}


def test_what_a_killed_maker_left_is_swept_and_its_name_is_free(tmp_path: Path) -> None:
    dead = tmp_path / f"{MAKING}0a1b2c3d"
    dead.mkdir(parents=True)
    (dead / "split.json").write_text("{}")
    assert list_runs(tmp_path) == []
    run = create_run(tmp_path, "run", "unused", write_first_files)
    assert not dead.exists()
    assert [run.name for run in list_runs(tmp_path)] == [run.name]


@pytest.mark.parametrize("lies_there", ["folder", "file", "link"])
def test_whatever_lies_there_is_not_overwritten(tmp_path: Path, lies_there: str) -> None:
    place = tmp_path / "run"
    if lies_there == "folder":
        place.mkdir()
    elif lies_there == "file":
        place.write_text("mine")
    else:
        place.symlink_to("nowhere")
    with pytest.raises(RunError, match="already"):
        create_run(tmp_path, "run", "unused", write_first_files)
    assert create_run(tmp_path, None, "run", write_first_files).name == "run-2"
    assert os.path.lexists(place)


def test_what_dead_processes_left_is_swept(tmp_path: Path) -> None:
    finished, unfinished, training = (made(tmp_path, name) for name in ("finished", "unfinished", "training"))
    for run in (finished, unfinished, training):
        (run.folder / "experiment.toml").write_text("")
        run.checkpoints.mkdir()
        (run.checkpoints / "1.checkpoint").write_bytes(b"")
        for name in (".metrics.json.0.part", "mine.part"):
            (run.folder / name).write_text("")
            os.utime(run.folder / name, (0, 0))
    (finished.folder / ".report.html.0.part").write_text("being written")
    for run in (finished, training):
        (run.folder / "metrics.json").write_text("{}")
    with training.in_use():
        sweep(tmp_path)
    left = {
        run.name: {path.name for path in run.folder.iterdir()} for run in (finished, unfinished, training)
    }
    own = {"experiment.toml", "mine.part", ".training.lock"}
    assert left["finished"] == {*own, "metrics.json", ".report.html.0.part"}
    assert left["unfinished"] == {*own, "checkpoint"}
    assert left["training"] == {*own, "metrics.json", "checkpoint", ".metrics.json.0.part"}


def test_damaged_files_get_a_sentence(tmp_path: Path) -> None:
    run = made(tmp_path, "run")
    (run.folder / "metrics.json").write_text("{")
    with pytest.raises(RunError, match=r"is damaged: metrics\.json"):
        _ = run.metrics
    (run.folder / "test_evaluations.jsonl").write_text('{"accuracy": 0.5}\n{')
    with pytest.raises(RunError, match=r"is damaged: test_evaluations\.jsonl"):
        _ = run.test_evaluations
    (run.folder / "experiment.toml").write_text("=")
    with pytest.raises(RunError, match=r"is damaged: experiment\.toml"):
        _ = run.experiment
