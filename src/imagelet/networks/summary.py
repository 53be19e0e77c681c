"""How a network's layers fit together, without building it: names, shapes, parameters, totals, limits.

Parameters are counted as Keras does: running averages of batch normalisation are parameters that training by
gradient does not touch, "non-trainable". A layer inside a block counts for itself, the block for its sum.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from imagelet import html_repr
from imagelet.errors import NetworkTextError, UsageError
from imagelet.messages import Message
from imagelet.networks.layer_kind import (
    PlacedLayer,
    Shape,
    named,
    place_layers,
    written_shape,
)
from imagelet.networks.text import about, parse

MOST_PARAMETERS = 500_000_000  # 2 GB of float32
MOST_VALUES = 100_000_000  # of all layers' outputs for one image


def infer_shapes(
    text: str, input_shape: Sequence[int] = (28, 28, 1), classes: int = 10
) -> tuple[PlacedLayer, ...]:
    """Return the layers of ``text`` in their places behind an input of (height, width, channels).

    Layers inside a block come before it, and the block itself is what it adds up.

    Raises:
        NetworkTextError: the text cannot be read, a layer does not fit its input, the network is too large,
            or it does not end in one value for each class.
        UsageError: an input shape or number of classes that no network has.
    """
    shape = checked_input(input_shape, classes)
    placed: list[PlacedLayer] = []
    with about(text):
        layers = [layer.settled(classes) for layer in parse(text)]
        for layer in place_layers(named(layers), shape):
            placed.append(layer)
            _check_limits(placed)
        _check_end(placed[-1], classes)
    return tuple(placed)


def checked_input(input_shape: Sequence[int], classes: int) -> Shape:
    """Return ``input_shape`` as a tuple of whole numbers, if a network for ``classes`` classes can have it.

    Raises:
        UsageError: not three whole numbers of at least 1, or too large, or less than one class.
    """
    shape = tuple(int(side) for side in input_shape)
    if len(shape) != 3 or min(shape) < 1 or shape != tuple(input_shape):
        message = Message(
            "the input shape {shape} is not height x width x channels",
            shape=written_shape(tuple(input_shape)),
        )
        raise UsageError(message, hint="for example 28x28x1")
    if prod(shape) > MOST_VALUES:
        details = {"shape": written_shape(shape), "most": MOST_VALUES}
        message = Message("an input of {shape} is too large; at most {most:,} values fit", **details)
        raise UsageError(message, hint="imagelet is for images of 8 to 96 pixels a side")
    if classes < 1:
        raise UsageError(
            "a network for {classes} classes cannot be built; it needs at least 1", classes=classes
        )
    return shape


def _check_limits(placed: list[PlacedLayer]) -> None:
    last = placed[-1]
    parameters = sum(layer.parameters for layer in placed)
    if parameters > MOST_PARAMETERS:
        counts = {"count": parameters, "most": MOST_PARAMETERS}
        message = Message(
            "the network would have {count:,} parameters; at most {most:,} are allowed", **counts
        )
        raise last.layer.mistake(message, Message("take fewer units or filters, or pool more before it"))
    values = sum(prod(layer.output_shape) for layer in placed)
    if values > MOST_VALUES:
        counts = {"count": values, "most": MOST_VALUES}
        message = Message(
            "the layers would hold {count:,} values an image; at most {most:,} are allowed", **counts
        )
        raise last.layer.mistake(message, Message("take fewer filters, or pool earlier"))


def _check_end(last: PlacedLayer, classes: int) -> None:
    if last.output_shape == (classes,):
        return
    if len(last.output_shape) == 1:
        message = Message(
            "the network ends in {outputs:,} outputs but the dataset has {classes:,} classes",
            outputs=last.output_shape[0],
            classes=classes,
        )
        hint = Message("let its last units be dense(classes)")
    else:
        ending = written_shape(last.output_shape)
        message = Message(
            "the network ends in a {shape} map, not in one output for each of {classes:,} classes",
            shape=ending,
            classes=classes,
        )
        hint = Message("end it with flatten dense(classes) softmax")
    raise NetworkTextError(message, hint, position=last.layer.position)


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
