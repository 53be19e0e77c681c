"""Embeddings of a run: made once, kept, found stale, refused without the data."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from imagelet import load, load_dataset, paths, train
from imagelet.analysis import embeddings as embeddings_module
from imagelet.analysis.embeddings import (
    embed,
    neighbourhood,
    neighbours_of,
    neighbours_sheet,
)
from imagelet.classifier.classifier import Classifier
from imagelet.errors import DataError, RunError, UsageError
from imagelet.explanation.embeddings import directions, embeddings, nearest
from imagelet.runs.run import Run
from tests.analysis.test_evaluate import write_folder
from tests.plots.artists import drawn

TEXT = "conv(3, 3x3, stride=2) relu flatten dense(classes)"


def training_embeddings(run, progress=None):
    return neighbourhood(run.folder, progress).embeddings


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trained")


@pytest.fixture
def run(small_data: Path, trained: Path) -> Run:
    """Return a run of its own for each test, trained once."""
    if not (trained / "run").exists():
        train("mnist", TEXT, epochs=1, batch_size=50, name="run", folder=trained)
    return Run(Path(shutil.copytree(trained / "run", paths.runs() / "run")))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows whenever embeddings are made anew, by how many."""
    calls: list[int] = []

    def counted(classifier, images, indices, progress=None):
        calls.append(len(indices))
        return embed(classifier, images, indices, progress)

    monkeypatch.setattr(embeddings_module, "embed", counted)
    return calls


def damage(path: Path, content: bytes) -> None:
    path.write_bytes(content)


class TestOfARun:
    def test_are_those_of_the_images_that_it_learned_from(self, run: Run) -> None:
        kept = training_embeddings(run)
        images = load_dataset("mnist").train
        assert len(kept) == 240  # a fifth was for validation
        assert kept.values == 3 * 13 * 13
        assert np.array_equal(kept.labels, images.labels[kept.indices])
        expected = directions(embeddings(load("run"), images.images[kept.indices]))
        np.testing.assert_allclose(kept.rows.astype(np.float32), expected, atol=0.02)

    def test_are_made_once_and_read_again(self, run: Run, made: list[int]) -> None:
        assert not run.embeddings_file.exists()  # training makes none
        told: list[tuple[int, int | None]] = []
        first = training_embeddings(run, lambda done, total: told.append((done, total)))
        again = training_embeddings(Run(run.folder))
        assert made == [240]
        assert told == [(240, 240)]
        for name in ("rows", "indices", "labels"):
            assert np.array_equal(getattr(first, name), getattr(again, name))
        assert [path.name for path in run.folder.glob(".embeddings*")] == []

    def test_are_made_anew_for_another_classifier(self, run: Run, made: list[int]) -> None:
        before = training_embeddings(run).rows
        classifier = load("run")
        with torch.no_grad():
            next(classifier.network.parameters()).mul_(-1)
        classifier.save(run.classifier_file)
        assert not np.array_equal(training_embeddings(run).rows, before)
        assert made == [240, 240]

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff" * 100,
            safetensors.numpy.save({"rows": np.ones((240, 5), np.float16)}),
            safetensors.numpy.save({"what": np.ones(3, np.float16)}, {"imagelet": "{}"}),
        ],
    )
    def test_are_made_anew_where_the_file_is_damaged(self, run: Run, made: list[int], content: bytes) -> None:
        damage(run.embeddings_file, content)
        training_embeddings(run)
        training_embeddings(run)
        assert made == [240]

    @pytest.mark.parametrize(
        ("name", "change"), [("indices", 1), ("labels", 1), ("rows", np.float16(np.nan)), ("header", 0)]
    )
    def test_are_made_anew_where_the_file_was_made_of_others(
        self, run: Run, made: list[int], name: str, change: float
    ) -> None:
        training_embeddings(run)
        with safetensors.safe_open(run.embeddings_file, framework="numpy") as file:
            header = file.metadata()["imagelet"]
        arrays = safetensors.numpy.load(run.embeddings_file.read_bytes())
        if name == "header":
            header = header.replace('"format": "1"', '"format": "0"')
        else:
            arrays[name][0] += change
        damage(run.embeddings_file, safetensors.numpy.save(arrays, {"imagelet": header}))
        training_embeddings(run)
        assert made == [240, 240]

    def test_of_a_wide_network_are_projected(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(embeddings_module, "WIDEST", 100)
        monkeypatch.setattr(embeddings_module, "FITTED", 150)
        kept, again = training_embeddings(run), training_embeddings(run)
        assert kept.rows.shape == (240, 100)
        assert kept.projection is not None
        assert kept.projection.shape == (507, 100)
        assert again.projection is not None
        assert np.array_equal(again.projection, kept.projection)
        image = load_dataset("mnist").train.images[kept.indices[3:4]]
        (first, *_) = nearest(embeddings(load("run"), image)[0], again)
        assert first.index == kept.indices[3]
        assert first.distance < 1e-3

    def test_are_there_also_where_they_cannot_be_kept(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr(embeddings_module.atomic_files, "write_bytes", full)
        assert len(training_embeddings(run)) == 240
        assert not run.embeddings_file.exists()

    def test_are_refused_without_the_data(self, run: Run, small_data: Path) -> None:
        shutil.rmtree(small_data / "mnist")
        with pytest.raises(
            DataError, match=r"images of 'mnist' that the run 'run' .* imagelet data get mnist"
        ):
            training_embeddings(run)

    def test_are_refused_for_data_that_has_changed(self, run: Run, small_data: Path) -> None:
        training_embeddings(run)
        for kind in ("images-idx3", "labels-idx1"):
            content = (small_data / "mnist" / f"t10k-{kind}-ubyte.gz").read_bytes()
            (small_data / "mnist" / f"train-{kind}-ubyte.gz").write_bytes(content)
        with pytest.raises(DataError, match="the data has changed"):
            training_embeddings(run)

    def test_are_refused_where_the_run_is_not_finished(self, run: Run) -> None:
        run.classifier_file.unlink()
        with pytest.raises(RunError, match="not finished"):
            training_embeddings(run)

    def test_of_a_folder_are_found_from_anywhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_folder(tmp_path / "own", 10, 0)
        monkeypatch.chdir(tmp_path)
        run = train("own", "softmax", epochs=1, batch_size=8).run
        monkeypatch.chdir("/")
        assert len(training_embeddings(run)) > 10
        shutil.rmtree(tmp_path / "own")
        with pytest.raises(DataError, match=r"are not in .*own any more"):
            training_embeddings(run)


class TestOfAClassifierWithoutARun:
    def test_are_kept_in_the_cache(self, run: Run, tmp_path: Path, made: list[int]) -> None:
        file = shutil.copy(run.classifier_file, tmp_path / "alone.safetensors")
        first, again = neighbourhood(file), neighbourhood(file)
        assert made == [300]  # all training images: nobody knows which it learned from
        assert first.embeddings.indices.tolist() == list(range(300))
        assert np.array_equal(first.embeddings.rows, again.embeddings.rows)
        assert len(list((paths.home() / "embeddings").iterdir())) == 1
        assert [path.name for path in tmp_path.glob("*.safetensors")] == ["alone.safetensors"]

    def test_are_refused_where_nothing_says_what_they_are_of(self, run: Run, tmp_path: Path) -> None:
        classifier, path = load("run"), tmp_path / "alone.safetensors"
        for training in ({}, {"dataset": "pets"}, {"dataset": ["mnist"]}):
            dataclasses.replace(classifier, training=training).save(path)
            with pytest.raises(DataError, match=r"'alone' does not say where .*name its run instead"):
                neighbourhood(path)
        other = {**classifier.training, "data_sha256": "0" * 64}
        dataclasses.replace(classifier, training=other).save(path)
        with pytest.raises(DataError, match="are not those that the classifier 'alone' learned from"):
            neighbourhood(path)

    def test_are_never_downloaded_for(self) -> None:
        with pytest.raises(
            DataError, match=r"'mnist' that the classifier 'mnist' learned from are not on this"
        ):
            neighbourhood("mnist")


class TestNeighbours:
    def test_of_a_training_image_begin_with_itself(self, run: Run) -> None:
        near = neighbourhood(run.folder)
        assert isinstance(near.classifier, Classifier)
        some = near.embeddings.indices[[5, 77]]
        found = neighbours_of(near, near.images.images[some], 3)
        assert [row[0].index for row in found] == some.tolist()
        assert [row[0].label for row in found] == near.images.labels[some].tolist()
        assert all(row[0].distance < 1e-3 for row in found)
        assert all(len(row) == 3 for row in found)

    def test_more_than_there_are_are_refused(self, run: Run) -> None:
        near = neighbourhood(run.folder)
        with pytest.raises(UsageError, match="241 neighbours are asked for, of 240 training images"):
            neighbours_of(near, near.images.images[:1], 241)

    def test_are_drawn_with_their_labels(self, run: Run) -> None:
        near = neighbourhood(run.folder)
        images = near.images.images[near.embeddings.indices[:2]]
        found = neighbours_of(near, images, 4)
        names = [near.images.classes[each.label] for row in found for each in row]
        figure = neighbours_sheet(near, images, ["one", "two"], ["0", "1"], found)
        drawn(figure)
        written = [text.get_text() for text in figure.texts]
        assert [text for text in written if text in near.images.classes] == names
        assert len(figure.axes) == 2 + 2 * 4
