"""The summary of a network that is built: one black image goes through it, and each layer is looked at."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from imagelet.errors import UsageError
from imagelet.networks.building import build
from imagelet.networks.layer_kind import Shape
from imagelet.networks.summary import Summary, SummaryRow
from imagelet.networks.torch_layers import kind_of, layer_of
from imagelet.networks.watching import layers_run


def summarize(network: Any, input_shape: Sequence[int] | None = None, classes: int = 10) -> Summary:
    """Return the summary of a network, by passing one black image through it.

    The network comes back as it was: its weights, its averages, and whether it is training.

    Args:
        network: a `Network`, or any ``nn.Module`` that takes (n, channels, height, width), whose parts are
            shown as far as they have names; network text or a network's name; a classifier, or what training
            returned.
        input_shape: (height, width, channels); needed where the network does not say it itself; of a text
            28x28x1 where None.
        classes: how many a text's network has.

    Raises:
        UsageError: no input shape given, and the network has none; or it is no network.
    """
    network = _module_of(network, input_shape, classes)
    shape = input_shape if input_shape is not None else getattr(network, "input_shape", None)
    if shape is None:
        raise UsageError("this network does not say its input shape", hint="give input_shape, as (28, 28, 1)")
    height, width, channels = shape
    like = next(network.parameters(), torch.empty(0))
    image = torch.zeros(1, channels, height, width, dtype=like.dtype, device=like.device)
    rows: list[SummaryRow] = []
    counted: set[int] = set()  # the tensors of layers that have a row
    with _evaluating(network), torch.no_grad(), FlopCounterMode(display=False) as counter:
        for ran in layers_run(network, image):
            own = [tensor for tensor in _parameters(ran.module) if id(tensor) not in counted]
            counted.update(map(id, own))
            kind, family, shape = kind_of(ran.module), layer_of(ran.module).family, _shape(ran.output)
            parameters = sum(tensor.numel() for tensor in own)
            products = counter.get_total_flops() // 2 - sum(row.multiply_adds for row in rows)
            rows.append(SummaryRow(ran.name, kind, family, shape, parameters, products, ran.sources))
    trainable = sum(tensor.numel() for tensor in network.parameters() if tensor.requires_grad)
    return Summary((height, width, channels), tuple(rows), trainable, count_parameters(network) - trainable)


def count_parameters(network: nn.Module) -> int:
    """Return the number of all parameters, frozen ones and running averages included."""
    return sum(tensor.numel() for tensor in _parameters(network))


def _module_of(network: Any, input_shape: Sequence[int] | None, classes: int) -> nn.Module:
    """Return the module that is meant: itself, that of a classifier, or that of a text."""
    if isinstance(network, str):
        return build(network, (28, 28, 1) if input_shape is None else input_shape, classes)
    network = getattr(network, "classifier", network)
    module = getattr(network, "network", network) if not isinstance(network, nn.Module) else network
    if not isinstance(module, nn.Module):
        raise UsageError(
            "a summary is of a network, its text, or a classifier; this is of the type {type}",
            hint="imagelet.load gives the classifier of a run",
            type=type(network).__name__,
        )
    return module


def _parameters(module: nn.Module) -> list[Tensor]:
    """Return the parameters and the running averages, without counters."""
    return [*module.parameters(), *(buffer for buffer in module.buffers() if buffer.is_floating_point())]


def _shape(values: Tensor) -> Shape:
    """Return the shape of one image's values, channels last, as people write it."""
    if values.dim() == 4:
        _, channels, height, width = values.shape
        return (height, width, channels)
    return tuple(values.shape[1:])


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    training = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, was in training.items():
            module.training = was
