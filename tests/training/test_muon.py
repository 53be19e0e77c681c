"""Muon: the step against singular values, the rule against NumPy, the rest against torch's AdamW."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from imagelet.training.muon import COEFFICIENTS, ITERATIONS, Muon, orthogonal

pytestmark = pytest.mark.portable

# The filters and inputs of convolutions: of few and many channels, wide and tall.
MATRICES = [(8, 32), (24, 64), (64, 216), (64, 576), (256, 576), (16, 9), (32, 4), (128, 9)]
seeds = st.integers(0, 2**31)


def drawn(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, dtype=torch.float64, generator=generator)


def turned(size: int, seed: int) -> torch.Tensor:
    """Return a random rotation or reflection (size, size)."""
    return torch.linalg.qr(drawn(size, size, seed)).Q


def by_singular_values(matrix: np.ndarray) -> np.ndarray:
    """The iteration by singular values: the directions stay, each value goes through the quintic."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    values = values / np.linalg.norm(matrix)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        values = a * values + b * values**3 + c * values**5
    return left @ np.diag(values) @ right


# -- the orthogonal matrix -----------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize(("rows", "columns"), MATRICES)
def test_singular_values_come_near_one(rows, columns, turn):
    for seed in range(3):
        matrix = drawn(rows, columns, seed)
        result = orthogonal(matrix.T if turn else matrix)
        assert result.shape == ((columns, rows) if turn else (rows, columns))
        values = torch.linalg.svdvals(result)
        assert values.min() > 0.5
        assert values.max() < 1.3


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1e-12, 1.0, 1e6]), seeds)
def test_any_matrix_keeps_its_directions_and_no_singular_value_grows_beyond(rows, columns, scale, seed):
    matrix = drawn(rows, columns, seed) * scale
    result = orthogonal(matrix)
    assert result.dtype == matrix.dtype
    assert result.numpy() == pytest.approx(by_singular_values(matrix.numpy()), abs=1e-3)
    assert torch.linalg.svdvals(result).max() < 1.3


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), seeds)
def test_turning_or_mirroring_the_matrix_turns_or_mirrors_the_result(rows, columns, seed):
    matrix, result = drawn(rows, columns, seed), orthogonal(drawn(rows, columns, seed))
    assert torch.equal(orthogonal(-matrix), -result)
    left, right = turned(rows, seed + 1), turned(columns, seed + 2)
    expected = (left @ result @ right).numpy()
    assert orthogonal(left @ matrix @ right).numpy() == pytest.approx(expected, abs=1e-8)
    assert orthogonal(matrix.T).numpy() == pytest.approx(result.T.numpy(), abs=1e-8)


def test_a_gradient_of_zero_gives_a_step_of_zero():
    assert torch.equal(orthogonal(torch.zeros(4, 9)), torch.zeros(4, 9))


# -- the rule for convolutions -------------------------------------------------------------------------------


def group(parameters, rate: float, use_muon: bool, decay: float = 0.0):
    return {"params": parameters, "lr": rate, "weight_decay": decay, "use_muon": use_muon}


def gradients(shape: tuple[int, ...], number: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [torch.randn(shape, generator=generator) for _ in range(number)]


@pytest.mark.parametrize("shape", [(6, 4, 3, 3), (40, 2, 3, 3), (5, 1, 1, 1)])
@pytest.mark.parametrize("last", [False, True])
def test_steps_follow_the_docstring(shape, last):
    weight = nn.Parameter(gradients(shape, 1)[0].clone())
    expected, sums = weight.detach().double().numpy(), np.zeros(shape)
    if last:
        weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    optimizer = Muon([group([weight], 0.2, True)], 0.6, (0.9, 0.99), 1e-8)
    for gradient in gradients(shape, 4)[1:]:
        weight.grad = gradient.contiguous(memory_format=torch.channels_last) if last else gradient
        optimizer.step()
        g = gradient.double().numpy()
        sums = 0.6 * sums + g
        u = by_singular_values((g + 0.6 * sums).reshape(shape[0], -1)).reshape(shape)
        expected = np.sqrt(shape[0]) * expected / np.linalg.norm(expected) - 0.2 * u
        assert weight.detach().numpy() == pytest.approx(expected, abs=1e-4)
    assert weight.is_contiguous(memory_format=torch.channels_last) or not last


def test_before_the_turn_the_norm_is_the_root_of_the_number_of_filters():
    small, large = (nn.Parameter(factor * gradients((12, 3, 3, 3), 1)[0]) for factor in (0.01, 100.0))
    optimizer = Muon([group([small, large], 0.0, True)], 0.6, (0.9, 0.99), 1e-8)
    for parameter in (small, large):
        parameter.grad = gradients((12, 3, 3, 3), 1)[0]
    optimizer.step()
    assert small.norm().item() == pytest.approx(12**0.5)
    assert large.norm().item() == pytest.approx(12**0.5)
    assert small.detach().numpy() == pytest.approx(large.detach().numpy(), abs=1e-5)


def test_a_step_turns_by_the_rate_whatever_the_gradients_size():
    weights = []
    for factor in (1e-4, 1.0, 1e4):
        weight = nn.Parameter(gradients((8, 4, 3, 3), 1)[0].clone())
        weight.grad = factor * gradients((8, 4, 3, 3), 2)[1]
        Muon([group([weight], 0.1, True)], 0.6, (0.9, 0.99), 1e-8).step()
        weights.append(weight.detach())
    assert weights[0].numpy() == pytest.approx(weights[1].numpy(), abs=1e-3)
    assert weights[2].numpy() == pytest.approx(weights[1].numpy(), abs=1e-5)


# -- the rule for all others ---------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_the_rest_is_torchs_adamw(decay):
    shapes = [(5, 7), (11,), (1, 1)]
    ours, theirs = ([nn.Parameter(gradients(shape, 1)[0].clone()) for shape in shapes] for _ in range(2))
    settings_ = {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-7, "weight_decay": decay}
    reference = torch.optim.AdamW(theirs, **settings_)
    optimizer = Muon([group(ours, 0.05, False, decay)], 0.6, (0.8, 0.95), 1e-7)
    for step in range(12):
        for mine, other, shape in zip(ours, theirs, shapes, strict=True):
            mine.grad = other.grad = gradients(shape, 12)[step] * 10.0 ** (step % 3 - 1)
        optimizer.step()
        reference.step()
        for mine, other in zip(ours, theirs, strict=True):
            assert mine.detach().numpy() == pytest.approx(other.detach().numpy(), abs=1e-6)


def test_each_group_keeps_its_own_rate_and_rule():
    conv, dense = nn.Parameter(torch.ones(3, 1, 2, 2)), nn.Parameter(torch.ones(3, 4))
    optimizer = Muon([group([conv], 0.0, True), group([dense], 0.5, False)], 0.6, (0.9, 0.99), 1e-12)
    conv.grad, dense.grad = torch.ones_like(conv), torch.ones_like(dense)
    optimizer.step()
    assert conv.norm().item() == pytest.approx(3**0.5)
    assert dense.flatten().tolist() == pytest.approx([0.5] * 12)  # the first step of Adam is its rate


@pytest.mark.parametrize("use_muon", [True, False])
def test_a_weight_without_gradient_stays_and_is_not_remembered(use_muon):
    weight = nn.Parameter(gradients((4, 2, 3, 3), 1)[0].clone())
    before = weight.detach().clone()
    optimizer = Muon([group([weight], 0.5, use_muon, 0.1)], 0.6, (0.9, 0.99), 1e-8)
    optimizer.step()
    assert torch.equal(weight, before)
    assert not optimizer.state


def test_it_turns_a_convolution_into_another():
    generator = torch.Generator().manual_seed(0)
    goal, weight = (torch.randn(6, 3, 3, 3, generator=generator) for _ in range(2))
    weight = nn.Parameter(weight)
    optimizer = Muon([group([weight], 0.3, True)], 0.6, (0.9, 0.99), 1e-8)
    for step in range(60):
        optimizer.param_groups[0]["lr"] = 0.3 * (1 - step / 60)
        optimizer.zero_grad()
        cosine = (weight * goal).sum() / (weight.norm() * goal.norm())
        (1 - cosine).backward()
        optimizer.step()
    assert cosine.item() > 0.99
