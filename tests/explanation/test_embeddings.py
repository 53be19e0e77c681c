"""Embeddings against the layer that takes them; neighbours against scikit-learn and by hand."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from torch import nn

from imagelet.classifier import classifier as classifier_module
from imagelet.classifier.classifier import Classifier
from imagelet.data import load_dataset
from imagelet.errors import ClassifierFileError, UsageError
from imagelet.explanation.embeddings import (
    METHODS,
    Neighbour,
    TrainingEmbeddings,
    batches,
    directions,
    draw_evenly,
    embedding_map,
    embeddings,
    fit_projection,
    nearest,
    projected,
)
from imagelet.networks import Network, build, networks
from imagelet.runs.learner import load
from tests.explanation.classifiers import classifier_of

SHAPE = (8, 6, 1)
TEXT = "conv(4, 3x3, same) relu pool(2) flatten dense(7) relu dropout(0.5) dense(classes) softmax"


def made_of(*layers: nn.Module, shape: tuple[int, int, int] = SHAPE) -> Classifier:
    children = OrderedDict((f"layer{place}", layer) for place, layer in enumerate(layers))
    return classifier_of(Network(children, text="", name="", input_shape=shape, classes=3))


def images_of(shape: tuple[int, ...], number: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (number, *shape), dtype=np.uint8)


def kept(rows: np.ndarray, indices: list[int] | None = None) -> TrainingEmbeddings:
    unit = directions(rows.astype(np.float32)).astype(np.float16)
    places = np.arange(len(rows)) if indices is None else np.array(indices)
    return TrainingEmbeddings(unit, places.astype(np.int64), np.arange(len(rows), dtype=np.int64) % 3)


class TestEmbeddings:
    @pytest.mark.parametrize("name", tuple(networks))
    def test_are_what_the_last_dense_layer_of_every_network_takes(self, name: str) -> None:
        shape = networks.get(name).input_shape
        classifier = classifier_of(build(name, shape))
        images = images_of(shape, 3)
        found = embeddings(classifier, images)
        (last,) = [each for each in classifier.network if isinstance(each, nn.Linear)][-1:]
        assert found.dtype == np.float32
        assert found.shape == (3, last.in_features)
        with torch.no_grad():
            logits = last(torch.from_numpy(found)).numpy()
        np.testing.assert_allclose(logits, classifier.logits(images), atol=1e-4)

    def test_are_the_pixels_of_a_network_of_one_dense_layer(self) -> None:
        classifier = classifier_of(build("flatten dense(classes)", SHAPE, 3))
        images = images_of(SHAPE, 2)
        expected = (images.reshape(2, -1) / 255 - 0.4) / 0.3
        np.testing.assert_allclose(embeddings(classifier, images), expected, rtol=1e-5)

    def test_take_one_view_also_of_a_classifier_of_several(self) -> None:
        network, images = build(TEXT, SHAPE, 3), images_of(SHAPE, 2)
        found = [embeddings(classifier_of(network, views), images) for views in ("none", "mirrored-shifted")]
        assert np.array_equal(*found)

    def test_are_the_same_however_many_come_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        classifier, images = classifier_of(build(TEXT, SHAPE, 3)), images_of(SHAPE, 7)
        whole = embeddings(classifier, images)
        monkeypatch.setattr(classifier_module, "BATCH", 3)
        np.testing.assert_allclose(embeddings(classifier, images), whole, atol=1e-6)
        assert embeddings(classifier, images[:0]).shape == (0, 7)
        with pytest.raises(ValueError, match="images are uint8"):
            embeddings(classifier, images / 255)

    def test_look_into_a_sequence_and_past_normalisations(self) -> None:
        first, second = nn.Linear(48, 5), nn.Linear(5, 3)
        head = nn.Sequential(first, nn.ReLU(), nn.Sequential(nn.Dropout(0.5), second, nn.BatchNorm1d(3)))
        classifier = made_of(nn.Flatten(), head, nn.BatchNorm1d(3))
        images = images_of(SHAPE, 4)
        with torch.no_grad():
            expected = torch.relu(first(classifier.prepare(images).flatten(1))).numpy()
        np.testing.assert_allclose(embeddings(classifier, images), expected, atol=1e-6)

    def test_of_a_last_convolution_are_its_flat_maps(self) -> None:
        classifier = classifier_of(build("conv(4, 3x3) relu conv(classes, 1x1) global_average", SHAPE, 3))
        found = embeddings(classifier, images_of(SHAPE, 2))
        with torch.no_grad():
            maps = classifier.network[:2](classifier.prepare(images_of(SHAPE, 2)))
        assert found.shape == (2, 4 * 6 * 4)
        np.testing.assert_allclose(found, maps.flatten(1).numpy(), atol=1e-6)

    def test_of_a_network_without_weights_are_its_pixels(self) -> None:
        class Thirds(nn.Module):
            def forward(self, images: torch.Tensor) -> torch.Tensor:
                return images.flatten(1)[:, :3]

        assert embeddings(made_of(Thirds()), images_of(SHAPE, 2)).shape == (2, 48)

    def test_in_bfloat16_are_nearly_the_same_and_leave_no_mode_on(self) -> None:
        classifier, images = classifier_of(build(TEXT, SHAPE, 3)), images_of(SHAPE, 600)
        halves = batches(classifier, images, torch.bfloat16)
        first = next(halves)
        assert not torch.is_autocast_enabled("cpu")
        assert not torch.is_inference_mode_enabled()
        exact = embeddings(classifier, images[: len(first)])
        assert 0 < np.abs(first - exact).max() < 0.05 * np.abs(exact).max()

    def test_of_a_damaged_network_are_refused(self) -> None:
        classifier = classifier_of(build(TEXT, SHAPE, 3))
        with torch.no_grad():
            next(classifier.network.parameters()).fill_(float("inf"))
        with pytest.raises(ClassifierFileError, match="not all its embeddings are finite"):
            embeddings(classifier, images_of(SHAPE))


class TestNearest:
    def test_by_hand(self) -> None:
        rows = np.array([[1, 0], [0, 2], [3, 4], [-5, 0], [0, 0]])
        found = nearest(np.array([10, 0], np.float32), kept(rows, [7, 3, 9, 4, 1]), 5)
        assert [each.index for each in found] == [7, 9, 1, 3, 4]
        assert [each.label for each in found] == [0, 2, 1, 1, 0]
        np.testing.assert_allclose([each.distance for each in found], [0, 0.4, 0.5, 1, 2], atol=1e-3)

    def test_of_nothing_are_all_equally_far(self) -> None:
        found = nearest(np.zeros(2, np.float32), kept(np.array([[1, 0], [0, 3]])), 2)
        assert [(each.index, each.distance) for each in found] == [(0, 0.5), (1, 0.5)]

    def test_equally_near_ones_come_in_the_order_of_the_dataset(self) -> None:
        same = kept(np.ones((6, 4)), [5, 3, 4, 0, 2, 1])
        assert [each.index for each in nearest(np.ones(4, np.float32), same, 3)] == [0, 1, 2]

    def test_agrees_with_scikit_learn(self) -> None:
        generator = np.random.default_rng(1)
        rows, questions = (generator.normal(size=(n, 20)).astype(np.float32) for n in (500, 10))
        oracle = NearestNeighbors(
            n_neighbors=8, algorithm="kd_tree"
        )  # by Euclid: half its square is 1 − cosine
        training = kept(rows)
        distances, places = oracle.fit(training.rows.astype(np.float64)).kneighbors(directions(questions))
        for question, expected, indices in zip(questions, distances, places, strict=True):
            found = nearest(question, training)
            assert [each.index for each in found] == indices.tolist()
            np.testing.assert_allclose([each.distance for each in found], expected**2 / 2, atol=1e-6)

    def test_projects_as_the_rows_are(self) -> None:
        generator = np.random.default_rng(2)
        rows = (generator.normal(size=(300, 4)) @ generator.normal(size=(4, 40))).astype(np.float32)
        projection = fit_projection(directions(rows), 6)
        assert projection is not None
        few = projected(directions(rows), projection).astype(np.float16)
        small = TrainingEmbeddings(few, np.arange(300), np.zeros(300, np.int64), projection)
        whole = TrainingEmbeddings(directions(rows).astype(np.float16), np.arange(300), small.labels)
        assert (small.values, whole.values, len(small)) == (40, 40, 300)
        for question in rows[:20]:  # six directions hold all that four dimensions have
            one, other = (nearest(question, each, 4) for each in (small, whole))
            assert [each.index for each in one][:1] == [each.index for each in other][:1]
            for near, same in zip(one, other, strict=True):
                assert near.distance == pytest.approx(same.distance, abs=2e-3)

    @pytest.mark.parametrize("k", [0, -1, 6])
    def test_more_than_there_are_and_none_are_refused(self, k: int) -> None:
        with pytest.raises(UsageError, match=r"neighbours are asked for, of 5 training images .*1 to 5"):
            nearest(np.ones(2, np.float32), kept(np.ones((5, 2))), k)

    def test_an_embedding_of_another_network_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"has the shape \(2,\), not \(3,\)"):
            nearest(np.ones(3, np.float32), kept(np.ones((5, 2))))

    def test_a_neighbour_is_plain_data(self) -> None:
        assert Neighbour(4, 1, 0.25).to_json(("a", "b")) == {"index": 4, "label": "b", "distance": 0.25}


class TestProjection:
    @pytest.mark.parametrize("most", [1, 5])
    def test_is_scikit_learns_pca(self, most: int) -> None:
        spread = np.random.default_rng(3).normal(size=(200, 30)) * np.arange(30)
        unit = directions((spread + 20 * np.arange(30)[::-1]).astype(np.float32))  # all to one side
        found = fit_projection(unit, most)
        assert found is not None
        assert found.shape == (30, most)
        np.testing.assert_allclose(found.T @ found, np.eye(most), atol=1e-5)
        exact = PCA(most, svd_solver="full").fit(unit).components_
        kept_variance, largest = (np.var(unit @ each, axis=0).sum() for each in (found, exact.T))
        assert kept_variance == pytest.approx(largest, rel=0.01)

    def test_is_not_made_where_embeddings_are_narrow(self) -> None:
        assert fit_projection(np.ones((9, 512), np.float32)) is None

    def test_has_no_more_columns_than_there_are_images(self) -> None:
        found = fit_projection(directions(np.random.default_rng(4).random((6, 40), np.float32)), 30)
        assert found is not None
        assert found.shape == (40, 6)

    @pytest.mark.parametrize("lengths", [(3, 4), (0, 0)])
    def test_directions_have_length_one_or_are_nothing(self, lengths: tuple[int, int]) -> None:
        unit = directions(np.array([lengths], np.float32))
        assert np.linalg.norm(unit) == pytest.approx(1 if any(lengths) else 0)


@pytest.mark.parametrize(
    "change",
    [
        {"rows": np.ones((3, 2), np.float32)},
        {"rows": np.ones((0, 2), np.float16)},
        {"rows": np.ones(3, np.float16)},
        {"indices": np.arange(2)},
        {"labels": np.zeros(3, np.int32)},
        {"projection": np.ones((5, 3), np.float32)},
        {"projection": np.ones((5, 2))},
    ],
)
def test_parts_that_do_not_fit_are_refused(change: dict[str, np.ndarray]) -> None:
    sound = {"rows": np.ones((3, 2), np.float16), "indices": np.arange(3), "labels": np.zeros(3, np.int64)}
    assert TrainingEmbeddings(**sound).projection is None
    with pytest.raises(ValueError, match="float16 rows"):
        TrainingEmbeddings(**{**sound, **change})


@pytest.mark.slow
@pytest.mark.realdata
def test_what_is_kept_of_a_wide_network_finds_the_neighbours_that_all_of_it_would() -> None:
    """Of the shipped ``mnist``: 1,728 values of flat maps, of which 512 are kept as halves."""
    data, classifier = load_dataset("mnist"), load("mnist")
    rows = directions(embeddings(classifier, data.train.images[:3000]))
    questions = embeddings(classifier, data.test.images[:100])
    projection = fit_projection(rows)
    assert projection is not None
    small = TrainingEmbeddings(
        projected(rows, projection).astype(np.float16), np.arange(3000), data.train.labels[:3000], projection
    )
    assert small.rows.shape == (3000, 512)
    exact = (
        NearestNeighbors(n_neighbors=8, metric="cosine", algorithm="brute").fit(rows).kneighbors(questions)
    )
    found = [nearest(each, small) for each in questions]
    shared = [
        len({each.index for each in one} & set(other)) / 8
        for one, other in zip(found, exact[1].tolist(), strict=True)
    ]
    assert np.mean(shared) > 0.9
    right = [one[0].label == label for one, label in zip(found, data.test.labels[:100], strict=True)]
    assert np.mean(right) > 0.95


def clusters(each: int, number: int = 3, values: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings around ``number`` directions, and which one each belongs to."""
    generator = np.random.default_rng(0)
    labels = np.arange(each * number) % number
    middles = 5 * np.eye(number, values)
    return (middles[labels] + generator.normal(size=(len(labels), values)) / 2).astype(np.float32), labels


class TestMap:
    def test_by_pca_is_scikit_learns_of_the_directions(self) -> None:
        found, _ = clusters(40)
        points = embedding_map(found, "pca")
        exact = PCA(2, svd_solver="full").fit_transform(directions(found).astype(np.float64))
        assert points.dtype == np.float32
        signs = np.sign((points * exact).sum(axis=0))
        np.testing.assert_allclose(points, exact * signs, atol=1e-3)

    @pytest.mark.parametrize("method", METHODS)
    def test_keeps_clusters_together(self, method: str) -> None:
        found, labels = clusters(30)
        points = embedding_map(found * np.linspace(0.1, 9, 90, dtype=np.float32)[:, None], method)
        assert points.shape == (90, 2)
        places = NearestNeighbors(n_neighbors=6).fit(points).kneighbors(points)[1]
        assert (labels[places] == labels[:, None]).mean() > 0.98

    @pytest.mark.parametrize("method", METHODS)
    def test_is_the_same_for_the_same_seed(self, method: str) -> None:
        found, _ = clusters(20)
        assert np.array_equal(embedding_map(found, method, 4), embedding_map(found, method, 4))

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("shape", [(3, 1), (3, 2), (4, 700), (7, 5)])
    def test_of_few_images_and_few_values_has_finite_points(
        self, method: str, shape: tuple[int, int]
    ) -> None:
        found = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        points = embedding_map(found, method)
        assert points.shape == (shape[0], 2)
        assert np.isfinite(points).all()

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("value", [0.0, 1.5])
    def test_of_equal_images_is_one_point(self, method: str, value: float) -> None:
        assert not embedding_map(np.full((9, 5), value, np.float32), method).any()

    def test_of_too_few_and_of_another_kind_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"a map of 2 images .* at least 3"):
            embedding_map(np.ones((2, 5), np.float32))
        with pytest.raises(UsageError, match=r"unknown kind of map 'umap' .*tsne, pca"):
            embedding_map(np.ones((5, 5), np.float32), "umap")


class TestDraw:
    def test_takes_of_each_class_its_share(self) -> None:
        labels = np.repeat([0, 1, 2], [600, 300, 100])
        drawn = draw_evenly(labels, 100, 0)
        assert np.bincount(labels[drawn]).tolist() == [60, 30, 10]
        assert (np.diff(drawn) > 0).all()

    def test_takes_of_each_class_one_at_least(self) -> None:
        labels = np.array([0] * 5000 + [1, 2, 2])
        assert set(labels[draw_evenly(labels, 10, 0)]) == {0, 1, 2}

    def test_takes_all_of_few_and_others_by_another_seed(self) -> None:
        labels = np.arange(50) % 5
        assert draw_evenly(labels, 50, 3).tolist() == list(range(50))
        one, same, other = (draw_evenly(labels, 20, seed).tolist() for seed in (0, 0, 1))
        assert one == same != other
        assert len(draw_evenly(labels[:0], 20, 0)) == 0
