"""A network broken on purpose, against arithmetic on its own layers and against NumPy."""

import numpy as np
import pytest
import torch

from imagelet.classifier.classifier import Classifier
from imagelet.errors import UnknownNameError, UsageError
from imagelet.explanation.ablation import Ablation, Movement, ablated, has_biases, has_weights, moved
from imagelet.explanation.activations import find_layer, layer_activations
from imagelet.runs.store import shipped_classifiers

IMAGE = np.random.default_rng(0).integers(0, 256, (28, 28, 1), np.uint8)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    """Return the shipped classifier of digits."""
    return Classifier.load(shipped_classifiers()["mnist"])


def maps(classifier: Classifier, layer: str) -> np.ndarray:
    """Return what a layer makes of the image."""
    return next(found.values for found in layer_activations(classifier, IMAGE) if found.name == layer)


class TestAblated:
    def test_without_a_change_is_the_same_classifier(self, classifier: Classifier) -> None:
        assert ablated(classifier, Ablation()) is classifier
        assert ablated(classifier, Ablation("conv1")) is classifier

    def test_maps_are_zero_and_the_others_as_they_were(self, classifier: Classifier) -> None:
        broken = maps(ablated(classifier, Ablation("conv1", (2, 5))), "conv1")
        expected = maps(classifier, "conv1").copy()
        expected[:, :, [2, 5]] = 0
        np.testing.assert_array_equal(broken, expected)

    def test_biases_are_left_out(self, classifier: Classifier) -> None:
        bias = find_layer(classifier.network, "conv1").bias.detach().numpy()
        assert np.abs(bias).max() > 1e-3
        broken = maps(ablated(classifier, Ablation("conv1", biases=False)), "conv1")
        np.testing.assert_allclose(broken, maps(classifier, "conv1") - bias, atol=1e-5)

    def test_noise_is_as_large_as_it_says_and_the_same_each_time(self, classifier: Classifier) -> None:
        weights = find_layer(classifier.network, "conv2").weight
        noisy, again = (
            find_layer(ablated(classifier, Ablation("conv2", noise=0.5)).network, "conv2").weight
            for _ in range(2)
        )
        assert torch.equal(noisy, again)
        assert float(((noisy - weights).std() / weights.std()).detach()) == pytest.approx(0.5, rel=0.02)

    def test_the_original_stays_as_it_was(self, classifier: Classifier) -> None:
        before = classifier.logits(IMAGE[np.newaxis])
        broken = ablated(classifier, Ablation("conv1", (0,), biases=False, noise=2)).logits(IMAGE[np.newaxis])
        assert not np.allclose(broken, before)
        np.testing.assert_array_equal(classifier.logits(IMAGE[np.newaxis]), before)

    def test_what_there_is_not_is_refused(self, classifier: Classifier) -> None:
        with pytest.raises(UnknownNameError):
            ablated(classifier, Ablation("conv9", (0,)))
        with pytest.raises(UsageError, match="no map 96"):
            ablated(classifier, Ablation("conv1", (96,))).logits(IMAGE[np.newaxis])


def test_layers_say_what_they_have(classifier: Classifier) -> None:
    conv, pool = (find_layer(classifier.network, name) for name in ("conv1", "pool1"))
    assert (has_weights(conv), has_biases(conv)) == (True, True)
    assert (has_weights(pool), has_biases(pool)) == (False, False)


class TestMoved:
    def test_quarter_turns_are_numpys(self) -> None:
        images = np.stack([IMAGE, IMAGE[::-1]])
        np.testing.assert_array_equal(moved(images, Movement(90)), np.rot90(images, axes=(1, 2)))
        np.testing.assert_array_equal(moved(images, Movement(-90)), np.rot90(images, -1, axes=(1, 2)))

    def test_shifts_go_right_and_down(self) -> None:
        shifted = moved(IMAGE[np.newaxis], Movement(right=3, down=2))[0]
        np.testing.assert_array_equal(shifted[2:, 3:], IMAGE[:-2, :-3])
        np.testing.assert_array_equal(shifted[0, 3:], IMAGE[0, :-3])  # the border goes on outside

    def test_a_turn_goes_before_a_shift(self) -> None:
        shifted = moved(IMAGE[np.newaxis], Movement(90, right=4))[0]
        np.testing.assert_array_equal(shifted[:, 4:], np.rot90(IMAGE)[:, :-4])

    def test_nothing_is_the_same_array(self) -> None:
        images = IMAGE[np.newaxis]
        assert moved(images, Movement()) is images
