"""The speed-record family: whitening as NumPy works it out, and networks for images of any size."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from imagelet.errors import UsageError
from imagelet.networks import build, summarize
from imagelet.networks.airbench import family
from imagelet.networks.modules import RIDGE, Convolution, ShiftNorm, Whiten

from .strategies import unhurried

FAMILY = ["fast-narrow", "fast-wide"]
SIZES = [(8, 8), (9, 9), (15, 15), (16, 16), (28, 28), (32, 32), (33, 33), (64, 64), (96, 96)]
OBLONGS = [(8, 40), (96, 9), (31, 20)]


def smooth_images(channels: int, number: int = 40, seed: int = 0) -> Tensor:
    """Return images (number, channels, 10, 13) whose neighbouring pixels and channels are alike."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.randn(number, channels, 12, 15, generator=generator)
    rough += torch.randn(number, 1, 12, 15, generator=generator)
    return functional.avg_pool2d(rough, 3, stride=1) + 0.5


def patches_of(images: Tensor) -> np.ndarray:
    """Return the 2×2 patches of images (n, channels, h, w) as rows, float64 (patches, 4·channels)."""
    windows = np.lib.stride_tricks.sliding_window_view(images.double().numpy(), (2, 2), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, 4 * images.shape[1])


def whitened(whiten: Whiten, images: Tensor) -> np.ndarray:
    """Return the layer's outputs without its bias, a row for each patch: float64 (patches, 8·channels)."""
    with torch.no_grad():
        maps = whiten(images) - whiten.bias[:, None, None]
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1]).double().numpy()


# -- whitening -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_whitened_patches_are_uncorrelated_and_of_variance_one(channels: int) -> None:
    images = smooth_images(channels)
    whiten = Whiten(channels)
    whiten.fit(images)
    outputs = whitened(whiten, images)
    first, second = np.split(outputs, 2, axis=1)
    covariance = first.T @ first / len(first)  # uncentred: the mean is a direction like others
    variances = np.linalg.eigvalsh(patches_of(images).T @ patches_of(images) / len(first))[::-1]
    assert variances.min() > 10 * RIDGE
    assert covariance == pytest.approx(np.eye(4 * channels), abs=0.1)
    assert covariance == pytest.approx(np.diag(variances / (variances + RIDGE)), abs=1e-3)
    assert second == pytest.approx(-first, abs=1e-5)


def test_the_filters_are_principal_directions_the_strongest_first() -> None:
    images = smooth_images(3)
    whiten = Whiten(3)
    whiten.fit(images)
    filters = whiten.weight[:12].detach().double().flatten(1).numpy()
    patches = patches_of(images)
    variances, directions = np.linalg.eigh(patches.T @ patches / len(patches))
    lengths = np.linalg.norm(filters, axis=1)
    assert lengths == pytest.approx(1 / np.sqrt(variances[::-1] + RIDGE), rel=1e-3)
    cosines = np.abs((filters / lengths[:, None]) @ directions[:, ::-1])
    assert cosines == pytest.approx(np.eye(12), abs=0.01)


@pytest.mark.parametrize("colour", [0.0, 0.7])
def test_images_of_one_colour_blow_nothing_up(colour: float) -> None:
    whiten = Whiten(3)
    whiten.fit(torch.full((4, 3, 6, 6), colour))
    assert whiten.weight.isfinite().all()
    assert float(whiten.weight.flatten(1).norm(dim=1).max()) <= 1.01 / RIDGE**0.5


@settings(unhurried, max_examples=30)
@given(st.integers(0, 2**31), st.sampled_from([1, 3]), st.booleans())
def test_the_memory_format_and_the_type_of_images_do_not_matter(
    seed: int, channels: int, single: bool
) -> None:
    images = smooth_images(channels, 1 if single else 8, seed)
    layers = [Whiten(channels) for _ in range(3)]
    last = images.contiguous(memory_format=torch.channels_last)
    for layer, same in zip(layers, (images, last, images.double()), strict=True):
        layer.fit(same)
    covariances = [whitened(layer, images).T @ whitened(layer, images) for layer in layers]
    scale = np.abs(covariances[0]).max()
    for covariance in covariances[1:]:
        assert covariance / scale == pytest.approx(covariances[0] / scale, abs=0.01)


def test_the_weights_of_whitening_are_no_business_of_the_gradient_but_its_bias_is() -> None:
    network = build("fast-narrow", (12, 12, 1), 3)
    network.whiten.fit(smooth_images(1))
    network(torch.ones(2, 1, 12, 12)).sum().backward()
    assert not network.whiten.weight.requires_grad
    assert network.whiten.weight.grad is None
    assert network.whiten.bias.grad is not None
    assert network.whiten.bias.grad.any()


# -- the other layers ----------------------------------------------------------------------------------------


def test_normalisation_learns_a_shift_and_no_scale() -> None:
    norm = ShiftNorm(3)
    images = 5 + 2 * torch.randn(50, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    result = norm(images)
    assert result.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0] * 3, abs=1e-5)
    assert result.std(dim=(0, 2, 3), correction=0).tolist() == pytest.approx([1] * 3, abs=1e-4)
    assert [name for name, each in norm.named_parameters() if each.requires_grad] == ["bias"]
    assert norm.running_mean is not None
    assert norm.running_mean.tolist() == pytest.approx([0.4 * 5] * 3, abs=0.1)  # memory 0.6


@pytest.mark.parametrize("name", FAMILY)
def test_each_convolution_passes_its_input_on_at_first(name: str) -> None:
    network = build(name, (16, 16, 3), 10)
    convolutions = [child for child in network if isinstance(child, Convolution)]
    assert len(convolutions) == 6
    generator = torch.Generator().manual_seed(0)
    for conv in convolutions:
        passed = min(conv.in_channels, conv.out_channels)
        images = torch.randn(2, conv.in_channels, 5, 6, generator=generator)
        result = conv(images).detach()
        assert conv.bias is None
        assert result[:, :passed] == pytest.approx(images[:, :passed], abs=1e-5)
        drawn = conv.weight[passed:].detach()
        assert drawn.numel() == 0 or 0 < float(drawn.abs().mean()) < 1


# -- networks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [*SIZES, *OBLONGS])
def test_images_of_any_size_give_logits(size: tuple[int, int], channels: int) -> None:
    network = family((6, 8, 10), channels, size[0] if size[0] == size[1] else size, 7).eval()
    with torch.no_grad():
        maps, sides = torch.randn(2, channels, *size, generator=torch.Generator().manual_seed(0)), []
        for child in network:
            maps = child(maps)
            if maps.dim() == 4:
                sides.append(min(maps.shape[2:]))
    assert maps.shape == (2, 7)
    assert maps.isfinite().all()
    assert 2 <= sides[-1] <= 5
    first = next(place for place, child in enumerate(network) if isinstance(child, Convolution))
    assert sides[first] <= 40  # the costly groups never see a large map


@pytest.mark.parametrize("name", FAMILY)
def test_named_networks_take_other_sizes_and_numbers_of_classes(name: str) -> None:
    for shape, classes in (((8, 8, 1), 2), ((20, 33, 3), 4)):
        network = build(name, shape, classes).eval()
        with torch.no_grad():
            assert network(torch.zeros(2, shape[2], *shape[:2])).shape == (2, classes)


@pytest.mark.parametrize("name", FAMILY)
def test_an_image_of_one_pixel_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        build(name, (1, 1, 3), 10)


def test_named_networks_are_as_large_as_their_docstrings_say() -> None:
    wide = summarize(build("fast-wide", (32, 32, 3), 10))
    assert wide.total == pytest.approx(2e6, rel=0.05)
    assert wide.multiply_adds == pytest.approx(0.12e9, rel=0.02)
    narrow = summarize(build("fast-narrow", (28, 28, 1), 10))
    assert narrow.total == pytest.approx(0.3e6, rel=0.05)
    assert narrow.multiply_adds == pytest.approx(12e6, rel=0.05)


def test_only_weights_that_are_learnt_are_trainable() -> None:
    network = build("fast-narrow", (16, 16, 1), 10)
    trainable = {name for name, each in network.named_parameters() if each.requires_grad}
    convolutions = {f"conv{number}.weight" for number in range(1, 7)}
    shifts = {f"norm{number}.bias" for number in range(1, 7)}
    assert trainable == {"whiten.bias", "dense.weight"} | convolutions | shifts


@pytest.mark.parametrize("name", FAMILY)
def test_the_seed_decides_the_first_weights_and_nothing_else_is_drawn(name: str) -> None:
    before = torch.get_rng_state()
    one, same, other = (build(name, (9, 9, 1), 4, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["conv1.weight"], other["conv1.weight"])
    assert not torch.equal(one["dense.weight"], other["dense.weight"])
