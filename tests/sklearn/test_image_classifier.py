"""The estimator: images of every shape, tables, labels of every kind, weights, pipelines, pickles."""

import contextlib
import copy
import pickle
import pickletools
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn

from imagelet import Recipe
from imagelet.classifier.classifier import Classifier
from imagelet.cores import usable_cores
from imagelet.sklearn import ImageClassifier

SOFTMAX = "flatten dense(classes)"
QUICK: dict[str, Any] = {"network": SOFTMAX, "epochs": 3, "batch_size": 16, "random_state": 0}
LAYOUTS = {
    "rows": lambda X: X,
    "images": lambda X: X.reshape(-1, 8, 8),
    "channels last": lambda X: X.reshape(-1, 8, 8, 1),
    "channels first": lambda X: X.reshape(-1, 1, 8, 8),
}
WITH_AXES = sorted(set(LAYOUTS) - {"rows"})


def digits(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return rows (n, 64) of numbers from 0 to 16, and their labels."""
    X, y = load_digits(return_X_y=True)
    return X[:count], y[:count]


@pytest.fixture(scope="module")
def fitted() -> ImageClassifier:
    """Return a classifier of images (n, 8, 8, 1)."""
    X, y = digits()
    return ImageClassifier(**QUICK).fit(LAYOUTS["channels last"](X), y)


class TestImages:
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_of_every_layout_give_the_same_classifier(self, layout: str, fitted: ImageClassifier) -> None:
        X, y = digits()
        arranged = LAYOUTS[layout](X)
        model = ImageClassifier(**QUICK).fit(arranged, y)
        assert model.image_shape_ == (8, 8, 1)
        assert model.n_features_in_ == 64
        expected = fitted.predict_proba(LAYOUTS["channels last"](X))
        assert np.array_equal(model.predict_proba(arranged), expected)
        assert model.score(arranged, y) > 0.5

    @pytest.mark.parametrize(
        "change",
        [
            lambda X: X.astype(np.float32),
            lambda X: X.astype(np.int64),
            lambda X: X / 16,
            lambda X: X * 1000 - 500,
            lambda X: np.asfortranarray(X),
        ],
    )
    def test_of_every_scale_do_if_it_is_one_and_the_same(self, change: Any, fitted: ImageClassifier) -> None:
        X, y = digits()
        arranged = LAYOUTS["images"](change(X))
        model = ImageClassifier(**QUICK).fit(arranged, y)
        assert model.value_range_ == (arranged.min(), arranged.max())
        assert np.array_equal(model.predict(arranged), fitted.predict(LAYOUTS["channels last"](X)))

    def test_of_bytes_are_taken_as_they_are(self) -> None:
        X, y = digits()
        images = (LAYOUTS["images"](X) * 10).astype(np.uint8)
        model = ImageClassifier(**QUICK).fit(images, y)
        assert model.value_range_ == (0, 255)
        expected = model.classifier_.predict_proba(images)
        assert np.array_equal(model.predict_proba(images), expected)
        assert np.array_equal(model.predict_proba(images.astype(np.float64)), expected)
        logits = model.classifier_.logits(images)
        assert np.array_equal(model.are_sure(images), model.classifier_.calibration.are_sure(logits))

    def test_in_colour_are_rows_with_a_shape(self) -> None:
        generator = np.random.default_rng(0)
        images, y = generator.random((60, 8, 8, 3)), generator.integers(0, 2, 60)
        rows = images.reshape(60, -1)
        model = ImageClassifier(**QUICK, image_shape=(8, 8, 3)).fit(rows, y)
        assert model.image_shape_ == (8, 8, 3)
        assert np.array_equal(model.predict(rows), ImageClassifier(**QUICK).fit(images, y).predict(images))
        with pytest.raises(ValueError, match=r"say image_shape=\(8, 8, 3\) or image_shape=\(1, 192\)"):
            ImageClassifier(**QUICK).fit(rows, y)

    def test_of_another_scale_are_refused(self, fitted: ImageClassifier) -> None:
        X, y = digits()
        images = LAYOUTS["channels last"](X)
        with pytest.raises(ValueError, match=r"values from 0 to 256, but .* from 0 to 16; scale them alike"):
            fitted.predict(images * 16)
        model = ImageClassifier(**QUICK).fit((images * 15).astype(np.uint8), y)
        with pytest.raises(ValueError, match="from 0 to 1, but"):
            model.predict(images / 16)
        assert len(model.predict(np.zeros_like(images))) == len(images)  # black is black on every scale

    def test_of_another_shape_are_refused(self, fitted: ImageClassifier) -> None:
        with pytest.raises(ValueError, match=r"has images of the shape \(9, 8, 1\), but .* \(8, 8, 1\)"):
            fitted.predict(np.zeros((2, 9, 8, 1)))
        with pytest.raises(ValueError, match="Reshape your data"):
            fitted.predict(np.zeros(64))
        with pytest.raises(ValueError, match="X has 63 features, but ImageClassifier is expecting 64"):
            fitted.predict(np.zeros((2, 63)))

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ((8, 9), r"image_shape = \(8, 9\) has 72 numbers, but the rows have 64"),
            ((8, 8, 2), r"image_shape = \(8, 8, 2\) is not allowed; it is \(height, width\)"),
            ("8x8", "image_shape = '8x8' is not allowed"),
            ((64,), r"image_shape = \(64,\) is not allowed"),
        ],
    )
    def test_have_no_impossible_shape(self, given: Any, sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            ImageClassifier(**QUICK, image_shape=given).fit(*digits(60))

    def test_with_axes_have_their_shape_already(self) -> None:
        X, y = digits(60)
        with pytest.raises(ValueError, match="is not that of the images"):
            ImageClassifier(**QUICK, image_shape=(4, 16)).fit(X.reshape(-1, 8, 8), y)

    def test_that_can_be_read_in_two_ways_are_refused(self) -> None:
        with pytest.raises(ValueError, match="channels may be first or last"):
            ImageClassifier(**QUICK).fit(np.zeros((4, 3, 8, 3)), [0, 1, 0, 1])


class TestTables:
    def test_are_rows_that_are_no_square_or_have_negative_numbers(self) -> None:
        X, y = digits()
        for table in (X[:, :60], X - 1):
            model = ImageClassifier(epochs=10, random_state=0).fit(table, y)
            assert model.image_shape_ == (1, table.shape[1], 1)
            assert model.score(table, y) > 0.9

    def test_have_a_range_for_each_column(self) -> None:
        X, y = make_blobs(120, n_features=3, random_state=0)
        X = X * [1, 1e9, 1e-9] + [0, 1e12, 0]
        model = ImageClassifier(epochs=20, random_state=0).fit(X, y)
        low, high = model.value_range_
        assert np.array_equal(low, X.min(axis=0))
        assert np.array_equal(high, X.max(axis=0))
        assert model.score(X, y) > 0.9

    def test_may_hold_the_largest_numbers_and_columns_without_any_change(self) -> None:
        X = np.array([[-1e308, 5.0], [1e308, 5.0], *[[-1e306, 5.0], [1e306, 5.0]] * 9])
        model = ImageClassifier(epochs=30, random_state=0).fit(X, [0, 1] * 10)
        assert model.predict(X[:2]).tolist() == [0, 1]
        assert model.predict([[1.5e308, -1e308]]).tolist() == [1]

    def test_rows_say_the_same_whatever_is_beside_them(self) -> None:
        X, y = make_blobs(80, n_features=40, centers=6, random_state=0)
        model = ImageClassifier(epochs=3, random_state=0).fit(X, y)
        alone = np.concatenate([model.predict_proba(row[np.newaxis]) for row in X])
        np.testing.assert_allclose(model.predict_proba(X), alone, rtol=1e-10)

    def test_are_not_moved_or_turned(self) -> None:
        X, y = make_blobs(60, n_features=3, random_state=0)
        model = ImageClassifier(epochs=1, random_state=0).fit(X, y)
        recipe = model.classifier_.training["recipe"]
        assert (recipe["shift"], recipe["rotation"], recipe["scaling"]) == (0, 0, 0)
        assert (recipe["optimizer"], recipe["learning_rate"]) == ("adamw", recipe["adamw_learning_rate"])
        model.set_params(learning_rate=0.003).fit(X, y)
        assert model.classifier_.training["recipe"]["learning_rate"] == 0.003

    def test_of_a_thousand_columns_are_the_largest(self) -> None:
        with pytest.raises(ValueError, match="at most 1,024 pixels a side are taken"):
            ImageClassifier(**QUICK).fit(np.random.default_rng(0).normal(size=(20, 1025)), [0, 1] * 10)

    def test_keep_the_names_of_a_frames_columns(self) -> None:
        pandas = pytest.importorskip("pandas")
        X, y = make_blobs(60, n_features=2, random_state=0)
        frame = pandas.DataFrame(X, columns=["width", "height"])
        model = ImageClassifier(**QUICK).fit(frame, pandas.Series(y))
        assert model.feature_names_in_.tolist() == ["width", "height"]
        with pytest.raises(ValueError, match="feature names"):
            model.predict(frame[["height", "width"]])


class TestLabels:
    @pytest.mark.parametrize(
        "labels",
        [
            np.array(["cat", "dog"]),
            np.array(["cat", "dog"], dtype=object),
            np.array([7, -3]),
            np.array([False, True]),
            np.array([1.0, 2.0]),
        ],
    )
    def test_of_every_kind_come_back_as_they_were(self, labels: np.ndarray) -> None:
        X, y = digits()
        X, y = X[y < 2], y[y < 2]
        model = ImageClassifier(**QUICK | {"epochs": 10}).fit(X, labels[y])
        assert np.array_equal(model.classes_, np.unique(labels))
        assert model.predict(X).dtype == model.classes_.dtype
        assert model.score(X, labels[y]) > 0.9

    def test_of_one_class_or_of_numbers_between_are_refused(self) -> None:
        X, y = digits(60)
        with pytest.raises(ValueError, match="y has one class only, '1'; a classifier needs at least 2"):
            ImageClassifier(**QUICK).fit(X, np.ones(60, int))
        with pytest.raises(ValueError, match="Unknown label type"):
            ImageClassifier(**QUICK).fit(X, y + 0.5)


class TestWeights:
    def test_of_zero_leave_images_out(self) -> None:
        X, y = digits(120)
        weights = np.random.default_rng(0).integers(0, 3, 120)
        there = weights > 0
        weighted = ImageClassifier(**QUICK).fit(X, y, sample_weight=weights)
        without = ImageClassifier(**QUICK).fit(X[there], y[there], sample_weight=weights[there] * 10.0)
        assert np.array_equal(weighted.predict_proba(X), without.predict_proba(X))

    def test_that_are_all_alike_change_nothing(self) -> None:
        X, y = digits(120)
        plain, weighted = ImageClassifier(**QUICK).fit(X, y), ImageClassifier(**QUICK)
        assert np.array_equal(
            weighted.fit(X, y, sample_weight=[2.0] * 120).predict_proba(X), plain.predict_proba(X)
        )

    def test_let_an_image_count_for_more(self) -> None:
        X = np.array([[0.0], [1.0]] * 20)
        y = np.array([0, 1, 1, 0] * 10)  # of either number half are of each class
        weights = np.where(y == (X[:, 0] > 0.5), 9, 1)
        model = ImageClassifier(epochs=100, settings={"label_smoothing": 0}, random_state=0)
        probabilities = model.fit(X, y, sample_weight=weights).predict_proba([[0.0], [1.0]])
        assert probabilities == pytest.approx(np.array([[0.9, 0.1], [0.1, 0.9]]), abs=0.05)

    @pytest.mark.parametrize(
        ("weights", "sentence"),
        [
            (np.ones(59), r"has the shape \(59,\); one weight for each of 60 images"),
            (np.ones((60, 1)), r"has the shape \(60, 1\)"),
            (-np.ones(60), "a weight below 0"),
            (np.zeros(60), "zero for every image"),
            (np.full(60, np.nan), "sample_weight contains NaN"),
        ],
    )
    def test_that_are_none_are_refused(self, weights: np.ndarray, sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            ImageClassifier(**QUICK).fit(*digits(60), sample_weight=weights)


class TestParameters:
    def test_are_kept_and_cloned_as_they_were_given(self) -> None:
        given = {
            "network": SOFTMAX,
            "recipe": Recipe(epochs=2),
            "settings": {"rotation": 3},
            "image_shape": [8, 8],
            "random_state": np.random.RandomState(0),
        }
        model = ImageClassifier(**given)
        assert all(model.get_params()[name] is value for name, value in given.items())
        assert clone(model).get_params()["recipe"] == given["recipe"]
        assert repr(ImageClassifier(epochs=3)) == "ImageClassifier(epochs=3)"

    def test_reach_the_training(self) -> None:
        X, y = digits()
        model = ImageClassifier(
            SOFTMAX,
            "keras",
            epochs=np.int64(2),
            learning_rate=np.float64(0.01),
            batch_size=100,
            settings={"optimizer": "sgd"},
            random_state=0,
        ).fit(X, y)
        recipe = model.classifier_.training["recipe"]
        expected = {
            "name": "keras",
            "epochs": 2,
            "learning_rate": 0.01,
            "batch_size": 100,
            "optimizer": "sgd",
        }
        assert {name: recipe[name] for name in expected} == expected
        assert len(model.history_["loss"]) == 2

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"epochs": 0}, "epochs = 0 is not allowed"),
            ({"recipe": "genral"}, "did you mean"),
            ({"recipe": 3}, "a recipe is a name, a file or a Recipe"),
            ({"network": "conv(3"}, "conv"),
            ({"settings": {"rotatoin": 3}}, "rotation"),
            (
                {"validation": 1},
                "validation = 1 is not allowed; it is a fraction from 0 to below 1, or 'auto'",
            ),
            ({"validation": "course"}, "validation = 'course' is not allowed"),
            ({"threads": 0}, "threads = 0"),
            ({"device": "tpu"}, "unknown device 'tpu'"),
            ({"random_state": "today"}, "cannot be used to seed"),
        ],
    )
    def test_that_are_wrong_get_a_sentence(self, wrong: dict[str, Any], sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            ImageClassifier(**QUICK | wrong).fit(*digits(60))

    def test_of_a_failed_fit_leave_the_classifier_as_it_was(self, fitted: ImageClassifier) -> None:
        model = copy.deepcopy(fitted).set_params(epochs=0)
        X, y = digits()
        with pytest.raises(ValueError, match="epochs"):
            model.fit(X, y)
        images = LAYOUTS["channels last"](X)
        assert np.array_equal(model.predict_proba(images), fitted.predict_proba(images))

    def test_of_randomness_decide_all_of_it(self) -> None:
        X, y = digits(120)

        def probabilities(random_state: Any) -> np.ndarray:
            model = ImageClassifier(**QUICK | {"random_state": random_state})
            return model.fit(X, y).predict_proba(X)

        assert np.array_equal(probabilities(3), probabilities(3))
        assert not np.array_equal(probabilities(3), probabilities(4))
        seeded = [probabilities(np.random.RandomState(5)) for _ in range(2)]
        assert np.array_equal(*seeded)
        assert not np.array_equal(probabilities(None), probabilities(None))

    def test_of_threads_hold_for_fit_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        counts = []
        monkeypatch.setattr(torch, "set_num_threads", counts.append)
        cores = usable_cores()
        ImageClassifier(**QUICK, threads=np.int64(cores)).fit(*digits(60))
        assert counts == [cores, torch.get_num_threads()]

    def test_a_module_can_be_the_network(self) -> None:
        X, y = digits()
        module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        before = module[1].weight.detach().clone()
        model = ImageClassifier(**QUICK | {"network": module}).fit(X, y)
        assert torch.equal(module[1].weight, before)
        again = pickle.loads(pickle.dumps(model))  # noqa: S301
        assert np.array_equal(again.predict_proba(X), model.predict_proba(X))


class TestValidation:
    def test_a_fifth_is_set_aside_where_that_is_fifty_images(self) -> None:
        X, y = digits()
        for count, expected in ((240, 0), (300, 60)):
            model = ImageClassifier(**QUICK).fit(X[:count], y[:count])
            assert model.classifier_.training["validation_images"] == expected
            assert (model.classifier_.calibration.temperature != 1) == bool(expected)
            assert len(model.history_["val_accuracy"]) == (3 if expected else 0)

    def test_a_fraction_is_set_aside_and_none_is(self) -> None:
        X, y = digits(200)
        for fraction, expected in ((0.1, 20), (0, 0)):
            model = ImageClassifier(**QUICK, validation=fraction).fit(X, y)
            assert model.classifier_.training["validation_images"] == expected

    def test_a_class_of_one_image_is_learned_all_the_same(self) -> None:
        X, y = digits()
        y = np.where(np.arange(300) == 7, 10, y)
        model = ImageClassifier(**QUICK).fit(X, y)
        assert model.classifier_.training["validation_images"] == 0
        with pytest.raises(ValueError, match="at least 2 are needed"):
            model.set_params(validation=0.2).fit(X, y)


class TestPredictions:
    """What scikit-learn checks with tables only, with images that have axes."""

    @pytest.mark.parametrize("layout", WITH_AXES)
    def test_do_not_depend_on_the_images_beside_them(self, layout: str) -> None:
        X, y = digits(60)
        X = LAYOUTS[layout](X)
        model = ImageClassifier(epochs=1, random_state=0).fit(X, y)
        together = model.predict_proba(X)
        alone = np.concatenate([model.predict_proba(image[np.newaxis]) for image in X])
        order = np.random.default_rng(0).permutation(len(X))
        assert together == pytest.approx(alone, abs=1e-5)
        assert together[order] == pytest.approx(model.predict_proba(X[order]), abs=1e-5)
        assert np.array_equal(model.predict(X)[order], model.predict(X[order]))

    @pytest.mark.parametrize("layout", WITH_AXES)
    def test_leave_everything_as_it_was(self, layout: str) -> None:
        X, y = digits(60)
        X, y = LAYOUTS[layout](X).copy(), y.copy()
        X.flags.writeable = y.flags.writeable = False
        model = ImageClassifier(**QUICK)
        parameters = model.get_params()
        model.fit(X, y)
        before = dict(vars(model))
        assert model.get_params() == parameters
        assert model.predict(X).shape == (60,)
        assert model.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(60))
        assert vars(model) == before

    @pytest.mark.parametrize("layout", WITH_AXES)
    def test_are_the_same_after_a_second_fit_and_a_clone(self, layout: str) -> None:
        X, y = digits(60)
        X = LAYOUTS[layout](X)
        model = ImageClassifier(epochs=1, random_state=0).fit(X, y)
        first = model.predict_proba(X)
        assert np.array_equal(model.fit(X, y).predict_proba(X), first)
        assert np.array_equal(clone(model).fit(X, y).predict_proba(X), first)

    def test_need_a_fit(self) -> None:
        with pytest.raises(NotFittedError):
            ImageClassifier().predict(np.zeros((1, 8, 8)))

    @pytest.mark.parametrize("layout", WITH_AXES)
    def test_need_finite_numbers(self, layout: str, fitted: ImageClassifier) -> None:
        X, y = digits(60)
        for value, name in ((np.nan, "NaN"), (np.inf, "infinity")):
            images = LAYOUTS[layout](np.where(np.arange(64) == 3, value, X))
            with pytest.raises(ValueError, match=name):
                ImageClassifier(**QUICK).fit(images, y)
        with pytest.raises(ValueError, match="Complex data not supported"):
            fitted.predict(np.zeros((1, 8, 8, 1), complex))


class TestPickles:
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_hold_the_bytes_of_a_file_and_plain_data(self, layout: str) -> None:
        X, y = digits()
        X = LAYOUTS[layout](X)
        model = ImageClassifier(**QUICK).fit(X, y)
        content = pickle.dumps(model)
        assert model.classifier_.to_bytes() in content
        names = [str(argument) for _, argument, _ in pickletools.genops(content) if argument is not None]
        assert not any("torch" in name for name in names if len(name) < 100)
        again = pickle.loads(content)  # noqa: S301
        assert isinstance(again.classifier_, Classifier)
        assert again.get_params() == model.get_params()
        assert again.history_ == model.history_
        assert np.array_equal(again.predict_proba(X), model.predict_proba(X))

    def test_of_an_estimator_that_is_not_fitted_are_its_parameters(self) -> None:
        again = pickle.loads(pickle.dumps(ImageClassifier(epochs=3)))  # noqa: S301
        assert again.get_params()["epochs"] == 3
        with pytest.raises(NotFittedError):
            again.predict(np.zeros((1, 8, 8)))

    def test_a_deep_copy_predicts_the_same(self, fitted: ImageClassifier) -> None:
        images = LAYOUTS["channels last"](digits()[0])
        copied = copy.deepcopy(fitted)
        assert np.array_equal(copied.predict_proba(images), fitted.predict_proba(images))


class TestSurroundings:
    def test_nothing_is_printed_or_written(
        self, capfd: pytest.CaptureFixture[str], tmp_path: Path, imagelet_home: Path
    ) -> None:
        with contextlib.chdir(tmp_path):
            ImageClassifier(**QUICK).fit(*digits())
        assert capfd.readouterr() == ("", "")
        assert list(tmp_path.iterdir()) == []
        assert not imagelet_home.exists()
        assert not imagelet_home.with_name("runs").exists()

    def test_threads_that_fit_at_once_do_not_disturb_each_other(self) -> None:
        X, y = digits(120)
        network = "flatten dropout(0.5) dense(classes)"
        models = [ImageClassifier(**QUICK | {"network": network, "random_state": n}) for n in range(3)]
        expected = [clone(model).fit(X, y).predict_proba(X) for model in models]
        threads = [threading.Thread(target=model.fit, args=(X, y)) for model in models]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for model, probabilities in zip(models, expected, strict=True):
            assert np.array_equal(model.predict_proba(X), probabilities)

    def test_a_pipeline_and_a_search_take_it(self) -> None:
        X, y = digits(150)
        pipeline = make_pipeline(StandardScaler(), ImageClassifier(**QUICK | {"network": "auto"}))
        assert pipeline.fit(X, y).score(X, y) > 0.5
        assert pipeline[-1].image_shape_ == (1, 64, 1)
        shaped = make_pipeline(FunctionTransformer(lambda X: X.reshape(-1, 8, 8)), ImageClassifier(**QUICK))
        assert cross_val_score(shaped, X, y, cv=2).shape == (2,)
        search = GridSearchCV(ImageClassifier(**QUICK), {"epochs": np.array([1, 4])}, cv=2).fit(X, y)
        assert search.best_params_ == {"epochs": 4}

    @pytest.mark.slow
    def test_other_processes_search_and_find_the_same(self) -> None:
        X, y = digits(150)
        grid = {"epochs": [1, 4]}
        found = [
            GridSearchCV(ImageClassifier(**QUICK, threads=1), grid, cv=2, n_jobs=jobs).fit(X, y)
            for jobs in (1, 2)
        ]
        assert np.array_equal(*(search.cv_results_["mean_test_score"] for search in found))
        assert found[1].best_params_ == {"epochs": 4}
        folds = cross_validate(
            ImageClassifier(**QUICK, threads=1), X, y, cv=2, n_jobs=2, return_estimator=True
        )
        assert all(model.predict(X).shape == (150,) for model in folds["estimator"])

    @pytest.mark.slow
    def test_the_digits_are_learned(self) -> None:
        X, y = load_digits(return_X_y=True)
        scores = cross_val_score(ImageClassifier(epochs=10, random_state=0), X, y, cv=3)
        assert scores.min() > 0.95
