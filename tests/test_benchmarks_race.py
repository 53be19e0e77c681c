"""The benchmarks against time: to an accuracy, and before Keras has finished its first epoch."""

import re
from typing import Any

import pytest

from benchmarks import pages, race, recipes
from benchmarks.measuring import LeftOut
from benchmarks.recipes import Claim
from tests.test_benchmarks import result


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Let nothing be trained: 2 seconds here, 8 as AVX2 has them; and return what would have been."""
    trained: list[tuple[str, int]] = []

    def run_seed(claim: Claim, seed: int) -> dict[str, Any]:
        trained.append((" ".join([*claim.words, claim.processor_class]), seed))
        part = {"accuracy": 0.9945, "one_view_accuracy": 0.99, "images": 10_000}
        seconds = 8.0 if claim.avx2 else 2.0
        return {
            "seed": seed,
            "network": "fast",
            "parameters": 7,
            "epochs": claim.epochs or 2,
            "test": part,
            "validation": part,
            "training_seconds": seconds,
            "total_seconds": seconds,
            "process_seconds": seconds + 3,
            "peak_bytes": None,
        }

    class Keras:
        """A step in float32 takes 0.1 s, kept to AVX2 0.06."""

        def __init__(self, python: str, module: str, variables: dict[str, str]) -> None:
            assert (python, module) == ("python-with-keras", "keras_worker")
            self.seconds = 0.06 if variables else 0.1

        def __enter__(self) -> "Keras":
            return self

        def __exit__(self, *error: object) -> None: ...

        def step_seconds(self, training: object) -> float:
            return self.seconds

    monkeypatch.setattr(recipes, "run_seed", run_seed)
    monkeypatch.setattr(race, "Worker", Keras)
    monkeypatch.setattr(race, "place_of", lambda dataset: dataset)
    monkeypatch.setattr(race, "processor_class", lambda: "bf16")
    monkeypatch.setattr(recipes, "processor_class", lambda: "bf16")
    return trained


def page(name: str, measured: dict[str, Any]) -> str:
    return pages.benchmarks_page({name: result(name, measured)})


def test_every_seed_races_once_in_each_class_and_the_fraction_is_that_of_kerass_epoch(
    told: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGELET_KERAS", "python-with-keras")
    *_, measured = race.race()
    assert [seed for _, seed in told] == [seed for seed in range(race.RACES) for _ in ("bf16", "AVX2")]
    found = measured["classes"]
    assert {name: found[name]["fraction"] for name in found} == pytest.approx(
        {"bf16": 2 / 60, "AVX2": 8 / 36}
    )
    text = page("race", measured)
    assert "| bf16 | 99.45 ± 0.00 % | 10 | 2.0 s | 5.0 s | 60.0 s | 0.03 |" in text
    assert "| AVX2 | 99.45 ± 0.00 % | 10 | 8.0 s | 11.0 s | 36.0 s | 0.22 |" in text


def test_without_keras_there_is_no_race(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGELET_KERAS", raising=False)
    with pytest.raises(LeftOut, match="no Python with Keras"):
        next(race.race())


def test_each_accuracy_has_a_row_for_each_class_that_says_whether_it_was_reached(
    told: list[tuple[str, int]],
) -> None:
    *_, measured = race.time_to_accuracy()
    assert len(told) == 2 * race.SEEDS * len(race.TARGETS)
    assert told[0][0] == "train mnist --recipe mnist-fast --validation 0.05 --epochs 1 --test bf16"
    rows = [line for line in page("time-to-accuracy", measured).splitlines() if line.startswith("| mnist")]
    assert len(rows) == 6
    assert re.match(
        r"\| mnist \| 99.0 % \| `mnist-fast`, 1 epoch \| bf16 \| 99.45 .* \| yes \| 2.0 \|", rows[0]
    )
    assert re.match(r"\| mnist \| 99.5 % \| `mnist-fast`, 3 epochs \| AVX2 \| .* \| no \| 8.0 \|", rows[-1])
