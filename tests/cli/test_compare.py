"""`imagelet compare`: what it prints, what a pair's sentence says, and what is wrong usage."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagelet import train
from imagelet.analysis.comparison import Pair
from imagelet.cli.compare import _written, describe_pair
from imagelet.metrics.classification import Interval
from imagelet.metrics.comparison import PairedDifference
from imagelet.runs.run import Run as RunFolder

Run = Callable[..., Any]
Documented = Callable[..., str]


@pytest.fixture(scope="module")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the runs `slow`, `fast` and `seed`."""
    folder = tmp_path_factory.mktemp("trained")
    for name, rate, seed in (("slow", 1e-4, 0), ("fast", 0.02, 0), ("seed", 0.02, 5)):
        rest = {"epochs": 1, "learning_rate": rate, "seed": seed}
        train("digits", "softmax", "default", name=name, folder=folder, **rest)
    return folder


@pytest.fixture
def runs(_trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with these runs that the test may change; it is where runs are looked for."""
    folder = Path(shutil.copytree(_trained, tmp_path / "runs"))
    monkeypatch.setenv("IMAGELET_RUNS", str(folder))
    return folder


@pytest.mark.usefixtures("runs")
def test_prints_what_json_has(run: Run) -> None:
    document = run("compare", "slow", "fast", "--json").document
    outcome = run("compare", "slow", "fast")
    assert outcome.code == 0
    facts, runs, settings, pairs, surest = outcome.stdout.split("\n\n")
    assert f"{document['images']} validation images of digits, which chose the epochs" in facts
    assert f"{len(document['disagreements'])} of them" in facts
    for line, each in zip(runs.splitlines()[1:], document["runs"], strict=True):
        low, high = (f"{100 * end:.2f}" for end in each["interval"])
        figures = [
            each["run"],
            f"{100 * each['accuracy']:.2f}",
            "%",
            low,
            "to",
            high,
            "%",
            f"{each['loss']:.4f}",
        ]
        assert line.split()[:10] == [*figures, f"{each['parameters']:,}", str(each["epochs"])]
    assert [line.split() for line in settings.splitlines()] == [
        ["settings", "that", "differ"],
        ["setting", "slow", "fast"],
        ["recipe.learning_rate", "0.0001", "0.02"],
    ]
    (pair,) = document["pairs"]
    points = f"{100 * pair['difference']:.2f} points"
    assert pairs.startswith(f"fast is better than slow by {points}")
    assert f"only fast is correct on {pair['only_b']} images, only slow on {pair['only_a']}" in pairs
    lines = surest.splitlines()
    assert lines[0] == "disagreements, the most confident first"
    assert [int(line.split()[0]) for line in lines[2:]] == [
        each["image"] for each in document["disagreements"][:5]
    ]
    assert f"{len(document['disagreements']) - 5} more; --json lists all of them" in outcome.stderr


@pytest.mark.usefixtures("runs")
def test_has_the_fields_of_its_help(run: Run, documented: Documented) -> None:
    assert run("compare", "slow", "fast", "--json").fields == documented("compare")


def test_validation_is_no_look_and_test_is_one_a_run(run: Run, runs: Path) -> None:
    run("compare", "slow", "fast")
    assert RunFolder(runs / "slow").test_evaluations == []
    outcome = run("compare", "slow", "seed", "--split", "test")
    assert "test evaluations slow 1, seed 1 so far" in " ".join(outcome.stdout.split())
    assert "which chose the epochs" not in outcome.stdout
    assert (
        len(RunFolder(runs / "slow").test_evaluations) == len(RunFolder(runs / "seed").test_evaluations) == 1
    )
    assert RunFolder(runs / "fast").test_evaluations == []


@pytest.mark.usefixtures("runs")
def test_of_three_it_says_that_p_is_corrected(run: Run, runs: Path) -> None:
    shutil.copytree(runs / "slow", runs / "copy")
    outcome = run("compare", "slow", "fast", "copy")
    assert "p is corrected for 3 comparisons; the intervals are not" in outcome.stdout
    assert "no difference shown: slow and copy have the same accuracy" in outcome.stdout
    same = run("compare", "slow", "copy").stdout
    assert "no settings differ" in same
    assert "corrected" not in same
    assert "surest" not in same


def test_draws_into_a_folder(run: Run, runs: Path, tmp_path: Path) -> None:
    before = set(runs.rglob("*.png"))
    outcome = run("compare", "slow", "fast", "--out", tmp_path / "compared")
    for name in ("curves.png", "disagreements.png"):
        assert str(tmp_path / "compared" / name) in outcome.stdout
        with Image.open(tmp_path / "compared" / name) as image:
            assert image.format == "PNG"
    assert set(runs.rglob("*.png")) == before


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["slow"], 2, "at least 2 runs, not 1"),
        (["slow", "slow"], 2, "'slow' is named twice"),
        (["slow", "fast", "--split", "train"], 2, "unknown split 'train'"),
        ([], 2, "needs RUN..."),
        (["slow", "sead"], 2, "did you mean 'seed'?"),
        (["slow", "seed"], 1, "'slow' and 'seed' have different validation images"),
        (["slow", "mnist", "--split", "test"], 1, "trained on different data: digits and mnist"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_sentence(
    run: Run, words: list[str], code: int, told: str
) -> None:
    outcome = run("compare", *words)
    assert (outcome.code, outcome.stdout) == (code, "")
    assert told in outcome.stderr
    assert outcome.stderr.startswith("error: ")
    assert len(outcome.stderr.splitlines()) <= 2  # the sentence, and what to type


# -- a pair's sentence ---------------------------------------------------------------------------------------


def pair(only_a: int, only_b: int, interval: tuple[float, float], p: float, corrected: float) -> Pair:
    difference = (only_b - only_a) / 1000
    return Pair(
        "A", "B", PairedDifference(difference, Interval(*interval), p, 900, only_a, only_b, 50), corrected
    )


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            pair(12, 43, (0.016, 0.046), 0.00004, 0.00004),
            "B is better than A by 3.10 points (95 % interval 1.60 to 4.60), p < 0.0001; "
            "only B is correct on 43 images, only A on 12",
        ),
        (
            pair(5, 1, (-0.0092, -0.0001), 0.0341, 0.0341),
            "A is better than B by 0.40 points (95 % interval 0.01 to 0.92), p = 0.034; "
            "only A is correct on 5 images, only B on 1",
        ),
        (
            pair(1, 0, (-0.0056, 0.0029), 1.0, 1.0),
            "no difference shown: A is ahead of B by 0.10 points (95 % interval -0.29 to 0.56), p = 1; "
            "only A is correct on 1 image, only B on 0",
        ),
        (
            pair(3, 3, (-0.006, 0.006), 1.0, 1.0),
            "no difference shown: A and B have the same accuracy (95 % interval of the difference -0.60 to "
            "0.60 points), p = 1; only B is correct on 3 images, only A on 3",
        ),
        (  # alone it would be shown, among others it is not
            pair(2, 11, (0.002, 0.018), 0.022, 0.066),
            "no difference shown: B is ahead of A by 0.90 points (95 % interval 0.20 to 1.80), p = 0.066; "
            "only B is correct on 11 images, only A on 2",
        ),
    ],
)
def test_a_pair_is_told_from_the_side_of_the_better_one(found: Pair, sentence: str) -> None:
    assert describe_pair(found) == sentence


def test_settings_are_written_as_they_are_typed() -> None:
    values = (None, True, False, 0.002, 1e-8, 12, [28, 28, 1], "adam")
    written = ["–", "yes", "no", "0.002", "1e-08", "12", "28x28x1", "adam"]
    assert [_written(value) for value in values] == written
