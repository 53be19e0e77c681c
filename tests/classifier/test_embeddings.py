"""``Classifier.embeddings``: what the last dense layer takes, by that layer and by explanation."""

import numpy as np
import pytest
import torch
from torch import nn

from imagelet import load
from imagelet.classifier import classifier as classifier_module
from imagelet.errors import PictureError, UsageError
from imagelet.explanation import embeddings as explained
from imagelet.networks import build, networks
from tests.explanation.classifiers import classifier_of

SHAPE = (8, 6, 1)
TEXT = "conv(4, 3x3, same) relu pool(2) flatten dense(7) relu dropout(0.5) dense(classes) softmax"


class Own(nn.Module):
    """A module whose parts are listed in another order than they are called in."""

    def __init__(self, ends_with_a_part: bool = True) -> None:
        super().__init__()
        self.head = nn.Linear(5, 3)
        self.body = nn.Linear(48, 5)
        self.ends_with_a_part = ends_with_a_part

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values = torch.relu(self.body(images.flatten(1)))  # (n, 5)
        if self.ends_with_a_part:
            return self.head(values)
        return nn.functional.linear(values, self.head.weight, self.head.bias)


def images_of(shape: tuple[int, ...], number: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (number, *shape), dtype=np.uint8)


@pytest.mark.parametrize("name", tuple(networks))
def test_explanation_computes_the_same_of_every_network(name: str) -> None:
    shape = networks.get(name).input_shape
    classifier, images = classifier_of(build(name, shape)), images_of(shape, 3)
    found = classifier.embeddings(images)
    assert found.dtype == np.float32
    assert np.array_equal(found, explained.embeddings(classifier, images))


@pytest.mark.parametrize("text", [TEXT, "flatten dense(classes)"])
def test_the_last_layer_makes_the_logits_of_them(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, images = classifier_of(build(text, SHAPE, 3)), images_of(SHAPE, 7)
    monkeypatch.setattr(classifier_module, "BATCH", 3)
    last = [layer for layer in classifier.network if isinstance(layer, nn.Linear)][-1]
    with torch.no_grad():
        logits = last(torch.from_numpy(classifier.embeddings(images))).numpy()
    np.testing.assert_allclose(logits, classifier.logits(images), atol=1e-5)
    assert classifier.embeddings(images[:0]).shape == (0, last.in_features)


def test_the_last_layer_of_an_own_module_makes_its_logits_of_them() -> None:
    classifier, images = classifier_of(build(Own(), SHAPE, 3)), images_of(SHAPE, 4)
    with torch.no_grad():
        logits = classifier.network.own.head(torch.from_numpy(classifier.embeddings(images))).numpy()
    np.testing.assert_allclose(logits, classifier.logits(images), atol=1e-5)


def test_they_are_of_what_probabilities_are_of() -> None:
    classifier = load("mnist")
    whole = images_of(classifier.input_shape, 2)
    expected = classifier.embeddings(whole)
    np.testing.assert_allclose(classifier.embeddings(whole / 255), expected, atol=1e-4)
    np.testing.assert_allclose(classifier.embeddings(list(whole)), expected, atol=1e-4)
    with pytest.raises(PictureError):
        classifier.embeddings(b"no picture")
    with pytest.raises(ValueError, match="images are uint8"):
        classifier.embeddings(images_of((9, 9, 1), 2))


@pytest.mark.parametrize(
    "network",
    [
        pytest.param("conv(classes, 3x3) global_average", id="a convolution makes the logits"),
        pytest.param(Own(ends_with_a_part=False), id="the last layer is none of the parts that are called"),
    ],
)
def test_a_network_without_a_last_dense_layer_has_none(network: str | nn.Module) -> None:
    with pytest.raises(
        UsageError, match="no dense layer that is one of its parts makes its logits"
    ) as caught:
        classifier_of(build(network, SHAPE, 3)).embeddings(images_of(SHAPE, 2))
    assert "dense(classes)" in str(caught.value.hint)
