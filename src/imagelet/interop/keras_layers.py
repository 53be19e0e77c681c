"""From Keras's layers to layers of network text with their weights: chains, and what is added to itself.

Layers that do something in training only are left out, and said. What scales pixels at the start becomes part
of the normalization. A fork is a residual block where its branches are added again, and one of them is the
input itself or its projection. Every other layer that is not known is named with its place.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.interop.keras_file import Arrays, KerasLayer, KerasModel
from imagelet.messages import Message
from imagelet.networks.layer_kind import KINDS, Layer, PlacedLayer, Shape, named
from imagelet.networks.text import DEEPEST, parse

ONLY_IN_TRAINING = ("GaussianNoise", "GaussianDropout", "AlphaDropout", "SpatialDropout2D", "Random")
NOTHING = ("InputLayer", "Identity", "ActivityRegularization")
EPSILON = 1e-5  # of the batch normalisation in a shortcut


@dataclass(frozen=True, eq=False)
class Item:
    """A layer of network text, and where its weights come from.

    Attributes:
        layer: the layer.
        source: Keras's layer.
        arrays: the weights in Keras's order.
        block: of a residual block, what is inside.
        shortcut: of a residual block, Keras's layers that project its input.
    """

    layer: Layer
    source: KerasLayer
    arrays: Arrays = field(default_factory=list)
    block: "tuple[Item, ...]" = ()
    shortcut: "tuple[Item, ...]" = ()


@dataclass(eq=False)
class Chain:
    """What a model's layers become.

    Attributes:
        items: the layers of network text, in order.
        scale, offset: pixels that come in are multiplied and shifted by these: of one number, or (channels,).
        ignored: what was left out, a few words each.
        shape: (height, width, channels) that the first layers make of a row of values or of a grey image;
            None where they make nothing.
    """

    items: list[Item] = field(default_factory=list)
    scale: NDArray[np.float64] = field(default_factory=lambda: np.ones(1))
    offset: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    scales: bool = False
    ignored: list[str] = field(default_factory=list)
    shape: tuple[int, ...] | None = None


def chain_of(model: KerasModel) -> Chain:
    """Return a model as a chain of layers of network text.

    Raises:
        UsageError: a layer is not known, or its inputs cannot be written as text; it is named with its place.
    """
    branches = _Branches(model)
    chain = Chain()
    chain.items = _converted(branches.between("", model.output), branches, chain, 0)
    return chain


# -- forks ---------------------------------------------------------------------------------------------------


class _Branches:
    """Where each layer's input comes from; past a sum, where its branches part."""

    def __init__(self, model: KerasModel) -> None:
        self.layers = {layer.name: layer for layer in model.layers}
        self.before: dict[str, str] = {}
        self.ends: dict[str, tuple[str, str]] = {}
        for layer in model.layers:
            self.before[layer.name] = self._before(layer)

    def _before(self, layer: KerasLayer) -> str:
        unknown = next((name for name in layer.inputs if name not in self.before), None)
        if unknown is not None:
            raise layer.refusal(Message("its input is no layer before it"))
        if len(layer.inputs) < 2:
            return layer.inputs[0] if layer.inputs else ""
        if _kind(layer.kind) is None or not _kind(layer.kind).nested or len(layer.inputs) != 2:  # type: ignore[union-attr]
            raise layer.refusal(Message("it has several inputs; network text adds two, and nothing else"))
        first, second = layer.inputs
        passed = set(self.back_from(first))
        fork = next((name for name in self.back_from(second) if name in passed), None)
        if fork is None:
            raise layer.refusal(Message("its branches come from two inputs"))
        self.ends[layer.name] = first, second
        return fork

    def back_from(self, name: str) -> Iterator[str]:
        """Yield the layers from one back to the input, sums as one layer each; last the empty name."""
        yield name
        while name:
            name = self.before[name]
            yield name

    def between(self, start: str, end: str) -> list[KerasLayer]:
        """Return the layers behind ``start`` up to ``end``, in order."""
        found = []
        for name in self.back_from(end):
            if name == start:
                break
            found.append(self.layers[name])
        return found[::-1]


def _kind(keras_class: str) -> type[Layer] | None:
    """Return the kind of layer that reads a class of Keras."""
    return next((kind for kind in map(KINDS.get, KINDS) if keras_class in kind.keras_classes), None)


# -- layer by layer ------------------------------------------------------------------------------------------


def _converted(layers: Sequence[KerasLayer], branches: _Branches, chain: Chain, depth: int) -> list[Item]:
    """Return what layers become, one behind the other; at ``depth`` 0 they are the model's first."""
    items: list[Item] = []
    padding: KerasLayer | None = None
    if depth > DEEPEST and layers:
        raise layers[0].refusal(Message("its blocks lie in each other too deep"))
    for layer in layers:
        if layer.kind in NOTHING:
            continue
        if layer.kind.startswith(ONLY_IN_TRAINING):
            chain.ignored.append(Message("{place}: it does something in training only", place=layer.place))
        elif not depth and not items and _prepares(layer, chain):
            continue
        elif layer.kind == "ZeroPadding2D" and padding is None:
            padding = layer
        elif layer.name in branches.ends:
            items.append(_sum(layer, branches, chain, depth + 1))
        else:
            made = list(_plain(layer))
            if padding is not None:
                made[:1] = [_padded(made[0] if made else None, padding)]
                padding = None
            items += made
    if padding is not None:
        raise padding.refusal(Message("no convolution follows it"))
    return items


def _prepares(layer: KerasLayer, chain: Chain) -> bool:
    """Take a layer that scales pixels, or gives them a shape, before the network; say whether it is one."""
    given = layer.given
    if layer.kind == "Rescaling":
        scale, offset = _row(layer, "scale", 1.0), _row(layer, "offset", 0.0)
    elif layer.kind == "Normalization":
        given.must_be("invert", False)
        stored = [array.ravel().astype(np.float64) for array in layer.arrays[:2]]
        mean, variance = (
            stored if len(stored) == 2 else (_row(layer, "mean", 0.0), _row(layer, "variance", 1.0))
        )
        scale = 1 / np.maximum(np.sqrt(np.maximum(variance, 0)), 1e-7)
        offset = -mean * scale
    elif layer.kind == "Reshape":
        shape = layer.settings.get("target_shape")
        if not isinstance(shape, list) or not all(type(side) is int for side in shape) or len(shape) != 3:
            return False
        chain.shape = tuple(shape)
        return True
    else:
        return False
    chain.scale, chain.offset, chain.scales = chain.scale * scale, chain.offset * scale + offset, True
    return True


def _row(layer: KerasLayer, name: str, default: float) -> NDArray[np.float64]:
    """Return a setting that is one number, or one for each channel."""
    value = layer.settings.get(name, default)
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    values = value if isinstance(value, list) else [value]
    if not 1 <= len(values) <= 4 or not all(type(one) in (int, float) and abs(one) < 1e30 for one in values):
        raise layer.refusal(Message("{name}={value} cannot be read", name=name, value=repr(value)[:60]))
    return np.array(values, np.float64)


def _plain(layer: KerasLayer) -> Iterator[Item]:
    """Yield what one layer becomes: it, and its activation."""
    if layer.kind == "SeparableConv2D":
        yield from _separable(layer)
    elif _flattens(layer):
        yield Item(_of_text("flatten"), layer)
    elif layer.kind != "Activation":
        kind = _kind(layer.kind)
        if kind is None or kind.nested:
            raise layer.refusal(
                Message("network text has no such layer; it has {names}", names=", ".join(sorted(_known())))
            )
        yield Item(kind.from_keras(layer.given), layer, layer.arrays)
    yield from _activation(layer)


def _flattens(layer: KerasLayer) -> bool:
    shape = layer.settings.get("target_shape")
    return layer.kind == "Reshape" and isinstance(shape, list) and len(shape) == 1 and type(shape[0]) is int


def _known() -> set[str]:
    """Return the classes of Keras that are read."""
    kinds = (KINDS.get(word) for word in KINDS)
    own = ("Activation", "Rescaling", "Normalization", "SeparableConv2D", "ZeroPadding2D")
    return {kind.keras_classes[0] for kind in kinds if kind.keras_classes} | set(own)


def _activation(layer: KerasLayer) -> Iterator[Item]:
    """Yield the activation that a layer has as an argument."""
    name = layer.settings.get("activation")
    if name in (None, "linear"):
        return
    if isinstance(name, dict):  # Keras writes some as objects of their own
        name = name.get("config") if name.get("class_name") == "function" else name.get("class_name")
    name = {"swish": "silu"}.get(str(name), str(name))
    kinds = (KINDS.get(word) for word in KINDS)
    kind = next((kind for kind in kinds if kind.keras_activation == name), None)
    if kind is None:
        raise layer.refusal(Message("the activation '{name}' is not known", name=name[:40]))
    yield Item(kind(), layer)


def _separable(layer: KerasLayer) -> Iterator[Item]:
    """Yield a separable convolution as the two that it is made of."""
    given = layer.given
    if len(layer.arrays) not in (2, 3):
        raise layer.refusal(Message("it has other weights than its settings say"))
    depthwise, pointwise, bias = layer.arrays[0], layer.arrays[1], layer.arrays[2:]
    first = {**layer.settings, "use_bias": False, "activation": None}
    second = {"filters": given.count("filters"), "kernel_size": 1, "use_bias": given.flag("use_bias", True)}
    for kind, settings, arrays in (
        ("DepthwiseConv2D", first, [depthwise]),
        ("Conv2D", second, [pointwise, *bias]),
    ):
        made = dataclasses.replace(layer, kind=kind, settings=settings, arrays=arrays)
        known = _kind(kind)
        assert known is not None
        yield Item(known.from_keras(made.given), made, arrays)


def _of_text(text: str) -> Layer:
    return parse(text)[0]


def flatten() -> Layer:
    """Return the layer that makes a row of values of an image."""
    return _of_text("flatten")


def _padded(item: Item | None, padding: KerasLayer) -> Item:
    """Return a convolution with the padding of the layer before it."""
    value = padding.settings.get("padding", 1)
    sides = list(value) if isinstance(value, list) else [value, value]
    pairs = [side if isinstance(side, list) else [side, side] for side in sides]
    even = len(pairs) == 2 and all(
        len(pair) == 2 and type(pair[0]) is int and pair[0] == pair[1] and 0 <= pair[0] <= 1024
        for pair in pairs
    )
    if not even:
        raise padding.refusal(Message("padding={value} cannot be read", value=repr(value)[:60]))
    if item is None or item.layer.family != "convolution" or getattr(item.layer, "padding", "") != "valid":
        raise padding.refusal(Message("no convolution with the padding valid follows it"))
    changes: dict[str, Any] = {"padding": (pairs[0][0], pairs[1][0])}
    return dataclasses.replace(item, layer=dataclasses.replace(item.layer, **changes))


def _sum(layer: KerasLayer, branches: _Branches, chain: Chain, depth: int) -> Item:
    """Return a residual block: the branch that is no projection, added to the other."""
    fork = branches.before[layer.name]
    sides = [
        tuple(_converted(branches.between(fork, end), branches, chain, depth))
        for end in branches.ends[layer.name]
    ]
    block, shortcut = sides if _projection(sides[1]) >= _projection(sides[0]) else sides[::-1]
    if not block or not _projection(shortcut):
        raise layer.refusal(Message("neither of its branches is the input itself, or a projection of it"))
    kind = _kind(layer.kind)
    assert kind is not None
    made = kind(layers=tuple(item.layer for item in block))  # type: ignore[call-arg]
    return Item(made, layer, [], block, shortcut)


def _projection(items: Sequence[Item]) -> int:
    """Return how like a shortcut a branch is: 3 for the input itself, 0 for what can be none.

    1 and 2 are for a 1×1 convolution or a dense layer alone, and with batch normalisation behind it.
    """
    if not items:
        return 3
    first, *rest = items
    weighs = first.layer.family in ("convolution", "dense") and getattr(first.layer, "kernel", (1, 1)) == (
        1,
        1,
    )
    if not weighs or len(rest) > 1 or (rest and rest[0].layer.family != "normalization"):
        return 0
    return 1 + len(rest)


# -- weights -------------------------------------------------------------------------------------------------


def weights_of(items: Sequence[Item], shape: Shape, prefix: str = "") -> dict[str, NDArray[Any]]:
    """Return the weights of a chain by the names that the network has for them.

    Args:
        items: the chain.
        shape: of its input.
        prefix: of the names, inside of a block.

    Raises:
        UsageError: weights do not fit their layer, which is named with its place.
        NetworkTextError: a layer does not fit its input.
    """
    weights: dict[str, NDArray[Any]] = {}
    for (name, layer), item in zip(named(item.layer for item in items), items, strict=True):
        name = prefix + name
        if layer.nested:
            weights |= _of_shortcut(item, name, shape)
            weights |= weights_of(item.block, shape, f"{name}.")
        else:
            weights |= {f"{name}.{tensor}": array for tensor, array in _own(item, layer, shape).items()}
        shape = layer.output_shape(shape)
    return weights


def _own(item: Item, layer: Layer, shape: Shape) -> dict[str, NDArray[Any]]:
    """Return a layer's weights, with the shapes that it has for this input."""
    expected = layer.tensors(shape)
    try:
        made = layer.weights_from_keras(item.arrays, item.source.given)
        shapes = {name: array.shape for name, array in made.items()}
        used = sum(array.size for array in made.values() if array.ndim)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise item.source.refusal(Message("its weights are missing, or have another shape")) from error
    filled = sum(int(np.prod(size)) for size in expected.values() if size) - used
    if shapes != expected or filled or sum(array.size for array in item.arrays) > used:
        raise item.source.refusal(Message("its weights are missing, or have another shape"))
    return {
        name: np.array(array, np.float32 if array.ndim else np.int64, order="C")
        for name, array in made.items()
    }


def _of_shortcut(item: Item, name: str, shape: Shape) -> dict[str, NDArray[Any]]:
    """Return the weights of a block's shortcut: a projection without bias, and batch normalisation."""
    inner = {f"{name}.{own}" for own, _ in named(one.layer for one in item.block)}
    placed = [
        place
        for place in item.layer.place(name, shape, "")
        if place.name != name and place.name not in inner and place.name.count(".") == name.count(".") + 1
    ]
    if len(placed) != (2 if item.shortcut else 0):
        raise item.source.refusal(Message("its branches have shapes that cannot be added so"))
    if not placed:
        return {}
    projection, normalization = placed
    first = item.shortcut[0]
    bare = dataclasses.replace(first.layer, bias=False)  # type: ignore[call-arg]
    if bare != projection.layer:
        raise first.source.refusal(Message("it does not bring the input to the other branch's shape"))
    own = _own(first, first.layer, projection.input_shape)
    bias = own.pop("bias", None)
    normal = _normalized(item.shortcut[1:], normalization, bias)
    return {f"{projection.name}.{tensor}": array for tensor, array in own.items()} | {
        f"{normalization.name}.{tensor}": array for tensor, array in normal.items()
    }


def _normalized(
    items: Sequence[Item], place: PlacedLayer, bias: NDArray[Any] | None
) -> Mapping[str, NDArray[Any]]:
    """Return the weights of a shortcut's batch normalisation that does what Keras's layers do.

    Its ε is another one, and the projection before it has no bias: variance and mean make up for both.
    """
    (channels,) = place.layer.tensors(place.input_shape)["weight"]
    if items:
        made = dict(_own(items[0], items[0].layer, place.input_shape))
        variance = made["running_var"].astype(np.float64) + float(getattr(items[0].layer, "epsilon", EPSILON))
    else:
        zeros, ones = np.zeros(channels, np.float32), np.ones(channels, np.float32)
        made = {
            "weight": ones,
            "bias": zeros,
            "running_mean": zeros,
            "num_batches_tracked": np.array(0, np.int64),
        }
        variance = np.ones(channels)
    if bias is not None:
        made["running_mean"] = made["running_mean"] - bias
    made["running_var"] = (variance - EPSILON).astype(np.float32)
    if (made["running_var"] < 0).any():
        made["weight"] = (made["weight"] / np.sqrt(variance)).astype(np.float32)
        made["running_var"] = np.full(channels, 1 - EPSILON, np.float32)
    return made


def softened(items: list[Item], classes: int) -> list[Item]:
    """Return a chain that ends in softmax, where it ends in one sigmoid for two classes.

    Its logits are 0 and that of the sigmoid, which gives the same probabilities.

    Raises:
        UsageError: it ends in a sigmoid otherwise.
    """
    last = items[-1] if items else None
    if last is None or last.layer.word != "sigmoid" or last.layer.family != "activation":
        return items
    dense = items[-2] if len(items) > 1 else None
    if dense is None or getattr(dense.layer, "units", 0) != 1 or classes != 2:
        raise last.source.refusal(Message("it ends in a sigmoid, of which no class is the most probable"))
    two: dict[str, Any] = {"units": 2}
    arrays = [np.concatenate([np.zeros_like(array), array], axis=-1) for array in dense.arrays]
    doubled = dataclasses.replace(dense, layer=dataclasses.replace(dense.layer, **two), arrays=arrays)
    return [*items[:-2], doubled, Item(_of_text("softmax"), last.source)]
