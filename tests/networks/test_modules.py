"""Layers carried out together give what they give one by one, and step aside where someone watches."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from imagelet.errors import NetworkTextError
from imagelet.networks import Network, build, to_text
from imagelet.networks import layers as kinds
from imagelet.networks.layers import Layer, Pool
from imagelet.networks.modules import Convolution, fused_layers

from .strategies import built, unhurried

TEXT = (
    "conv(4, 3x3, same) relu conv(5, 2x2) relu pool(2) depthwise(3x3, same, stride=2) relu pool(2, same)"
    " flatten dropout(0.3) dense(6) relu dense(classes) softmax"
)
SHAPE = (12, 11, 2)


def noise(shape: tuple[int, int, int], number: int = 3, *, seed: int = 0, last: bool = True) -> Tensor:
    height, width, channels = shape
    images = torch.randn(number, channels, height, width, generator=torch.Generator().manual_seed(seed))
    return images.contiguous(memory_format=torch.channels_last) if last else images


def build_drawn(text: str, shape: tuple[int, int, int] = SHAPE) -> Network:
    """Return a network of 3 classes whose biases are drawn as well."""
    network = build(text, shape, 3)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / 4)
    return network


def one_after_the_other(network: nn.Sequential, images: Tensor) -> Tensor:
    for child in network:
        if not isinstance(child, nn.Softmax):
            images = child(images)
    return images


def outcome(network: Network, images: Tensor, run_experiment: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Return the logits, the gradient of the images, and those of the parameters, with equal dropout."""
    torch.manual_seed(7)
    images = images.clone(memory_format=torch.preserve_format).requires_grad_()
    network.zero_grad()
    logits = run_experiment(images)
    functional.cross_entropy(logits.float(), torch.arange(len(images)) % logits.shape[1]).backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    return [logits.detach(), *(each.clone() for each in (images.grad, *gradients) if each is not None)]


def both(network: Network, images: Tensor) -> list[tuple[Tensor, Tensor]]:
    together = outcome(network, images, network)
    apart = outcome(network, images, lambda each: one_after_the_other(network, each))
    return list(zip(together, apart, strict=True))


def assert_equal_within_rounding(together: Tensor, apart: Tensor, share: float = 1e-5) -> None:
    """Fail where the tensors differ by more than ``share`` of the largest value."""
    largest = float(apart.detach().abs().max())
    torch.testing.assert_close(together, apart, rtol=share, atol=share * largest + 1e-30)


def names(network: nn.Sequential) -> list[tuple[str, ...]]:
    return [carried_out for carried_out, _ in fused_layers(network.named_children())]


# -- what is carried out together ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv(2, 3x3) relu flatten dense(3)", "conv1+relu1 flatten dense1"),
        ("depthwise(3x3) relu flatten dense(3)", "depthwise1+relu1 flatten dense1"),
        ("conv(2, 3x3) relu pool(2) flatten dense(3)", "conv1 relu1+pool1 flatten dense1"),
        ("conv(2, 3x3) pool(2) relu flatten dense(3)", "conv1 pool1 relu1 flatten dense1"),
        (
            "conv(2, 3x3) relu average_pool(2) flatten dense(3)",
            "conv1+relu1 average_pool1 flatten dense1",
        ),
        ("conv(2, 3x3) tanh pool(2) flatten dense(3) relu", "conv1 tanh1 pool1 flatten dense1 relu1"),
        (
            "conv(2, 3x3) batchnorm relu conv(2, 3x3) relu relu flatten dense(3) softmax",
            "conv1 batchnorm1 relu1 conv2+relu2 relu3 flatten dense1",
        ),
        ("flatten dense(3)", "flatten dense1"),
    ],
)
def test_pairs_are_taken_together_up_to_the_closing_softmax(text: str, expected: str) -> None:
    assert names(build(text, SHAPE, 3)) == [tuple(step.split("+")) for step in expected.split()]


@pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(),  # type: ignore[no-untyped-call]
    reason="torch has no oneDNN here",
)
def test_a_convolution_with_its_relu_is_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_drawn("conv(4, 3x3, same) relu flatten dense(3)")
    expected = one_after_the_other(network, noise(SHAPE))

    def never(*_: Any) -> Tensor:
        raise AssertionError("a call of its own")

    monkeypatch.setattr(Convolution, "forward", never)
    monkeypatch.setattr(nn.ReLU, "forward", never)
    assert_equal_within_rounding(network(noise(SHAPE)), expected)


def test_relu_has_a_quarter_of_the_numbers_to_do_after_its_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    relu = torch.relu
    monkeypatch.setattr(torch, "relu", lambda images: sizes.append(images.shape[2:]) or relu(images))
    build("relu pool(2) flatten dense(3)", (8, 6, 2), 3)(noise((8, 6, 2)))
    assert sizes == [(4, 3)]


# -- the same numbers ----------------------------------------------------------------------------------------

sides = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(unhurried, max_examples=100)
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    window=sides,
    stride=sides,
    padding=st.sampled_from(["same", "valid"]),
    last=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
    seed=st.integers(0, 2**31),
)
def test_pool_and_relu_change_places_to_the_last_bit(
    size: tuple[int, int],
    window: tuple[int, int],
    stride: tuple[int, int],
    padding: Any,
    last: bool,
    dtype: torch.dtype,
    seed: int,
) -> None:
    if padding == "valid" and (window[0] > size[0] or window[1] > size[1]):
        return
    layers = nn.Sequential(nn.ReLU(), built(Pool(window, stride=stride, padding=padding)))
    (((_, together)),) = fused_layers(layers.named_children())
    images = noise((*size, 3), seed=seed, last=last).mul(1.5).round().to(dtype)  # few values: many are equal
    results = []
    for run_experiment in (together, layers):
        given = images.clone(memory_format=torch.preserve_format).requires_grad_()
        pooled = run_experiment(given)
        upstream = torch.randn(pooled.shape, generator=torch.Generator().manual_seed(seed)).to(dtype)
        pooled.backward(upstream)
        assert given.grad is not None
        results.append((pooled.detach(), given.grad))
    for one, other in zip(*results, strict=True):
        assert one.dtype == dtype
        assert torch.equal(one, other)


small = st.sampled_from(["same", "valid"]) | st.tuples(st.integers(0, 1), st.integers(0, 1))
layers_of_maps: st.SearchStrategy[Layer] = st.one_of(
    st.builds(kinds.Conv, st.integers(2, 5), sides, small, sides, sides, st.booleans()),
    st.builds(kinds.Conv, st.integers(2, 5), sides, st.just("same")),
    st.builds(kinds.Depthwise, sides, small, sides, sides, st.integers(1, 2), st.booleans()),
    st.builds(kinds.Pool, sides, st.sampled_from(["same", "valid"]), st.none() | sides),
    st.builds(kinds.AveragePool, sides, st.sampled_from(["same", "valid"])),
    st.sampled_from([kinds.Relu(), kinds.Relu(), kinds.Tanh(), kinds.Dropout(0.3)]),
)


@st.composite
def texts(draw: st.DrawFn, *, single_columns: bool = True) -> tuple[str, tuple[int, int, int]]:
    """Draw network text of layers that fit, most of which are followed by relu, and its input shape.

    No map between them has a single channel: it has two memory formats at once, of which the next layer
    chooses one, and dropout draws along the memory. ``single_columns`` is False for bfloat16: where a
    convolution with a stride makes a map of one column, oneDNN 3.12 reads beyond its input, apart as well as
    together.
    """
    shape: Any = draw(st.tuples(st.integers(4, 13), st.integers(4, 13), st.sampled_from([1, 3])))
    found: list[Layer] = [kinds.Conv(draw(st.integers(2, 5)), draw(sides), "same", draw(sides))]
    now = found[0].output_shape(shape)
    for layer in draw(st.lists(layers_of_maps, min_size=1, max_size=5)):
        try:
            after = layer.output_shape(now)
        except NetworkTextError:
            continue
        if after[1] == 1 and not single_columns:
            continue
        now = after
        found += [layer, kinds.Relu()] if draw(st.integers(0, 3)) else [layer]
    return to_text((*found, kinds.Flatten(), kinds.Dense("classes"))), shape


@settings(unhurried, max_examples=60, derandomize=True)
@given(texts(), st.booleans(), st.booleans(), st.integers(1, 3))
def test_any_text_gives_the_numbers_of_its_layers_one_after_the_other(
    text_and_shape: tuple[str, tuple[int, int, int]], training: bool, last: bool, number: int
) -> None:
    text, shape = text_and_shape
    network = build_drawn(text, shape).train(training)
    for together, apart in both(network, noise(shape, number, last=last)):
        assert together.dtype == apart.dtype
        assert_equal_within_rounding(together, apart, share=1e-4)


@settings(unhurried, max_examples=50, derandomize=True)
@given(texts(single_columns=False), st.booleans())
def test_any_text_gives_about_the_same_in_bfloat16(
    text_and_shape: tuple[str, tuple[int, int, int]], last: bool
) -> None:
    text, shape = text_and_shape
    network = build_drawn(text, shape).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pairs = both(network, noise(shape, last=last))
    for together, apart in pairs:
        assert together.dtype == apart.dtype
        assert_equal_within_rounding(together, apart, share=2**-5)  # roundings of some layers add up


def test_a_chain_of_all_pairs_gives_the_numbers_of_its_layers() -> None:
    network = build_drawn(TEXT).train()
    assert [len(step) for step in names(network)].count(2) == 3
    for together, apart in both(network, noise(SHAPE)):
        assert_equal_within_rounding(together, apart)


def test_frozen_weights_get_no_gradient_and_let_it_pass() -> None:
    network = build_drawn("conv(4, 3x3, same) relu conv(4, 3x3, same) relu flatten dense(3)")
    network.conv1.weight.requires_grad_(False)
    network.conv2.bias.requires_grad_(False)
    pairs = both(network, noise(SHAPE))
    assert network.conv1.weight.grad is None
    assert network.conv2.bias.grad is None
    assert network.conv1.bias.grad is not None
    assert len(pairs) == 2 + 4
    for together, apart in pairs:
        assert_equal_within_rounding(together, apart)


def test_the_gradient_of_a_gradient_is_that_of_the_layers() -> None:
    network = build_drawn("conv(4, 3x3, same) relu conv(4, 3x3) relu pool(2) flatten dense(3)")

    def penalised(run_experiment: Callable[[Tensor], Tensor]) -> list[Tensor]:
        images = noise(SHAPE).requires_grad_()
        loss = run_experiment(images).square().sum()
        (slope,) = torch.autograd.grad(loss, images, create_graph=True)
        return list(torch.autograd.grad(slope.square().sum(), list(network.parameters()), allow_unused=True))

    apart = penalised(lambda images: one_after_the_other(network, images))
    for one, other in zip(penalised(network), apart, strict=True):
        assert_equal_within_rounding(one, other)


def test_each_images_own_gradient_is_that_of_the_layers() -> None:
    network = build_drawn("conv(4, 3x3, same) relu conv(4, 3x3) relu pool(2) flatten dense(3)")

    def slopes(run_experiment: Callable[[Tensor], Tensor]) -> Tensor:
        return torch.func.vmap(torch.func.grad(lambda image: run_experiment(image[None]).square().sum()))(
            noise(SHAPE)
        )

    apart = slopes(lambda images: one_after_the_other(network, images))
    assert_equal_within_rounding(slopes(network), apart)


@pytest.mark.parametrize("last", [True, False])
def test_maps_keep_their_memory_format(last: bool) -> None:
    network = build("conv(4, 3x3, same) relu conv(4, 2x2, same) relu flatten dense(3)", SHAPE, 3)
    wanted = torch.channels_last if last else torch.contiguous_format
    images = noise(SHAPE, last=last)
    for _, step in list(fused_layers(network.named_children()))[:2]:
        images = step(images)
        assert images.is_contiguous(memory_format=wanted)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_types_of_number_stay_what_they_are(dtype: torch.dtype) -> None:
    network = build_drawn("conv(4, 3x3, same) relu flatten dense(3)").to(dtype)
    images = noise(SHAPE).to(dtype)
    logits = network(images)
    assert logits.dtype == dtype
    assert_equal_within_rounding(logits, one_after_the_other(network, images), share=torch.finfo(dtype).eps)


def test_no_images_give_no_logits() -> None:
    assert build(TEXT, SHAPE, 3).eval()(noise(SHAPE, 0)).shape == (0, 3)


def test_a_convolution_with_a_forward_of_its_own_is_left_alone() -> None:
    class Doubled(Convolution):
        def forward(self, images: Tensor) -> Tensor:
            return 2 * super().forward(images)

    network = build_drawn("conv(4, 3x3) relu flatten dense(3)")
    network.conv1 = Doubled(kinds.Conv(4, (3, 3)), 2)
    nn.init.normal_(network.conv1.weight, generator=torch.Generator().manual_seed(0))
    assert_equal_within_rounding(network(noise(SHAPE)), one_after_the_other(network, noise(SHAPE)))


# -- where someone watches -----------------------------------------------------------------------------------

HOOKS: dict[str, Callable[[nn.Module, Callable[[], None]], Any]] = {
    "forward": lambda layer, note: layer.register_forward_hook(lambda *_: note()),
    "forward pre": lambda layer, note: layer.register_forward_pre_hook(lambda *_: note()),
    "backward": lambda layer, note: layer.register_full_backward_hook(lambda *_: note()),
    "backward pre": lambda layer, note: layer.register_full_backward_pre_hook(lambda *_: note()),
}


@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)
def test_every_layer_with_a_hook_is_called(hook: Callable[[nn.Module, Callable[[], None]], Any]) -> None:
    network = build_drawn(TEXT).eval()
    expected = network(noise(SHAPE)).detach()
    called = []
    for name, child in network.named_children():
        hook(child, lambda name=name: called.append(name))
    logits = network(noise(SHAPE).requires_grad_())
    logits.sum().backward()
    assert sorted(called) == sorted(name for name, _ in network.named_children() if name != "softmax")
    assert_equal_within_rounding(logits.detach(), expected)


@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)
def test_one_hook_takes_all_apart_until_it_is_removed(
    hook: Callable[[nn.Module, Callable[[], None]], Any],
) -> None:
    network = build(TEXT, SHAPE, 3)
    for child in network:
        handle = hook(child, lambda: None)
        assert all(len(step) == 1 for step in names(network))
        handle.remove()
        assert not all(len(step) == 1 for step in names(network))


def test_a_hook_on_every_module_there_is_sees_every_layer() -> None:
    network, called = build(TEXT, SHAPE, 3), []
    handle = nn.modules.module.register_module_forward_hook(lambda module, *_: called.append(module))
    try:
        network(noise(SHAPE))
    finally:
        handle.remove()
    assert called == [*list(network)[:-1], network]


def test_torchs_counter_of_operations_counts_every_convolution() -> None:
    network = build("conv(4, 3x3) relu flatten dense(classes)", SHAPE, 3)
    with FlopCounterMode(display=False) as counter:
        network(noise(SHAPE, 1))
    assert counter.get_total_flops() == 2 * (10 * 9 * 4 * 9 * 2 + 360 * 3)


def test_a_traced_network_is_made_of_plain_operations() -> None:
    network = build_drawn(TEXT).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch: sizes become constants, and tracing is old
        traced = torch.jit.trace(network, noise(SHAPE))
    used = [node.kind() for node in traced.inlined_graph.nodes()]
    assert used.count("aten::relu") == 4
    assert used.count("aten::_convolution") + used.count("aten::conv2d") == 3
    assert not [kind for kind in used if "mkldnn" in kind or "Python" in kind]
    assert_equal_within_rounding(traced(noise(SHAPE)), network(noise(SHAPE)))


@pytest.mark.parametrize("strict", [False, True])
def test_an_exported_network_is_made_of_plain_operations(strict: bool) -> None:
    network = build_drawn("conv(4, 3x3, same) relu conv(4, 3x3) relu pool(2) flatten dense(3)").eval()
    exported = torch.export.export(network, (noise(SHAPE),), strict=strict)
    used = [str(node.target) for node in exported.graph.nodes if node.op == "call_function"]
    assert [name.split(".")[1] for name in used if "relu" in name or "conv" in name] == [
        *("conv2d", "relu", "conv2d", "relu")
    ]
    assert not [name for name in used if "mkldnn" in name]
    assert_equal_within_rounding(exported.module()(noise(SHAPE)), network(noise(SHAPE)))
