"""Dropout: each value is dropped with exactly the probability that was asked for, whatever its shape."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from imagelet.networks import build
from imagelet.networks.layers import Dropout
from tests.networks.strategies import built, unhurried

SHARES = (0.001, 0.3, 0.5, 0.999)


def dropped(share: float, values: Tensor, seed: int = 0) -> Tensor:
    """Return what dropout in training makes of values, drawn from ``seed``."""
    torch.manual_seed(seed)
    return built(Dropout(share))(values)


def test_text_gives_this_layer() -> None:
    layer = build("dropout(0.3) flatten dense(classes)")[0]
    assert layer.layer == Dropout(0.3)


# -- how many ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", SHARES)
def test_over_many_calls_the_share_is_exact_and_the_mean_is_kept(share: float) -> None:
    calls, number = 3000, 10_000
    torch.manual_seed(1)
    dropout, ones = built(Dropout(share)), torch.ones(number)
    kept = torch.stack([torch.count_nonzero(dropout(ones)) for _ in range(calls)]).double() / number
    of_values = share * (1 - share) / (calls * number)
    of_thresholds = 0.25 / 256**2 / calls  # the share in one call is one of two neighbouring 256ths
    tolerance = 4 * math.sqrt(of_values + of_thresholds)
    assert tolerance < 0.0005  # a 256th is 0.004: no fixed threshold would pass
    assert float(1 - kept.mean()) == pytest.approx(share, abs=tolerance)
    survivors = torch.cat([dropout(ones).unique() for _ in range(20)]).unique().tolist()
    assert survivors == pytest.approx([0, 1 / (1 - share)])


@pytest.mark.parametrize("share", [1e-9, 1 / 256, 0.5, 255 / 256, 0.9999, 1 - 1e-9])
def test_in_one_call_the_share_is_a_neighbouring_256th(share: float) -> None:
    for seed in range(10):
        rate = float((dropped(share, torch.ones(100_000), seed) == 0).double().mean())
        lowest, highest = math.floor(256 * share) / 256, math.ceil(256 * share) / 256
        assert lowest - 0.007 <= rate <= highest + 0.007


def test_a_share_beyond_255_256ths_drops_all_or_nearly_all() -> None:
    results = [dropped(0.999, torch.ones(1000), seed) for seed in range(50)]
    assert max(int(torch.count_nonzero(result)) for result in results) < 20
    assert sum(int(torch.count_nonzero(result)) for result in results) > 0


def test_values_are_dropped_independently_of_their_neighbours() -> None:
    kept = (dropped(0.5, torch.ones(200_000, 8)) > 0).double()  # a word of random bits is 8 values
    correlation = torch.corrcoef(kept.T)
    assert correlation.numpy() == pytest.approx(torch.eye(8).numpy(), abs=0.01)
    following = torch.corrcoef(torch.stack([kept[:-1].flatten(), kept[1:].flatten()]))
    assert abs(float(following[0, 1])) < 0.005


def test_every_place_of_an_odd_number_is_dropped_alike() -> None:
    torch.manual_seed(2)
    dropout, ones = built(Dropout(0.5)), torch.ones(13)
    shares = torch.stack([dropout(ones) == 0 for _ in range(4000)]).double().mean(dim=0)
    assert shares.tolist() == pytest.approx([0.5] * 13, abs=0.04)


# -- which ---------------------------------------------------------------------------------------------------


def test_torchs_own_seed_decides() -> None:
    ones = torch.ones(3, 50)
    assert torch.equal(dropped(0.5, ones, 5), dropped(0.5, ones, 5))
    assert not torch.equal(dropped(0.5, ones, 5), dropped(0.5, ones, 6))
    torch.manual_seed(5)
    dropout = built(Dropout(0.5))
    assert not torch.equal(dropout(ones), dropout(ones))


@settings(unhurried, max_examples=60)
@given(
    shape=st.lists(st.integers(0, 5), max_size=5),
    share=st.sampled_from([0.2, 0.5, 0.999]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
    layout=st.sampled_from(["plain", "last", "turned", "spread", "part"]),
    seed=st.integers(0, 2**31),
)
def test_any_shape_gives_zeros_and_scaled_values(
    shape: list[int], share: float, dtype: torch.dtype, layout: str, seed: int
) -> None:
    values = torch.arange(1, math.prod(shape) + 1, dtype=torch.float64).reshape(shape).to(dtype)
    if layout == "last" and len(shape) == 4:
        values = values.contiguous(memory_format=torch.channels_last)
    elif layout == "turned":
        values = values.permute(list(reversed(range(len(shape)))))
    elif layout == "spread":
        values = values[None].expand(3, *shape)
    elif layout == "part" and shape:
        values = values[1:]
    before = values.clone()
    result = dropped(share, values, seed)
    assert (result.shape, result.dtype) == (values.shape, values.dtype)
    assert torch.equal(values, before)
    scaled = values.double() / (1 - share)
    close = (result.double() - scaled).abs() <= 2 * torch.finfo(dtype).eps * scaled
    assert (close | (result == 0)).all()


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 1, 4, 5), (3, 8, 1, 1), (1, 3, 7, 7)])
def test_maps_keep_their_memory_format(shape: tuple[int, ...]) -> None:
    for memory_format in (torch.channels_last, torch.contiguous_format):
        values = torch.ones(shape).contiguous(memory_format=memory_format)
        assert dropped(0.5, values).is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.999])
@pytest.mark.parametrize("shape", [(5, 7), (2, 3, 4, 5)])
def test_the_gradient_is_the_mask_times_the_scale(share: float, shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(3)
    values = torch.rand(shape, generator=generator).add_(1).requires_grad_()
    result = dropped(share, values)
    upstream = torch.randn(shape, generator=generator)
    result.backward(upstream)
    assert values.grad is not None
    scale = torch.where(result == 0, 0.0, 1 / (1 - share))
    torch.testing.assert_close(values.grad, upstream * scale)
    torch.testing.assert_close(result.detach(), values.detach() * scale)


# -- when not ------------------------------------------------------------------------------------------------


def test_outside_training_values_pass_and_nothing_is_drawn() -> None:
    values = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    before = torch.get_rng_state()
    assert built(Dropout(0.5)).eval()(values) is values
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (1.0, 0.0)])
def test_none_and_all_can_be_dropped(share: float, expected: float) -> None:
    assert (dropped(share, torch.ones(3, 99)) == expected).all()


@pytest.mark.gpu
def test_on_a_gpu_it_is_torchs_own() -> None:
    ones = torch.ones(1000, device="cuda")
    torch.cuda.manual_seed(0)
    result = built(Dropout(0.5))(ones)
    torch.cuda.manual_seed(0)
    assert torch.equal(result, nn.functional.dropout(ones, 0.5))
