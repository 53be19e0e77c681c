"""One number of a layer's output taken apart: what it was made from, and what becomes of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from imagelet.classifier.classifier import Classifier
from imagelet.errors import UsageError
from imagelet.explanation.activations import LayerActivations, find_layer, layer_activations, network_input
from imagelet.explanation.layer_arithmetic import ACTIVATIONS, PASSING_ON, Working, work_out
from imagelet.explanation.spread import rounded
from imagelet.messages import Message

ROUNDING = 1e-5  # of the largest numbers on the way: float32 adds a long sum up to some millionths of them
AXES = {1: ("values",), 2: ("rows", "values"), 3: ("rows", "columns", "channels")}
PLACE_BY_PLACE = (*ACTIVATIONS, *PASSING_ON, nn.BatchNorm1d, nn.BatchNorm2d)
"""Layers whose number at a place comes from the number at this place alone."""


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
class UnitTrace(Working):
    """One number of a layer's output, and how it comes about.

    Attributes:
        layer, kind: the layer's name and kind.
        place: (row, column, channel) or (value,), counted from 0.
        source: the name of the layer whose output ``inputs`` are from; ``input`` for the image's pixels as
            the network gets them.
        following: the layers after, as far as each makes one number of this one, and the next.
    """

    layer: str
    kind: str
    place: tuple[int, ...]
    source: str
    following: tuple[Following, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers, with six digits in lists; None stands for what is no number."""
        plain = {name: _plain(value) for name, value in vars(self).items()}
        return {**plain, "following": [each.to_json() for each in self.following]}


def trace_unit(
    classifier: Classifier, image: NDArray[np.uint8], layer: str, place: Sequence[int]
) -> UnitTrace:
    """Return how one number of a layer's output comes about.

    Args:
        classifier: whose network it is.
        image: uint8 (height, width, channels) of the network's size.
        layer: its name.
        place: (row, column, channel) of a map, (value,) of flat values, counted from 0.

    Raises:
        UnknownNameError: there is no such layer.
        UsageError: its output has no such place, or it is a layer whose arithmetic is not known here.
        ValueError: an image of another type or shape.
    """
    module = find_layer(classifier.network, layer)
    outputs = (network_input(classifier, image), *layer_activations(classifier, image))
    index = next(at for at, each in enumerate(outputs[1:], start=1) if each.name == layer)
    before, output = outputs[index - 1], outputs[index]
    at = _checked(output, place)
    working = work_out(module, before.values.astype(np.float64), at, output.shape)
    if working is None or not _agrees(working, float(output.values[at])):
        known = Message(
            "usual convolutions, dense layers, pooling, batch normalisation, softmax and activations can"
        )
        message = Message(
            "'{layer}' cannot be taken apart: what this {type} computes is not known here",
            layer=layer,
            type=type(module).__name__,
        )
        raise UsageError(message, hint=known)
    modules = list(classifier.network.children())
    following = tuple(_following(modules[index:], outputs[index + 1 :], output.shape, at))
    return UnitTrace(
        **vars(working), layer=layer, kind=output.kind, place=at, source=before.name, following=following
    )


def _checked(output: LayerActivations, place: Sequence[int]) -> tuple[int, ...]:
    """Return the place as a tuple.

    Raises:
        UsageError: the output has no such place.
    """
    axes = AXES.get(len(output.shape), ("values",) * len(output.shape))
    if len(place) != len(axes):
        names = ", ".join(axis.removesuffix("s") for axis in axes)
        given = f"{len(place)} numbers" if len(place) != 1 else "1 number"
        last = ",".join(str(side - 1) for side in output.shape)
        message = Message(
            "a place in '{layer}' is {axes}, counted from 0, not {given}",
            layer=output.name,
            axes=names,
            given=given,
        )
        raise UsageError(message, hint="the last one is {place}", place=last)
    if not all(0 <= at < side for at, side in zip(place, output.shape, strict=True)):
        limits = [f"{axis} 0 to {side - 1}" for axis, side in zip(axes, output.shape, strict=True)]
        listed = f"{', '.join(limits[:-1])} and {limits[-1]}" if len(limits) > 1 else limits[0]
        last = ",".join(str(side - 1) for side in output.shape)
        message = Message(
            "'{layer}' has {limits}; there is no place {place}",
            layer=output.name,
            limits=listed,
            place=",".join(map(str, place)),
        )
        raise UsageError(message, hint="the last one is {place}", place=last)
    return tuple(int(at) for at in place)


def _agrees(working: Working, output: float) -> bool:
    """Say whether a result is the layer's own output but for rounding."""
    if working.products is not None:
        magnitude = float(np.abs(working.products).sum()) + abs(working.bias)
    else:
        magnitude = float(np.nanmax(np.abs(working.inputs)))
    return abs(working.result - output) <= ROUNDING * max(magnitude, abs(output), 1e-3)


def _following(
    modules: Sequence[nn.Module],
    outputs: Sequence[LayerActivations],
    shape: tuple[int, ...],
    at: tuple[int, ...],
) -> Iterator[Following]:
    """Yield the layers after one, as long as each makes one number of the one at the same place."""
    for module, output in zip(modules, outputs, strict=True):
        alone = isinstance(module, PLACE_BY_PLACE) and output.shape == shape
        yield Following(output.name, output.kind, float(output.values[at]) if alone else None)
        if not alone:
            return


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        plain = rounded(value).astype(object)  # numbers, and None
        plain[np.isnan(value)] = None
        return plain.tolist()
    return list(value) if isinstance(value, tuple) else value
