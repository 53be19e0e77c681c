"""Layers one by one against the network as a whole, ranges, filters, and dead units that are made dead."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from imagelet.classifier.classifier import Classifier
from imagelet.errors import ClassifierFileError, UnknownNameError, UsageError
from imagelet.explanation.activations import (
    LayerActivations,
    ValueRange,
    dead_units,
    filters,
    find_layer,
    histogram,
    layer_activations,
    network_input,
    rounded,
    value_range,
)
from imagelet.networks import build, networks, summarize
from tests.explanation.classifiers import classifier_of

TEXT = "conv(4, 3x3, same) relu pool(2) batchnorm relu flatten dense(classes) softmax"


def images_of(shape: tuple[int, ...], number: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (number, *shape), dtype=np.uint8)


@pytest.fixture
def classifier() -> Classifier:
    return classifier_of(build(TEXT, (8, 6, 1), 3))


def output(values: list[list[float]] | np.ndarray, name: str = "a") -> LayerActivations:
    return LayerActivations(name, "relu", np.asarray(values, np.float32))


class TestLayerActivations:
    @pytest.mark.parametrize("name", tuple(networks))
    def test_are_the_layers_of_every_network_and_lead_to_its_logits(self, name: str) -> None:
        shape = networks.get(name).input_shape
        classifier = classifier_of(build(name, shape))
        (image,) = images_of(shape)
        outputs = layer_activations(classifier, image)
        assert [each.name for each in outputs] == [row.name for row in summarize(classifier.network).layers]
        assert all(each.values.dtype == np.float32 for each in outputs)
        last = outputs[-2 if outputs[-1].kind == "softmax" else -1]
        expected = classifier.logits(image[np.newaxis])[0]
        np.testing.assert_allclose(last.values, expected, rtol=1e-4, atol=1e-5)

    def test_of_maps_have_channels_last(self, classifier: Classifier) -> None:
        (image,) = images_of((8, 6, 1))
        first = layer_activations(classifier, image)[0]
        with torch.no_grad():
            expected = find_layer(classifier.network, "conv1")(classifier.prepare(image[np.newaxis]))
        assert (first.kind, first.shape, first.maps.shape) == ("conv", (8, 6, 4), (4, 8, 6))
        np.testing.assert_allclose(first.values, expected[0].permute(1, 2, 0).numpy(), rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(first.maps[2], first.values[:, :, 2])

    def test_a_closing_softmax_is_a_layer_with_shares(self, classifier: Classifier) -> None:
        *_, logits, shares = layer_activations(classifier, images_of((8, 6, 1))[0])
        assert shares.values.sum() == pytest.approx(1)
        assert shares.values.argmax() == logits.values.argmax()

    def test_a_layer_that_writes_over_its_input_changes_nothing(self, classifier: Classifier) -> None:
        (image,) = images_of((8, 6, 1))
        before = layer_activations(classifier, image)
        find_layer(classifier.network, "relu1").inplace = True  # type: ignore[assignment]
        after = layer_activations(classifier, image)
        assert before[0].values.min() < 0
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one.values, other.values)

    def test_are_float32_where_someone_turned_bfloat16_on(self, classifier: Classifier) -> None:
        (image,) = images_of((8, 6, 1))
        expected = layer_activations(classifier, image)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = layer_activations(classifier, image)
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_array_equal(one.values, other.values)

    def test_leave_the_running_averages_alone(self, classifier: Classifier) -> None:
        classifier.network.train()
        before = {name: each.clone() for name, each in classifier.network.state_dict().items()}
        layer_activations(classifier, images_of((8, 6, 1))[0])
        assert all(torch.equal(each, before[name]) for name, each in classifier.network.state_dict().items())

    def test_that_are_no_numbers_are_a_damaged_classifier(self, classifier: Classifier) -> None:
        with torch.no_grad():
            find_layer(classifier.network, "conv1").bias[1] = torch.nan  # type: ignore[index]
        with pytest.raises(ClassifierFileError, match="'conv1'"):
            layer_activations(classifier, images_of((8, 6, 1))[0])

    def test_another_image_is_refused(self, classifier: Classifier) -> None:
        with pytest.raises(ValueError, match="uint8"):
            layer_activations(classifier, np.zeros((8, 6, 1)))

    def test_the_input_is_what_the_network_gets(self, classifier: Classifier) -> None:
        (image,) = images_of((8, 6, 1))
        np.testing.assert_allclose(
            network_input(classifier, image).values, (image / 255 - 0.4) / 0.3, atol=1e-5
        )

    def test_facts_are_plain_data(self) -> None:
        found = output(np.array([[[0.0, -1234.56789]], [[1e-20, 3.0]]]))
        plain = json.loads(json.dumps(found.facts(), allow_nan=False))
        assert (plain["name"], plain["kind"], plain["shape"]) == ("a", "relu", [2, 1, 2])
        assert (plain["zeros"], plain["silent"]) == (0.25, 0)

    def test_silent_are_channels_of_maps_and_single_values(self) -> None:
        assert output(np.array([[[0.0, 1.0]], [[-1.0, 0.0]]])).silent == 0.5
        assert output(np.array([0.0, 1.0, 2.0, -3.0])).silent == 0.5


class TestBlocks:
    def test_a_blocks_layers_and_its_sum_are_layers(self) -> None:
        text = "residual(conv(3, 1x1, same) relu) flatten dense(classes)"
        classifier, (image,) = classifier_of(build(text, (4, 4, 3), 2)), images_of((4, 4, 3))
        layers = {layer.name: layer for layer in layer_activations(classifier, image)}
        assert list(layers)[:3] == ["residual1.conv1", "residual1.relu1", "residual1"]
        pixels = network_input(classifier, image).values
        np.testing.assert_allclose(
            layers["residual1"].values, layers["residual1.relu1"].values + pixels, atol=1e-6
        )
        assert layers["residual1"].sources == ("residual1.relu1", "input")

    def test_filters_and_dead_units_are_found_inside(self) -> None:
        network = build("resnet-8", (8, 8, 1))
        assert filters(network, "residual2.shortcut_conv").shape == (32, 1, 1, 16)
        names = [units.name for units in dead_units(classifier_of(network), images_of((8, 8, 1), 4))]
        assert names == [
            "relu1",
            *(name for at in (1, 2, 3) for name in (f"residual{at}.relu1", f"relu{at + 1}")),
        ]


class TestRanges:
    maps = output(np.array([[[-1.0, 0.5, 0.0]], [[3.0, 2.0, 0.0]]]), "maps")
    flat = output(np.array([-8.0, -5.0]), "flat")

    def test_of_each_map(self) -> None:
        found = value_range([self.maps, self.flat], "map")
        assert found["maps"] == (ValueRange(-3, 3), ValueRange(0, 2), ValueRange(0, 0))
        assert found["flat"] == (ValueRange(-8, 0),)

    def test_of_each_layer(self) -> None:
        found = value_range([self.maps, self.flat], "layer")
        assert found == {"maps": (ValueRange(-3, 3),) * 3, "flat": (ValueRange(-8, 0),)}

    def test_of_all(self) -> None:
        found = value_range([self.maps, self.flat], "all")
        assert found == {"maps": (ValueRange(-8, 8),) * 3, "flat": (ValueRange(-8, 8),)}

    def test_another_scope_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"unknown scope of a range 'row'.*map, layer, all"):
            value_range([self.flat], "row")


class TestFilters:
    @pytest.mark.parametrize(
        ("text", "name", "shape"),
        [
            ("conv(5, 3x2) flatten dense(classes)", "conv1", (5, 3, 2, 3)),
            ("depthwise(3x3, multiplier=2) flatten dense(classes)", "depthwise1", (6, 3, 3, 1)),
            ("fast-narrow", "whiten", (24, 2, 2, 3)),
        ],
    )
    def test_are_the_weights(self, text: str, name: str, shape: tuple[int, ...]) -> None:
        network = build(text, (12, 12, 3), 3)
        found = filters(network, name)
        weight = find_layer(network, name).weight
        assert isinstance(weight, torch.Tensor)
        assert found.shape == shape
        assert found[1, 0, 1, 0] == weight[1, 0, 0, 1]

    def test_of_torchs_own_convolution(self) -> None:
        network = nn.Sequential(nn.Conv2d(2, 3, (1, 4)))
        assert filters(network, "0").shape == (3, 1, 4, 2)

    def test_other_layers_have_none(self, classifier: Classifier) -> None:
        with pytest.raises(UsageError, match=r"'relu1' \(relu\) is no convolution.*are conv1"):
            filters(classifier.network, "relu1")
        with pytest.raises(UsageError, match="this network has no convolution"):
            filters(build("softmax"), "flatten")

    def test_a_wrong_name_gets_the_right_spelling(self, classifier: Classifier) -> None:
        with pytest.raises(UnknownNameError) as caught:
            filters(classifier.network, "conv9")
        assert caught.value.message == "unknown layer 'conv9'; did you mean 'conv1'?"
        assert caught.value.hint.startswith("the layers are conv1, relu1, pool1")


class TestDeadUnits:
    def test_are_those_that_never_rise(self, classifier: Classifier) -> None:
        with torch.no_grad():
            find_layer(classifier.network, "conv1").bias[2] = -1e6  # type: ignore[index]
        images = images_of((8, 6, 1), 20)
        first, second = dead_units(classifier, images)
        assert (first.name, first.units, first.dead, first.images) == ("relu1", 4, (2,), 20)
        assert (first.fraction, second.name) == (0.25, "relu2")
        assert json.loads(json.dumps(first.to_json()))["dead"] == [2]

    def test_are_the_same_in_small_batches(
        self, classifier: Classifier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with torch.no_grad():
            classifier.network[0].bias.copy_(torch.tensor([0.0, -0.9, -2, -9]))  # type: ignore[operator,union-attr]
        images = images_of((8, 6, 1), 11)
        together = dead_units(classifier, images)
        monkeypatch.setattr("imagelet.explanation.activations.PIXELS_AT_ONCE", 100)
        assert dead_units(classifier, images) == together

    def test_of_flat_values_and_gelu(self) -> None:
        network = build("flatten dense(5) gelu dense(classes)", (4, 4, 1), 3)
        with torch.no_grad():
            network[1].bias.copy_(torch.tensor([-50.0, 50, 50, -50, 50]))  # type: ignore[operator,union-attr]
        (found,) = dead_units(classifier_of(network), images_of((4, 4, 1), 6))
        assert (found.units, found.dead) == (5, (0, 3))

    def test_a_unit_that_one_image_wakes_is_alive(self) -> None:
        network = build("conv(1, 1x1) relu flatten dense(classes)", (2, 2, 1), 2)
        with torch.no_grad():
            network[0].weight.fill_(1)  # type: ignore[operator,union-attr]
        images = np.zeros((3, 2, 2, 1), np.uint8)
        assert dead_units(classifier_of(network), images)[0].dead == (0,)
        images[2, 1, 0] = 255
        assert dead_units(classifier_of(network), images)[0].dead == ()

    def test_need_an_image(self, classifier: Classifier) -> None:
        with pytest.raises(ValueError, match="at least one"):
            dead_units(classifier, images_of((8, 6, 1), 0))


def test_a_layer_that_gives_no_numbers_is_named() -> None:
    class Two(nn.Module):
        def forward(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return values, values

    classifier = classifier_of(build("softmax", (4, 4, 1), 3))
    classifier.network.add_module("two", Two())
    with pytest.raises(UsageError, match=r"'two' \(Two\)"):
        layer_activations(classifier, images_of((4, 4, 1))[0])


finite = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False)


@given(finite, finite)
def test_a_range_holds_its_numbers_and_zero(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = ValueRange.of([low, high])
    assert found.low <= min(low, 0) <= max(high, 0) <= found.high
    assert (found.low == -found.high) if low < 0 < high else (found.low == 0 or found.high == 0)


def test_a_histogram_counts_by_hand() -> None:
    found = histogram(np.array([[0, 0, 1], [2, 4, 5]]), bins=5)
    assert found.counts.tolist() == [2, 1, 1, 0, 2]
    assert found.edges.tolist() == [0, 1, 2, 3, 4, 5]
    assert (found.mean, found.number, found.zeros) == (2, 6, 2)
    assert found.standard_deviation == pytest.approx(np.std([0, 0, 1, 2, 4, 5]))


@given(st.lists(finite, min_size=1, max_size=30), st.integers(1, 9))
def test_a_histogram_counts_every_value(numbers: list[float], bins: int) -> None:
    found = histogram(np.array(numbers, np.float32), bins)
    assert found.counts.sum() == found.number == len(numbers)
    assert (np.diff(found.edges) > 0).all()


@pytest.mark.parametrize("number", [0.0, 7.0, -1e25])
def test_of_one_number_the_histogram_has_it_in_the_middle(number: float) -> None:
    found = histogram(np.full(4, number, np.float32), bins=3)
    assert found.counts.tolist() == [0, 4, 0]


def test_rounded_numbers_are_short_and_near() -> None:
    assert rounded(np.array([0.1234567, -98765.4321, 0, 1e-7 / 3])).tolist() == [
        0.123457,
        -98765.4,
        0,
        3.33333e-08,
    ]
    exact = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    np.testing.assert_allclose(rounded(exact), exact, rtol=5e-6)
