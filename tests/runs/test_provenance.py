"""What a run or a classifier's file learned from: the images, the checks, and ``test:17``."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from imagelet import load, load_dataset, train
from imagelet.data.splits import Split
from imagelet.errors import DataError, RunError, UsageError
from imagelet.runs.provenance import image_of, provenance_of, provenance_of_run
from imagelet.runs.run import Run


@pytest.fixture
def run(small_data: Path) -> Run:
    return train("mnist", "pool(7) flatten dense(classes)", epochs=1, batch_size=50, name="run").run


@pytest.fixture
def file(run: Run, tmp_path: Path) -> Path:
    """Return the classifier's file without its run."""
    return Path(shutil.copy(run.classifier_file, tmp_path / "alone.safetensors"))


class TestOfARun:
    def test_are_the_images_that_it_learned_from_and_those_that_it_set_aside(self, run: Run) -> None:
        learned_from = provenance_of("run").open()
        frozen, dataset = Split.load(run.folder / "split.json"), load_dataset("mnist")
        assert np.array_equal(learned_from.training_indices, frozen.train)
        validation, test = learned_from.part("validation"), learned_from.part("test")
        assert (validation.part, test.part) == ("train", "test")
        assert np.array_equal(validation.indices, frozen.validation)
        assert np.array_equal(validation.images.images, dataset.train.images[frozen.validation])
        assert test.indices.tolist() == list(range(100))
        assert np.array_equal(test.images.images, dataset.test.images)

    def test_a_run_without_validation_images_has_none(self, small_data: Path) -> None:
        train("mnist", "pool(7) flatten dense(classes)", epochs=1, validation="0", name="none")
        learned_from = provenance_of("none").open()
        assert learned_from.validation is None
        with pytest.raises(DataError, match="the run 'none' has no validation images"):
            learned_from.part("validation")

    def test_is_known_before_it_is_finished(self, run: Run) -> None:
        (run.folder / "metrics.json").unlink()
        with pytest.raises(RunError, match="not finished"):
            provenance_of("run")
        assert provenance_of_run(run).dataset == "mnist"


class TestOfAFile:
    def test_are_all_training_images_and_the_test_images(self, file: Path) -> None:
        learned_from = provenance_of(file).open()
        assert learned_from.training_indices.tolist() == list(range(300))
        assert len(learned_from.part("test").images) == 100
        with pytest.raises(DataError, match="the classifier 'alone' is a file without its run"):
            learned_from.part("validation")

    @pytest.mark.parametrize(
        "training", [{}, {"dataset": "pets"}, {"dataset": "mnist"}, {"dataset": ["mnist"]}]
    )
    def test_are_not_known_where_it_does_not_say(self, file: Path, training: dict[str, object]) -> None:
        dataclasses.replace(load(file), training=training).save(file)
        with pytest.raises(DataError, match=r"the classifier 'alone' does not say where .* are"):
            provenance_of(file)


class TestData:
    @pytest.mark.parametrize("of_file", [False, True])
    def test_that_has_changed_is_refused(self, run: Run, file: Path, small_data: Path, of_file: bool) -> None:
        for kind in ("images-idx3", "labels-idx1"):
            content = (small_data / "mnist" / f"t10k-{kind}-ubyte.gz").read_bytes()
            (small_data / "mnist" / f"train-{kind}-ubyte.gz").write_bytes(content)
        with pytest.raises(DataError, match=r"of 'mnist' are not those that .* data has changed"):
            provenance_of(file if of_file else run.folder).open()

    def test_that_is_not_here_is_said_before_it_is_downloaded(self) -> None:
        with pytest.raises(DataError, match=r"that the classifier 'mnist' learned from are not on this"):
            provenance_of("mnist").require_present()

    @pytest.mark.usefixtures("run")
    def test_that_is_open_is_not_read_again(self) -> None:
        provenance = provenance_of("run")
        dataset = provenance.load()
        assert provenance.open(dataset).dataset is dataset


class TestSamples:
    @pytest.mark.usefixtures("run")
    def test_name_an_image_of_a_part(self) -> None:
        dataset, learned_from = load_dataset("mnist"), provenance_of("run").open()
        validation = learned_from.part("validation")
        for name, images, index in (
            ("train:17", dataset.train, 17),
            ("test:99", dataset.test, 99),
            ("validation:3", validation.images, 3),
            (f"train:{validation.indices[3]}", validation.images, 3),
        ):
            pixels, label = learned_from.sample(name)
            assert np.array_equal(pixels, images.images[index])
            assert label == images.classes[images.labels[index]]
            assert np.array_equal(np.asarray(image_of("run", name)), pixels)

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("test:100", "there is no image test:100: there are 100 test images, counted from 0"),
            ("validation:60", "there are 60 validation images"),
            ("tests:1", "'tests:1' names no image"),
            ("test:-1", "'test:-1' names no image"),
        ],
    )
    @pytest.mark.usefixtures("run")
    def test_that_are_not_there_are_refused(self, name: str, sentence: str) -> None:
        with pytest.raises(UsageError, match=sentence):
            provenance_of("run").open().sample(name)

    @pytest.mark.usefixtures("run")
    def test_other_pictures_stay_what_they_are(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pixels = np.zeros((3, 3), np.uint8)
        assert image_of("run", pixels) is pixels
        assert image_of("run", "seven.png") == "seven.png"
        monkeypatch.chdir(tmp_path)
        (tmp_path / "test:1").write_bytes(b"a file of that name")
        assert image_of("run", "test:1") == "test:1"
