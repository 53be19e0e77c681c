"""A layer in Keras and PyTorch: the call that makes it there, and its weights as they lie there.

Code for others is written from these calls, weights are carried both ways, and Keras's settings become layers
of network text again. Nothing here imports torch, Keras or NumPy, and nothing that a file names is called.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from imagelet.errors import UsageError
from imagelet.messages import Message

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

Shape = tuple[int, ...]
Size = tuple[int, int]  # height, width
Weights = Mapping[str, Any]  # name → float32 array

FRAMEWORKS = ("keras", "pytorch")
LARGEST_SIDE = 1_024  # cells of a kernel, stride, dilation or padding
LARGEST_COUNT = 10_000_000  # units or filters


@dataclass(frozen=True)
class Call:
    """A call that makes a layer: ``layers.Conv2D(32, 3, padding="same")``.

    Attributes:
        function: its name, with the module as scripts import it.
        arguments: numbers and texts.
        named: those with a keyword.
        takes_activation: a keyword ``activation`` may be added.
        layer: the name of the layer whose weights it holds, as in ``PlacedLayer``; empty where it has none.
        block: of a residual block, the calls of its layers.
        shortcut: of a residual block, the calls that bring its input to the block's shape.
    """

    function: str
    arguments: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)
    takes_activation: bool = False
    layer: str = ""
    block: "tuple[Call, ...]" = ()
    shortcut: "tuple[Call, ...]" = ()

    @property
    def parts(self) -> list[str]:
        """The arguments as Python, one text for each."""
        named = (f"{name}={_written(value)}" for name, value in self.named.items())
        return [*map(_written, self.arguments), *named]

    def inside(self, layer: str) -> "Call":
        """Return the same call for a layer inside of a block of this name."""
        return replace(
            self,
            layer=f"{layer}.{self.layer}" if self.layer else "",
            block=tuple(call.inside(layer) for call in self.block),
            shortcut=tuple(call.inside(layer) for call in self.shortcut),
        )


def _written(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"({', '.join(map(_written, value))}{',' if len(value) == 1 else ''})"
    return repr(value).replace("e-0", "e-")


class Elsewhere:
    """What a kind of layer knows of itself in other libraries; kinds that are nowhere else leave it as it is.

    Attributes:
        keras_classes: the classes of Keras that :meth:`from_keras` reads.
        keras_activation: its name among Keras's activations, which other layers take as an argument.
    """

    keras_classes: ClassVar[tuple[str, ...]] = ()
    keras_activation: ClassVar[str] = ""

    def keras_calls(self, shape: Shape) -> list[Call]:
        """Return the calls that make the layer in Keras, for an input of ``shape``; the last has its weights.

        Raises:
            NetworkTextError: Keras has nothing that does the same.
        """
        raise self._unknown_in("Keras")

    def pytorch_calls(self, shape: Shape) -> list[Call]:
        """Return the calls that make the layer in PyTorch; as :meth:`keras_calls`.

        Raises:
            NetworkTextError: PyTorch has no modules that do the same.
        """
        raise self._unknown_in("PyTorch")

    def keras_weights(self, weights: Weights) -> "list[Array]":
        """Return its weights in Keras's order and layout."""
        return []

    def weights_from_keras(self, arrays: "Sequence[Array]", given: "KerasSettings") -> "dict[str, Array]":
        """Return its weights of Keras's, the inverse of :meth:`keras_weights`.

        Args:
            arrays: in Keras's order; they may have any shapes, and there may be too few.
            given: the settings of Keras's layer, by which some of them may be left out.
        """
        return {}

    @classmethod
    def from_keras(cls, given: "KerasSettings") -> Self:
        """Return the layer of one of ``keras_classes`` with these settings.

        Raises:
            UsageError: a setting that network text has no word for.
        """
        raise NotImplementedError

    def _unknown_in(self, library: str) -> Exception:
        layer: Any = self
        error: Exception = layer.mistake(
            Message("there is no layer of {library} that does the same", library=library)
        )
        return error


class KerasSettings:
    """The settings of one of Keras's layers, as a file has them; each is checked when it is asked for.

    Args:
        place: what errors call the layer: ``layer 3, 'conv2d_1' (Conv2D)``.
        content: its settings by name.
    """

    def __init__(self, place: str, content: Mapping[str, Any]) -> None:
        self.place = place
        self.content = content

    def refusal(self, problem: str) -> UsageError:
        """Return the error that names the layer and says what is wrong with it."""
        return UsageError("{place}: {problem}", place=self.place, problem=problem)

    def _not_allowed(self, name: str, value: Any) -> UsageError:
        written = repr(value)[:60]
        return self.refusal(Message("{name}={value} cannot be read", name=name, value=written))

    def count(self, name: str, default: int | None = None) -> int:
        """Return a whole number from 1."""
        value = self.content.get(name, default)
        if type(value) is not int or not 1 <= value <= LARGEST_COUNT:
            raise self._not_allowed(name, value)
        return value

    def size(self, name: str, default: Size | int | None = None) -> Size:
        """Return (height, width)."""
        value = self.content.get(name)
        value = default if value is None else value
        sides: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value, value]
        if len(sides) != 2 or any(type(side) is not int or not 1 <= side <= LARGEST_SIDE for side in sides):
            raise self._not_allowed(name, value)
        return sides[0], sides[1]

    def number(self, name: str, default: float | None = None) -> float:
        """Return a finite number."""
        value = self.content.get(name, default)
        if type(value) not in (int, float) or not abs(value) < 1e30:
            raise self._not_allowed(name, value)
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        """Return true or false."""
        value = self.content.get(name, default)
        if type(value) is not bool:
            raise self._not_allowed(name, value)
        return value

    def text(self, name: str, allowed: Iterable[str], default: str = "") -> str:
        """Return one of the texts that are allowed."""
        value = self.content.get(name, default)
        if not isinstance(value, str) or value not in tuple(allowed):
            raise self._not_allowed(name, value)
        return value

    def must_be(self, name: str, *allowed: Any) -> None:
        """Raise unless a setting is left out or one of those that are allowed."""
        value = self.content.get(name, allowed[0])
        if not any(type(value) is type(one) and value == one for one in allowed):
            raise self._not_allowed(name, value)


def one_or_two(size: Size) -> int | Size:
    """Return a size as people write it: 3 for (3, 3)."""
    return size[0] if size[0] == size[1] else size


def calls_of(layers: Iterable[tuple[str, Any]], shape: Shape, framework: str) -> list[Call]:
    """Return the calls that make named layers, one behind the other, in Keras or PyTorch.

    Keras's activations become arguments of the layers before them, as people write them.

    Raises:
        NetworkTextError: a layer is not known there.
    """
    calls: list[Call] = []
    for name, layer in layers:
        if framework == "keras" and layer.keras_activation and calls and calls[-1].takes_activation:
            activated = {**calls[-1].named, "activation": layer.keras_activation}
            calls[-1] = replace(calls[-1], named=activated, takes_activation=False)
        else:
            made = layer.keras_calls(shape) if framework == "keras" else layer.pytorch_calls(shape)
            calls += [call.inside(name) for call in made[:-1]]
            if made:
                last = made[-1].inside(name)
                calls.append(replace(last, layer=name if layer.tensors(shape) else ""))
        shape = layer.output_shape(shape)
    return calls


def in_keras_order(calls: Iterable[Call]) -> list[Call]:
    """Return the calls of a functional model, those in blocks too, in the order of Keras's ``model.layers``.

    That order goes by the longest way to the output; of two layers equally far from it, the one comes first
    that a walk back from the output meets first. (Keras 3, ``keras.src.ops.function.map_graph``.)
    """
    met: list[tuple[int, int, Call]] = []
    _walk_back(list(calls), 0, met)
    return [call for _, _, call in sorted(met, key=lambda item: (-item[0], item[1]))]


def _walk_back(calls: Sequence[Call], depth: int, met: list[tuple[int, int, Call]]) -> int:
    """Note the calls with their depths, the last at ``depth``; return the depth of what comes before them."""
    for call in reversed(calls):
        met.append((depth, len(met), call))
        depth += 1
        if call.block:
            depth = max(_walk_back(call.block, depth, met), _walk_back(call.shortcut, depth, met))
    return depth
