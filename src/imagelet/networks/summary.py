"""The table of a network's layers, and the totals: of network text, and of any sequence of modules.

Parameters are counted as Keras does: running averages of batch normalisation are parameters that training by
gradient does not touch, "non-trainable". A layer inside a block counts for itself, the block for its sum.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from imagelet import html_repr
from imagelet.errors import UsageError
from imagelet.networks.layer_kind import Layer, Shape, run_layers
from imagelet.networks.shapes import infer_shapes

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class SummaryRow:
    """One layer.

    Attributes:
        name: ``conv1``, inside a block ``residual1.conv1``.
        kind: its word in network text, ``conv``, else the name of its class.
        family: one of `imagelet.networks.layers.FAMILIES`.
        shape: of its output: (height, width, channels) or (values,).
        parameters: trainable or not.
        multiply_adds: multiplications with weights, for one image.
        sources: the names of the layers whose outputs it takes; ``input`` for the image.
    """

    name: str
    kind: str
    family: str
    shape: Shape
    parameters: int
    multiply_adds: int
    sources: tuple[str, ...]

    @property
    def block(self) -> str:
        """The name of the block that it is inside; empty outside of all."""
        return self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Summary:
    """A network's layers and totals.

    Attributes:
        input_shape: (height, width, channels).
        layers: one row a layer, in order; those inside a block before it.
        trainable: parameters that have a gradient.
        non_trainable: frozen parameters and running averages.
    """

    input_shape: Shape
    layers: tuple[SummaryRow, ...]
    trainable: int
    non_trainable: int

    @property
    def total(self) -> int:
        """All parameters."""
        return self.trainable + self.non_trainable

    @property
    def multiply_adds(self) -> int:
        """Multiplications with weights in all layers, for one image."""
        return sum(row.multiply_adds for row in self.layers)

    def multiply_adds_in(self, name: str) -> int:
        """Return the multiplications of a layer, and of all inside it where it is a block."""
        inside = f"{name}."
        return sum(
            row.multiply_adds for row in self.layers if row.name == name or row.name.startswith(inside)
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        return {
            "input_shape": list(self.input_shape),
            "layers": [
                {**asdict(row), "block": row.block, "shape": list(row.shape), "sources": list(row.sources)}
                for row in self.layers
            ],
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


def summarize_text(text: str, input_shape: Sequence[int] = (28, 28, 1), classes: int = 10) -> Summary:
    """Return the summary of the network that a text describes, without building it; torch is not imported.

    Raises:
        NetworkTextError, UsageError: as :func:`infer_shapes` does.
    """
    placed = infer_shapes(text, input_shape, classes)
    rows = tuple(
        SummaryRow(
            place.name,
            place.layer.word,
            place.layer.family,
            place.output_shape,
            place.parameters,
            place.layer.multiply_adds(place.input_shape, place.output_shape),
            place.sources,
        )
        for place in placed
    )
    averages = sum(place.layer.non_trainable(place.input_shape) for place in placed)
    return Summary(placed[0].input_shape, rows, sum(row.parameters for row in rows) - averages, averages)


def summarize(network: "nn.Sequential", input_shape: Sequence[int] | None = None) -> Summary:
    """Return the summary of a network, by passing one black image through it.

    The network comes back as it was: its weights, its averages, and whether it is training.

    Args:
        network: a `Network`, or any ``nn.Sequential`` that takes (n, channels, height, width).
        input_shape: (height, width, channels); needed where the network does not say it itself.

    Raises:
        UsageError: no input shape given, and the network has none.
    """
    import torch

    from imagelet.networks.torch_layers import kind_of, layer_of

    shape = input_shape if input_shape is not None else getattr(network, "input_shape", None)
    if shape is None:
        raise UsageError("this network does not say its input shape", hint="give input_shape, as (28, 28, 1)")
    height, width, channels = shape
    like = next(network.parameters(), torch.empty(0))
    image = torch.zeros(1, channels, height, width, dtype=like.dtype, device=like.device)
    rows = []
    counted: set[int] = set()  # the tensors of layers that have a row
    with _evaluating(network), torch.no_grad(), _counting(network) as products:
        for ran in run_layers(network.named_children(), image):
            own = [tensor for tensor in _parameters(ran.module) if id(tensor) not in counted]
            counted.update(map(id, own))
            rows.append(
                SummaryRow(
                    ran.name,
                    kind_of(ran.module),
                    layer_of(ran.module).family,
                    _shape(ran.output),
                    sum(tensor.numel() for tensor in own),
                    sum(products),
                    ran.sources,
                )
            )
            products.clear()
    trainable = sum(tensor.numel() for tensor in network.parameters() if tensor.requires_grad)
    total = sum(tensor.numel() for tensor in _parameters(network))
    return Summary((height, width, channels), tuple(rows), trainable, total - trainable)


def _parameters(module: "nn.Module") -> "list[Tensor]":
    """Return the parameters and the running averages, without counters."""
    return [*module.parameters(), *(buffer for buffer in module.buffers() if buffer.is_floating_point())]


def _shape(values: "Tensor") -> Shape:
    """Return the shape of one image's values, channels last, as people write it."""
    if values.dim() == 4:
        _, channels, height, width = values.shape
        return (height, width, channels)
    return tuple(values.shape[1:])


@contextmanager
def _evaluating(network: "nn.Module") -> Iterator[None]:
    training = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, was in training.items():
            module.training = was


@contextmanager
def _counting(network: "nn.Module") -> Iterator[list[int]]:
    """Collect the multiplications of every layer in ``network`` that runs inside."""
    from imagelet.networks.torch_layers import layer_of

    products: list[int] = []

    def count(module: "nn.Module", inputs: tuple[Any, ...], output: Any) -> None:
        products.append(layer_of(module).multiply_adds(_shape(inputs[0]), _shape(output)))

    hooks = [
        module.register_forward_hook(count)
        for module in network.modules()
        if type(layer_of(module)).multiply_adds is not Layer.multiply_adds
    ]
    try:
        yield products
    finally:
        for hook in hooks:
            hook.remove()
