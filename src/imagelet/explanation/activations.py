"""The activations of every layer for one image, how they are spread, filters, and units that are dead.

Layers are those of the network's summary, computed one by one in float32, whatever precision a training had.
Activations are the image's own, without test-time augmentation and calibration.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imagelet.classifier.classifier import Classifier
from imagelet.errors import ClassifierFileError, UsageError
from imagelet.messages import Message
from imagelet.networks.layer_kind import INPUT, Layer, LayerRun
from imagelet.networks.layers.convolution import Convolving
from imagelet.networks.torch_layers import kind_of, layer_of
from imagelet.networks.watching import layers_named, layers_run
from imagelet.registry import unknown

Values = NDArray[np.float32]

SCOPES = ("map", "layer", "all")
PIXELS_AT_ONCE = 2**18  # of images that go through the network at once: all maps of a layer are held
DIGITS = 6  # that plain data keep of a number


class ValueRange(NamedTuple):
    """The numbers that a colour scale stands for.

    ``low`` is −``high`` where there are numbers of both signs, so that 0 is in the middle; else one of the
    two is 0. Both are 0 where every number is.
    """

    low: float
    high: float

    @classmethod
    def of(cls, values: NDArray[np.generic] | Sequence[float]) -> "ValueRange":
        """Return the range for all of ``values``, at least one."""
        low, high = float(np.min(values)), float(np.max(values))
        if low < 0 < high:
            return cls(-max(-low, high), max(-low, high))
        return cls(min(low, 0.0), max(high, 0.0))


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many values lie where.

    Attributes:
        counts: int64 (bins,), of all values.
        edges: float64 (bins + 1,), ascending.
        mean, standard_deviation: of all values.
        number: how many values there are.
        zeros: how many of them are exactly 0.
    """

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    mean: float
    standard_deviation: float
    number: int
    zeros: int


def histogram(values: NDArray[np.generic], bins: int = 40) -> Histogram:
    """Return how the values of a layer are spread.

    Args:
        values: finite numbers of any shape, at least one.
        bins: of equal width from the lowest to the highest value, at least 1.
    """
    flat = np.asarray(values, np.float64).ravel()
    low, high = flat.min(), flat.max()
    around = 0.5 * max(abs(low), 1.0) if low == high else 0.0  # one value only: it stands in the middle
    counts, edges = np.histogram(flat, bins, (low - around, high + around))
    zeros = int((flat == 0).sum())
    return Histogram(counts, edges, float(flat.mean()), float(flat.std()), flat.size, zeros)


def rounded(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the values with six digits each, whatever their size, so that plain data stay short."""
    exact = np.asarray(values, np.float64)
    size = np.floor(np.log10(np.abs(exact), out=np.zeros_like(exact), where=exact != 0))
    factors = 10.0 ** np.clip(DIGITS - 1 - size, -300, 300)
    result: NDArray[np.float64] = np.round(exact * factors) / factors
    return result


@dataclass(frozen=True, eq=False)
class LayerActivations:
    """The activations of one layer for one image.

    Attributes:
        name: ``conv1``, inside a block ``residual1.conv1``.
        kind: its word in network text, ``conv``, else the name of its class.
        values: float32 (height, width, channels) or (values,).
        layer: what it is, with its arguments.
        sources: the names of the layers whose outputs it takes; ``input`` for the image.
    """

    name: str
    kind: str
    values: Values
    layer: Layer = field(default_factory=Layer)
    sources: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) or (values,)."""
        return self.values.shape

    @property
    def maps(self) -> Values:
        """The values as maps, (maps, height, width): one a channel; flat values are one map of one row."""
        if self.values.ndim == 3:
            return self.values.transpose(2, 0, 1)
        return self.values.reshape(1, -1, self.values.shape[-1])

    @property
    def low(self) -> float:
        """The lowest value."""
        return float(self.values.min())

    @property
    def high(self) -> float:
        """The highest value."""
        return float(self.values.max())

    @property
    def zeros(self) -> float:
        """The fraction of values that are 0."""
        return float((self.values == 0).mean())

    @property
    def silent(self) -> float:
        """The fraction of units, channels of a map or single values, without a value above 0."""
        highest = self.values.reshape(-1, self.values.shape[-1]).max(axis=0)  # (units,)
        return float((highest <= 0).mean())

    def facts(self) -> dict[str, Any]:
        """Return all but the values as plain data."""
        return {
            **{"name": self.name, "kind": self.kind, "family": self.layer.family},
            **{"channelwise": self.layer.channelwise, "sources": list(self.sources)},
            **{"shape": list(self.shape), "low": self.low, "high": self.high},
            **{"zeros": self.zeros, "silent": self.silent},
        }


@dataclass(frozen=True)
class DeadUnits:
    """The units of one activation that never rose above 0.

    Attributes:
        name: the layer's, ``relu1``.
        units: how many it has: channels of a map, or single values.
        dead: which of them are dead, counted from 0.
        images: how many images were looked at.
    """

    name: str
    units: int
    dead: tuple[int, ...]
    images: int

    @property
    def fraction(self) -> float:
        """The fraction of units that are dead."""
        return len(self.dead) / self.units

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        return {**vars(self), "dead": list(self.dead), "fraction": self.fraction}


def layer_activations(classifier: Classifier, image: NDArray[np.uint8]) -> tuple[LayerActivations, ...]:
    """Return the activations of each layer for a framed image, in order, a closing softmax included.

    That softmax's probabilities are the network's own; the classifier's are calibrated, and may be means over
    several augmented images.

    Args:
        classifier: whose network it is.
        image: uint8 (height, width, channels) of the network's size.

    Raises:
        ValueError: an image of another type or shape.
        UsageError: a layer that gives something else than one array of numbers.
        ClassifierFileError: a layer gives numbers that are not finite.
    """
    activations = []
    for ran in run_network(classifier, image[np.newaxis]):
        values, layer = _channels_last(ran.output[0]), layer_of(ran.module)
        if not np.isfinite(values).all():
            message = Message(
                "the classifier is damaged: not all numbers that '{layer}' gives are finite", layer=ran.name
            )
            raise ClassifierFileError(message)
        activations.append(LayerActivations(ran.name, kind_of(ran.module), values, layer, ran.sources))
    return tuple(activations)


def network_input(classifier: Classifier, image: NDArray[np.uint8]) -> LayerActivations:
    """Return what the first layer gets: the image's normalised pixels, called ``input``.

    Raises:
        ValueError: an image of another type or shape.
    """
    return LayerActivations(INPUT, INPUT, _channels_last(classifier.prepare(image[np.newaxis])[0]))


def value_range(activations: Sequence[LayerActivations], scope: str) -> dict[str, tuple[ValueRange, ...]]:
    """Return for each layer's name the range of each of its maps.

    Args:
        activations: of the layers, at least one.
        scope: ``map``, each map has its own; ``layer``, the maps of a layer have one together; ``all``, all
            layers have one together.

    Raises:
        UsageError: another scope.
    """
    if scope not in SCOPES:
        details: dict[str, Any] = {"scope": scope, "names": ", ".join(SCOPES)}
        raise UsageError("unknown scope of a range '{scope}'", hint="write one of {names}", **details)
    if scope == "map":
        return {layer.name: tuple(map(ValueRange.of, layer.maps)) for layer in activations}
    of_all = ValueRange.of([limit for layer in activations for limit in (layer.low, layer.high)])
    return {
        layer.name: (of_all if scope == "all" else ValueRange.of(layer.values),) * len(layer.maps)
        for layer in activations
    }


def filters(network: nn.Sequential, layer: str) -> Values:
    """Return a convolution's weights, float32 (filters, height, width, channels that each filter sees).

    Raises:
        UnknownNameError: there is no such layer.
        UsageError: it is no convolution.
    """
    module: Any = find_layer(network, layer)
    if not is_convolution(module):
        named = ", ".join(name for name, other in layers_named(network) if is_convolution(other))
        raise UsageError(
            "'{layer}' ({kind}) is no convolution and has no filters",
            hint="the convolutions are {names}" if named else "this network has no convolution",
            layer=layer,
            kind=kind_of(module),
            names=named,
        )
    weights = module.weight.detach().float().cpu().numpy()  # (filters, channels, height, width)
    return np.array(weights.transpose(0, 2, 3, 1), order="C")


def is_convolution(module: nn.Module) -> bool:
    """Return whether a layer has filters that slide over a map."""
    return isinstance(layer_of(module), Convolving)


def dead_units(classifier: Classifier, images: NDArray[np.uint8]) -> tuple[DeadUnits, ...]:
    """Return for each activation the units that do not rise above 0 on any of the images.

    Counted are relu and its like, which are above 0 exactly where their input is: a unit is a channel of a
    map, taken at all its places, or one of flat values. After a relu a dead unit is always 0: nothing that
    follows hears of it, and no gradient of these images reaches it. A gelu or silu still gives numbers
    a little below 0. On few images many units are silent that are not dead; take some hundred of all classes.

    Args:
        classifier: whose network it is.
        images: uint8 (n, height, width, channels), ``n`` at least 1.

    Raises:
        ValueError: no images, or images of another type or shape.
    """
    if not len(images):
        raise ValueError("dead units are looked for on at least one image")
    height, width, _ = classifier.input_shape
    size = max(1, PIXELS_AT_ONCE // (height * width))
    largest: dict[str, Tensor] = {}
    for start in range(0, len(images), size):
        for ran in run_network(classifier, images[start : start + size]):
            if layer_of(ran.module).rising:
                units = ran.output.movedim(1, -1) if ran.output.dim() == 4 else ran.output  # (n, …, units)
                highest = units.flatten(0, -2).amax(0)  # (units,)
                largest[ran.name] = torch.maximum(largest.get(ran.name, highest), highest)
    return tuple(
        DeadUnits(name, len(highest), tuple((highest <= 0).nonzero()[:, 0].tolist()), len(images))
        for name, highest in largest.items()
    )


def find_layer(network: nn.Sequential, name: str) -> nn.Module:
    """Return the layer called ``name``.

    Raises:
        UnknownNameError: there is none; the message suggests the nearest name.
    """
    layers = dict(layers_named(network))
    if name in layers:
        return layers[name]
    raise unknown(Message("layer"), name, layers, Message("the layers are {names}", names=", ".join(layers)))


def run_network(classifier: Classifier, images: NDArray[np.uint8]) -> Iterator[LayerRun]:
    """Yield what each layer makes of framed images; the tensors are only lent.

    A layer may write over the tensor it gets, so whoever keeps one copies it.

    Raises:
        ValueError: images of another type or shape.
        UsageError: a layer that gives something else than one array of numbers.
    """
    values = classifier.prepare(images)
    layers = layers_run(classifier.network.eval(), values)
    while True:
        with _full_precision(values.device):  # not while the caller works
            ran = next(layers, None)
        if ran is None:
            return
        if not isinstance(ran.output, Tensor) or ran.output.dim() < 2:
            details = {"layer": ran.name, "kind": kind_of(ran.module)}
            message = Message("'{layer}' ({kind}) gives something else than an array of numbers", **details)
            raise UsageError(message, hint="a network's layers hand on one array of numbers each")
        yield ran


@contextlib.contextmanager
def _full_precision(device: torch.device) -> Iterator[None]:
    """Compute in float32 and without gradients: no bfloat16 that someone turned on, no TensorFloat-32."""
    flags = torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled, allow_tf32=False)
    with torch.inference_mode(), torch.autocast(device.type, enabled=False), flags:
        yield


def _channels_last(values: Tensor) -> Values:
    """Return a copy of one image's values as people write them: (height, width, channels) or (values,)."""
    turned = values.permute(1, 2, 0) if values.dim() == 3 else values
    return np.array(turned.detach().float().cpu().numpy(), order="C")
