"""Predictions and explanations of pictures, one unit traced, images to try."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagelet.analysis.embeddings import neighbours_of
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import FramedInput, Prediction
from imagelet.errors import DataError, PictureError
from imagelet.explanation.ablation import has_biases, has_weights
from imagelet.explanation.activations import (
    LayerActivations,
    filters,
    find_layer,
    layer_activations,
    network_input,
)
from imagelet.explanation.attribution import NO_CONVOLUTION, Attribution, attribute, class_of, methods_for
from imagelet.explanation.unit_trace import trace_unit
from imagelet.http.pictures import Opened
from imagelet.http.predicting import Result, predict_together, prediction_or_error
from imagelet.lab.services import encoding
from imagelet.lab.services.classifiers import Classifiers
from imagelet.messages import Message, translate
from imagelet.preprocessing.value_range import ValueRange

LONGEST_SHOWN = 448  # pixels a side of a picture that the page shows: its sheet has as many
LONGEST_SIDE = 280  # of an attribution that is carried onto the picture; a larger picture gets it coarser


def value_range(classifiers: Classifiers, name: str) -> ValueRange | None:
    """Return which numbers of a picture of more than 8 bits become black and white for a classifier.

    Raises:
        RunError: there is no such classifier.
    """
    return classifiers.load(name).framing.values


def predict(
    classifiers: Classifiers, name: str, requests: Sequence[Sequence[Opened]]
) -> list[dict[str, Any]]:
    """Return a classifier's predictions for the pictures of several requests, in one batch.

    Args:
        classifiers: those of the lab.
        name: the classifier's.
        requests: the pictures of each.

    Returns:
        For each request ``classes`` and ``predictions``; a picture that cannot be read has an ``error``.
    """
    classifier = classifiers.load(name)
    classes = list(classifier.classes)
    framed = [[_framed(classifier, picture) for picture in request] for request in requests]
    return [
        {"classes": classes, "predictions": [prediction_facts(result) for result in results]}
        for results in predict_together(classifier, framed)
    ]


def _framed(classifier: Classifier, picture: Opened) -> FramedInput | PictureError:
    try:
        return picture if isinstance(picture, PictureError) else classifier.frame(picture)
    except PictureError as error:
        return error


def prediction_facts(result: Result) -> dict[str, Any]:
    """Return a prediction that names all classes, with its framed input; or the error of a picture."""
    facts = prediction_or_error(result)
    if isinstance(result, Prediction):
        facts["framed_input"] = encoding.image(result.framed_input)
    return facts


def picture_or_sample(
    classifiers: Classifiers, name: str, picture: NDArray[np.uint8] | None, sample: str | None
) -> tuple[NDArray[np.uint8], str | None]:
    """Return one picture's pixels, uint8 (height, width, 1 or 3); and its label where that is known.

    Args:
        classifiers: those of the lab.
        name: the classifier's.
        picture: the pixels; or None:
        sample: an image of what the classifier learned from, ``test:17``.

    Raises:
        RunError, DataError, UsageError: there is no such image.
    """
    if picture is not None:
        return picture, None
    return classifiers.sample(name, sample or "")


def explain(
    classifiers: Classifiers,
    name: str,
    picture: NDArray[np.uint8] | None = None,
    sample: str | None = None,
    *,
    layers: bool = False,
    attributions: Iterable[str] = (),
    target: int | str | None = None,
    neighbours: int = 0,
) -> dict[str, Any]:
    """Return a classifier's prediction for one picture, and those parts of its explanation that are wanted.

    Args:
        classifiers: those of the lab.
        name: the classifier's.
        picture: uint8 (height, width, 1 or 3); or None:
        sample: an image of what the classifier learned from, ``test:17``.
        layers: whether the layers' activations are wanted.
        attributions: methods.
        target: the class that attributions are about, its index or name; None: the predicted class.
        neighbours: how many of the nearest training images.
    """
    classifier = classifiers.load(name)
    if target is not None:
        class_of(classifier.classes, target)  # refused before anything is computed
    pixels, label = picture_or_sample(classifiers, name, picture, sample)
    framed = classifier.frame(pixels)
    (logits,) = classifier.logits(framed.image[np.newaxis])
    prediction = classifier.prediction(framed, logits, top=len(logits))
    methods, wanted = methods_for(classifier.network), dict.fromkeys(attributions)
    maps = [attribute(classifier, framed.image, method, target) for method in wanted if method in methods]
    missing: list[str] = [] if wanted.keys() <= set(methods) else [NO_CONVOLUTION]
    nearest, preparing = _neighbours(classifiers, name, framed, neighbours, missing)
    activations = layer_activations(classifier, framed.image) if layers else ()
    return {
        "prediction": prediction_facts(prediction),
        "classes": list(classifier.classes),
        "label": label,
        "input": _layer(network_input(classifier, framed.image)) if layers else None,
        "layers": [{**_layer(layer), **_parameters(classifier, layer.name)} for layer in activations],
        "attributions": [_map(attribution, framed, pixels) for attribution in maps],
        "neighbours": nearest,
        "preparing": preparing,
        "prepared": classifiers.prepared(name) if preparing else None,
        "missing": missing,
    }


def shown_picture(pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """Return a picture, uint8 (height, width, 1 or 3), as the page shows it: smaller where it is large."""
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    picture.thumbnail((LONGEST_SHOWN, LONGEST_SHOWN))
    shown = np.asarray(picture)
    return encoding.image(shown if shown.ndim == 3 else shown[:, :, np.newaxis])


def trace(
    classifiers: Classifiers,
    name: str,
    picture: NDArray[np.uint8] | None,
    sample: str | None,
    layer: str,
    index: list[int],
) -> dict[str, Any]:
    """Return how one number of a layer's activations comes about."""
    classifier = classifiers.load(name)
    pixels, _ = picture_or_sample(classifiers, name, picture, sample)
    unit = trace_unit(classifier, classifier.frame(pixels).image, layer, index)
    formula = None if unit.size_formula is None else translate(unit.size_formula)
    return {**unit.to_json(), "size_formula": formula}


def layer_filters(classifiers: Classifiers, name: str, layer: str) -> dict[str, Any]:
    """Return a convolution's weights: (filters, height, width, channels that each filter sees)."""
    return encoding.numbers(filters(classifiers.load(name).network, layer))


def sample_images(
    classifiers: Classifiers, name: str, part: str, count: int, seed: int
) -> list[dict[str, Any]]:
    """Return some images of a part of what a classifier learned from, the classes in turn."""
    images = classifiers.part(name, part)
    return [
        {
            "sample": f"{part}:{index}",
            "label": images.classes[images.labels[index]],
            "image": encoding.image(np.asarray(images.images[index])),
        }
        for index in draw_indices(images.labels, count, seed)
    ]


def draw_indices(labels: NDArray[np.int64], count: int, seed: int) -> list[int]:
    """Return the indices of ``count`` images, drawn at random, so that each class comes once in a round.

    >>> labels = np.array([0, 0, 0, 1, 1, 2])
    >>> [int(labels[index]) for index in draw_indices(labels, 4, seed=0)]
    [0, 1, 2, 0]
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = labels[order]
    rounds = np.zeros(len(order), np.int64)
    for label in np.unique(shuffled):
        of_class = shuffled == label
        rounds[of_class] = np.arange(of_class.sum())
    return [int(index) for index in order[np.lexsort((shuffled, rounds))][:count]]


def _layer(activations: LayerActivations) -> dict[str, Any]:
    return {**activations.facts(), "values": encoding.numbers(activations.values)}


def _parameters(classifier: Classifier, layer: str) -> dict[str, bool]:
    module = find_layer(classifier.network, layer)
    return {"weights": has_weights(module), "biases": has_biases(module)}


def _map(attribution: Attribution, framed: FramedInput, picture: NDArray[np.uint8]) -> dict[str, Any]:
    height, width = picture.shape[:2]
    factor = max(1.0, max(height, width) / LONGEST_SIDE)
    on_picture = None
    if framed.placement is not None:
        scaled = {name: value / factor for name, value in dataclasses.asdict(framed.placement).items()}
        placement = dataclasses.replace(framed.placement, **scaled)
        sides = (max(1, round(height / factor)), max(1, round(width / factor)))
        on_picture = encoding.numbers(placement.onto(attribution.values, *sides))
    return {
        "method": attribution.method,
        "layer": attribution.layer,
        "name": attribution.class_name,
        "probability": attribution.probability,
        "signed": attribution.signed,
        "values": encoding.numbers(attribution.values),
        "on_picture": on_picture,
    }


def _neighbours(
    classifiers: Classifiers, name: str, framed: FramedInput, count: int, missing: list[str]
) -> tuple[list[dict[str, Any]], bool]:
    """Return the nearest training images, and whether they are still being prepared."""
    if not count:
        return [], False
    try:
        neighbourhood = classifiers.neighbourhood(name)
    except DataError as error:
        missing.append(translate(Message("the nearest training images: {reason}", reason=error.message)))
        return [], False
    if neighbourhood is None:
        missing.append(
            translate("the nearest training images: they are being prepared, once, for about a minute")
        )
        return [], True
    images = neighbourhood.images
    most = min(count, len(neighbourhood.embeddings))
    (nearest,) = neighbours_of(neighbourhood, framed.image[np.newaxis], most)
    return [
        {
            **neighbour.to_json(images.classes),
            "image": encoding.image(np.asarray(images.images[neighbour.index])),
        }
        for neighbour in nearest
    ], False
