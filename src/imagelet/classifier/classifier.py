"""The classifier: network, framing, normalization, class names and calibration in one object.

A training returns it; prediction, evaluation and explanation use it.
"""

import dataclasses
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagelet import atomic_files, html_repr
from imagelet.classifier import file
from imagelet.classifier.prediction import FramedInput, Prediction, framed_input, verdict
from imagelet.classifier.sources import Source, images_of, name_of, pixels_of, several
from imagelet.errors import ClassifierFileError, DataError, PictureError, UsageError, packages_needed
from imagelet.messages import Message
from imagelet.metrics.calibration import Calibration
from imagelet.metrics.classification import Metrics, evaluate_probabilities, wilson_interval
from imagelet.networks.numpy_network import NumpyNetwork
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization
from imagelet.preprocessing.test_time_augmentation import (
    TEST_TIME_AUGMENTATIONS,
    VIEWS,
    array_views,
    views,
)

if TYPE_CHECKING:
    import torch

    from imagelet.data.imageset import ImageSet
    from imagelet.networks import Network

BATCH = 500  # images that go through the network at once,
PIXELS_AT_ONCE = 2**21  # or fewer, where they are larger than 64 x 64
SMALL_WORK = 40_000_000_000  # multiply-adds that NumPy does before torch has started and caught up


class LazyNetwork:
    """The field ``network`` of a classifier: torch's, built from NumPy's when it is first asked for."""

    def __get__(self, classifier: "Classifier | None", owner: type) -> "Network":
        if classifier is None:
            raise AttributeError  # so a dataclass asks for a default; there is none
        network: Network | NumpyNetwork = vars(classifier)["network"]
        if isinstance(network, NumpyNetwork):
            network = vars(classifier)["network"] = network.to_torch()
        return network

    def __set__(self, classifier: "Classifier", network: "Network | NumpyNetwork") -> None:
        vars(classifier)["network"] = network if isinstance(network, NumpyNetwork) else network.eval()


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network with all that is needed to use it.

    Attributes:
        network: from images to logits; in evaluation mode. Its weights must not be changed. A classifier from
            a file predicts a few pictures without it, and without importing torch.
        classes: the class names in the order of the logits.
        framing: how a picture becomes an image of the network's size.
        normalization: how an image's pixels become network input.
        calibration: how logits become calibrated probabilities.
        training: what it was trained on, and how; plain data.
        test_time_augmentation: the views of an image whose logits are averaged, a name of
            :mod:`imagelet.preprocessing.test_time_augmentation`.
        file: the file that it was read from; None for one that was made in memory.

    Raises:
        ValueError: the parts do not fit together.
    """

    if TYPE_CHECKING:
        network: Network
    else:
        network: LazyNetwork = LazyNetwork()
    classes: tuple[str, ...]
    framing: Framing
    normalization: Normalization
    calibration: Calibration
    training: dict[str, Any]
    test_time_augmentation: str = "none"
    file: Path | None = None

    def __post_init__(self) -> None:
        if self.test_time_augmentation not in TEST_TIME_AUGMENTATIONS:
            raise ValueError(
                f"test_time_augmentation = {self.test_time_augmentation!r} is not allowed; "
                f"it is one of {', '.join(TEST_TIME_AUGMENTATIONS)}"
            )
        network = self._stored_network
        if len(self.classes) != network.classes:
            raise ValueError(f"{len(self.classes)} class names for a network of {network.classes} classes")
        if self.framing.shape != tuple(network.input_shape):
            raise ValueError(f"framing to {self.framing.shape} for a network of {network.input_shape}")
        if len(self.normalization.mean) != self.framing.channels:
            raise ValueError(f"{len(self.normalization.mean)} means for {self.framing.channels} channels")
        if (lowest := self.calibration.lowest_logits) is not None and len(lowest) != network.classes:
            raise ValueError(f"{len(lowest)} lowest logits for a network of {network.classes} classes")

    @property
    def _stored_network(self) -> "Network | NumpyNetwork":
        """The network as it is: torch's, or NumpyNetwork until someone asks for torch's."""
        stored: Network | NumpyNetwork = vars(self)["network"]
        return stored

    def __repr__(self) -> str:
        return f"Classifier({self.network_text!r}, {len(self.classes)} classes, {self.input_shape})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: network, input, classes, training, calibration."""
        rows = {"network": html_repr.code(self.network_text), "input": html_repr.shape(self.input_shape)}
        rows |= {
            "classes": html_repr.text(html_repr.listed(self.classes)),
            **html_repr.trained(self.training),
        }
        match self.training:
            case {"validation_accuracy": float(share), "validation_images": int(n)} if 0 <= share <= 1 <= n:
                interval = wilson_interval(round(share * n), n)
                rows["validation accuracy"] = html_repr.accuracy(share, interval, n)
        sure, temperature = html_repr.percent(self.calibration.threshold), self.calibration.temperature
        rows["sure from"] = html_repr.text(f"{sure}, at temperature {temperature:.2f}")
        return html_repr.block("Classifier", html_repr.facts(rows))

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the images that the network takes."""
        return self.framing.shape

    @property
    def network_text(self) -> str:
        """The text that builds the network again."""
        return self._stored_network.text

    @property
    def device(self) -> "torch.device":
        """The device of the network."""
        with packages_needed():
            import torch

        return next(self.network.parameters(), torch.empty(0)).device

    def calibrated(self, calibration: Calibration) -> "Classifier":
        """Return the same classifier with another calibration."""
        return Classifier(**vars(self) | {"calibration": calibration})

    def to(self, device: "torch.device | str") -> "Classifier":
        """Move the network to ``device`` and return the classifier."""
        self.network.to(device)
        return self

    def prepare(self, images: np.ndarray) -> "torch.Tensor":
        """Return network input for framed ``images``.

        Args:
            images: uint8 (n, height, width, channels).

        Returns:
            float32 (n, channels, height, width) on the network's device, channels last in memory.

        Raises:
            ValueError: another type or shape.
        """
        with packages_needed():
            import torch

        self._check_framed(images)
        pixels = torch.from_numpy(np.array(images, order="C"))  # other strides round differently
        return self.normalization.apply(pixels.to(self.device))

    def _check_framed(self, images: np.ndarray) -> None:
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != self.input_shape:
            shape = ", ".join(map(str, self.input_shape))
            raise ValueError(
                f"images are uint8 (n, {shape}); these are {images.dtype} {images.shape}; "
                "predict frames pictures of any size"
            )

    def logits(self, images: Source | Iterable[Source]) -> np.ndarray:
        """Return uncalibrated logits, float32 (n, classes), for images of the network's size.

        Args:
            images: uint8 (n, height, width, channels), or what :meth:`predict` takes.

        Raises:
            PictureError: one of them cannot be read, or is no picture.
            ValueError: images of another size, or with other channels.
            ClassifierFileError: a logit is not a finite number.
        """
        framed = self._framed(images)
        network = self._stored_network
        if isinstance(network, NumpyNetwork) and self._is_small_work(network, len(framed)):
            parts = [self._computed(network, batch) for batch in self.in_batches(framed)]
        else:
            parts = [
                self._averaged(batch)
                for batch in self.in_batches(framed, len(VIEWS[self.test_time_augmentation]))
            ]
        logits = np.concatenate(parts)  # (n, classes)
        if not np.isfinite(logits).all():
            raise ClassifierFileError("the classifier is damaged: not all its logits are finite numbers")
        return logits

    def _framed(self, images: Source | Iterable[Source]) -> np.ndarray:
        """Return images of the network's size as uint8 (n, height, width, channels)."""
        if isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.ndim == 4:
            return images
        return images_of(images, self.input_shape, self.framing.values)

    def in_batches(self, images: np.ndarray, views: int = 1) -> Iterator[np.ndarray]:
        """Yield framed images (n, …), as many at a time as the network takes; of none one empty batch.

        Args:
            images: framed.
            views: of each image, which go through the network together.
        """
        height, width, _ = self.input_shape
        size = max(1, min(BATCH, PIXELS_AT_ONCE // (height * width)) // views)
        return (images[start : start + size] for start in range(0, max(1, len(images)), size))

    def get_ready_for(self, images: int) -> None:
        """Load torch now, where so many images take NumPy longer in all; who waits for each is spared it."""
        network = self._stored_network
        if isinstance(network, NumpyNetwork) and not self._is_small_work(network, images):
            _ = self.network  # torch's, which is kept

    def _is_small_work(self, network: NumpyNetwork, images: int) -> bool:
        """Say whether torch would take longer to start than NumPy to compute; never, once it has started."""
        if "torch" in sys.modules:
            return False
        work = images * len(VIEWS[self.test_time_augmentation]) * network.multiply_adds
        return work <= SMALL_WORK or importlib.util.find_spec("torch") is None

    def _computed(self, network: NumpyNetwork, images: np.ndarray) -> np.ndarray:
        """Return the logits (n, classes) of framed images, averaged over the views, by NumPy."""
        self._check_framed(images)
        prepared = self.normalization.apply_to_array(images)
        weighted = array_views(prepared, self.test_time_augmentation)
        averaged: np.ndarray = np.stack([weight * network(view) for weight, view in weighted]).sum(axis=0)
        return averaged

    def _averaged(self, images: np.ndarray) -> np.ndarray:
        """Return what :meth:`_computed` does, by torch."""
        import torch

        with torch.inference_mode():
            weighted = views(self.prepare(images), self.test_time_augmentation)
            seen = self.network(torch.cat([view for _, view in weighted]))  # at once: a few take longer each
            weights = torch.tensor([weight for weight, _ in weighted], device=seen.device)
            logits = weights[:, None, None] * seen.reshape(len(weighted), len(images), seen.shape[1])
            averaged: np.ndarray = logits.sum(dim=0).float().cpu().numpy()
        return averaged

    def embeddings(self, images: Source | Iterable[Source]) -> np.ndarray:
        """Return what the network's last dense layer gets, float32 (n, d), for images of the network's size.

        That layer makes the logits of it, so it holds all that the network goes by. It is computed from the
        image alone, also where :meth:`logits` are averaged over several views of it.

        Args:
            images: as for :meth:`logits`.

        Raises:
            UsageError: no dense layer makes the network's logits, or it is none of a module's own parts.
            PictureError, ValueError, ClassifierFileError: as :meth:`logits`.
        """
        parts = [self._embedded(batch) for batch in self.in_batches(self._framed(images))]
        embeddings = np.concatenate(parts)  # (n, d)
        if not np.isfinite(embeddings).all():
            raise ClassifierFileError("the classifier is damaged: not all its embeddings are finite numbers")
        return embeddings

    def _embedded(self, images: np.ndarray) -> np.ndarray:
        """Return the embeddings (n, d) of framed images."""
        with packages_needed():
            import torch
            from torch import nn

            from imagelet.networks.watching import before_the_last

        with torch.inference_mode():
            prepared = self.prepare(images)
            values, last = before_the_last(self.network, prepared)
        dense = isinstance(last, nn.Linear) and last.out_features == len(self.classes)
        if not dense or values.shape[:-1] != prepared.shape[:1]:
            raise UsageError(
                "the network has no embeddings: no dense layer that is one of its parts makes its logits",
                hint="end it with a dense layer: dense(classes), or an nn.Linear as a part of the module",
            )
        embedded: np.ndarray = values.float().cpu().numpy()
        return embedded

    def predict_proba(self, images: Source | Iterable[Source]) -> np.ndarray:
        """Return calibrated probabilities, float64 (n, classes), for images of the network's size.

        :meth:`predict` opens and frames pictures of any size.

        Args:
            images: as for :meth:`logits`.

        Raises:
            PictureError, ValueError, ClassifierFileError: as :meth:`logits`.
        """
        return self.calibration.probabilities(self.logits(images))

    def predict(self, sources: Source | Iterable[Source], top: int = 3) -> list[Prediction]:
        """Classify pictures.

        Args:
            sources: one picture, an iterable of pictures, or an array of several. A picture is a file's path
                or content, an open file, an image of Pillow, or its pixels in an array or a tensor: (h, w),
                (h, w, c) or (c, h, w) with 1, 3 or 4 channels; bool, whole numbers from 0 to 255, or floats
                from 0 to 1 or to 255; ``docs/reference/python.md`` has the rules. What has two meanings is
                refused.
            top: how many of the most probable classes each prediction names, at least 1.

        Raises:
            PictureError: one of them cannot be read, or is no picture.
            ValueError: ``top`` is below 1.
        """
        predictions = []
        for prediction in self.predict_each(sources, top):
            if isinstance(prediction, PictureError):
                raise prediction
            predictions.append(prediction)
        return predictions

    def predict_each(
        self, sources: Source | Iterable[Source], top: int = 3
    ) -> Iterator[Prediction | PictureError]:
        """Classify what :meth:`predict` takes, in its order; a picture that cannot be read gives its error.

        Raises:
            PictureError: they are no pictures, or an array that can be read in two ways.
            ValueError: ``top`` is below 1.
        """
        if top < 1:
            raise ValueError(f"at least 1 class is named for a picture, not {top}")
        remaining = iter(several(sources, self.input_shape))
        while batch := list(islice(remaining, BATCH)):
            framed = [self._frame_or_error(source) for source in batch]
            images = [result.image for result in framed if isinstance(result, FramedInput)]
            logits = iter(self.logits(np.stack(images))) if images else iter(())
            for result in framed:
                if isinstance(result, FramedInput):
                    yield self.prediction(result, next(logits), top)
                else:
                    yield result

    @property
    def classes_(self) -> np.ndarray:
        """The class names in the order of the logits, an array as scikit-learn's classifiers have it."""
        return np.array(self.classes)

    def score(self, images: Source | Iterable[Source], labels: Any) -> float:
        """Return the accuracy, 0 to 1, as scikit-learn's classifiers do; :meth:`evaluate` says more.

        Args:
            images: of the network's size, as for :meth:`logits`.
            labels: (n,) class names, or numbers that count the classes from 0.

        Raises:
            DataError: another number of labels.
            PictureError, ValueError, ClassifierFileError: as :meth:`logits`.
        """
        predicted, given = self.predict_proba(images).argmax(axis=1), np.asarray(labels)
        if given.shape != predicted.shape:
            raise DataError(
                "there are {count} images but labels of the shape {shape}",
                count=len(predicted),
                shape="x".join(map(str, given.shape)),
            )
        answers = predicted if np.issubdtype(given.dtype, np.number) else self.classes_[predicted]
        return float((answers == given).mean())

    def evaluate(self, images: "ImageSet") -> Metrics:
        """Return accuracy, interval, loss and more on labelled ``images`` of the network's size.

        Raises:
            DataError: no :class:`ImageSet`.
            ValueError: other classes than the classifier's.
        """
        from imagelet.data.imageset import ImageSet

        if not isinstance(images, ImageSet):
            raise DataError(
                "what is evaluated is an ImageSet(images, labels, classes); this is of the type {type}",
                hint="predict takes pictures without labels",
                type=type(images).__name__,
            )
        if images.classes != self.classes:
            raise ValueError(f"the images' classes {images.classes} are not the classifier's {self.classes}")
        return self.compute_metrics(images, self.predict_proba(images.images))

    def compute_metrics(self, images: "ImageSet", probabilities: np.ndarray) -> Metrics:
        """Return the metrics of ``probabilities`` (n, classes), which this classifier gave for ``images``.

        With test-time augmentation, the accuracy without it is computed as well.
        """
        metrics = evaluate_probabilities(probabilities, images.labels, images.originals)
        if self.test_time_augmentation == "none":
            return metrics
        answers = (
            Classifier(**vars(self) | {"test_time_augmentation": "none"}).logits(images.images).argmax(axis=1)
        )
        return dataclasses.replace(metrics, one_view=float((answers == images.labels).mean()))

    def save(self, path: str | Path, *, half: bool = False) -> None:
        """Write the classifier as one ``.safetensors`` file, completely or not at all.

        Args:
            path: the file.
            half: store weights as float16: half the size; logits differ in the third digit.
        """
        atomic_files.write_bytes(Path(path), self.to_bytes(half=half))

    def to_bytes(self, *, half: bool = False) -> bytes:
        """Return what :meth:`save` writes."""
        return file.to_bytes(
            file.Content(**{name: value for name, value in vars(self).items() if name != "file"}), half=half
        )

    @classmethod
    def load(cls, path: str | Path, *, allow_import: bool | None = None, network: Any = None) -> "Classifier":
        """Return the classifier in a ``.safetensors`` file.

        No code in it is run, unless ``allow_import`` lets a ``package.module:function`` network be imported.

        Args:
            path: the file.
            allow_import: None: as the environment's IMAGELET_ALLOW_IMPORT says.
            network: the module, or the builder, where the classifier was trained with one; a copy of it gets
                the weights.

        Raises:
            ClassifierFileError: there is no such file, it is damaged, or it holds no classifier.
        """
        return cls(**vars(file.read(Path(path), allow_import, network)), file=Path(path))

    @classmethod
    def from_bytes(
        cls, content: bytes, *, allow_import: bool | None = None, network: Any = None
    ) -> "Classifier":
        """Return the classifier that :meth:`to_bytes` wrote, as :meth:`load` does from a file.

        Args:
            content: of a ``.safetensors`` file.
            allow_import: as for :meth:`load`.
            network: as for :meth:`load`.

        Raises:
            ClassifierFileError: they are cut off or damaged, or hold no classifier.
        """
        origin = Message("what was given")
        return cls(**vars(file.content_of(content, origin, allow_import, network)))

    def frame(self, source: Source) -> FramedInput:
        """Open a picture and frame it for the network.

        Raises:
            PictureError: it cannot be read.
        """
        picture = pixels_of(source, self.input_shape, self.framing.values)
        return framed_input(picture, self.framing, name_of(source))

    def _frame_or_error(self, source: Source) -> FramedInput | PictureError:
        try:
            return self.frame(source)
        except PictureError as error:
            return error

    def prediction(self, framed: FramedInput, logits: np.ndarray, top: int = 3) -> Prediction:
        """Return the prediction that this classifier's logits (classes,) for a framed picture give."""
        (probabilities,) = self.calibration.probabilities(logits[np.newaxis])
        ranked = [int(index) for index in np.argsort(-probabilities, kind="stable")[:top]]
        best = ranked[0]
        sure, warnings = verdict(self.calibration, framed, logits)
        return Prediction(
            file=framed.file,
            class_index=best,
            predicted=self.classes[best],
            probability=float(probabilities[best]),
            top=tuple((self.classes[index], float(probabilities[index])) for index in ranked),
            top_classes=tuple(ranked),
            sure=sure,
            warnings=warnings,
            framed_input=framed.image,
        )
