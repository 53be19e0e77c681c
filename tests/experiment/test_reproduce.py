"""A run carried out again: the same bytes here; elsewhere, how much is another."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from imagelet.classifier.classifier import Classifier
from imagelet.data import Split, load_dataset
from imagelet.errors import DataError, RunError
from imagelet.experiment.finalize import Finished
from imagelet.experiment.reproduce import (
    Reproduction,
    compare,
    environment_differences,
    run_again,
    weight_difference,
)
from imagelet.experiment.runner import run_experiment
from imagelet.runs.definition import describe
from imagelet.runs.run import Run

NETWORK = "pool(2) flatten dropout(0.2) dense(classes)"
SETTINGS = {"epochs": 2, "batch_size": 50, "learning_rate": 0.01, "shift": 1}


def finished(folder: Path, name: str = "run", **fields: object) -> Run:
    settings = SETTINGS | fields.pop("settings", {})  # type: ignore[operator]
    *_, last = run_experiment(
        describe("mnist", NETWORK, settings=settings, **fields), name=name, folder=folder
    )
    assert isinstance(last, Finished)
    return last.run


def again(run: Run, folder: Path | None = None) -> Reproduction:
    *_, last = run_again(run, folder=folder)
    assert isinstance(last, Finished)
    return compare(run, last.run)


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": 3, "limit": 100},
        {"validation": "fold 2 of 3"},
        {"validation": "0"},
        {"precision": "bf16"},
        {"settings": {"epochs": 1, "ema_decay": 0.9, "optimizer": "muon"}},
    ],
    ids=str,
)
def test_on_the_same_machine_the_weights_are_identical(
    small_data: Path, tmp_path: Path, fields: dict[str, object]
) -> None:
    run = finished(tmp_path, **fields)
    found = again(run, tmp_path / "elsewhere")
    assert found.identical
    assert found.agrees
    assert (found.weights, found.first_epoch, found.environment) == (None, None, ())
    assert found.accuracies[0] == found.accuracies[1]
    assert found.again.folder == tmp_path / "elsewhere" / "run-again"
    for name in ("classifier.safetensors", "history.jsonl", "split.json"):
        assert (found.again.folder / name).read_bytes() == (run.folder / name).read_bytes()
    assert found.again.test_evaluations == []
    if fields.get("validation") == "0":
        assert (found.part, found.paired.images) == ("training", 300)


def test_the_split_is_the_runs_own_and_not_made_anew(small_data: Path, tmp_path: Path) -> None:
    run = finished(tmp_path)
    split = Split.load(run.folder / "split.json")
    dataclasses.replace(split, train=split.train[:100]).save(run.folder / "split.json")
    found = again(run)
    assert found.again.folder == tmp_path / "run-again"
    assert len(Split.load(found.again.folder / "split.json").train) == 100
    assert not found.identical


def test_other_weights_are_measured_and_their_answers_compared(small_data: Path, tmp_path: Path) -> None:
    run, other = finished(tmp_path, "run", seed=1), finished(tmp_path, "other", seed=2)
    found = compare(run, other)
    weights = [
        {
            name: tensor.numpy()
            for name, tensor in Classifier.load(each.classifier_file).network.state_dict().items()
        }
        for each in (run, other)
    ]
    assert not found.identical
    assert found.weights is not None
    apart = {name: np.abs(weights[0][name] - weights[1][name]).max() for name in weights[0]}
    assert found.weights.largest == pytest.approx(max(apart.values()))
    assert found.weights.numbers == sum(each.size for each in weights[0].values())
    assert 0 < found.weights.differing <= found.weights.numbers
    assert found.first_epoch == 1
    images = load_dataset("mnist").train.take(Split.load(run.folder / "split.json").validation)
    right = [
        Classifier.load(each.classifier_file).logits(images.images).argmax(axis=1) == images.labels
        for each in (run, other)
    ]
    assert found.accuracies == (right[0].mean(), right[1].mean())
    assert found.paired.only_a == (right[0] & ~right[1]).sum()


def test_answers_that_differ_by_more_than_chance_do_not_agree(small_data: Path, tmp_path: Path) -> None:
    good = finished(tmp_path, "good", settings={"epochs": 20})
    poor = finished(tmp_path, "poor", settings={"learning_rate": 1e-9, "epochs": 1})
    found = compare(good, poor)
    assert found.paired.p < 0.001
    assert not found.agrees
    assert compare(good, good).agrees


def test_a_last_bit_is_enough_to_be_another(small_data: Path, tmp_path: Path) -> None:
    run = finished(tmp_path)
    shutil.copytree(run.folder, tmp_path / "copy")
    copy = Run(tmp_path / "copy")
    assert compare(run, copy).identical
    content = bytearray(copy.classifier_file.read_bytes())
    content[-4] ^= 1  # the lowest bit of the last weight
    copy.classifier_file.write_bytes(bytes(content))
    found = compare(run, copy)
    assert not found.identical
    assert found.agrees
    assert found.first_epoch is None
    assert found.weights is not None
    assert found.weights.differing == 1
    assert 0 < found.weights.largest < 1e-6


def test_minus_zero_is_another_bit_but_no_other_number() -> None:
    found = weight_difference({"a": torch.tensor([0.0, 1.0])}, {"a": torch.tensor([-0.0, 1.0])})
    assert found is not None
    assert (found.largest, found.differing, found.numbers, found.size) == (0.0, 0, 2, 1.0)
    assert weight_difference({"a": torch.zeros(2)}, {"b": torch.zeros(2)}) is None
    assert weight_difference({"a": torch.zeros(2)}, {"a": torch.zeros(3)}) is None


def test_the_environments_are_laid_side_by_side(small_data: Path, tmp_path: Path) -> None:
    run = finished(tmp_path)
    path = run.folder / "environment.json"
    then = json.loads(path.read_text())
    then |= {"processor": "another", "gone": 1, "versions": then["versions"] | {"torch": "1.0"}}
    del then["commit"]
    path.write_text(json.dumps(then))
    found = {each.what: each for each in again(run).environment}
    assert set(found) - {"commit"} == {"processor", "versions.torch", "gone"}
    assert (found["versions.torch"].then, found["versions.torch"].now) == ("1.0", torch.__version__)
    assert "round" in found["processor"].reason
    assert (found["gone"].now, found["gone"].reason) == (None, "")
    assert environment_differences({"a": {"b": 1}}, {"a": {"b": 1}}) == ()


def test_as_many_threads_work_as_then_and_afterwards_as_before(small_data: Path, tmp_path: Path) -> None:
    run = finished(tmp_path)
    before = torch.get_num_threads()
    path = run.folder / "environment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"threads": before + 1}))
    found = again(run)
    assert found.again.environment["threads"] == before + 1
    assert torch.get_num_threads() == before


def test_a_device_that_is_not_here_is_replaced(small_data: Path, tmp_path: Path) -> None:
    run = finished(tmp_path)
    path = run.folder / "experiment.toml"
    path.write_text(path.read_text().replace('device = "cpu"', 'device = "cuda:99"'))
    environment = run.folder / "environment.json"
    environment.write_text(environment.read_text().replace('"device": "cpu"', '"device": "cuda:99"'))
    found = again(run)
    assert "device" in {each.what for each in found.environment}


def test_what_cannot_be_reproduced_is_told(small_data: Path, tmp_path: Path) -> None:
    run = finished(tmp_path)
    (run.folder / "metrics.json").rename(run.folder / "kept")
    with pytest.raises(RunError, match="is not finished: there is nothing"):
        next(run_again(run))
    (run.folder / "kept").rename(run.folder / "metrics.json")
    for part in ("images-idx3", "labels-idx1"):
        other = small_data / "mnist" / f"t10k-{part}-ubyte.gz"
        (small_data / "mnist" / f"train-{part}-ubyte.gz").write_bytes(other.read_bytes())
    with pytest.raises(DataError, match="the data has changed"):
        next(run_again(run))
    shutil.rmtree(small_data / "mnist")
    with pytest.raises(DataError):
        next(run_again(run))
    assert [path.parent.name for path in tmp_path.glob("*/experiment.toml")] == ["run"]


@pytest.mark.usefixtures("small_data")
def test_a_run_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    run = finished(tmp_path)
    change = {"epoch": 2, "step": 7, "change": "learning rate × 0.5"}
    (run.folder / "metrics.json").write_text(json.dumps(run.metrics | {"manual_changes": [change]}))
    with pytest.raises(RunError, match=r"by hand in epoch 2 \(learning rate × 0\.5\)"):
        next(run_again(run))
