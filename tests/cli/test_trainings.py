"""`imagelet train --seeds` and `--folds`, `imagelet course --seeds`: shown, in parts, resumed, refused."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from imagelet.analysis import error_analysis
from imagelet.course import lessons
from imagelet.experiment import finalize
from imagelet.experiment import runner as experiments
from imagelet.experiment.once import train_once
from imagelet.experiment.out_of_fold import out_of_fold
from imagelet.experiment.repeats import plan
from imagelet.runs.definition import describe

from .conftest import Outcome, Run

WORDS = ("--network", "pool(4) flatten dense(classes)", "--epochs", "1", "-b", "50")


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing: most of a short training's time."""
    monkeypatch.setattr(error_analysis, "draw_evaluation", lambda *_: None)
    monkeypatch.setattr(finalize.plots, "curves", lambda *_: None)
    monkeypatch.setattr(finalize.plots, "save", lambda *_: None)


@pytest.fixture
def train(run: Run, small_data: Path, tmp_path: Path) -> Callable[..., Outcome]:
    """Return a function that trains quickly on small data, in a folder of its own."""
    return lambda *words: run("train", "mnist", *WORDS, "--runs", tmp_path / "runs", *words)


class TestSeeds:
    def test_are_shown_one_by_one_and_together(self, train: Callable[..., Outcome], tmp_path: Path) -> None:
        done = train("--seeds", "3", "--seed", "5")
        assert done.code == 0
        for place, seed in enumerate((5, 6, 7), start=1):
            assert f"seed {seed} ({place} of 3)" in done.stderr
            assert f"mnist-network-seed{seed}" in done.stdout
        assert " ± " in done.stdout
        assert "(standard deviation over 3 seeds)" in done.stdout
        assert "over seeds, not over other images" in done.stdout
        again = train("--seeds", "3", "--seed", "5")
        assert again.stdout == done.stdout
        assert again.stderr.count("finished before") == 3

    def test_json_has_the_fields_of_the_contract(
        self, train: Callable[..., Outcome], documented: Callable[..., str]
    ) -> None:
        done = train("--seeds", "2", "--test", "--json")
        assert done.fields == documented("train", of="--seeds")
        assert done.document["part"] == "test"
        kept = json.loads(Path(done.document["folder"], "seeds.json").read_text())
        assert kept["mean"] == done.document["mean"]

    def test_a_required_accuracy_is_held_against_the_mean(self, train: Callable[..., Outcome]) -> None:
        document = train("--seeds", "2", "--json").document
        low, high = sorted(each["accuracy"] for each in document["seeds"])
        assert low < document["mean"] < high
        missed = train("--seeds", "2", "--require", str((document["mean"] + high) / 2))
        assert missed.code == 3
        assert "the mean accuracy" in missed.stderr
        assert train("--seeds", "2", "--require", str((document["mean"] + low) / 2)).code == 0

    def test_an_interrupted_series_goes_on(
        self, train: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        saved = experiments._save
        monkeypatch.setattr(experiments, "SECONDS_BETWEEN_EPOCHS", 0.0)

        def interrupted(*values: object) -> None:
            saved(*values)  # type: ignore[arg-type]
            raise KeyboardInterrupt("stopped")

        monkeypatch.setattr(experiments, "_save", interrupted)
        done = train("--seeds", "2", "--name", "mine")
        assert done.code == 130
        assert "seed 0 (1 of 2): stopped" in done.stderr
        assert "type the same again to resume" in done.stderr
        monkeypatch.setattr(experiments, "_save", saved)
        again = train("--seeds", "2", "--name", "mine")
        assert again.code == 0
        assert "resuming" in again.stderr

    def test_a_name_that_is_taken_is_told_before_anything_is_trained(
        self, train: Callable[..., Outcome], tmp_path: Path
    ) -> None:
        assert train("--name", "mine-seed1").code == 0
        done = train("--seeds", "2", "--name", "mine")
        assert done.code == 1
        assert "there is 'mine-seed1'" in done.stderr
        assert not (tmp_path / "runs" / "mine-seed0").exists()


class TestFolds:
    def test_are_shown_one_by_one_and_pooled(self, train: Callable[..., Outcome], tmp_path: Path) -> None:
        done = train("--folds", "3")
        assert done.code == 0
        for number in (1, 2, 3):
            assert f"fold {number} of 3\n" in done.stderr
        assert "accuracy, all folds" in done.stdout
        assert "300 images" in done.stdout
        assert "the fold's images did not choose it" in done.stdout
        folder = tmp_path / "runs" / "mnist-network-folds"
        assert len(out_of_fold(folder).labels) == 300
        assert str(folder / "out-of-fold.safetensors") in done.stderr

    def test_json_has_the_fields_of_the_contract(
        self, train: Callable[..., Outcome], documented: Callable[..., str]
    ) -> None:
        done = train("--folds", "2", "--json", "--require", "0.1", "--epochs", "5")
        assert done.code == 0
        assert done.fields == documented("train", of="--folds")
        missed = train("--folds", "2", "--require", "1")
        assert missed.code == 3
        assert "the accuracy over all folds" in missed.stderr

    def test_a_folds_validation_images_can_be_evaluated(
        self, train: Callable[..., Outcome], run: Run
    ) -> None:
        told = train("--folds", "2", "--json").document
        first = told["folds"][0]
        found = run("evaluate", first["run"], "--split", "validation", "--json").document
        assert (found["accuracy"], found["images"]) == (first["accuracy"], first["images"])


def without_paths(document: dict[str, object], runs: Path) -> str:
    return json.dumps(document).replace(str(runs), "RUNS")


class TestParts:
    @pytest.mark.parametrize("option", ["--seeds", "--folds"])
    def test_trained_one_by_one_make_the_table_of_all_at_once(
        self, run: Run, small_data: Path, tmp_path: Path, option: str
    ) -> None:
        words = ("train", "mnist", *WORDS, option, "2", "--json", "--runs")
        whole = run(*words, tmp_path / "whole")
        parts = tmp_path / "parts"
        second = run(*words, parts, "--only", "2")
        assert second.code == 0
        assert second.document["run"].endswith("fold2" if option == "--folds" else "seed1")
        early = run(*words, parts, "--collect")
        assert early.code == 1
        missing = "fold 1" if option == "--folds" else "seed 0"
        assert f"1 of 2 trainings are not finished: {missing}" in early.stderr
        assert "--only K, here K = 1" in early.stderr
        kind = option.removeprefix("--")
        assert "interval" not in json.loads(next(parts.glob(f"*-{kind}/{kind}.json")).read_text())
        last = run(*words, parts, "--only", "1")
        assert "all 2 trainings are finished" in last.stderr
        table = next(parts.glob(f"*-{kind}/{kind}.json"))
        made = table.read_text()
        collected = run(*words, parts, "--collect")
        assert table.read_text() == made
        assert without_paths(collected.document, parts) == without_paths(whole.document, tmp_path / "whole")
        whole_folder = Path(whole.document["folder"])
        assert {path.name for path in table.parent.iterdir()} == {
            path.name for path in whole_folder.iterdir()
        }
        if option == "--folds":
            name = "out-of-fold.safetensors"
            assert (table.parent / name).read_bytes() == (whole_folder / name).read_bytes()

    def test_the_others_are_named_and_the_last_one_shows_the_table(
        self, train: Callable[..., Outcome]
    ) -> None:
        first = train("--seeds", "3", "--only", "2")
        assert first.code == 0
        assert "seed 1 (2 of 3)" in first.stderr
        assert "1 of 3 trainings are finished; the others: seed 0, seed 2" in first.stderr
        assert "here K = 1, 3" in first.stderr
        assert "standard deviation" not in first.stdout
        again = train("--seeds", "3", "--only", "2")
        assert "finished before" in again.stderr
        train("--seeds", "3", "--only", "1")
        last = train("--seeds", "3", "--only", "3")
        assert "standard deviation over 3 seeds" in last.stdout
        assert train("--seeds", "3", "--collect", "--require", "1").code == 3

    def test_a_finished_part_without_a_test_evaluation_is_missing_where_one_is_wanted(
        self, train: Callable[..., Outcome]
    ) -> None:
        train("--seeds", "2")
        early = train("--seeds", "2", "--test", "--collect")
        assert "2 of 2 trainings are not finished" in early.stderr
        for number in ("1", "2"):
            assert train("--seeds", "2", "--test", "--only", number).code == 0
        assert train("--seeds", "2", "--test", "--collect").code == 0

    def test_the_same_part_twice_at_a_time_is_told(
        self, train: Callable[..., Outcome], tmp_path: Path
    ) -> None:
        series = plan(
            describe("mnist", WORDS[1], settings={"epochs": 1, "batch_size": 50}),
            seeds=[0, 1],
            folder=tmp_path / "runs",
        )
        with contextlib.closing(train_once(series.parts[1].task)) as elsewhere:
            next(elsewhere)
            done = train("--seeds", "2", "--only", "2")
            assert done.code == 1
            assert "another process trains seed 1 already" in done.stderr
            assert train("--seeds", "2", "--only", "1").code == 0
        assert train("--seeds", "2", "--only", "2").code == 0

    @pytest.mark.slow
    def test_two_at_a_time_are_shown_line_by_line(self, train: Callable[..., Outcome]) -> None:
        done = train("--seeds", "2", "--parallel", "2")
        assert done.code == 0
        assert "2 trainings, 2 at a time" in done.stderr
        for seed in (0, 1):
            assert f"seed {seed}    1/1" in done.stderr
            assert f"seed {seed}: finished" in done.stderr
        assert "standard deviation over 2 seeds" in done.stdout
        again = train("--seeds", "2", "--parallel", "2")
        assert again.stdout == done.stdout
        assert again.stderr.count("finished before") == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("mnist", "--seeds", "2", "--parallel", "0"), "--parallel 0 is not allowed"),
        (("mnist", "--parallel", "2"), "--parallel is for several trainings of one experiment"),
        (("mnist", "--only", "1"), "--only is for several trainings"),
        (("mnist", "--collect"), "--collect is for several trainings"),
        (("mnist", "--seeds", "2", "--only", "3"), "the parts are counted from 1 to 2"),
        (("mnist", "--folds", "2", "--only", "0"), "the parts are counted from 1 to 2"),
        (("mnist", "--seeds", "2", "--only", "1", "--collect"), "--only and --collect do not go together"),
        (("mnist", "--seeds", "2", "--only", "1", "--parallel", "2"), "--parallel is for a whole series"),
        (("mnist", "--seeds", "2", "--only", "1", "--require", "1"), "--require is about all parts"),
        (("mnist", "--seeds", "2", "--collect"), "2 of 2 trainings are not finished: seed 0, seed 1"),
        (("mnist", "--seeds", "0"), "--seeds 0 is not allowed"),
        (("mnist", "--seeds", "1"), "--seeds 1 is not allowed"),
        (("mnist", "--seeds", "-2"), "--seeds -2 is not allowed"),
        (("mnist", "--folds", "1"), "--folds 1 is not allowed"),
        (("mnist", "--folds", "31"), "has 30 images, too few for 31 folds"),
        (("mnist", "--folds", "2", "--seeds", "2"), "--folds and --seeds do not go together"),
        (("mnist", "--folds", "2", "--test"), "--folds and --test do not go together"),
        (("mnist", "--folds", "2", "--validation", "0.1"), "--folds and --validation do not go together"),
        (("--resume", "x", "--folds", "2"), "--folds and --resume do not go together"),
        (("--resume", "x", "--seeds", "2"), "--seeds and --resume do not go together"),
        (("mnist", "--seeds", "2", "--profile"), "--profile is for one training"),
        (("mnist", "--seeds", "2", "--validation", "0"), "--seeds needs validation or test images"),
        (("mnist", "--folds", "2", "--set", "early_stopping=3"), "early_stopping = 3 is not allowed"),
        (("mnist", "--seeds", "2", "--name", "a/b"), "cannot be a run's name"),
        (("mnist", "--seeds", "2", "--limit", "301"), "more than the 300"),
        (("mnits", "--seeds", "2"), "did you mean 'mnist'"),
    ],
)
def test_wrong_words_get_one_sentence_and_leave_nothing(
    run: Run, small_data: Path, imagelet_home: Path, words: tuple[str, ...], sentence: str
) -> None:
    done = run("train", *words)
    assert done.code in (1, 2)
    assert sentence in done.stderr
    assert done.stdout == ""
    assert not (imagelet_home.parent / "runs").exists()


class TestCourse:
    @pytest.mark.slow
    def test_two_at_a_time_give_the_results_of_one_after_the_other(
        self, run: Run, small_data: Path, tmp_path: Path
    ) -> None:
        words = ("course", "softmax", "--seeds", "2", "--json")
        alone = run(*words, "--runs", tmp_path / "alone")
        beside = run(*words, "--runs", tmp_path / "beside", "--parallel", "2")
        assert "softmax-seed-1: finished" in beside.stderr
        for name in ("softmax", "softmax-seed-1"):
            files = [tmp_path / place / "course" / name for place in ("alone", "beside")]
            first, second = [(file / "classifier.safetensors").read_bytes() for file in files]
            assert first == second
        (ours,), (theirs,) = (told.document["experiments"] for told in (alone, beside))
        assert ours["mean"] == theirs["mean"]

    def test_shows_the_mean_of_ours_and_trains_each_seed_once(
        self, run: Run, small_data: Path, tmp_path: Path, documented: Callable[..., str]
    ) -> None:
        done = run("course", "softmax", "--seeds", "2", "--runs", tmp_path)
        assert done.code == 0
        assert "seed 2 of 2" in done.stderr
        (line,) = (line for line in done.stdout.splitlines() if line.startswith("softmax"))
        assert "~92 test" in line
        assert " ± " in line
        folders = {path.parent.name for path in (tmp_path / "course").glob("*/experiment.toml")}
        assert folders == {"softmax", "softmax-seed-1"}
        again = run("course", "softmax", "--seeds", "2", "--runs", tmp_path, "--json")
        assert again.stderr.count("finished before") == 2
        (told,) = again.document["experiments"]
        assert documented("course", of="--seeds").startswith("experiments[{")
        fields = documented("course", of="--seeds").replace(
            "seeds[{seed, run, reached, interval, images, seconds}]", "seeds"
        )
        assert fields.startswith("experiments[{" + ", ".join(told) + "}]")
        assert [each["seed"] for each in told["seeds"]] == [0, 1]
        assert told["mean"] == pytest.approx(sum(each["reached"] for each in told["seeds"]) / 2)
        assert again.document["table"] == str(tmp_path / "course" / "README-2-seeds.md")

    def test_lists_what_was_reached(self, run: Run, small_data: Path, tmp_path: Path) -> None:
        done = run("course", "--list", "--seeds", "3", "--runs", tmp_path)
        assert done.code == 0
        for lesson in lessons.trainings():
            assert lesson.name in done.stdout
        assert not (tmp_path / "course").exists()

    def test_what_fails_is_told_once_and_does_not_keep_the_others(
        self, run: Run, small_data: Path, tmp_path: Path
    ) -> None:
        for path in (small_data / "fashion-mnist").iterdir():
            path.unlink()
        done = run("course", "fashion-cnn", "softmax", "--seeds", "2", "--runs", tmp_path, "--json")
        assert done.code == 1
        assert [each["id"] for each in done.document["errors"]] == ["fashion-cnn"]
        assert [each["mean"] is None for each in done.document["experiments"]] == [True, False]

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (("softmax", "--seeds", "1"), "--seeds 1 is not allowed"),
            (("feature-maps", "--seeds", "2"), "feature-maps is an exercise"),
            (("--pictures", "own", "--seeds", "2"), "--pictures is for own-digits alone"),
        ],
    )
    def test_refuses_what_has_no_seeds(
        self, run: Run, small_data: Path, tmp_path: Path, words: tuple[str, ...], sentence: str
    ) -> None:
        done = run("course", *words, "--runs", tmp_path)
        assert done.code == 2
        assert sentence in done.stderr
        assert not (tmp_path / "course").exists()
