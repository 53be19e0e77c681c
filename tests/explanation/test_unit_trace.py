"""Every kind of layer taken apart, against what torch's layer gives at that place, and sums done by hand."""

import json
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from imagelet.classifier.classifier import Classifier
from imagelet.errors import UnknownNameError, UsageError
from imagelet.explanation.activations import layer_activations
from imagelet.explanation.unit_trace import UnitTrace, trace_unit
from imagelet.networks import Network, build, networks
from imagelet.preprocessing.normalization import Normalization
from tests.explanation.classifiers import classifier_of

HEAD = "flatten dense(classes) softmax"
SHAPE = (9, 8, 3)
EVERY_KIND = (
    "conv(6, 3x2, same, stride=2) gelu depthwise(3x3, 2, dilation=2x1, multiplier=2) batchnorm silu"
    " pool(3, same, stride=2) average_pool(2, same, stride=1) tanh conv(4, 1x1, bias=false) relu"
    " global_average dense(7) batchnorm sigmoid dropout(0.5) dense(classes, bias=false) softmax"
)


def built(text: str, shape: tuple[int, int, int] = SHAPE, classes: int = 4) -> Classifier:
    """Return a classifier whose every number, running averages and biases too, is random."""
    network = build(text, shape, classes)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, each in network.state_dict().items():
            if each.is_floating_point():
                each.normal_(0, 0.5, generator=generator)
                if "running_var" in name:
                    each.abs_().add_(0.1)
    return classifier_of(network)


def made_of(*layers: nn.Module, shape: tuple[int, int, int] = SHAPE) -> Classifier:
    """Return a classifier of any modules, as a plugin's builder could make."""
    torch.manual_seed(0)
    named = OrderedDict((f"layer{place}", each) for place, each in enumerate(layers))
    return classifier_of(Network(named, text="own", name="own", input_shape=shape, classes=4))


def image_of(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def check(classifier: Classifier, image: np.ndarray, layer: str, place: tuple[int, ...]) -> UnitTrace:
    """Take one number apart and compare it with the layer's own output."""
    outputs = {each.name: each.values for each in layer_activations(classifier, image)}
    number = trace_unit(classifier, image, layer, place)
    assert number.result == pytest.approx(float(outputs[layer][place]), rel=1e-5, abs=1e-5)
    assert (number.layer, number.index) == (layer, place)
    if number.products is not None:
        assert number.products.sum() + number.bias == pytest.approx(number.result, rel=1e-12)
        assert number.weights is not None
        np.testing.assert_array_equal(number.products, number.weights * number.inputs)
    if number.method == "sum":
        assert number.products is not None
        assert number.products.sum() + number.bias == number.result
    assert f"{number.result:.4g}" in number.text or number.result == 0
    for each in number.following[:-1]:
        assert each.value == outputs[each.name][place]
    json.dumps(number.to_json(), allow_nan=False)
    return number


def places_of(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the first place, the last, and some between."""
    generator = np.random.default_rng(1)
    yield tuple(0 for _ in shape)
    yield tuple(side - 1 for side in shape)
    for _ in range(6):
        yield tuple(int(generator.integers(side)) for side in shape)


@pytest.mark.parametrize("name", tuple(networks))
def test_every_layer_of_every_network(name: str) -> None:
    shape = networks.get(name).input_shape
    classifier = classifier_of(build(name, shape))
    image = image_of(shape)
    refused = []
    for each in layer_activations(classifier, image):
        for place in (tuple(0 for _ in each.shape), tuple(side - 1 for side in each.shape)):
            try:
                check(classifier, image, each.name, place)
            except UsageError as error:
                refused.append(error.message)
    assert all(sentence.startswith("'") and "cannot be taken apart" in sentence for sentence in refused)
    builder = networks.get(name).builder or "imagelet"
    if isinstance(builder, str) and builder.startswith("imagelet"):  # the others are plugins'
        assert refused == []


@pytest.mark.portable
def test_every_kind_of_layer_at_many_places() -> None:
    classifier, image = built(EVERY_KIND), image_of(SHAPE)
    for each in layer_activations(classifier, image):
        for place in places_of(each.shape):
            check(classifier, image, each.name, place)


sides = st.tuples(st.integers(1, 3), st.integers(1, 3))


@pytest.mark.portable
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_windows_of_every_size_stride_padding_and_dilation(data: st.DataObject) -> None:
    (height, width), (down, across), (one, other) = (data.draw(sides) for _ in range(3))
    kind = data.draw(
        st.sampled_from(["conv(2, {})", "depthwise({}, multiplier=2)", "pool({})", "average_pool({})"])
    )
    window = kind[:4] in ("pool", "aver")
    most = (height // 2, width // 2) if window else (2, 2)
    rims = f"{data.draw(st.integers(0, most[0]))}x{data.draw(st.integers(0, most[1]))}"
    padding = data.draw(st.sampled_from(["same", "valid", rims]))
    settings_ = f"{height}x{width}, padding={padding}, stride={down}x{across}"
    settings_ += "" if window else f", dilation={one}x{other}"
    classifier, image = built(f"{kind.format(settings_)} {HEAD}", (7, 8, 3)), image_of((7, 8, 3), 1)
    first = layer_activations(classifier, image)[0]
    for place in places_of(first.shape):
        check(classifier, image, first.name, place)


class TestPluginsLayers:
    """torch's own modules, which network text cannot say."""

    def test_are_taken_apart_where_they_are_known(self) -> None:
        classifier = made_of(
            nn.Conv2d(3, 6, 3, padding="same", dilation=2, groups=3),
            nn.LeakyReLU(inplace=True),
            nn.Identity(),
            nn.Conv2d(6, 4, (1, 2), padding=(1, 0), bias=False),
            nn.BatchNorm2d(4, affine=False),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.ELU(),
            nn.MaxPool2d(3, stride=1, padding=1, dilation=1),
            nn.AvgPool2d(3, stride=2, padding=1),
            nn.Hardswish(),
            nn.AdaptiveAvgPool2d((2, 1)),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 4),
            nn.Softmax(dim=1),
        )
        image = image_of(SHAPE)
        for each in layer_activations(classifier, image):
            for place in places_of(each.shape):
                check(classifier, image, each.name, place)

    def test_torchs_flatten_goes_channel_by_channel(self) -> None:
        classifier, image = made_of(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(144, 4)), image_of(SHAPE)
        assert check(classifier, image, "layer1", (73,)).first == (0, 1, 1)

    @pytest.mark.parametrize(
        "layer",
        [
            nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
            nn.GroupNorm(1, 3),
            nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()),
            nn.BatchNorm2d(3, track_running_stats=False),
            nn.Softmax(dim=2),
        ],
    )
    def test_that_are_not_known_say_so(self, layer: nn.Module) -> None:
        classifier = made_of(layer, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        with pytest.raises(
            UsageError, match=f"'layer0' cannot be taken apart: what this {type(layer).__name__}"
        ):
            trace_unit(classifier, image_of(SHAPE), "layer0", (0, 0, 0))

    def test_that_do_something_of_their_own_say_so(self) -> None:
        class Doubled(nn.Conv2d):
            def forward(self, input: torch.Tensor) -> torch.Tensor:
                return 2 * super().forward(input)

        with pytest.raises(UsageError, match="what this Doubled computes is not known here"):
            trace_unit(made_of(Doubled(3, 4, 1), nn.Flatten()), image_of(SHAPE), "layer0", (0, 0, 0))


@pytest.mark.portable
class TestByHand:
    def test_a_convolution_at_a_corner(self) -> None:
        classifier = built(f"conv(1, 3x3, same) relu pool(2) {HEAD}", (4, 4, 1))
        conv = classifier.network[0]
        with torch.no_grad():
            conv.weight.copy_(torch.tensor([[[[9.0, 9, 9], [9, 1, 2], [9, -3, 0.5]]]]))  # type: ignore[operator,union-attr]
            conv.bias.fill_(0.25)  # type: ignore[operator,union-attr]
        classifier = Classifier(**{**vars(classifier), "normalization": Normalization((0.0,), (1.0,))})
        image = np.zeros((4, 4, 1), np.uint8)
        image[:2, :2, 0] = [[255, 255], [255, 0]]
        number = check(classifier, image, "conv1", (0, 0, 0))
        assert number.inputs[:, :, 0].tolist() == [[0, 0, 0], [0, 1, 1], [0, 1, 0]]
        assert (number.sources, number.first, number.step, number.bias) == (
            ("input",),
            (-1, -1, 0),
            (1, 1),
            0.25,
        )
        assert number.text == "1·1 + 2·1 - 3·1 + 0.25 (bias) = 0.25"
        assert [(each.name, each.value) for each in number.following] == [("relu1", 0.25), ("pool1", None)]

    def test_a_depthwise_convolution_sees_its_own_channel(self) -> None:
        classifier = built(f"depthwise(2x2, multiplier=2) {HEAD}")
        number = check(classifier, image_of(SHAPE), "depthwise1", (1, 2, 5))
        assert (number.inputs.shape, number.first) == ((2, 2, 1), (1, 2, 2))

    def test_pooling_names_its_winner(self) -> None:
        classifier = built(f"pool(2) {HEAD}", (4, 4, 1))
        image = np.zeros((4, 4, 1), np.uint8)
        image[3, 0] = 200
        number = check(classifier, image, "pool1", (1, 0, 0))
        assert (number.method, number.winner, number.first) == ("largest", (3, 0, 0), (2, 0, 0))
        assert number.text == "max(-1.333, -1.333, 1.281, -1.333) = 1.281"

    def test_the_mean_counts_real_cells(self) -> None:
        classifier = built(f"average_pool(2, same, stride=2) {HEAD}", (3, 3, 1))
        classifier = Classifier(**{**vars(classifier), "normalization": Normalization((0.0,), (1 / 255,))})
        image = np.arange(9, dtype=np.uint8).reshape(3, 3, 1)
        number = check(classifier, image, "average_pool1", (1, 1, 0))
        assert (number.text, np.isnan(number.inputs).sum()) == ("(8) / 1 = 8", 3)
        assert number.to_json()["inputs"] == [[[8], [None]], [[None], [None]]]

    def test_batch_normalisation(self) -> None:
        classifier = built(f"batchnorm {HEAD}", (2, 2, 1))
        norm = classifier.network[0]
        with torch.no_grad():
            for name, value in (("running_mean", 0.5), ("running_var", 4.0), ("weight", 3.0), ("bias", 1.0)):
                getattr(norm, name).fill_(value)
            norm.eps = 0.0  # type: ignore[assignment]
        number = check(classifier, np.full((2, 2, 1), 255, np.uint8), "batchnorm1", (0, 1, 0))
        assert number.parts == {"mean": 0.5, "standard_deviation": 2, "scale": 3, "shift": 1}
        assert number.text == "(2 - 0.5) / 2 · 3 + 1 = 3.25"

    def test_softmax(self) -> None:
        classifier = built(HEAD, (2, 2, 1))
        with torch.no_grad():
            classifier.network[1].weight.fill_(0)  # type: ignore[operator,union-attr]
            classifier.network[1].bias.copy_(torch.tensor([0.0, 1, 0, 2]))  # type: ignore[operator,union-attr]
        number = check(classifier, image_of((2, 2, 1)), "softmax", (1,))
        assert number.exponentials is not None
        assert number.exponentials.tolist() == pytest.approx([1, np.e, 1, np.e**2])
        assert number.parts["sum"] == pytest.approx(2 + np.e + np.e**2)
        assert number.text == "exp(1) / (exp(0) + exp(1) + exp(0) + exp(2)) = 2.718 / 12.11 = 0.2245"
        assert number.following == ()

    def test_softmax_of_huge_numbers(self) -> None:
        classifier = built(HEAD, (2, 2, 1))
        with torch.no_grad():
            classifier.network[1].bias.copy_(torch.tensor([0.0, 1000, 999, 2]))  # type: ignore[operator,union-attr]
        number = check(classifier, image_of((2, 2, 1)), "softmax", (2,))
        assert number.parts["subtracted"] == pytest.approx(1000, rel=0.1)

    def test_a_long_sum_names_its_largest_terms_and_what_the_rest_adds_up_to(self) -> None:
        number = check(built(HEAD), image_of(SHAPE), "dense1", (2,))
        assert number.products is not None
        ranked = np.sort(np.abs(number.products))[::-1]
        rest = number.products[np.abs(number.products) < ranked[5]]
        assert f"+ ({np.count_nonzero(rest)} smaller terms: {rest.sum():.4g})" in number.text
        assert number.text.count("·") == 6

    def test_flattening_says_where_a_value_comes_from(self) -> None:
        number = check(built(f"pool(2) {HEAD}"), image_of(SHAPE), "flatten", (14,))
        assert (number.method, number.sources, number.first) == ("passed", ("pool1",), (1, 0, 2))

    def test_what_follows_ends_where_numbers_come_together(self) -> None:
        classifier = built(f"conv(2, 1x1) batchnorm relu dropout(0.2) {HEAD}")
        number = check(classifier, image_of(SHAPE), "conv1", (0, 0, 0))
        assert [each.name for each in number.following] == ["batchnorm1", "relu1", "dropout1", "flatten"]
        assert [each.value is None for each in number.following] == [False, False, False, True]


class TestMistakes:
    @pytest.fixture
    def classifier(self) -> Classifier:
        return built(f"conv(2, 3x3) relu {HEAD}")

    def test_an_unknown_layer(self, classifier: Classifier) -> None:
        with pytest.raises(UnknownNameError, match=r"unknown layer 'rely1'; did you mean 'relu1'\?"):
            trace_unit(classifier, image_of(SHAPE), "rely1", (0, 0, 0))

    @pytest.mark.parametrize("place", [(7, 0, 0), (0, -1, 0), (0, 0, 2)])
    def test_a_place_outside(self, classifier: Classifier, place: tuple[int, ...]) -> None:
        with pytest.raises(UsageError) as caught:
            trace_unit(classifier, image_of(SHAPE), "conv1", place)
        written = ",".join(map(str, place))
        assert caught.value.message == (
            f"'conv1' has rows 0 to 6, columns 0 to 5 and channels 0 to 1; there is no place {written}"
        )
        assert caught.value.hint == "the last one is 6,5,1"

    def test_a_place_of_flat_values(self, classifier: Classifier) -> None:
        with pytest.raises(UsageError, match="'dense1' has values 0 to 3; there is no place 4"):
            trace_unit(classifier, image_of(SHAPE), "dense1", (4,))
        with pytest.raises(UsageError, match="a place in 'dense1' is value, counted from 0, not 3 numbers"):
            trace_unit(classifier, image_of(SHAPE), "dense1", (0, 0, 0))
        with pytest.raises(UsageError, match="is row, column, channel, counted from 0, not 1 number "):
            trace_unit(classifier, image_of(SHAPE), "conv1", (0,))


class TestBlocks:
    TEXT = (
        "conv(4, 3x3, same) relu residual(conv(6, 3x3, same, stride=2) batchnorm) relu"
        " residual(tanh) flatten dense(classes)"
    )

    def test_a_sum_has_both_parts(self) -> None:
        classifier, image = built(self.TEXT), image_of(SHAPE)
        layers = {layer.name: layer for layer in layer_activations(classifier, image)}
        number = check(classifier, image, "residual1", (2, 1, 5))
        made = float(layers["residual1.batchnorm1"].values[2, 1, 5])
        passed = float(layers["residual1.shortcut_batchnorm"].values[2, 1, 5])
        assert number.method == "added"
        assert number.sources == ("residual1.batchnorm1", "residual1.shortcut_batchnorm")
        assert number.inputs.tolist() == [made, passed]
        assert number.parts == {"layers": made, "shortcut": passed}
        assert number.text.startswith(f"{made:.4g} (layers) ")

    def test_an_input_that_is_added_as_it_is_is_the_second_part(self) -> None:
        number = check(built(self.TEXT), image_of(SHAPE), "residual2", (0, 0, 0))
        assert number.sources == ("residual2.tanh1", "relu2")

    @pytest.mark.parametrize(
        ("layer", "sources"),
        [
            ("residual1.conv1", ("relu1",)),
            ("residual1.shortcut_conv", ("relu1",)),
            ("residual1.shortcut_batchnorm", ("residual1.shortcut_conv",)),
        ],
    )
    def test_layers_inside_say_what_they_get(self, layer: str, sources: tuple[str, ...]) -> None:
        number = check(built(self.TEXT), image_of(SHAPE), layer, (1, 2, 3))
        assert number.sources == sources
        assert number.input_shape == ((9, 8, 4) if "conv" in layer else (5, 4, 6))

    def test_what_becomes_of_a_number_goes_into_the_block(self) -> None:
        classifier, image = built(self.TEXT), image_of(SHAPE)
        following = check(classifier, image, "conv1", (0, 0, 0)).following
        assert [(layer.name, layer.value is None) for layer in following] == [
            ("relu1", False),
            ("residual1.conv1", True),
        ]
        (after,) = check(classifier, image, "residual1.batchnorm1", (0, 0, 0)).following
        assert (after.name, after.value) == ("residual1", None)
