"""One number of a layer's output: what it was made from, and what becomes of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imagelet.classifier.classifier import Classifier
from imagelet.errors import UsageError
from imagelet.explanation.activations import (
    LayerActivations,
    find_layer,
    layer_activations,
    network_input,
    rounded,
)
from imagelet.messages import Message
from imagelet.networks.torch_layers import layer_of
from imagelet.networks.trace import Index, Trace, Unit
from imagelet.networks.window import Sliding

ROUNDING = 1e-5  # of the largest numbers on the way: float32 adds a long sum up to some millionths of them
AXES = {1: ("values",), 2: ("rows", "values"), 3: ("rows", "columns", "channels")}


@dataclass(frozen=True)
class Following:
    """A layer that comes after.

    Attributes:
        name, kind: the layer's.
        value: what it makes of the number; None where it takes others, too.
    """

    name: str
    kind: str
    value: float | None

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return dict(vars(self))


@dataclass(frozen=True, eq=False, kw_only=True)
class UnitTrace(Trace):
    """One number of a layer's output, and how it comes about.

    Attributes:
        layer, kind: the layer's name and kind.
        index: (row, column, channel) or (value,), counted from 0.
        sources: the names of the layers whose outputs ``inputs`` are from; ``input`` for the image's pixels
            as the network gets them.
        input_shape: of the first of them.
        size_formula: how the size of the layer's output comes about; None where nothing slides over a map.
        following: the layers after, as far as each makes one number of this one, and the next.
    """

    layer: str
    kind: str
    index: Index
    sources: tuple[str, ...]
    input_shape: tuple[int, ...]
    size_formula: str | None
    following: tuple[Following, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers, with six digits in lists; None stands for what is no number."""
        plain = {name: _plain(value) for name, value in vars(self).items()}
        return {**plain, "following": [layer.to_json() for layer in self.following]}


def trace_unit(
    classifier: Classifier, image: NDArray[np.uint8], layer: str, index: Sequence[int]
) -> UnitTrace:
    """Return how one number of a layer's output comes about.

    Args:
        classifier: whose network it is.
        image: uint8 (height, width, channels) of the network's size.
        layer: its name.
        index: (row, column, channel) of a map, (value,) of flat values, counted from 0.

    Raises:
        UnknownNameError: there is no such layer.
        UsageError: its output has no such index, or it is a layer whose arithmetic is not known here.
        ValueError: an image of another type or shape.
    """
    module = find_layer(classifier.network, layer)
    activations = {
        one.name: one for one in (network_input(classifier, image), *layer_activations(classifier, image))
    }
    output = activations[layer]
    checked = _checked(output, index)
    kind, trace, shape = layer_of(module), None, ()
    if all(name in activations for name in output.sources):  # else no layer with a name made its input
        inputs = tuple(activations[name].values.astype(np.float64) for name in output.sources)
        shape = inputs[0].shape
        with torch.no_grad():
            trace = kind.trace(Unit(module, inputs, checked, output.shape))
    if trace is None or not _agrees(trace, float(output.values[checked])):
        known = Message(
            "usual convolutions, dense layers, pooling, batch normalisation, softmax and activations can"
        )
        message = Message(
            "'{layer}' cannot be taken apart: what this {type} computes is not known here",
            layer=layer,
            type=type(module).__name__,
        )
        raise UsageError(message, hint=known)
    return UnitTrace(
        **vars(trace),
        layer=layer,
        kind=output.kind,
        index=checked,
        sources=output.sources,
        input_shape=shape,
        size_formula=kind.size_formula(shape) if isinstance(kind, Sliding) and len(shape) == 3 else None,
        following=tuple(_following(activations, output, checked)),
    )


def _checked(output: LayerActivations, index: Sequence[int]) -> Index:
    """Return the index as a tuple."""
    axes = AXES.get(len(output.shape), ("values",) * len(output.shape))
    last = ",".join(str(side - 1) for side in output.shape)
    if len(index) != len(axes):
        message = Message(
            "a place in '{layer}' is {axes}, counted from 0, not {given}",
            layer=output.name,
            axes=", ".join(axis.removesuffix("s") for axis in axes),
            given=f"{len(index)} numbers" if len(index) != 1 else "1 number",
        )
        raise UsageError(message, hint="the last one is {place}", place=last)
    if not all(0 <= at < side for at, side in zip(index, output.shape, strict=True)):
        limits = [f"{axis} 0 to {side - 1}" for axis, side in zip(axes, output.shape, strict=True)]
        message = Message(
            "'{layer}' has {limits}; there is no place {place}",
            layer=output.name,
            limits=f"{', '.join(limits[:-1])} and {limits[-1]}" if len(limits) > 1 else limits[0],
            place=",".join(map(str, index)),
        )
        raise UsageError(message, hint="the last one is {place}", place=last)
    return tuple(int(at) for at in index)


def _agrees(trace: Trace, output: float) -> bool:
    """Return whether a result is the layer's own output but for rounding."""
    if trace.products is not None:
        magnitude = float(np.abs(trace.products).sum()) + abs(trace.bias)
    else:
        magnitude = float(np.nanmax(np.abs(trace.inputs)))
    return abs(trace.result - output) <= ROUNDING * max(magnitude, abs(output), 1e-3)


def _following(
    activations: Mapping[str, LayerActivations],
    output: LayerActivations,
    index: Index,
) -> Iterator[Following]:
    """Yield the layers after one, as long as each makes one number of the one at the same index."""
    alone = True
    while alone:
        takers = [layer for layer in activations.values() if output.name in layer.sources]
        if not takers:
            return
        # of a block its first layer, which comes after those of its shortcut and before its sum
        after = next((layer for layer in reversed(takers) if not layer.layer.nested), takers[0])
        alone = after.layer.elementwise and after.shape == output.shape
        yield Following(after.name, after.kind, float(after.values[index]) if alone else None)
        output = after


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        plain = rounded(value).astype(object)  # numbers, and None
        plain[np.isnan(value)] = None
        return plain.tolist()
    return list(value) if isinstance(value, tuple) else value
