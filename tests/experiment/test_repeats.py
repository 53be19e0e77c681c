"""A series: each training as it would be alone, none repeated, its figures from the run folders."""

import json
import statistics
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from sklearn.metrics import log_loss

from imagelet import train
from imagelet.analysis import error_analysis
from imagelet.classifier.classifier import Classifier
from imagelet.data import Split, load_dataset
from imagelet.errors import DataError, RunError, SettingError
from imagelet.experiment.finalize import Finished
from imagelet.experiment.once import train_once
from imagelet.experiment.out_of_fold import FILE, calibrated_by_others, out_of_fold
from imagelet.experiment.repeats import conclude, plan, record, repeat
from imagelet.experiment.runner import run_experiment
from imagelet.metrics.calibration import fit_temperature
from imagelet.metrics.classification import wilson_interval
from imagelet.metrics.misclassified import find_label_issues
from imagelet.runs.definition import Experiment, describe
from imagelet.training.loop import EpochEnded, Step

QUICK = {"epochs": 1, "batch_size": 50, "learning_rate": 0.01}
NETWORK = "pool(4) flatten dense(classes)"


def quick(**fields: object) -> Experiment:
    return describe("mnist", NETWORK, settings=QUICK, **fields)


@pytest.fixture(autouse=True)
def _looks_draw_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a look at the test images draw little: it would take longer than the training."""
    monkeypatch.setattr(error_analysis, "draw_evaluation", lambda *_: None)
    monkeypatch.setattr(error_analysis, "MOST_SHOWN", 2)


def run_folders(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("*/experiment.toml")}


class TestSeeds:
    def test_each_is_the_run_that_it_would_be_alone(self, small_data: Path, tmp_path: Path) -> None:
        found = repeat(quick(), seeds=[3, 4], folder=tmp_path)
        alone = train("mnist", NETWORK, **QUICK, seed=4).run
        names = [each.run.name for each in found.members]
        assert names == ["mnist-network-seed3", "mnist-network-seed4"]
        assert found.members[1].run.classifier_file.read_bytes() == alone.classifier_file.read_bytes()
        assert found.members[1].accuracy == alone.metrics["validation"]["accuracy"]
        accuracies = [each.accuracy for each in found.members]
        assert found.spread.mean == pytest.approx(statistics.mean(accuracies))
        assert found.part == "validation"
        assert found.members[0].run.test_evaluations == []

    def test_the_result_is_kept_in_a_folder_of_its_own(self, small_data: Path, tmp_path: Path) -> None:
        found = repeat(quick(), seeds=[0, 1], name="mine", folder=tmp_path)
        assert run_folders(tmp_path) == {"mine-seed0", "mine-seed1"}
        assert found.folder == tmp_path / "mine-seeds"
        kept = json.loads((found.folder / "seeds.json").read_text())
        assert {name: kept[name] for name in found.to_json()} == found.to_json()
        assert kept["experiment"]["data_sha256"] == load_dataset("mnist").train.fingerprint()

    def test_which_trainings_belong_to_it_is_known_before_they_are_trained(
        self, small_data: Path, tmp_path: Path
    ) -> None:
        first = repeat(quick(), seeds=[0, 1], folder=tmp_path)
        record(plan(quick(), seeds=[0, 1, 2], folder=tmp_path))
        kept = json.loads((first.folder / "seeds.json").read_text())
        assert [member["seed"] for member in kept["seeds"]] == [0, 1, 2]
        assert kept["seeds"][:2] == first.to_json()["seeds"]
        record(plan(quick(), seeds=[0, 1], folder=tmp_path))
        assert json.loads((first.folder / "seeds.json").read_text()) == kept

    def test_what_is_finished_is_not_repeated_and_more_seeds_go_on(
        self, small_data: Path, tmp_path: Path
    ) -> None:
        repeat(quick(), seeds=[0, 1], folder=tmp_path)
        series = plan(quick(), seeds=[0, 1, 2], folder=tmp_path)
        events = [list(train_once(part.task)) for part in series.parts]
        assert [sum(isinstance(event, Step) for event in each) for each in events] == [0, 0, 5]
        assert all(isinstance(each[-1], Finished) for each in events)
        found = conclude(series)
        assert len(found.members) == 3
        assert [path.name for path in tmp_path.glob("*-seeds")] == ["mnist-network-seeds"]

    @pytest.mark.usefixtures("every_epoch_saved")
    def test_an_interrupted_training_goes_on(self, small_data: Path, tmp_path: Path) -> None:
        experiment = describe("mnist", NETWORK, settings=QUICK | {"epochs": 2})
        series = plan(experiment, seeds=[0, 1], folder=tmp_path)
        for event in train_once(series.parts[0].task):
            if isinstance(event, EpochEnded):
                break
        again = plan(experiment, seeds=[0, 1], folder=tmp_path)
        started, *_ = train_once(again.parts[0].task)
        assert started.resumed_at == (1, 0)  # type: ignore[union-attr]
        with pytest.raises(RunError, match="1 of 2 trainings are not finished: seed 1"):
            conclude(again)

    def test_a_recipe_that_leaves_numbers_to_the_images_is_found_again(
        self, small_data: Path, tmp_path: Path
    ) -> None:
        experiment = describe("mnist", "auto", "general", {"epochs": 1}, limit=100)
        *_, last = run_experiment(Experiment(**{**vars(experiment), "seed": 5}), folder=tmp_path)
        assert isinstance(last, Finished)
        assert last.run.experiment["network"] != "auto"
        series = plan(experiment, seeds=[4, 5], folder=tmp_path)
        assert [part.run for part in series.parts] == [None, last.run]

    def test_each_run_is_evaluated_once_on_the_test_images(self, small_data: Path, tmp_path: Path) -> None:
        repeat(quick(), seeds=[0, 1], folder=tmp_path)
        for _ in range(2):
            found = repeat(quick(), seeds=[0, 1], folder=tmp_path, test=True)
        assert found.part == "test"
        assert [len(each.run.test_evaluations) for each in found.members] == [1, 1]
        assert [each.images for each in found.members] == [100, 100]
        assert found.members[0].interval == wilson_interval(round(100 * found.members[0].accuracy), 100)

    def test_other_data_is_another_series(self, small_data: Path, tmp_path: Path) -> None:
        repeat(quick(), seeds=[0, 1], folder=tmp_path)
        for part in ("images-idx3", "labels-idx1"):
            other = small_data / "mnist" / f"t10k-{part}-ubyte.gz"
            (small_data / "mnist" / f"train-{part}-ubyte.gz").write_bytes(other.read_bytes())
        series = plan(quick(), seeds=[0, 1], folder=tmp_path)
        assert [part.run for part in series.parts] == [None, None]

    def test_a_name_of_another_experiment_is_taken(self, small_data: Path, tmp_path: Path) -> None:
        repeat(quick(), seeds=[0, 1], name="mine", folder=tmp_path)
        with pytest.raises(RunError, match=r"there is 'mine-seed0' .* already, of another experiment"):
            plan(quick(limit=100), seeds=[0, 1], name="mine", folder=tmp_path)
        with pytest.raises(RunError, match="there is 'mine-seeds'"):
            plan(quick(limit=100), seeds=[7, 8], name="mine", folder=tmp_path)

    @pytest.mark.parametrize("seeds", [[], [1], [2, 2]])
    def test_fewer_than_two_are_refused(self, small_data: Path, seeds: list[int]) -> None:
        with pytest.raises(SettingError, match="2 or more different ones"):
            plan(quick(), seeds=seeds)


class TestFolds:
    def test_every_image_is_answered_once_by_what_had_not_learned_it(
        self, small_data: Path, tmp_path: Path
    ) -> None:
        found = repeat(quick(), folds=3, folder=tmp_path)
        assert run_folders(tmp_path) == {f"mnist-network-fold{number}" for number in (1, 2, 3)}
        images = load_dataset("mnist").train
        shares, labels, indices = out_of_fold(found.folder, images)
        assert indices.tolist() == list(range(300))
        assert labels.tolist() == images.labels.tolist()
        assert shares.shape == (300, 10)
        assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)
        assert found.pooled is not None
        assert found.pooled.images == 300
        right = shares.argmax(axis=1) == labels
        assert found.pooled.accuracy == pytest.approx(right.mean())
        suspects = find_label_issues(shares, labels)
        assert found.label_issues == suspects
        for each in found.members:
            frozen = Split.load(each.run.folder / "split.json")
            assert sorted([*frozen.train, *frozen.validation]) == list(range(300))
            assert each.accuracy == pytest.approx(right[frozen.validation].mean())
            assert images.take(frozen.validation).counts().tolist() == [10] * 10
            answers = Classifier.load(each.run.classifier_file).logits(images.images[frozen.validation])
            assert (answers.argmax(axis=1) == shares[frozen.validation].argmax(axis=1)).all()

    def test_the_last_epoch_is_taken_and_nothing_is_measured_before(
        self, small_data: Path, tmp_path: Path
    ) -> None:
        settings = {"epochs": 4, "optimizer": "sgd", "learning_rate": 3.0, "schedule": "constant"}
        experiment = describe("mnist", NETWORK, settings=settings | {"batch_size": 10, "warmup": 0})
        found = repeat(experiment, folds=2, folder=tmp_path)
        for each in found.members:
            assert each.run.metrics["best_epoch"] == 4
            assert all(figures.val_accuracy is None for figures in each.run.history)

    def test_an_interrupted_fold_ends_with_the_same_bytes(self, small_data: Path, tmp_path: Path) -> None:
        experiment = describe("mnist", NETWORK, settings=QUICK | {"epochs": 2}, validation="fold 1 of 2")
        *_, whole = run_experiment(experiment, folder=tmp_path / "whole")
        series = plan(describe("mnist", NETWORK, settings=QUICK | {"epochs": 2}), folds=2, folder=tmp_path)
        for event in train_once(series.parts[0].task):
            if isinstance(event, EpochEnded):
                break
        again = plan(series.experiment, folds=2, folder=tmp_path)
        *_, last = train_once(again.parts[0].task)
        assert isinstance(last, Finished)
        assert isinstance(whole, Finished)
        assert last.run.classifier_file.read_bytes() == whole.run.classifier_file.read_bytes()

    def test_a_limit_draws_the_same_images_for_each_fold(self, small_data: Path, tmp_path: Path) -> None:
        found = repeat(quick(limit=100), folds=2, folder=tmp_path)
        _, labels, indices = out_of_fold(found.folder)
        assert len(set(indices)) == 100
        assert indices.tolist() == sorted(indices)
        assert (load_dataset("mnist").train.labels[indices] == labels).all()

    def test_another_number_of_folds_is_another_series(self, small_data: Path, tmp_path: Path) -> None:
        first = repeat(quick(), folds=2, name="mine", folder=tmp_path)
        with pytest.raises(RunError, match="'mine-fold1'"):
            plan(quick(), folds=3, name="mine", folder=tmp_path)
        assert repeat(quick(), folds=2, name="mine", folder=tmp_path).to_json() == first.to_json()

    def test_the_smallest_class_bounds_their_number(self, small_data: Path, imagelet_home: Path) -> None:
        with pytest.raises(DataError, match="has 30 images, too few for 31 folds"):
            plan(quick(), folds=31)
        with pytest.raises(SettingError, match="1 folds is not allowed"):
            plan(quick(), folds=1)
        with pytest.raises(SettingError, match="the test images have no part"):
            plan(quick(), folds=3, test=True)
        assert not list(imagelet_home.parent.rglob("experiment.toml"))

    def test_answers_that_are_missing_damaged_or_of_other_images_say_so(
        self, small_data: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(RunError, match="there is no"):
            out_of_fold(tmp_path)
        (tmp_path / FILE).write_bytes(b"nothing")
        with pytest.raises(RunError, match="cannot be read"):
            out_of_fold(tmp_path)
        arrays = {"probabilities": np.zeros((2, 3), np.float32), "labels": np.zeros(2, np.int64)}
        (tmp_path / FILE).write_bytes(safetensors.numpy.save(arrays | {"indices": np.zeros(3, np.int64)}))
        with pytest.raises(RunError, match="does not hold"):
            out_of_fold(tmp_path)
        whole = arrays | {"indices": np.arange(2)}
        (tmp_path / FILE).write_bytes(safetensors.numpy.save(whole, {"data_sha256": "another"}))
        assert out_of_fold(tmp_path).indices.tolist() == [0, 1]
        with pytest.raises(DataError, match="the data has changed"):
            out_of_fold(tmp_path, load_dataset("mnist").train)


def test_a_folds_temperature_is_fitted_on_the_others() -> None:
    generator = np.random.default_rng(0)
    labels = [generator.integers(0, 3, 200) for _ in range(3)]
    logits = [generator.normal(size=(200, 3)) + 2 * np.eye(3)[each] for each in labels]
    logits[2] *= 3.0  # too sure of itself
    made = calibrated_by_others(logits, labels)
    temperature = fit_temperature(np.concatenate(logits[1:]), np.concatenate(labels[1:]))
    powers = np.exp(logits[0] / temperature)
    assert np.allclose(made[0], powers / powers.sum(axis=1, keepdims=True))
    other = [labels[0], labels[1], 2 - labels[2]]  # a fold's own labels change nothing of its own
    assert np.array_equal(calibrated_by_others(logits, other)[2], made[2])
    assert not np.array_equal(calibrated_by_others(logits, other)[0], made[0])
    assert log_loss(labels[0], made[0]) < np.log(3)
