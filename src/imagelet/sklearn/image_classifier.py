"""The estimator: ``fit`` and ``predict`` as scikit-learn has them, held to its own checks of estimators."""

import contextlib
import copy
import math
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import ImageSet
from imagelet.data.labels import MOST_CLASSES
from imagelet.data.splits import Split, split
from imagelet.errors import DataError, PictureError, UsageError
from imagelet.messages import Message
from imagelet.metrics.calibration import FEWEST_IMAGES, fit_calibration
from imagelet.sklearn.understood import SMALLEST_SIDE, Understood
from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import AUTO as RECIPE_AUTO
from imagelet.training.recipe import Augmentation, Recipe, setting_fields, with_settings
from imagelet.training.recipe_file import find_recipe
from imagelet.training.recipes import suitable_network, suited

if TYPE_CHECKING:
    from imagelet.networks import Network
    from imagelet.training.loop import TrainingSetup

try:
    from sklearn.utils.validation import validate_data
except ImportError:  # before scikit-learn 1.6 it was a method

    def validate_data(estimator: Any, X: Any, y: Any = "no_validation", **rules: Any) -> Any:
        """Return X, or X and y, as scikit-learn checks them."""
        return estimator._validate_data(X, y, **rules)


LARGEST_SEED = 2**31 - 1
AUTO = "auto"
TABLE_NETWORK = "flatten dense(64) relu dense(64) relu dense(classes) softmax"
SET_ASIDE = 0.2  # of the images, where they are enough to calibrate with

_ALONE = threading.Lock()  # torch has one generator and one number of threads for the whole process


class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A network that learns to classify images, as an estimator of scikit-learn.

    Args:
        network: network text or a name (``imagelet networks`` lists them); a module of torch or a builder, as
            :func:`imagelet.train` takes them; ``"auto"``: what suits the images.
        recipe: how to train: a recipe's name (``imagelet recipes``), its file or a :class:`imagelet.Recipe`.
        epochs: passes over the training images; None: the recipe's.
        learning_rate: the highest of the schedule; with the optimizer Muon, as in ``general``, that of
            convolutions alone; None: the recipe's.
        batch_size: images in one step; None: the recipe's.
        settings: other fields of the recipe by their names: ``{"rotation": 0}``.
        image_shape: (height, width) or (height, width, channels) of images that are rows; None: a row of 64
            numbers or more that make a square, none of them negative, is a grey image, and any other is a row
            of a table. (1, columns) is always a table.
        validation: the fraction of the images that is set aside to choose the epoch and to calibrate the
            probabilities; 0: none, the last epoch is taken; ``"auto"``: 0.2 where that is 50 images or more,
            else 0.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        threads: with how many threads the processor computes in fit, from 1 to the number of its cores;
            ``"auto"``: as torch has them.
        random_state: a whole number, for the same classifier every time; a ``RandomState``; None: another one
            every time.

    Attributes:
        classes_: the classes that occur in ``y``, sorted, (k,).
        n_features_in_: how many numbers one image, or one row, has.
        feature_names_in_: the column names of a data frame; only where there was one.
        image_shape_: (height, width, channels) of an image; (1, columns, 1) of a row of a table.
        value_range_: the numbers that become black and white, (lowest, highest): 0 and 255 of bytes, else of
            the training data; of a table two arrays, a number a column. What lies beyond is cut off.
        classifier_: the :class:`imagelet.Classifier`: saves, explains, and classifies pictures.
        history_: the figures of the epochs by name, as Keras has them.
    """

    def __init__(
        self,
        network: Any = AUTO,
        recipe: str | os.PathLike[str] | Recipe = "general",
        *,
        epochs: int | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        settings: Mapping[str, Any] | None = None,
        image_shape: tuple[int, ...] | None = None,
        validation: float | str = AUTO,
        device: str = AUTO,
        threads: int | str = AUTO,
        random_state: Any = None,
    ) -> None:
        self.network = network
        self.recipe = recipe
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.settings = settings
        self.image_shape = image_shape
        self.validation = validation
        self.device = device
        self.threads = threads
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Train on labelled images.

        Args:
            X: numbers (n, height, width), (n, height, width, channels), (n, channels, height, width), or rows
                (n, height · width); channels are 1 or 3. Finite, of any type.
            y: (n,) whole numbers, truth values or texts.
            sample_weight: (n,), how much each image counts in the loss, from 0; their mean becomes 1. An
                image of weight 0 is left out. Images that are set aside count alike.

        Raises:
            ValueError: other shapes, values, labels or parameters.
            TrainingError: the loss is not finite: the learning rate is too high.
        """
        from imagelet.device import choose_threads, using_threads

        X, y = _validated(self, X, y)
        check_classification_targets(y)
        X, y, weights = _weighted(X, y, sample_weight)
        classes, labels = np.unique(y, return_inverse=True)
        _check_classes(classes)
        seed = int(check_random_state(self.random_state).randint(LARGEST_SEED))
        with _as_value_errors(), _ALONE, using_threads(choose_threads(_plain(self.threads))):
            understood = Understood.of(X, self.image_shape)
            names = tuple(map(str, classes.tolist()))
            images = ImageSet(understood.images(X), labels.astype(np.int64), names)
            self.classifier_, self.history_ = self._trained(images, understood.is_table, weights, seed)
        self.classes_, self._understood = classes, understood
        self.n_features_in_ = math.prod(understood.given)
        self.image_shape_, self.value_range_ = understood.shape, (understood.low, understood.high)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the predicted class of each image, (n,), one of :attr:`classes_`.

        Args:
            X: images of the shape and the scale that :meth:`fit` got.

        Raises:
            NotFittedError: :meth:`fit` comes first.
            ValueError: images of another shape or scale.
        """
        probabilities = self.predict_proba(X)
        predicted: NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return predicted

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, float64 (n, k), in the order of :attr:`classes_`.

        They are calibrated where images were set aside.

        Args:
            X: as for :meth:`predict`.

        Raises:
            NotFittedError, ValueError: as :meth:`predict`.
        """
        logits = self._logits(X)
        probabilities: NDArray[np.float64] = self.classifier_.calibration.probabilities(logits)
        return probabilities

    def are_sure(self, X: Any) -> NDArray[np.bool_]:
        """Return which predictions are sure, bool (n,), as the classifier's own predictions say it.

        Args:
            X: as for :meth:`predict`.

        Raises:
            NotFittedError, ValueError: as :meth:`predict`.
        """
        logits = self._logits(X)
        sure: NDArray[np.bool_] = self.classifier_.calibration.are_sure(logits)
        return sure

    def _logits(self, X: Any) -> NDArray[np.float64]:
        """Return the logits (n, k) of images as :meth:`predict` takes them."""
        check_is_fitted(self)
        understood: Understood = self._understood
        images = understood.images(_validated(self, X))
        logits: NDArray[np.float64] = (
            _exact_logits(self.classifier_, images)
            if understood.is_table
            else self.classifier_.logits(images)
        )
        return logits

    def _trained(
        self, images: ImageSet, is_table: bool, weights: NDArray[np.float64] | None, seed: int
    ) -> tuple[Classifier, dict[str, list[float]]]:
        """Train on all images, and return the classifier and the figures of its epochs."""
        from imagelet.training import loop
        from imagelet.training.history import as_columns
        from imagelet.training.result import trained_classifier

        setup = self._setup(images, is_table, weights, seed)
        state = loop.start(setup, self._network(setup.recipe, images, seed))
        for _ in loop.train(setup, state):
            pass
        fingerprint = images.fingerprint()
        classifier = trained_classifier(setup, state, dataset="arrays", data_sha256=fingerprint)
        if setup.validation is not None:
            logits = classifier.logits(setup.validation.images)
            classifier = classifier.calibrated(fit_calibration(logits, setup.validation.labels))
        return classifier, as_columns(state.history)

    def _setup(
        self, images: ImageSet, is_table: bool, weights: NDArray[np.float64] | None, seed: int
    ) -> "TrainingSetup":
        """Return what the training depends on."""
        from imagelet.device import choose_device, choose_precision
        from imagelet.training.loop import TrainingSetup

        divided = _divided(images, self.validation, seed)
        training, validation = (images.take(part) for part in (divided.train, divided.validation))
        if weights is not None:
            weights = weights[divided.train] / weights[divided.train].mean()
        recipe = _for_table(self._recipe()) if is_table else self._recipe()
        recipe = suited(recipe, len(training), images.shape)
        device = choose_device(self.device)
        return TrainingSetup(
            training=training,
            validation=validation if len(validation) else None,
            recipe=recipe,
            normalization=training.normalization(recipe.normalization),
            flips=False,
            seed=seed,
            device=device,
            precision=choose_precision("fp32" if is_table else AUTO, device),
            weights=None if weights is None else weights.astype(np.float32),
        )

    def _recipe(self) -> Recipe:
        """Return the recipe with the settings that were given."""
        if not isinstance(self.recipe, str | os.PathLike | Recipe):
            raise UsageError(
                "a recipe is a name, a file or a Recipe(…); this is of the type {type}",
                hint="imagelet recipes lists the names",
                type=type(self.recipe).__name__,
            )
        own = {"epochs": self.epochs, "learning_rate": self.learning_rate, "batch_size": self.batch_size}
        given = {name: value for name, value in own.items() if value is not None} | dict(self.settings or {})
        recipe = self.recipe if isinstance(self.recipe, Recipe) else find_recipe(self.recipe)
        return with_settings(recipe, {name: _plain(value) for name, value in given.items()})

    def _network(self, recipe: Recipe, images: ImageSet, seed: int) -> "Network":
        """Return the network that was given, else the recipe's, else what suits the images."""
        from imagelet.device import start_threads
        from imagelet.networks import build

        start_threads()
        chosen = recipe.network if isinstance(self.network, str) and self.network == AUTO else self.network
        if isinstance(chosen, str) and chosen == AUTO:
            is_small = min(images.shape[:2]) < SMALLEST_SIDE
            chosen = TABLE_NETWORK if is_small else suitable_network(images.shape)
        return build(chosen, images.shape, len(images.classes), recipe.initial_weights, seed)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds: plain data, and the classifier as the bytes of its safetensors file."""
        state = dict(super().__getstate__())
        if "classifier_" in state:
            state["classifier_"] = self.classifier_.to_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become what :meth:`__getstate__` returned."""
        super().__setstate__(state)
        if isinstance(content := state.get("classifier_"), bytes):
            given = None if isinstance(self.network, str) else self.network
            # A pickle runs code of its own already: what it names may be imported.
            self.classifier_ = Classifier.from_bytes(content, allow_import=True, network=given)

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn asks of an estimator: what it takes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _exact_logits(classifier: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return logits (n, k) in float64, so that the rows beside a row change none of its first ten digits."""
    import torch

    network = copy.deepcopy(classifier.network).cpu().double()
    parts = []
    with torch.inference_mode():
        for batch in classifier.in_batches(images):
            inputs = classifier.normalization.apply(torch.from_numpy(batch))  # (n, 1, 1, columns)
            parts.append(network(inputs.double()).numpy())
    return np.concatenate(parts)  # (n, k)


def _for_table(recipe: Recipe) -> Recipe:
    """Return a recipe without what is for images: columns are not moved or turned, weights not convolved."""
    if optimizers.get(recipe.optimizer).only_convolutions:
        rate = recipe.adamw_learning_rate if recipe.learning_rate == RECIPE_AUTO else recipe.learning_rate
        recipe = replace(recipe, optimizer="adamw", learning_rate=rate)
    still: dict[str, Any] = {field.name: field.default for field in setting_fields(Augmentation)}
    return replace(recipe, **still, outlier_share=0.0, test_time_augmentation="none")


def _divided(images: ImageSet, validation: Any, seed: int) -> Split:
    """Return which images to learn from, and which are set aside to choose the epoch and to calibrate."""
    if isinstance(validation, str) and validation == AUTO:
        if len(images) * SET_ASIDE < FEWEST_IMAGES:
            return split(images, 0, seed)
        try:
            return split(images, SET_ASIDE, seed)
        except DataError:  # a class has too few images
            return split(images, 0, seed)
    if not isinstance(validation, int | float | np.number) or not 0 <= validation < 1:
        raise UsageError(
            "validation = {value!r} is not allowed; it is a fraction from 0 to below 1, or 'auto'",
            value=validation,
        )
    return split(images, float(validation), seed)


def _validated(estimator: ImageClassifier, X: Any, *y: Any) -> Any:
    """Return X as an array, with labels for ``fit`` both, as scikit-learn checks them.

    Raises:
        ValueError, TypeError: scikit-learn's own.
    """
    rules = {"ensure_2d": False, "allow_nd": True} if _axes(X) > 2 else {}
    return validate_data(estimator, X, *y, reset=bool(y), **rules)


def _axes(X: Any) -> int:
    """Return how many axes an array or nested lists have; 0 for what is neither."""
    try:
        return int(X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim)
    except ValueError:  # lists of several lengths
        return 0


def _weighted(
    X: NDArray[Any], y: NDArray[Any], sample_weight: ArrayLike | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None]:
    """Return images, labels and their weights without those of weight 0; no weights where all are alike."""
    if sample_weight is None:
        return X, y, None
    weights = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if weights.shape != (len(X),):
        raise ValueError(
            Message(
                "sample_weight has the shape {shape}; one weight for each of {count:,} images is needed",
                shape=weights.shape,
                count=len(X),
            )
        )
    if (weights < 0).any():
        raise ValueError(Message("sample_weight has a weight below 0"))
    there = weights > 0
    if not there.any():
        raise ValueError(Message("sample_weight is zero for every image; at least one counts"))
    if not there.all():
        X, y, weights = X[there], y[there], weights[there]
    return X, y, None if (weights == weights[0]).all() else weights


def _plain(value: Any) -> Any:
    """Return a number of NumPy, as searches pass them, as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def _check_classes(classes: NDArray[Any]) -> None:
    """Raise where there are too few classes or too many."""
    if len(classes) < 2:
        raise ValueError(
            Message("y has one class only, '{name}'; a classifier needs at least 2", name=classes[0])
        )
    if len(classes) > MOST_CLASSES:
        raise ValueError(
            Message(
                "y has {count:,} classes; at most {most:,} are possible",
                count=len(classes),
                most=MOST_CLASSES,
            )
        )


@contextlib.contextmanager
def _as_value_errors() -> Iterator[None]:
    """Turn what is wrong with data or parameters into ``ValueError``, which scikit-learn expects."""
    try:
        yield
    except (UsageError, DataError, PictureError) as error:
        raise ValueError(error.sentence) from error
