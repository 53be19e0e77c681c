"""What speaks for a class: each method against an oracle of its own, and all against what they claim."""

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from scipy.stats import spearmanr
from torch import nn
from torch.nn import functional

from imagelet.classifier.classifier import Classifier
from imagelet.data import load_dataset
from imagelet.errors import UnknownNameError, UsageError
from imagelet.explanation.attribution import (
    METHODS,
    SIGNED,
    _cells,
    attribute,
    class_of,
    convolution_of,
    ground_of,
)
from imagelet.metrics.calibration import Calibration
from imagelet.networks import Network, build, networks
from imagelet.networks.layer_kind import LayerRun, run_layers
from imagelet.preprocessing import Framing
from imagelet.preprocessing.normalization import Normalization

CLASSES = tuple("0123456789")
TEXT = (
    "conv(16, 3x3, same) batchnorm relu conv(32, 3x3, same) pool(2) batchnorm relu"
    " conv(32, 3x3, same) batchnorm relu global_average dense(classes) softmax"
)
SHARE = 0.2  # of an image's pixels, that are hidden
SHAPES = [(28, 28, 1), (32, 32, 3)]


def runs_of(network: Network, images: torch.Tensor) -> dict[str, LayerRun]:
    """Return the layers by name, with what they make of the images."""
    with torch.no_grad():
        return {ran.name: ran for ran in run_layers(network.named_children(), images)}


def classifier_of(network: Network, test_time_augmentation: str = "none") -> Classifier:
    channels = network.input_shape[2]
    return Classifier(
        network=network,
        classes=CLASSES[: network.classes],
        framing=Framing("fit", *network.input_shape),
        normalization=Normalization((0.3,) * channels, (0.35,) * channels),
        calibration=Calibration.none(),
        training={},
        test_time_augmentation=test_time_augmentation,
    )


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def logit_of(classifier: Classifier, image: np.ndarray, index: int) -> float:
    return float(classifier.logits(image[None])[0, index])


@pytest.fixture(scope="session")
def digits() -> tuple[Classifier, np.ndarray, np.ndarray]:
    """Return a classifier that has learned 8×8 digits, and the test images with their labels."""
    data = load_dataset("digits")
    network = build(TEXT, (8, 8, 1), 10)
    classifier = classifier_of(network)
    inputs, labels = (
        classifier.prepare(data.train.images),
        torch.from_numpy(np.array(data.train.labels)).long(),
    )
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    network.train()
    for step in range(60):
        chosen = torch.arange(step * 128, (step + 1) * 128) % len(inputs)
        optimizer.zero_grad()
        functional.cross_entropy(network(inputs[chosen]), labels[chosen]).backward()
        optimizer.step()
    network.eval()
    network.zero_grad()
    images, answers = data.test.images, np.array(data.test.labels)
    assert (classifier.predict_proba(images).argmax(axis=1) == answers).mean() > 0.85
    return classifier, images, answers


def scrambled(classifier: Classifier, seed: int = 0) -> Classifier:
    """Return the classifier with each weight tensor's numbers in another order."""
    network = copy.deepcopy(classifier.network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in network.parameters():
            order = torch.randperm(weights.numel(), generator=generator)
            weights.copy_(weights.flatten()[order].view_as(weights))
    return classifier_of(network)


class TestEveryNetwork:
    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("name", tuple(networks))
    def test_has_evidence_and_is_left_as_it_was(self, name: str, method: str) -> None:
        network = build(name, networks.get(name).input_shape, 10)
        if method == "grad-cam" and not any(isinstance(each, nn.Conv2d) for each in network.modules()):
            pytest.skip("no convolution")
        classifier, image = classifier_of(network), noise(*network.input_shape)
        before = {key: value.clone() for key, value in network.state_dict().items()}
        wanted = [weights.requires_grad for weights in network.parameters()]
        logits = classifier.logits(image[None])
        found = attribute(classifier, image, method, 3)
        assert found.values.shape == network.input_shape[:2]
        assert found.values.dtype == np.float32
        assert np.isfinite(found.values).all()
        assert found.signed == (method in SIGNED)
        assert found.signed or found.values.min() >= 0
        assert found.values.any() or method == "grad-cam"
        assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
        assert [weights.requires_grad for weights in network.parameters()] == wanted
        assert all(weights.grad is None for weights in network.parameters())
        for module in network.modules():
            assert not module.training
            assert not module._forward_hooks
            assert not module._forward_pre_hooks
            assert not module._backward_hooks
        assert np.array_equal(classifier.logits(image[None]), logits)


class TestAttribution:
    @pytest.mark.parametrize("method", METHODS)
    def test_is_of_the_answer_unless_another_class_is_asked_for(
        self, digits: tuple[Classifier, np.ndarray, np.ndarray], method: str
    ) -> None:
        classifier, images, _ = digits
        shares = classifier.predict_proba(images[:1])[0]
        found = attribute(classifier, images[0], method)
        assert (found.class_index, found.class_name) == (shares.argmax(), CLASSES[shares.argmax()])
        assert found.probability == pytest.approx(shares.max())
        other = attribute(classifier, images[0], method, "3" if found.class_name != "3" else "4")
        assert other.probability == pytest.approx(shares[other.class_index])
        assert not np.array_equal(other.values, found.values)
        assert found.layer == ("conv3" if method == "grad-cam" else None)

    @pytest.mark.parametrize("method", METHODS)
    def test_changes_with_the_weights(
        self, digits: tuple[Classifier, np.ndarray, np.ndarray], method: str
    ) -> None:
        """The sanity check of Adebayo and others 2018, arXiv 1810.03292."""
        classifier, images, labels = digits
        alike = []
        for seed, (image, label) in enumerate(zip(images[:16], labels, strict=False)):
            inked = image[:, :, 0] > 0  # black pixels have no evidence, whatever the weights are
            trained = attribute(classifier, image, method, int(label)).values[inked]
            random = attribute(scrambled(classifier, seed), image, method, int(label)).values[inked]
            alike.append(
                0.0 if np.ptp(random) * np.ptp(trained) == 0 else spearmanr(trained, random).statistic
            )
        assert abs(np.mean(alike)) < 0.25

    @pytest.mark.parametrize("method", METHODS)
    def test_marks_what_the_answer_hangs_on(
        self, digits: tuple[Classifier, np.ndarray, np.ndarray], method: str
    ) -> None:
        classifier, images, labels = digits
        images, labels = images[:40], labels[:40]
        generator, hidden, at_random = np.random.default_rng(0), [], []
        for image, label in zip(images, labels, strict=True):
            values = attribute(classifier, image, method, int(label)).values.ravel()
            number = round(SHARE * values.size)
            for places, into in (
                (np.argsort(-values, kind="stable")[:number], hidden),
                (generator.permutation(values.size)[:number], at_random),
            ):
                changed = image.copy().reshape(-1)
                changed[places] = ground_of(image).reshape(-1)[places]
                into.append(changed.reshape(image.shape))
        every = np.arange(len(labels))
        left, left_at_random = (
            classifier.predict_proba(np.stack(each))[every, labels].mean() for each in (hidden, at_random)
        )
        assert left < left_at_random - 0.1

    def test_is_plain_json(self, digits: tuple[Classifier, np.ndarray, np.ndarray]) -> None:
        found = attribute(digits[0], digits[1][0], "grad-cam", 5).to_json()
        assert (found["method"], found["class"], found["name"], found["layer"]) == (
            "grad-cam",
            5,
            "5",
            "conv3",
        )
        assert np.shape(found["values"]) == (8, 8)

    @pytest.mark.parametrize("method", METHODS)
    def test_is_the_same_wherever_gradients_are_off(
        self, digits: tuple[Classifier, np.ndarray, np.ndarray], method: str
    ) -> None:
        classifier, images, _ = digits
        wanted = attribute(classifier, images[0], method).values
        for off in (torch.no_grad(), torch.inference_mode()):
            with off:
                assert np.array_equal(attribute(classifier, images[0], method).values, wanted)

    def test_is_found_while_other_threads_predict(
        self, digits: tuple[Classifier, np.ndarray, np.ndarray]
    ) -> None:
        classifier, images, _ = digits
        wanted = attribute(classifier, images[0], "grad-cam").values
        stop, failures = threading.Event(), []

        def predict() -> None:
            while not stop.is_set():
                try:
                    classifier.predict_proba(images[:3])
                except Exception as error:
                    failures.append(error)

        thread = threading.Thread(target=predict)
        thread.start()
        try:
            for _ in range(10):
                assert np.array_equal(attribute(classifier, images[0], "grad-cam").values, wanted)
        finally:
            stop.set()
            thread.join()
        assert not failures

    def test_has_the_probability_over_all_views_and_the_values_of_one(
        self, digits: tuple[Classifier, np.ndarray, np.ndarray]
    ) -> None:
        classifier, images, _ = digits
        several = classifier_of(classifier.network, "mirrored")
        one, more = (attribute(each, images[0], "saliency", 2) for each in (classifier, several))
        assert np.array_equal(one.values, more.values)
        assert more.probability == pytest.approx(several.predict_proba(images[:1])[0, 2])
        assert more.probability != one.probability

    def test_names_every_method_with_a_sentence_and_its_source(self) -> None:
        assert set(METHODS) == {"saliency", "integrated-gradients", "grad-cam", "occlusion"}
        assert all("arXiv" in sentence and len(sentence.split()) > 8 for sentence in METHODS.values())
        assert set(METHODS) >= SIGNED


class TestSaliency:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_is_the_largest_slope_of_the_channels(self, shape: tuple[int, int, int]) -> None:
        classifier, image = classifier_of(build("cnn-3", shape, 10)), noise(*shape)
        inputs = classifier.prepare(image[None]).clone().requires_grad_()
        for module in classifier.network.modules():  # layer by layer, not as the network carries them out
            module.register_forward_hook(lambda *_: None)
        classifier.network(inputs)[0, 7].backward()
        assert inputs.grad is not None
        found = attribute(classifier, image, "saliency", 7)
        wanted = inputs.grad[0].abs().amax(dim=0).numpy()
        np.testing.assert_allclose(found.values, wanted, rtol=1e-3, atol=1e-6)


class TestIntegratedGradients:
    @pytest.mark.parametrize(("steps", "mean", "worst"), [(None, 0.02, 0.06), (400, 0.006, 0.02)])
    def test_add_up_to_the_difference_from_the_ground(
        self,
        digits: tuple[Classifier, np.ndarray, np.ndarray],
        steps: int | None,
        mean: float,
        worst: float,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        if steps is not None:
            monkeypatch.setattr("imagelet.explanation.attribution.STEPS", steps)
        classifier, images, labels = digits
        errors = []
        for image, label in zip(images[:8], labels, strict=False):
            found = attribute(classifier, image, "integrated-gradients", int(label))
            difference = logit_of(classifier, image, label) - logit_of(classifier, ground_of(image), label)
            errors.append(abs(found.values.sum() / difference - 1))
        assert np.mean(errors) < mean
        assert max(errors) < worst

    def test_of_a_linear_network_are_each_weight_times_its_pixel(self) -> None:
        classifier, image = classifier_of(build("softmax", (6, 5, 3), 4)), noise(6, 5, 3)
        found = attribute(classifier, image, "integrated-gradients", 1)
        (weights,) = (each for each in classifier.network.modules() if isinstance(each, nn.Linear))
        difference = classifier.prepare(image[None]) - classifier.prepare(ground_of(image)[None])
        wanted = (weights.weight[1].reshape(6, 5, 3) * difference[0].permute(1, 2, 0)).sum(dim=2)
        np.testing.assert_allclose(found.values, wanted.detach().numpy(), rtol=1e-3, atol=1e-5)

    def test_of_a_large_image_are_worked_out_in_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        classifier, image = classifier_of(build("cnn-1", (20, 20, 1), 3)), noise(20, 20, 1)
        wanted = {name: attribute(classifier, image, name).values for name in SIGNED}
        monkeypatch.setattr("imagelet.explanation.attribution.PIXELS_AT_ONCE", 7 * 400)
        for name in SIGNED:
            found = attribute(classifier, image, name).values
            np.testing.assert_allclose(found, wanted[name], rtol=1e-3, atol=1e-5)


class TestOcclusion:
    @pytest.mark.parametrize(("shape", "window"), [((28, 28, 1), 5), ((32, 20, 3), 3), ((8, 8, 1), 2)])
    def test_is_what_a_plain_loop_finds(self, shape: tuple[int, int, int], window: int) -> None:
        classifier, image = classifier_of(build("cnn-1", shape, 10)), noise(*shape)
        stride, whole = max(1, window // 2), logit_of(classifier, image, 2)
        falls, times = np.zeros(shape[:2]), np.zeros(shape[:2])
        starts = [range(0, side - window + stride, stride) for side in shape[:2]]
        for top in starts[0]:
            for left in starts[1]:
                part = slice(top, top + window), slice(left, left + window)
                changed = image.copy()
                changed[part] = np.median(
                    np.r_[image[0], image[-1], image[1:-1, 0], image[1:-1, -1]], axis=0
                ).round()
                falls[part] += whole - logit_of(classifier, changed, 2)
                times[part] += 1
        found = attribute(classifier, image, "occlusion", 2).values
        np.testing.assert_allclose(found, falls / times, rtol=1e-3, atol=1e-4)

    @pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 3), (2, 2, 1)])
    def test_of_the_smallest_images_is_found(self, shape: tuple[int, int, int]) -> None:
        assert (
            attribute(classifier_of(build("softmax", shape, 3)), noise(*shape), "occlusion").values.shape
            == shape[:2]
        )


class TestGradCam:
    def test_is_captums_where_the_maps_cover_the_image(self) -> None:
        text = "conv(8, 3x3, same) batchnorm relu conv(6, 3x3, same) relu flatten dense(classes)"
        classifier, image = classifier_of(build(text, (9, 7, 1), 3)), noise(9, 7, 1)
        inputs = classifier.prepare(image[None])
        for layer, behind in (("conv1", "relu1"), ("conv2", "relu2")):
            module = classifier.network.get_submodule(behind)
            wanted = LayerGradCam(classifier.network, module).attribute(inputs, 1, relu_attributions=True)
            found = attribute(classifier, image, "grad-cam", 1, layer)
            assert found.layer == layer
            assert isinstance(wanted, torch.Tensor)
            np.testing.assert_allclose(found.values, wanted[0, 0].detach().numpy(), rtol=1e-3, atol=1e-6)

    def test_is_as_fine_as_the_convolution_where_pooling_follows_it(self) -> None:
        text = "conv(8, 3x3, same) pool(4) batchnorm relu flatten dense(classes)"
        found = attribute(classifier_of(build(text, (8, 8, 1), 3)), noise(8, 8, 1), "grad-cam", 0)
        assert len(np.unique(found.values[found.values > 0])) > 4

    @pytest.mark.parametrize(
        "text",
        [
            "conv(2, 3x3) relu pool(2) conv(2, 3x3) relu pool(2) conv(2, 3x3)",
            "conv(2, 5x5, same, stride=2) pool(3, same) conv(2, 3x3, padding=1) relu conv(2, 2x2, same)",
            "average_pool(2) conv(2, 3x3, dilation=2) pool(2, stride=1) conv(2, 4x4, stride=2)",
        ],
    )
    def test_has_each_cell_in_the_middle_of_the_pixels_that_it_sees(self, text: str) -> None:
        network = build(f"{text} flatten dense(classes)", (40, 40, 1), 3)
        last = convolution_of(network, None)
        with torch.no_grad():
            for weights in network.parameters():
                weights.fill_(1.0)  # so that every pixel that is seen has a slope
        placement = _cells(runs_of(network, torch.ones(1, 1, 40, 40)), last, (40, 40))
        assert placement is not None
        children = list(network.named_children())
        upto = nn.Sequential(
            *[module for _, module in children[: [name for name, _ in children].index(last) + 1]]
        )
        row, seen = 3, []
        for seed in range(40):  # max pooling passes on one pixel's slope: many images show all that is seen
            image = torch.rand(
                1, 1, 40, 40, generator=torch.Generator().manual_seed(seed), requires_grad=True
            )
            (slopes,) = torch.autograd.grad(upto(image)[0, 0, row, row], image)
            seen.append(slopes[0, 0] != 0)
        rows = torch.stack(seen).any(dim=0).any(dim=1).nonzero()
        middle = (float(rows.min()) + float(rows.max()) + 1) / 2
        assert placement.top + (row + 0.5) * placement.pixel_height == pytest.approx(middle, abs=1e-6)
        assert placement.left + (row + 0.5) * placement.pixel_width == pytest.approx(middle, abs=1e-6)

    def test_follows_what_it_finds_to_its_place(self) -> None:
        """A network that finds a bright spot marks it, also where convolutions go without padding."""
        text = "conv(1, 7x7) relu pool(2) conv(1, 5x5) relu global_max dense(classes)"
        network = build(text, (28, 28, 1), 2)
        with torch.no_grad():
            for weights in network.parameters():
                weights.fill_(0.1 if weights.dim() == 2 else 0)
            for name, middle in (("conv1", 3), ("conv2", 2)):
                network.get_submodule(name).weight[0, 0, middle, middle] = 1  # type: ignore[index,operator]
        classifier = classifier_of(network)
        for row, column in ((12, 17), (14, 11), (16, 12)):  # the outermost cells spread to the edge
            image = np.zeros((28, 28, 1), np.uint8)
            image[row - 1 : row + 2, column - 1 : column + 2] = 255
            values = attribute(classifier, image, "grad-cam", 0).values
            values = np.where(values > 0.95 * values.max(), values, 0)
            rows, columns = (np.arange(28) @ values.sum(axis=axis) / values.sum() for axis in (1, 0))
            assert abs(rows - row) <= 1
            assert abs(columns - column) <= 1

    def test_looks_at_convolutions_inside_other_layers(self) -> None:
        inner = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
        parts = OrderedDict(block=inner, flatten=nn.Flatten(), dense=nn.Linear(144, 3))
        network = Network(parts, text="x", name="x", input_shape=(8, 8, 1), classes=3)
        found = attribute(classifier_of(network), noise(8, 8, 1), "grad-cam")
        assert found.layer == "block.0"
        assert found.values.shape == (8, 8)


class TestGradCamInBlocks:
    TEXT = "conv(4, 3x3, same) relu residual({inside}) relu flatten dense(classes)"

    def test_of_the_last_convolution_takes_the_maps_behind_the_sum(self) -> None:
        text = self.TEXT.format(inside="conv(4, 3x3, same) batchnorm relu conv(6, 3x3, same) batchnorm")
        classifier, image = classifier_of(build(text, (9, 7, 1), 3)), noise(9, 7, 1)
        behind = classifier.network.get_submodule("relu2")
        wanted = LayerGradCam(classifier.network, behind).attribute(
            classifier.prepare(image[None]), 1, relu_attributions=True
        )
        found = attribute(classifier, image, "grad-cam", 1)
        assert found.layer == "residual1.conv2"
        assert isinstance(wanted, torch.Tensor)
        np.testing.assert_allclose(found.values, wanted[0, 0].detach().numpy(), rtol=1e-3, atol=1e-6)

    def test_of_a_convolution_before_an_activation_takes_that(self) -> None:
        text = self.TEXT.format(inside="conv(4, 3x3, same) batchnorm relu conv(6, 3x3, same) batchnorm")
        classifier, image = classifier_of(build(text, (9, 7, 1), 3)), noise(9, 7, 1)
        behind = classifier.network.get_submodule("residual1.relu1")
        wanted = LayerGradCam(classifier.network, behind).attribute(
            classifier.prepare(image[None]), 2, relu_attributions=True
        )
        found = attribute(classifier, image, "grad-cam", 2, "residual1.conv1")
        assert isinstance(wanted, torch.Tensor)
        np.testing.assert_allclose(found.values, wanted[0, 0].detach().numpy(), rtol=1e-3, atol=1e-6)

    def test_has_the_geometry_of_the_layers_before(self) -> None:
        network = build("resnet-8", (32, 32, 3))
        placement = _cells(runs_of(network, torch.ones(1, 3, 32, 32)), "residual3.conv2", (32, 32))
        assert placement is not None
        assert (placement.pixel_height, placement.pixel_width) == (4, 4)


class TestGround:
    def test_is_the_median_of_the_border_channel_by_channel(self) -> None:
        image = np.full((5, 6, 3), (10, 20, 30), np.uint8)
        image[1:4, 1:5] = 200
        image[0, :3] = 255
        assert np.array_equal(ground_of(image), np.broadcast_to(np.uint8([10, 20, 30]), (5, 6, 3)))

    @pytest.mark.parametrize("method", sorted(SIGNED))
    def test_counts_as_nothing(self, digits: tuple[Classifier, np.ndarray, np.ndarray], method: str) -> None:
        image = np.full((8, 8, 1), 77, np.uint8)
        np.testing.assert_allclose(attribute(digits[0], image, method, 1).values, 0, atol=1e-5)


CLASSIFIER = classifier_of(build("conv(2, 3x3) relu flatten dense(classes)", (6, 6, 1), 4))


class TestMistakes:
    @pytest.mark.parametrize(
        ("fields", "error", "message", "hint"),
        [
            (
                {"method": "gradcam"},
                UnknownNameError,
                "unknown method 'gradcam'; did you mean 'grad-cam'?",
                "saliency",
            ),
            ({"method": ""}, UnknownNameError, "unknown method ''", "occlusion"),
            (
                {"target": 4},
                UsageError,
                "there is no class 4: the classifier's are numbered 0 to 3",
                "0, 1, 2, 3",
            ),
            ({"target": -1}, UsageError, "there is no class -1", "0, 1"),
            ({"target": "9"}, UsageError, "there is no class 9", "0, 1"),
            ({"target": "cat"}, UnknownNameError, "unknown class 'cat'", "0, 1, 2, 3"),
            (
                {"layer": "conf1"},
                UnknownNameError,
                "unknown layer 'conf1'; did you mean 'conv1'?",
                "are conv1",
            ),
            ({"layer": ""}, UnknownNameError, "unknown layer ''", "are conv1"),
            ({"layer": "relu1"}, UsageError, "the layer 'relu1' is no convolution", "are conv1"),
        ],
    )
    def test_get_a_sentence_and_a_hint(
        self, fields: dict[str, Any], error: type[UsageError], message: str, hint: str
    ) -> None:
        with pytest.raises(error) as caught:
            attribute(CLASSIFIER, noise(6, 6, 1), **{"method": "grad-cam", **fields})
        assert message in caught.value.message
        assert hint in caught.value.hint

    def test_of_a_network_without_convolutions_names_the_other_methods(self) -> None:
        classifier = classifier_of(build("flatten dense(classes)", (6, 6, 1), 4))
        with pytest.raises(UsageError, match=r"'flatten dense\(classes\)' has none") as caught:
            attribute(classifier, noise(6, 6, 1), "grad-cam")
        assert caught.value.hint == "take another method: saliency, integrated-gradients, occlusion"

    @pytest.mark.parametrize("image", [noise(5, 6, 1), noise(6, 6, 3), noise(6, 6, 1) / 255])
    def test_of_another_form_are_refused(self, image: np.ndarray) -> None:
        with pytest.raises(ValueError, match="images are uint8"):
            attribute(CLASSIFIER, image, "saliency")

    def test_a_class_is_known_by_its_name_before_its_number(self) -> None:
        pick: Callable[[int | str], int] = lambda target: class_of(("2", "0", "cat"), target)  # noqa: E731
        assert [pick("2"), pick(2), pick("cat"), pick("1"), pick(np.int64(0))] == [0, 2, 2, 1, 0]
