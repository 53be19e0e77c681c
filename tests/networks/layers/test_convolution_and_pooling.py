"""Convolution and pooling against plain loops, for every padding, stride, size and dilation."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from imagelet.networks.layers import (
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Depthwise,
    Flatten,
    GlobalAverage,
    GlobalMax,
    Pool,
)
from imagelet.networks.torch_layers import kind_of
from tests.networks.strategies import built, unhurried

Array = np.ndarray[Any, np.dtype[np.float64]]
Size = tuple[int, int]

few = st.integers(1, 4)
pairs = st.tuples(few, few)
image_sizes = st.tuples(st.integers(1, 8), st.integers(1, 8))
paddings = st.sampled_from(["same", "same", "valid"]) | st.tuples(st.integers(0, 2), st.integers(0, 2))
seeds = st.integers(0, 2**31)
hundreds = settings(unhurried, max_examples=120)


# -- the reference: loops over cells -----------------------------------------------------------------------


def cells_under(
    size: int, kernel: int, stride: int, padding: int | str, dilation: int
) -> list[list[tuple[int, int]]]:
    """For each place of a window along one side, its (kernel cell, image cell) pairs on real cells."""
    reach = (kernel - 1) * dilation + 1
    before = after = 0
    if padding == "same":
        lacking = max((math.ceil(size / stride) - 1) * stride + reach - size, 0)
        before, after = lacking // 2, lacking - lacking // 2
    elif padding != "valid":
        before = after = int(padding)
    places = []
    start = -before
    while start + reach <= size + after:
        under = [(cell, start + cell * dilation) for cell in range(kernel)]
        places.append([(cell, at) for cell, at in under if 0 <= at < size])
        start += stride
    return places[: math.ceil(size / stride)] if padding == "same" else places


def grids(size: Size, kernel: Size, stride: Size, padding: Any, dilation: Size = (1, 1)) -> list[Any]:
    both = padding if isinstance(padding, tuple) else (padding, padding)
    return [cells_under(size[i], kernel[i], stride[i], both[i], dilation[i]) for i in (0, 1)]


def looped_conv(image: Array, weight: Array, bias: Array, rows: list[Any], columns: list[Any]) -> Array:
    """(channels, h, w), (filters, channels, kh, kw) → (filters, h', w')."""
    output = np.zeros((len(weight), len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            output[:, i, j] = bias
            for a, r in row:
                for b, c in column:
                    output[:, i, j] += weight[:, :, a, b] @ image[:, r, c]
    return output


def looped_pool(image: Array, rows: list[Any], columns: list[Any], reduce: Any) -> Array:
    return np.array(
        [
            [reduce([image[:, r, c] for _, r in row for _, c in column], axis=0) for column in columns]
            for row in rows
        ]
    ).transpose(2, 0, 1)


def random_images(seed: int, channels: int, size: Size) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(2, channels, *size, dtype=torch.float64, generator=generator) - 2
    return images.contiguous(memory_format=torch.channels_last) if seed % 2 else images


def randomised(module: nn.Module, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return module.double()


# -- against the loops -------------------------------------------------------------------------------------


@hundreds
@given(seeds, image_sizes, few, few, pairs, pairs, paddings, pairs)
def test_convolution_is_the_loops(
    seed: int,
    size: Size,
    channels: int,
    filters: int,
    kernel: Size,
    stride: Size,
    padding: Any,
    dilation: Size,
) -> None:
    rows, columns = grids(size, kernel, stride, padding, dilation)
    if not rows or not columns:
        return
    conv = randomised(built(Conv(filters, kernel, padding, stride, dilation), channels), seed)
    images = random_images(seed, channels, size)
    weight, bias = (parameter.detach().numpy() for parameter in conv.parameters())
    for image, output in zip(images.numpy(), conv(images).detach().numpy(), strict=True):
        np.testing.assert_allclose(output, looped_conv(image, weight, bias, rows, columns), atol=1e-9)


@hundreds
@given(seeds, image_sizes, few, st.integers(1, 3), pairs, pairs, paddings, pairs)
def test_depthwise_convolution_is_the_loops_channel_by_channel(
    seed: int,
    size: Size,
    channels: int,
    multiplier: int,
    kernel: Size,
    stride: Size,
    padding: Any,
    dilation: Size,
) -> None:
    rows, columns = grids(size, kernel, stride, padding, dilation)
    if not rows or not columns:
        return
    conv = randomised(
        built(Depthwise(kernel, padding, stride, dilation, multiplier), channels),
        seed,
    )
    image = random_images(seed, channels, size)[:1]
    weight, bias = (parameter.detach().numpy() for parameter in conv.parameters())
    expected = [
        looped_conv(image.numpy()[0, [channel]], weight[own], bias[own], rows, columns)
        for channel in range(channels)
        for own in [slice(channel * multiplier, (channel + 1) * multiplier)]
    ]
    np.testing.assert_allclose(conv(image).detach().numpy()[0], np.concatenate(expected), atol=1e-9)


@pytest.mark.parametrize(("kind", "reduce"), [(Pool, np.max), (AveragePool, np.mean)])
@hundreds
@given(seed=seeds, size=image_sizes, window=pairs, stride=pairs, padding=paddings)
def test_pooling_is_the_loops_over_real_cells(
    kind: type[Pool], reduce: Any, seed: int, size: Size, window: Size, stride: Size, padding: Any
) -> None:
    if isinstance(padding, tuple):
        padding = (min(padding[0], window[0] // 2), min(padding[1], window[1] // 2))
    rows, columns = grids(size, window, stride, padding)
    if not rows or not columns:
        return
    images = random_images(seed, 3, size)
    pooled = built(kind(window, stride=stride, padding=padding))(images)
    for image, output in zip(images.numpy(), pooled.numpy(), strict=True):
        np.testing.assert_allclose(output, looped_pool(image, rows, columns, reduce), atol=1e-9)


@unhurried
@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 3))
def test_same_with_stride_1_is_torchs_same(size: int, kernel: int, dilation: int) -> None:
    conv = randomised(built(Conv(3, (kernel, kernel), "same", dilation=(dilation, dilation)), 2), size)
    images = random_images(size, 2, (size, size))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says once that an even kernel needs a padded copy
        expected = functional.conv2d(images, conv.weight, conv.bias, padding="same", dilation=dilation)
    torch.testing.assert_close(conv(images), expected)


@unhurried
@given(seed=seeds, size=image_sizes, stride=pairs, bias=st.booleans())
def test_a_kernel_as_large_as_the_map_is_torchs_convolution(
    seed: int, size: Size, stride: Size, bias: bool
) -> None:
    conv = randomised(built(Conv(4, size, "valid", stride=stride, bias=bias), 2), seed)
    images = random_images(seed, 2, size)
    made, expected = conv(images), functional.conv2d(images, conv.weight, conv.bias)
    torch.testing.assert_close(made, expected)
    (ours,) = torch.autograd.grad(made.square().sum(), conv.weight)
    (theirs,) = torch.autograd.grad(expected.square().sum(), conv.weight)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("kind", [Pool, AveragePool])
@unhurried
@given(seed=seeds, size=image_sizes, window=pairs, stride=pairs)
def test_gradients_pass_through_padded_pooling(
    kind: type[Pool], seed: int, size: Size, window: Size, stride: Size
) -> None:
    images = random_images(seed, 1, size).requires_grad_()
    pooled = built(kind(window, stride=stride, padding="same"))(images)
    pooled.sum().backward()
    assert images.grad is not None
    assert images.grad.sum().item() == pytest.approx(pooled.numel())


# -- speed and memory format: no needless copy -------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "size"),
    [
        (built(Conv(2, (3, 3), padding="same"), 2), 28),
        (built(Conv(2, (3, 3), padding="same", stride=(2, 2)), 2), 29),
        (built(Conv(2, (5, 5), padding="same", dilation=(2, 2)), 2), 28),
        (built(Conv(2, (3, 3), padding=(1, 1)), 2), 28),
        (built(Pool((2, 2), padding="same")), 28),
        (built(Pool((2, 2), padding="same")), 27),
        (built(Pool((2, 2), stride=(1, 1), padding="same")), 28),
        (built(AveragePool((2, 2), padding="same")), 27),
    ],
)
def test_no_padded_copy_is_made_where_torch_can_pad_itself(
    module: nn.Module, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pad(*_: Any) -> Tensor:
        raise AssertionError("a padded copy")

    monkeypatch.setattr(functional, "pad", pad)
    module(torch.zeros(1, 2, size, size))


@pytest.mark.parametrize(
    "module",
    [
        built(Conv(4, (3, 3), padding="same"), 2),
        built(Conv(4, (2, 2), padding="same", stride=(2, 2)), 2),
        built(Depthwise((3, 3), padding="same", multiplier=2), 2),
        built(Pool((2, 2), padding="same")),
        built(AveragePool((3, 3), stride=(2, 2), padding="same")),
    ],
)
def test_channels_last_maps_stay_channels_last(module: nn.Module) -> None:
    images = torch.zeros(2, 2, 7, 7).contiguous(memory_format=torch.channels_last)
    assert module(images).is_contiguous(memory_format=torch.channels_last)


def test_flatten_is_in_keras_order_and_free_for_channels_last() -> None:
    images = torch.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    expected = images.numpy().transpose(0, 2, 3, 1).reshape(2, -1)
    np.testing.assert_array_equal(built(Flatten())(images).numpy(), expected)
    last = images.contiguous(memory_format=torch.channels_last)
    assert built(Flatten())(last).data_ptr() == last.data_ptr()
    flat = torch.zeros(2, 7)
    assert built(Flatten())(flat) is flat


# -- the course's figures ----------------------------------------------------------------------------------

NINE = torch.arange(1.0, 10).reshape(1, 1, 3, 3)


def convolved(image: Tensor, filters: list[list[list[float]]], padding: Any) -> list[Any]:
    kernel = torch.tensor(filters)
    conv = built(Conv(len(filters), (kernel.shape[1], kernel.shape[2]), padding=padding, bias=False), 1)
    with torch.no_grad():
        conv.weight.copy_(kernel[:, None])
        return conv(image)[0].tolist()


def test_a_filter_of_ones_over_nine_numbers() -> None:
    ones = [[1.0, 1], [1, 1]]
    assert convolved(NINE, [ones], "valid") == [[[12, 16], [24, 28]]]
    same = [[12, 16, 9], [24, 28, 15], [15, 17, 9]]
    assert convolved(NINE, [ones], "same") == [same]
    times = [[[factor * value for value in row] for row in ones] for factor in (1, 10, -1)]
    assert convolved(NINE, times, "same") == [[[f * v for v in row] for row in same] for f in (1, 10, -1)]


def test_max_pooling_of_nine_numbers() -> None:
    pooled = built(Pool((2, 2), stride=(1, 1), padding="same"))(NINE)
    assert pooled[0, 0].tolist() == [[5, 6, 6], [8, 9, 9], [8, 9, 9]]


def test_sharpening() -> None:
    rows = [[60, 113, 56, 139, 85], [73, 121, 54, 84, 128], [131, 99, 70, 129, 127]]
    rows += [[80, 57, 115, 69, 134], [104, 126, 123, 95, 130]]
    image = torch.tensor(rows, dtype=torch.float32)[None, None]
    for padding in ("same", (1, 1)):
        sharper = convolved(image, [[[0, -1, 0], [-1, 5, -1], [0, -1, 0]]], padding)
        assert sharper[0][0][0] == 114


def test_a_kernel_over_five_by_five() -> None:
    rows = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
    image = torch.tensor(rows, dtype=torch.float32)[None, None]
    output = convolved(image, [[[0, 1, 2], [2, 2, 0], [0, 1, 2]]], "valid")
    assert output == [[[12, 12, 17], [10, 17, 19], [9, 6, 14]]]


def test_the_feature_map_exercise() -> None:
    maps = built(Conv(5, (3, 3), stride=(2, 2), padding="same"), 1)(torch.zeros(1, 1, 28, 28))
    assert maps.shape == (1, 5, 14, 14)
    assert built(Pool((2, 2), padding="same"))(maps).shape == (1, 5, 7, 7)


# -- modules of layers -------------------------------------------------------------------------------------


def test_padding_never_wins() -> None:
    dark = torch.full((1, 1, 5, 5), -3.0)
    for window in ((2, 2), (3, 3), (4, 3)):
        for stride in ((1, 1), (2, 2), (3, 1)):
            for kind in (Pool, AveragePool):
                assert (built(kind(window, stride=stride, padding="same"))(dark) == -3).all()


def test_global_layers_reduce_whole_maps() -> None:
    images = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(built(GlobalAverage())(images), images.numpy().mean((2, 3)), rtol=1e-5)
    np.testing.assert_allclose(built(GlobalMax())(images), images.numpy().max((2, 3)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: built(Conv(2, (3, 3)), 1),
        lambda: built(Depthwise((3, 3), multiplier=1), 2),
        lambda: built(Dense(4), 3),
    ],
)
def test_new_layers_are_zero_and_leave_torchs_random_state_alone(make: Any) -> None:
    before = torch.get_rng_state()
    module = make()
    assert torch.equal(torch.get_rng_state(), before)
    assert all((parameter == 0).all() for parameter in module.parameters())


def test_a_module_that_text_cannot_say_is_called_by_its_class() -> None:
    assert kind_of(nn.PReLU()) == "PReLU"
    assert kind_of(nn.Conv2d(1, 1, 1)) == "Conv2d"


def test_batchnorm_takes_keras_momentum() -> None:
    norm = BatchNorm(momentum=0.99, epsilon=1e-3).build((8, 8, 3))
    assert isinstance(norm, nn.BatchNorm2d)
    assert (norm.momentum, norm.eps) == (0.01, 1e-3)
    norm(torch.full((2, 3, 8, 8), 100.0))
    assert norm.running_mean is not None
    assert norm.running_mean.tolist() == pytest.approx([1, 1, 1])
    assert isinstance(BatchNorm().build((7,)), nn.BatchNorm1d)


def test_a_layer_prints_its_padding() -> None:
    assert "3x3, same" in repr(built(Conv(2, (3, 3), padding="same"), 1))
    assert "2, same" in repr(built(Pool((2, 2), padding="same")))
    assert "same" not in repr(built(Conv(2, (3, 3)), 1))
