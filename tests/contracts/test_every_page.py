"""The page of every classifier: each kind of layer, named network and view, in JavaScript."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from imagelet.classifier.classifier import Classifier
from imagelet.interop.page import OPERATIONS, SCRIPTS, halved
from imagelet.metrics.calibration import Calibration
from imagelet.networks import build, networks
from imagelet.networks.layers import KINDS
from imagelet.networks.numpy_network import NumpyNetwork
from imagelet.preprocessing.framing import framings
from imagelet.preprocessing.normalization import Normalization
from imagelet.preprocessing.test_time_augmentation import TEST_TIME_AUGMENTATIONS
from tests.contracts.test_every_layer import CLASSES, SHAPE, drawn
from tests.interop import javascript
from tests.interop.test_onnx import SMALL, classifier_of, images_for

pytestmark = [javascript.needs_node, pytest.mark.slow]

LARGEST_DIFFERENCE = 1e-4  # of logits, in parts of the largest
BUILT_IN = ("crop", "fit", "half-crop", "handwriting", "object", "stretch")


def classifiers() -> dict[str, Classifier]:
    """Return a classifier of each kind of layer, each named network, and each test-time augmentation."""
    made = {f"layer {word}": classifier_of(drawn(word)) for word in KINDS}
    made |= {
        f"network {name}": classifier_of(build(name, networks.get(name).input_shape, 3, seed=2))
        for name in networks
    }
    small = build(SMALL, SHAPE, CLASSES, seed=1)
    return made | {f"views {kind}": classifier_of(small, kind) for kind in TEST_TIME_AUGMENTATIONS}


CLASSIFIERS = classifiers() if javascript.NODE else {}


def halves(classifier: Classifier) -> Mapping[str, np.ndarray]:
    return {name: halved(tensor.numpy()) for name, tensor in classifier.network.state_dict().items()}


def by_numpy(classifier: Classifier) -> Classifier:
    """Return the same classifier, computed by NumPy with weights in half precision."""
    network = NumpyNetwork(
        classifier.network_text, classifier.input_shape, len(classifier.classes), halves(classifier)
    )
    return Classifier(**vars(classifier) | {"network": network})


@pytest.fixture(scope="module")
def answers() -> dict[str, list[dict[str, Any]]]:
    """Return what the page's modules make of framed images, by the names of the classifiers."""
    jobs = [
        javascript.job(classifier, list(images_for(classifier, 2)), framed=True)
        for classifier in CLASSIFIERS.values()
    ]
    return dict(zip(CLASSIFIERS, javascript.run(jobs), strict=True))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_page_computes_what_numpy_does(name: str, answers: dict[str, list[dict[str, Any]]]) -> None:
    classifier = CLASSIFIERS[name]
    images = images_for(classifier, 2)
    numpy_network = by_numpy(classifier)
    logits = vars(numpy_network)["network"](classifier.normalization.apply_to_array(images))
    ours = np.array([answer["logits"] for answer in answers[name]])
    assert np.abs(ours - logits).max() <= LARGEST_DIFFERENCE * np.abs(logits).max()
    probabilities = np.array([answer["probabilities"] for answer in answers[name]])
    scores = numpy_network._computed(vars(numpy_network)["network"], images)
    np.testing.assert_allclose(
        probabilities,
        classifier.calibration.probabilities(scores),
        atol=LARGEST_DIFFERENCE * np.abs(logits).max(),
    )


def test_the_pages_operations_are_those_of_its_script() -> None:
    program = (
        "import { OPERATIONS } from './src/imagelet/interop/page_static/js/network/operations.js';"
        "process.stdout.write(Object.keys(OPERATIONS).join(' '))"
    )
    assert set(javascript.evaluate(program).split()) == OPERATIONS


def test_every_framing_has_a_script() -> None:
    assert sorted(kind for kinds in SCRIPTS.values() for kind in kinds) == sorted(BUILT_IN)
    assert set(BUILT_IN) <= set(framings)


def test_normalization_is_per_channel() -> None:
    classifier = classifier_of(build(SMALL, SHAPE, CLASSES, seed=1))
    uneven = Normalization((0.1, 0.5, 0.9), (0.2, 0.3, 0.4))
    classifier = Classifier(**vars(classifier) | {"normalization": uneven})
    images = images_for(classifier, 3)
    (answers,) = javascript.run([javascript.job(classifier, list(images), framed=True)])
    expected = by_numpy(classifier).predict_proba(images)
    np.testing.assert_allclose(
        [answer["probabilities"] for answer in answers], expected, atol=LARGEST_DIFFERENCE
    )


@pytest.mark.parametrize("lowest", [False, True])
def test_every_engine_says_the_same_of_what_is_sure(*, lowest: bool) -> None:
    classifier = classifier_of(build(SMALL, SHAPE, CLASSES, seed=1), "mirrored")
    images = images_for(classifier, 40)
    logits = by_numpy(classifier).logits(images)
    likely = classifier.calibration.probabilities(logits).max(axis=1)
    middle = tuple(np.full(CLASSES, np.median(logits.max(axis=1))).tolist()) if lowest else None
    calibration = Calibration(classifier.calibration.temperature, float(np.quantile(likely, 0.3)), middle)
    classifier = classifier.calibrated(calibration)
    expected = calibration.are_sure(logits)
    assert 0 < expected.sum() < len(expected)
    predictions = by_numpy(classifier).predict(images)
    by_torch = classifier.predict(images)
    (page,) = javascript.run([javascript.job(classifier, list(images), framed=True)])
    assert [each.sure for each in predictions] == expected.tolist()
    assert [each.sure for each in by_torch] == expected.tolist()
    assert [each["sure"] for each in page] == expected.tolist()
    assert [each["unlike"] for each in page] == calibration.are_unlike(logits).tolist()
    assert not any(each.warnings for each in predictions if each.sure)
