"""A search: what is divided, trained and compared, within its budget, resumed, and shared by processes."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagelet.errors import DataError, RunError, SettingError
from imagelet.experiment.tuning import budget as budgets
from imagelet.experiment.tuning import study
from imagelet.experiment.tuning import tune as tuning
from imagelet.experiment.tuning.result import START, Comparison, Finalist, compare_finalists
from imagelet.experiment.tuning.trials import Reached
from imagelet.experiment.tuning.tune import Began, FinalEnded, TrialEnded, tune, tune_to_end
from imagelet.metrics.comparison import paired_interval
from imagelet.runs.definition import Experiment, describe
from imagelet.runs.store import list_runs
from imagelet.training.recipe_file import find_recipe

pytest.importorskip("optuna")

QUICK = {"epochs": 4, "batch_size": 64, "optimizer": "adamw", "learning_rate": 0.004}
SPACE = """
network = ["softmax", "flatten dense(16) relu dense(classes) softmax"]
[recipe]
learning_rate = { low = 0.0001, high = 0.1, log = true }
test_time_augmentation = ["none", "shifted"]
"""
FOREVER = 60.0  # minutes: the number of trials ends these searches


def quick_start(**rest: Any) -> Experiment:
    return describe("digits", "softmax", "default", QUICK, limit=300, **rest)


@pytest.fixture
def space(tmp_path: Path) -> Path:
    file = tmp_path / "space.toml"
    file.write_text(SPACE)
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def _measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an epoch take a second, whatever this machine is busy with."""
    monkeypatch.setattr(tuning, "seconds_of_an_epoch", lambda *_, **__: 1.0)


@pytest.mark.usefixtures("_measured")
def test_a_search_ends_in_a_recipe_that_trains(space: Path, folder: Path) -> None:
    events = list(tune(quick_start(), space=space, minutes=FOREVER, trials=4, folder=folder))
    began, tuned = events[0], events[-1]
    assert isinstance(began, Began)
    trials = [event for event in events if isinstance(event, TrialEnded)]
    finals = [event for event in events if isinstance(event, FinalEnded)]
    assert len(trials) == 5
    assert not trials[0].settings
    assert {(event.number == START) for event in finals} == {True, False}
    assert {event.seed for event in finals} == {1, 2, 3}
    images = began.images
    assert (len(images.training), len(images.validation), len(images.aside)) == (192, 48, 60)
    document = json.loads((tuned.folder / "tuning.json").read_text())
    assert document == json.loads(json.dumps(tuned.to_json()))
    assert document["best"]["recipe"]["epochs"] == 4
    recipe = find_recipe(tuned.recipe_file)
    assert recipe == dataclasses.replace(tuned.recipe, note=recipe.note)
    again = describe("digits", recipe=tuned.recipe_file)
    assert (again.network, again.recipe) == (tuned.network, recipe)
    assert tuned.figures
    assert all(figure.is_file() for figure in tuned.figures)
    assert not list_runs(folder)


@pytest.mark.usefixtures("_measured")
def test_the_three_parts_have_no_image_in_common_and_none_is_a_test_image(
    space: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagelet.data.imageset import Dataset

    read = Dataset.read
    parts: list[str] = []
    monkeypatch.setattr(Dataset, "read", lambda self, part: (parts.append(part), read(self, part))[1])
    tuned = tune_to_end(quick_start(), space=space, minutes=FOREVER, trials=1, folder=folder)
    assert set(parts) <= {"train"}
    chosen, aside = (study.Split.load(tuned.folder / name) for name in (study.SPLIT, study.SET_ASIDE))
    sides = [set(side.tolist()) for side in (chosen.train, chosen.validation, aside.validation)]
    assert [len(side) for side in sides] == [192, 48, 60]
    assert len(set.union(*sides)) == 300
    assert sides[0] | sides[1] == set(aside.train.tolist())


@pytest.mark.usefixtures("_measured")
def test_a_resumed_study_goes_on_with_what_is_there(space: Path, folder: Path) -> None:
    first = tune_to_end(quick_start(), space=space, minutes=FOREVER, trials=2, folder=folder)
    events = list(tune(describe("digits"), resume=True, minutes=FOREVER, trials=4, folder=folder))
    assert isinstance(events[0], Began)
    assert events[0].folder == first.folder
    assert events[0].resumed_trials == 3
    assert sum(isinstance(event, TrialEnded) for event in events) == 2
    last = events[-1]
    assert [trial.to_json() for trial in last.trials[:3]] == [trial.to_json() for trial in first.trials]
    assert not any(event.number == START for event in events if isinstance(event, FinalEnded))  # done before


@pytest.mark.usefixtures("_measured")
def test_a_torn_last_line_is_left_out(space: Path, folder: Path) -> None:
    first = tune_to_end(quick_start(), space=space, minutes=FOREVER, trials=1, folder=folder)
    journal = first.folder / study.JOURNAL
    with journal.open("ab") as file:
        file.write(b'{"op_code": 4, "worker')
    again = tune_to_end(describe("digits"), resume=True, minutes=FOREVER, trials=1, folder=folder)
    assert again.to_json() == first.to_json()


@pytest.mark.usefixtures("_measured")
@pytest.mark.parametrize("damage", [b"nonsense\n", b'{"op_code": 3}\n', b"[]\n", b'{"op_code": "x"}\n'])
def test_a_damaged_journal_is_said_to_be_damaged(space: Path, folder: Path, damage: bytes) -> None:
    first = tune_to_end(quick_start(), space=space, minutes=FOREVER, trials=1, folder=folder)
    with (first.folder / study.JOURNAL).open("ab") as file:
        file.write(damage + b"{}\n")
    with pytest.raises(RunError, match=r"journal of the study .* is damaged"):
        tune_to_end(describe("digits"), resume=True, minutes=FOREVER, trials=1, folder=folder)


@pytest.mark.usefixtures("_measured")
def test_a_damaged_definition_is_said_to_be_damaged(space: Path, folder: Path) -> None:
    first = tune_to_end(quick_start(), space=space, minutes=FOREVER, trials=1, folder=folder)
    file = first.folder / study.STUDY_FILE
    file.write_text(file.read_text().replace("search_epochs = ", "search_epochs = -"))
    with pytest.raises(RunError, match="is damaged: search_epochs cannot be"):
        tune_to_end(describe("digits"), resume=True, minutes=FOREVER, folder=folder)


def test_there_must_be_a_study_to_resume(folder: Path) -> None:
    with pytest.raises(RunError, match="there is no study of 'digits'"):
        next(tune(describe("digits"), resume=True, folder=folder))


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf"), 1e9])
def test_the_budget_is_a_number_of_minutes(minutes: float, folder: Path) -> None:
    with pytest.raises(SettingError, match="--minutes"):
        next(tune(describe("digits"), minutes=minutes, folder=folder))


def test_without_validation_images_nothing_can_be_chosen(folder: Path) -> None:
    with pytest.raises(DataError, match="needs validation images"):
        next(tune(quick_start(validation="0"), folder=folder))


def test_the_budget_is_kept(space: Path, folder: Path) -> None:
    """The clock is the trainings' own: each look at it is half a second, so no machine is too busy."""
    now = [0.0]

    def tick() -> float:
        now[0] += 0.5
        return now[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "seconds_of_an_epoch", lambda *_, **__: 1.0)
        patch.setattr(tuning.time, "monotonic", tick)
        tuned = tune_to_end(quick_start(), space=space, minutes=1.0, folder=folder)
    assert now[0] < 60
    assert tuned.trials
    assert tuned.recipe_file.is_file()


def test_ctrl_c_keeps_the_best(space: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "seconds_of_an_epoch", lambda *_, **__: 1.0)
    ended = []
    for event in tune(quick_start(), space=space, minutes=FOREVER, folder=folder):
        ended.append(event)
        if len(ended) == 4:
            os.kill(os.getpid(), signal.SIGINT)
    tuned = ended[-1]
    assert tuned.interrupted
    assert tuned.comparison is None
    assert len(tuned.trials) >= 3
    best = max((t for t in tuned.trials if t.settings), key=lambda t: (t.state == "complete", len(t.history)))
    assert find_recipe(tuned.recipe_file).learning_rate in {
        trial.settings.get("learning_rate")
        for trial in tuned.trials
        if len(trial.history) == len(best.history)
    }


SHARED = """
import sys
from pathlib import Path
from imagelet.experiment.tuning import tune as tuning
from imagelet.runs.definition import describe
tuning.seconds_of_an_epoch = lambda *_, **__: 1.0
folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
for event in tuning.tune(describe("digits"), resume=True, minutes=60, trials=int(sys.argv[3]), folder=folder):
    print(type(event).__name__, flush=True)
"""


def _worker(folder: Path, trials: int) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", SHARED, str(folder), "0", str(trials)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.usefixtures("_measured")
def test_two_processes_share_a_study_and_no_training_is_done_twice(space: Path, folder: Path) -> None:
    first = tune_to_end(quick_start(), space=space, minutes=FOREVER, trials=1, folder=folder)
    workers = [_worker(folder, 8) for _ in range(2)]
    printed = [worker.communicate(timeout=240) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], printed
    ended = "".join(out for out, _ in printed).split()
    assert ended.count("TrialEnded") in (7, 8)  # the two may begin the last trial at the same time
    result = json.loads((first.folder / "tuning.json").read_text())
    numbers = [trial["number"] for trial in result["trials"]]
    assert numbers == sorted(set(numbers))
    drawn = [trial["settings"].get("learning_rate") for trial in result["trials"]]
    assert len(set(drawn)) == len(drawn)  # each process draws others
    journal = _finals(first.folder)
    assert len(set(journal)) == len(journal)
    assert not list(first.folder.glob(".worker-*.lock"))


@pytest.mark.usefixtures("_measured")
def test_each_process_draws_other_trials_however_near_they_begin(space: Path, folder: Path) -> None:
    first = tune_to_end(quick_start(), space=space, minutes=FOREVER, trials=1, folder=folder)
    definition = study.read_definition(first.folder, (28, 28, 1), 10)
    journals = [study.Journal(first.folder, definition, first_rung=1) for _ in range(3)]
    drawn = {
        journal.search.ask().suggest_float("learning_rate", 0.0001, 0.1, log=True) for journal in journals
    }
    for journal in journals:
        journal.close()
    assert len(drawn) == 3


def _finals(folder: Path) -> list[tuple[int, int]]:
    """Return (candidate, seed) of every claim in the journal that was finished."""
    lines = [json.loads(line) for line in (folder / study.JOURNAL).read_text().splitlines()]
    claims: dict[int, dict[str, Any]] = {}
    for line in lines:
        if line["op_code"] == 8:
            claims.setdefault(line["trial_id"], {}).update(line["user_attr"])
    return [(about["candidate"], about["seed"]) for about in claims.values() if "reached" in about]


@pytest.mark.slow
@pytest.mark.usefixtures("_measured")
def test_a_killed_study_goes_on(space: Path, folder: Path) -> None:
    tune_to_end(quick_start(), space=space, minutes=FOREVER, trials=1, folder=folder)
    worker = _worker(folder, 10_000)
    assert worker.stdout is not None
    while worker.stdout.readline().strip() != "TrialEnded":
        assert worker.poll() is None
    time.sleep(0.05)
    worker.kill()
    worker.communicate()
    tuned = tune_to_end(describe("digits"), resume=True, minutes=FOREVER, trials=4, folder=folder)
    assert isinstance(tuned.comparison, Comparison)
    assert len(tuned.trials) >= 4


@pytest.mark.usefixtures("_measured")
def test_a_claim_of_a_dead_process_is_free(space: Path, folder: Path) -> None:
    first = tune_to_end(quick_start(), space=space, minutes=FOREVER, trials=1, folder=folder)
    definition = study.read_definition(first.folder, (8, 8, 1), 10)
    dead, other = (study.Journal(first.folder, definition, 1) for _ in range(2))
    assert dead.claim(7, 9) is not None
    assert other.claim(7, 9) is None
    dead.close()
    assert other.claim(7, 9) is not None
    other.close()


# -- what is compared ----------------------------------------------------------------------------------------


def reached(validation: float, aside: list[int], views: str = "none") -> Reached:
    return Reached(3, {views: validation}, {views: np.array(aside, bool)})


def test_the_winner_is_chosen_by_validation_and_measured_on_the_images_set_aside() -> None:
    start = Finalist(START, {}, {1: reached(0.5, [1, 0, 0, 0])})
    good = Finalist(3, {"cutout": 2}, {1: reached(0.7, [1, 1, 0, 0])})
    lucky = Finalist(4, {"cutout": 4}, {1: reached(0.6, [1, 1, 1, 1])})
    compared = compare_finalists([start, lucky, good], "none")
    assert compared is not None
    assert compared.winner.finalist is good
    assert compared.difference == 0.25
    assert compared.interval == paired_interval(0, 1, 4)
    assert compared.verdict == "perhaps better"


def test_a_start_that_wins_is_said_to_have_won() -> None:
    start = Finalist(START, {}, {1: reached(0.8, [1, 0])})
    other = Finalist(3, {"cutout": 2}, {1: reached(0.7, [1, 1])})
    compared = compare_finalists([other, start], "none")
    assert compared is not None
    assert compared.start_won
    assert (compared.difference, compared.verdict) == (0.0, "not better")


def test_only_seeds_that_both_have_count() -> None:
    start = Finalist(START, {}, {1: reached(0.5, [1, 0]), 2: reached(0.9, [1, 1])})
    other = Finalist(3, {"cutout": 2}, {1: reached(0.7, [1, 1])})
    compared = compare_finalists([start, other], "none")
    assert compared is not None
    assert compared.winner.seeds == (1,)
    assert compared.winner.finalist is other


def test_without_the_start_nothing_is_compared() -> None:
    assert compare_finalists([Finalist(3, {}, {1: reached(0.5, [1])})], "none") is None


def test_another_test_time_augmentation_of_the_start_can_win() -> None:
    both = Reached(
        3, {"none": 0.5, "mirrored": 0.6}, {kind: np.ones(2, bool) for kind in ("none", "mirrored")}
    )
    compared = compare_finalists([Finalist(START, {}, {1: both})], "none")
    assert compared is not None
    assert (compared.winner.views, compared.start.views, compared.start_won) == ("mirrored", "none", False)


@pytest.mark.parametrize("images", [1, 7, 8, 9, 300])
def test_what_was_reached_survives_the_journal(images: int) -> None:
    correct = np.random.default_rng(images).random(images) < 0.5
    before = Reached(3, {"none": 0.25}, {"none": correct})
    after = Reached.from_json(json.loads(json.dumps(before.to_json())), images)
    assert (after.epochs, after.validation) == (before.epochs, before.validation)
    assert np.array_equal(after.aside["none"], correct)
    with pytest.raises(ValueError, match="of other images"):
        Reached.from_json(before.to_json(), images + 8)


# -- the budget ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1, 10, 60, 600, 36_000])
@pytest.mark.parametrize("epoch", [0.01, 0.5, 4, 100])
@pytest.mark.parametrize("epochs", [1, 8, 100])
def test_what_is_planned_fits_into_the_budget(seconds: float, epoch: float, epochs: int) -> None:
    search, final = budgets.lengths(seconds, epoch, epochs)
    assert 1 <= search <= final <= epochs
    kept = budgets.seconds_of_final(seconds, epoch * final)
    assert kept <= seconds / 2
    candidates, seeds = budgets.candidates_and_seeds(kept, epoch * final)
    assert candidates >= 1
    assert 1 <= seeds <= 3
    if final > 1:
        assert (1 + candidates) * seeds * epoch * final <= max(kept, 2 * epoch * final) + 1e-6
        assert 2 * epoch * final <= kept + 1e-6


def test_the_final_has_the_starts_own_length_where_two_trainings_fit() -> None:
    assert budgets.lengths(600, 1.0, 100).final == 100
    assert budgets.lengths(600, 1.6, 100).final == 46  # four trainings of 46 epochs take half of 600 seconds
