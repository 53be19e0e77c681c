"""The table of a network's layers, and the totals: of our networks and of any other sequence of layers.

Parameters are counted as Keras does: running averages of batch normalisation are parameters that training by
gradient does not touch, "non-trainable".
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from imagelet import html_repr
from imagelet.errors import UsageError
from imagelet.networks.layers import kind_of
from imagelet.networks.specification import Shape


@dataclass(frozen=True)
class SummaryRow:
    """One layer.

    Args:
        name: ``conv1``.
        kind: its word in network text, ``conv``, else the name of its class.
        shape: of its output: (height, width, channels) or (values,).
        parameters: trainable or not.
        multiply_adds: multiplications with weights, for one image.
    """

    name: str
    kind: str
    shape: Shape
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """A network's layers and totals.

    Args:
        input_shape: (height, width, channels).
        layers: one row a layer, in order.
        trainable: parameters that have a gradient.
        non_trainable: frozen parameters and running averages.
        multiply_adds: multiplications with weights in convolutions and dense layers, for one image.
    """

    input_shape: Shape
    layers: tuple[SummaryRow, ...]
    trainable: int
    non_trainable: int
    multiply_adds: int

    @property
    def total(self) -> int:
        """All parameters."""
        return self.trainable + self.non_trainable

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        return {
            "input_shape": list(self.input_shape),
            "layers": [{**asdict(row), "shape": list(row.shape)} for row in self.layers],
            "total": self.total,
            "trainable": self.trainable,
            "non_trainable": self.non_trainable,
            "multiply_adds": self.multiply_adds,
        }

    def _repr_html_(self) -> str:
        """Return the table as a notebook shows it."""
        first = ("input", "", html_repr.shape(self.input_shape), "", "")
        rows = [
            (row.name, row.kind, html_repr.shape(row.shape), f"{row.parameters:,}", f"{row.multiply_adds:,}")
            for row in self.layers
        ]
        numbers = ("parameters", "multiply-adds")
        totals = {
            "parameters": f"{self.total:,}",
            "non-trainable": f"{self.non_trainable:,}" if self.non_trainable else None,
            "multiply-adds": f"{self.multiply_adds:,} for one image",
        }
        table = html_repr.table(("layer", "kind", "output shape", *numbers), [first, *rows], right=numbers)
        return html_repr.block("Network", table, html_repr.facts(totals))


def summarize(network: nn.Sequential, input_shape: Sequence[int] | None = None) -> Summary:
    """Return the summary of a network, by passing one black image through it.

    The network comes back as it was: its weights, its averages, and whether it is training.

    Args:
        network: a `Network`, or any ``nn.Sequential`` that takes (n, channels, height, width).
        input_shape: (height, width, channels); needed where the network does not say it itself.

    Raises:
        UsageError: no input shape given, and the network has none.
    """
    shape = input_shape if input_shape is not None else getattr(network, "input_shape", None)
    if shape is None:
        raise UsageError("this network does not say its input shape", hint="give input_shape, as (28, 28, 1)")
    height, width, channels = shape
    like = next(network.parameters(), torch.empty(0))
    values = torch.zeros(1, channels, height, width, dtype=like.dtype, device=like.device)
    rows = []
    with _evaluating(network), torch.no_grad():
        for name, child in network.named_children():
            with _counting(child) as counts:
                values = child(values)
            parameters = sum(tensor.numel() for tensor in _parameters(child))
            rows.append(SummaryRow(name, kind_of(child), _shape(values), parameters, sum(counts)))
    trainable = sum(tensor.numel() for tensor in network.parameters() if tensor.requires_grad)
    return Summary(
        input_shape=(height, width, channels),
        layers=tuple(rows),
        trainable=trainable,
        non_trainable=sum(tensor.numel() for tensor in _parameters(network)) - trainable,
        multiply_adds=sum(row.multiply_adds for row in rows),
    )


def _parameters(module: nn.Module) -> list[Tensor]:
    """Return the parameters and the running averages, without counters."""
    return [*module.parameters(), *(each for each in module.buffers() if each.is_floating_point())]


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


@contextmanager
def _counting(child: nn.Module) -> Iterator[list[int]]:
    """Collect the multiplications of every convolution and dense layer in ``child`` that runs inside."""
    counts: list[int] = []

    def count(module: nn.Module, _: object, output: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            each = prod(module.kernel_size) * module.in_channels // module.groups
        else:
            each = int(getattr(module, "in_features", 0))
        counts.append(output.numel() * each)

    counted = [module for module in child.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    hooks = [module.register_forward_hook(count) for module in counted]
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()
