"""What a kind of layer is, and the values that its arguments may have.

A kind is a subclass of :class:`Layer` under :func:`register`, in a file of `layers/` or in a plugin. It has a
word, arguments, an output shape, costs and a torch module, and says how one number of its output comes about.
Nothing here imports torch or NumPy.

A shape is (height, width, channels), or (values,) once it is flat.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from imagelet.errors import NetworkTextError
from imagelet.messages import Message
from imagelet.networks.other_libraries import Elsewhere
from imagelet.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from imagelet.networks.onnx_graph import OnnxGraph
    from imagelet.networks.trace import Trace, Unit

    Array = NDArray[np.float32]


Shape = tuple[int, ...]
Size = tuple[int, int]  # height, width
Padding = Literal["same", "valid"] | Size
Count = int | Literal["classes"]
Weights = Mapping[str, Any]  # name → float32 array, or the weights of a layer inside

LARGEST_SIZE = 1_024  # cells, of a kernel, stride, dilation or padding
LARGEST_COUNT = 10_000_000  # units or filters
INITIAL_WEIGHTS = ("glorot", "he", "torch")  # the distributions that they are drawn from
INPUT = "input"  # what the first layer's input is called

FAMILIES = (
    *("convolution", "pooling", "dense", "activation", "normalization", "dropout", "reshape", "softmax"),
    *("block", "other"),
)
"""What kinds have in common, for colours and tables: ``block`` holds layers, ``other`` is a builder's own."""


@dataclass(frozen=True)
class Form:
    """One kind of value.

    Attributes:
        allowed: what a person may write, a message that stands in errors: "stride must be …".
        read: the value of a written one; raises ValueError where that is not allowed.
        write: the canonical spelling of a value.
        bare: it may stand without its keyword, as every required argument may.
    """

    allowed: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    bare: bool = False


@dataclass(frozen=True)
class Layer(Elsewhere):
    """One layer of network text; subclasses are the kinds.

    Attributes:
        word: how the kind is written in network text.
        other_words: what other libraries call it; they are understood, and written as ``word``.
        family: one of :data:`FAMILIES`.
        torch_names: torch's modules that do the same as the kind, whatever their arguments.
        numbered: the first of its kind is called ``word1``, not ``word``.
        elementwise: the number at an index comes from the input's number at this index alone.
        channelwise: each channel comes from its own channel alone, so that of more channels it makes more.
        largest: its numbers are the largest under a window, so that relu may come before or after it.
        rising: its numbers are above 0 exactly where its input is, so that a unit can be silent.
        closing: it can only be the last layer.
        nested: its brackets hold layers, its field ``layers``.
        random: in training it draws random numbers, from its module's ``generator`` if that has one.
        position: where its word stands in the text, counted from 1; layers are equal wherever they stand.
    """

    word: ClassVar[str] = ""
    other_words: ClassVar[tuple[str, ...]] = ()
    family: ClassVar[str] = "other"
    torch_names: ClassVar[tuple[str, ...]] = ()
    numbered: ClassVar[bool] = True
    elementwise: ClassVar[bool] = False
    channelwise: ClassVar[bool] = False
    largest: ClassVar[bool] = False
    rising: ClassVar[bool] = False
    closing: ClassVar[bool] = False
    nested: ClassVar[bool] = False
    random: ClassVar[bool] = False
    position: int = field(default=1, compare=False, repr=False, kw_only=True)

    @property
    def text(self) -> str:
        """Its canonical network text."""
        arguments = ", ".join(_written_arguments(self))
        return f"{self.word}({arguments})" if arguments else self.word

    @property
    def strides(self) -> Size:
        """How many rows and columns of its input lie between two of its output."""
        return 1, 1

    def settled(self, classes: int) -> "Layer":
        """Return the same layer with the number of classes in place of the word ``classes``.

        The methods below need a settled one.
        """
        counts = [setting.name for setting in fields(self) if getattr(self, setting.name) == "classes"]
        return replace(self, **dict.fromkeys(counts, classes)) if counts else self

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape that the layer makes of ``shape``.

        Raises:
            NetworkTextError: the layer does not fit its input.
        """
        return shape

    def tensors(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of its module's own tensors, by name, for an input of ``shape``."""
        return {}

    def parameters(self, shape: Shape) -> int:
        """Return how many parameters of its own it has for an input of ``shape``, with running averages."""
        return sum(prod(size) for size in self.tensors(shape).values() if size)  # a counter is none

    def non_trainable(self, shape: Shape) -> int:
        """Return how many of the parameters are running averages."""
        return 0

    def multiply_adds(self, shape: Shape, output_shape: Shape) -> int:
        """Return how many multiplications with weights it makes for one image."""
        return 0

    def fans(self, weights: Shape) -> tuple[int, int] | None:
        """Return the inputs and outputs of one number, as Keras counts them; None: its weights are not drawn.

        Args:
            weights: the shape of its module's ``weight``.
        """
        return None

    def module(self, shape: Shape) -> "nn.Module":
        """Return its torch module for an input of ``shape``, weights zero; a kind may take torch's own."""
        from imagelet.networks.modules import LayerModule

        return LayerModule(self)

    def build(self, shape: Shape) -> "nn.Module":
        """Return its module, which knows as ``layer`` what it was built from."""
        module = self.module(shape)
        module.layer = self  # type: ignore[assignment]
        return module

    def forward(self, module: Any, values: "Tensor") -> "Tensor":
        """Return what the layer makes of ``values``; maps are (n, channels, height, width).

        Only for kinds without a torch module of their own: their :class:`LayerModule` asks here.
        """
        raise NotImplementedError(f"'{self.word}' has neither a module nor a forward of its own")

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return what the trained layer makes of ``values``, with NumPy.

        Args:
            weights: its tensors by their names; of a block, such weights for each layer inside.
            values: float32 (n, height, width, channels) or (n, values).
        """
        raise NotImplementedError(f"'{self.word}' cannot be computed with NumPy")

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add the nodes that compute the trained layer to ``graph``, and return the name of its output.

        Args:
            graph: the nodes so far.
            weights: as for :meth:`compute`.
            value: the name of its input, float32 (n, channels, height, width) or (n, values).
            shape: the shape of one of these.
        """
        raise NotImplementedError(f"'{self.word}' cannot be written as ONNX")

    def trace(self, unit: "Unit") -> "Trace | None":
        """Return how one number of the output comes about; None where that is not known."""
        return None

    def place(self, name: str, shape: Shape, source: str) -> "Iterator[PlacedLayer]":
        """Yield the layers that it stands for behind an input of ``shape``; the last is the layer itself."""
        yield PlacedLayer(name, self, shape, self.output_shape(shape), (source,))

    def run(self, module: "nn.Module", name: str, values: "Tensor", source: str) -> "Iterator[LayerRun]":
        """Yield what its layers make of ``values``, one by one; the last is the layer itself."""
        yield LayerRun(name, module, (source,), module(values))

    def mistake(self, message: str, hint: str = "") -> NetworkTextError:
        """Return the error that says what is wrong with this layer, and where it stands."""
        return mistake(self.word, self.position, message, hint)

    def channels(self, shape: Shape) -> int:
        """Return the channels of a map of ``shape``.

        Raises:
            NetworkTextError: ``shape`` is flat already.
        """
        if len(shape) != 3:
            raise self.mistake(
                Message("it needs a map, but its input is {count:,} flat values", count=shape[0]),
                Message("put {layer} before flatten, dense and the global layers", layer=self.word),
            )
        return shape[2]


KINDS: Registry[type[Layer]] = Registry(
    "layer", listing="the error of an unknown layer", home="imagelet.networks.layers"
)
"""Every kind by its word; a plugin adds its own by :func:`register`."""

Kind = TypeVar("Kind", bound=type[Layer])


def register(kind: Kind) -> Kind:
    """Add a kind of layer to network text, and return it: a decorator.

    Raises:
        ValueError: its word cannot be written, or is taken, or its family is unknown.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", kind.word) or kind.family not in FAMILIES:
        raise ValueError(
            f"a layer has a word in small letters and a family, not {kind.word!r}, {kind.family!r}"
        )
    KINDS.add(kind.word, kind)
    return kind


def other_words() -> dict[str, str]:
    """Return what other libraries call layers → the word of the kind."""
    return {other: word for word in KINDS for other in KINDS.get(word).other_words}


@dataclass(frozen=True)
class PlacedLayer:
    """One layer in its place in a network.

    Attributes:
        name: unique in its network: ``conv1``, ``flatten``, ``residual1.conv2``.
        layer: what it is, with a number in place of the word ``classes``.
        input_shape: (height, width, channels) or (values,).
        output_shape: likewise.
        sources: the names of the layers whose outputs it takes; ``input`` for the image.
    """

    name: str
    layer: Layer
    input_shape: Shape
    output_shape: Shape
    sources: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """Weights, biases and running averages."""
        return self.layer.parameters(self.input_shape)


@dataclass(frozen=True, eq=False)
class LayerRun:
    """One layer while images go through the network.

    Attributes:
        name: its name, as in :class:`PlacedLayer`.
        module: its torch module.
        sources: the names of the layers whose outputs it takes.
        output: what it makes of them, (n, channels, height, width) or (n, values).
    """

    name: str
    module: "nn.Module"
    sources: tuple[str, ...]
    output: "Tensor"


def named(layers: Iterable[Layer]) -> Iterator[tuple[str, Layer]]:
    """Yield the layers with their names: their words, numbered by kind."""
    seen: Counter[str] = Counter()
    for layer in layers:
        seen[layer.word] += 1
        suffix = str(seen[layer.word]) if layer.numbered or seen[layer.word] > 1 else ""
        yield layer.word + suffix, layer


def place_layers(
    layers: Iterable[tuple[str, Layer]], shape: Shape, source: str = INPUT, prefix: str = ""
) -> Iterator[PlacedLayer]:
    """Yield named layers in their places, one behind the other, each with the layers inside it before it."""
    for name, layer in layers:
        for placed in layer.place(prefix + name, shape, source):
            yield placed
        shape, source = placed.output_shape, placed.name


def run_layers(
    modules: Iterable[tuple[str, "nn.Module"]], values: "Tensor", source: str = INPUT, prefix: str = ""
) -> Iterator[LayerRun]:
    """Yield what named modules make of ``values``, one by one, those of blocks too.

    An output is only lent: the layer that follows may write over it.
    """
    for name, module in modules:
        for ran in own_layer(module).run(module, prefix + name, values, source):
            yield ran
        values, source = ran.output, ran.name


def compute_layers(layers: "Iterable[tuple[str, Layer]]", weights: Weights, values: "Array") -> "Array":
    """Return what named layers make of ``values``, one after the other; see :meth:`Layer.compute`."""
    for name, layer in layers:
        values = layer.compute(weights.get(name, {}), values)
    return values


def layers_to_onnx(
    layers: "Iterable[tuple[str, Layer]]", graph: "OnnxGraph", weights: Weights, value: str, shape: Shape
) -> str:
    """Add named layers to ``graph``, one behind the other; see :meth:`Layer.to_onnx`."""
    for name, layer in layers:
        with graph.inside(name):
            value = layer.to_onnx(graph, weights.get(name, {}), value, shape)
        shape = layer.output_shape(shape)
    return value


def named_modules(network: "nn.Module", prefix: str = "") -> Iterator[tuple[str, "nn.Module"]]:
    """Yield the names and modules of all layers, in the order of :func:`run_layers`."""
    for name, module in network.named_children():
        if own_layer(module).nested:
            yield from named_modules(module, f"{prefix}{name}.")
        yield prefix + name, module


def own_layer(module: "nn.Module") -> Layer:
    """Return what a module was built from; a layer that says nothing for one that is not from text."""
    layer = getattr(module, "layer", None)
    return layer if isinstance(layer, Layer) else _UNKNOWN


_UNKNOWN = Layer()


def mistake(
    word: str, position: int, problem: str, hint: str = "", caret: int | None = None
) -> NetworkTextError:
    """Return the error for a layer that stands at ``position``; the caret may stand elsewhere."""
    message = Message(
        "{layer} at position {position}: {problem}", layer=word, position=position, problem=problem
    )
    return NetworkTextError(message, hint, position=position if caret is None else caret)


def written_shape(shape: Shape) -> str:
    """Return ``shape`` as people write it: ``28x28x1``."""
    return "x".join(map(str, shape))


def settings(kind: type[Layer]) -> dict[str, Field[Any]]:
    """Return the fields that network text can set, by name."""
    return {setting.name: setting for setting in fields(kind) if "form" in setting.metadata}


def stands_bare(setting: Field[Any]) -> bool:
    """Return whether an argument may be written without its keyword: required ones and paddings may."""
    return setting.default is MISSING or bool(setting.metadata["form"].bare)


def _written_arguments(layer: Layer) -> Iterator[str]:
    """Yield the canonical spelling of the arguments in which ``layer`` differs from its kind's defaults."""
    for name, setting in settings(type(layer)).items():
        value = getattr(layer, name)
        if value == setting.default:
            continue
        written = setting.metadata["form"].write(value)
        padded_by = setting.default is not MISSING and not isinstance(value, str)  # padding=1, but same
        yield written if stands_bare(setting) and not padded_by else f"{name}={written}"


def _whole(written: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", written) or not least <= int(written) <= most:
        raise ValueError(written)
    return int(written)


def _read_count(written: str) -> Count:
    return "classes" if written == "classes" else _whole(written, 1, LARGEST_COUNT)


def _read_size(written: str, least: int = 1) -> Size:
    sides = [_whole(side, least, LARGEST_SIZE) for side in written.split("x")]
    if len(sides) > 2:
        raise ValueError(written)
    return sides[0], sides[-1]


def _read_padding(written: str) -> Padding:
    if written in ("same", "valid"):
        return "same" if written == "same" else "valid"
    return _read_size(written, least=0)


def _read_switch(written: str) -> bool:
    if written not in ("yes", "true", "no", "false"):
        raise ValueError(written)
    return written in ("yes", "true")


def _number(written: str, is_allowed: Callable[[float], bool]) -> float:
    if not is_allowed(value := float(written)):
        raise ValueError(written)
    return value


def _write_sides(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _write_size(size: Size) -> str:
    return str(size[0]) if size[0] == size[1] else _write_sides(size)


def _write_padding(padding: Padding) -> str:
    return padding if isinstance(padding, str) else _write_size(padding)


def _write_number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value).replace("e-0", "e-")


_COUNTS = Message("a whole number from 1 to {most:,}", most=LARGEST_COUNT)
_COUNTS_OR_CLASSES = Message("a whole number from 1 to {most:,}, or the word classes", most=LARGEST_COUNT)
_SIZES = Message("a size from 1 to {most:,}, such as 3 or 3x3", most=LARGEST_SIZE)
_PADDINGS = Message("same, valid, or a size from 0 to {most:,}, such as 1 or 1x2", most=LARGEST_SIZE)
_FRACTIONS = Message("a number of at least 0 and below 1, such as 0.5")
_POSITIVES = Message("a number above 0 and at most 1")
_SWITCHES = Message("yes or no")


def _metadata(form: Form) -> dict[str, Form]:
    return {"form": form}


# What stands as metadata on the fields that network text can set.
COUNT = _metadata(Form(_COUNTS_OR_CLASSES, _read_count, str))
WHOLE = _metadata(Form(_COUNTS, lambda written: _whole(written, 1, LARGEST_COUNT), str))
KERNEL = _metadata(Form(_SIZES, _read_size, _write_sides))
SIZE = _metadata(Form(_SIZES, _read_size, _write_size))
PADDING = _metadata(Form(_PADDINGS, _read_padding, _write_padding, bare=True))
FRACTION = _metadata(Form(_FRACTIONS, lambda written: _number(written, lambda x: 0 <= x < 1), _write_number))
POSITIVE = _metadata(Form(_POSITIVES, lambda written: _number(written, lambda x: 0 < x <= 1), _write_number))
SWITCH = _metadata(Form(_SWITCHES, _read_switch, lambda value: "yes" if value else "no"))
