"""What every registered network must do, whoever registered it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from imagelet.networks import Network, build, infer_shapes, networks, parse, summarize, to_text
from imagelet.networks.numpy_network import NumpyNetwork, plain_layers, tensor_shapes

NAMES = tuple(networks)
OTHER_SHAPES = [((32, 32, 3), 3), ((29, 35, 2), 17)]


def random_images(shape: tuple[int, ...], number: int = 4) -> torch.Tensor:
    height, width, channels = shape
    return torch.randn(number, channels, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_described(name: str) -> None:
    named = networks.get(name)
    assert named.name == name
    assert named.note
    assert len(named.input_shape) == 3


@pytest.mark.parametrize("name", NAMES)
def test_its_text_is_canonical_and_comes_back_from_the_network(name: str) -> None:
    named = networks.get(name)
    network = build(name, named.input_shape)
    assert to_text(network) == network.text == named.text
    if named.builder is None:
        assert to_text(parse(named.text)) == named.text
        assert named.text.endswith("dense(classes) softmax")
    else:
        assert named.text == name


@pytest.mark.parametrize("name", NAMES)
def test_it_gives_a_logit_for_each_class(name: str) -> None:
    named = networks.get(name)
    shapes = [(named.input_shape, 10), *(OTHER_SHAPES if named.builder is None else [])]
    for shape, classes in shapes:
        network = build(name, shape, classes).eval()
        logits = network(random_images(shape))
        assert logits.shape == (4, classes)
        assert logits.isfinite().all()
        assert (network.input_shape, network.classes) == (shape, classes)


@pytest.mark.parametrize("name", NAMES)
def test_numpy_gives_the_logits_of_torch(name: str) -> None:
    shape = networks.get(name).input_shape
    network, images = build(name, shape, seed=1).eval(), random_images(shape)
    draw_running_averages(network)
    weights = {key: tensor.numpy() for key, tensor in network.state_dict().items()}
    layers = plain_layers(network.text, shape, network.classes)
    assert layers is not None
    assert tensor_shapes(layers, shape) == {key: tensor.shape for key, tensor in weights.items()}
    computed = NumpyNetwork(network.text, shape, network.classes, weights)
    with torch.no_grad():
        expected = network(images).numpy()
    np.testing.assert_allclose(computed(images.numpy().transpose(0, 2, 3, 1)), expected, rtol=1e-4, atol=1e-4)
    assert networks.get(name).parameters == sum(p.numel() for p in network.parameters()) + sum(
        average.numel() for key, average in network.named_buffers() if "running" in key
    )


def draw_running_averages(network: Network) -> None:
    """Set the running averages to what images could have left there."""
    generator = torch.Generator().manual_seed(2)
    for key, average in network.named_buffers():
        if "running" in key:
            average.copy_(torch.rand(average.shape, generator=generator) + 0.5 * ("var" in key))


@pytest.mark.parametrize("name", NAMES)
def test_the_memory_format_does_not_matter(name: str) -> None:
    shape = networks.get(name).input_shape
    network = build(name, shape).eval()
    images = random_images(shape)
    with torch.no_grad():
        expected = network(images)
        network.to(memory_format=torch.channels_last)
        logits = network(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter(name: str) -> None:
    shape = networks.get(name).input_shape
    network = build(name, shape).train()
    functional.cross_entropy(network(random_images(shape)), torch.arange(4)).backward()
    for parameter_name, parameter in network.named_parameters():
        if not parameter.requires_grad:  # frozen on purpose
            continue
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.any() or parameter.dim() == 1, parameter_name


def one_after_the_other(network: nn.Sequential, images: Tensor) -> Tensor:
    """Return the logits, layer by layer, up to a closing softmax."""
    for child in network:
        if not isinstance(child, nn.Softmax):
            images = child(images)
    return images


def outcome(name: str, run_experiment: Callable[[Network, Tensor], Tensor]) -> dict[str, Tensor]:
    """Return loss, logits, and gradients of a new network in training, with equal dropout."""
    shape = networks.get(name).input_shape
    network = build(name, shape, initial_weights="he", seed=1).to(memory_format=torch.channels_last).train()
    images = random_images(shape).contiguous(memory_format=torch.channels_last).requires_grad_()
    torch.manual_seed(0)
    logits = run_experiment(network, images).float()
    loss = functional.cross_entropy(logits, torch.arange(len(images)))
    loss.backward()
    gradients = {key: each.grad for key, each in network.named_parameters() if each.grad is not None}
    assert images.grad is not None
    return {"loss": loss.detach(), "logits": logits.detach(), "images": images.grad, **gradients}


@pytest.mark.parametrize("name", NAMES)
def test_it_gives_what_its_layers_give_one_after_the_other(name: str) -> None:
    together = outcome(name, lambda network, images: network(images))
    apart = outcome(name, one_after_the_other)
    assert together.keys() == apart.keys()
    for key, expected in apart.items():
        largest = float(expected.abs().max())
        torch.testing.assert_close(together[key], expected, rtol=1e-3, atol=1e-3 * largest + 1e-30, msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_in_bfloat16_its_loss_is_that_of_its_layers_one_after_the_other(name: str) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        together = outcome(name, lambda network, images: network(images))["loss"]
        apart = outcome(name, one_after_the_other)["loss"]
    assert float(together) == pytest.approx(float(apart), rel=2**-7)


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_saved_built_again_from_its_text_and_loaded(name: str, tmp_path: Path) -> None:
    shape = networks.get(name).input_shape
    network = build(name, shape, seed=1).eval()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    again = build(network.text, network.input_shape, network.classes, seed=2).eval()
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    images = random_images(shape)
    assert torch.equal(again(images), network(images))


@pytest.mark.parametrize("name", NAMES)
def test_its_summary_adds_up(name: str) -> None:
    named = networks.get(name)
    network = build(name, named.input_shape)
    summary = summarize(network)
    assert summary.trainable == sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert summary.total == sum(row.parameters for row in summary.layers)
    outermost = [row.name for row in summary.layers if "." not in row.name]
    assert outermost == [child for child, _ in network.named_children()]
    assert summary.layers[-1].shape == (10,)
    if named.builder is None:
        shaped = infer_shapes(named.text, named.input_shape)
        assert [(row.name, row.shape, row.parameters) for row in summary.layers] == [
            (each.name, each.output_shape, each.parameters) for each in shaped
        ]
