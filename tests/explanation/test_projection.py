"""The map: scikit-learn's PCA, clusters that stay together, the draw, what is refused."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from imagelet.errors import UsageError
from imagelet.explanation.neighbours import directions
from imagelet.explanation.projection import (
    METHODS,
    draw_evenly,
    embedding_map,
)


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
