"""What a layer of network text is: a word with arguments, an output shape, a number of parameters.

A shape is (height, width, channels), or (values,) once it is flat. The layers themselves are in `kinds.py`.
"""

from dataclasses import dataclass, field, fields, replace
from typing import ClassVar

from imagelet.errors import NetworkTextError
from imagelet.messages import Message
from imagelet.networks.padding import Side
from imagelet.networks.values import Padding, Size

Shape = tuple[int, ...]

LARGEST_MAP = 100_000_000  # cells of one image in one padded map


@dataclass(frozen=True)
class Layer:
    """One layer of network text.

    Args:
        position: where its word stands in the text, counted from 1; layers are equal wherever they stand.
    """

    word: ClassVar[str] = ""
    numbered: ClassVar[bool] = True  # the first of its kind is called word1, not word
    position: int = field(default=1, compare=False, repr=False, kw_only=True)

    def settled(self, classes: int) -> "Layer":
        """Return the same layer with the number of classes in place of the word ``classes``.

        `output_shape`, `parameters` and `layers.make_module` need a settled one.
        """
        given = [each.name for each in fields(self) if getattr(self, each.name) == "classes"]
        return replace(self, **dict.fromkeys(given, classes)) if given else self

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape that the layer makes of ``shape``.

        Raises:
            NetworkTextError: the layer does not fit its input.
        """
        return shape

    def parameters(self, shape: Shape) -> int:
        """Return how many parameters it has behind an input of ``shape``, running averages included."""
        del shape
        return 0

    def mistake(self, message: str, hint: str = "") -> NetworkTextError:
        """Return the error that says what is wrong with this layer, and where it stands."""
        message = Message(
            "{layer} at position {position}: {problem}",
            layer=self.word,
            position=self.position,
            problem=message,
        )
        return NetworkTextError(message, hint, position=self.position)

    def channels(self, shape: Shape) -> int:
        """Return the channels of a map of ``shape``.

        Raises:
            NetworkTextError: ``shape`` is flat already.
        """
        if len(shape) != 3:
            hint = Message("put {layer} before flatten, dense and the global layers", layer=self.word)
            raise self.mistake(
                Message("it needs a map, but its input is {count:,} flat values", count=shape[0]), hint
            )
        return shape[2]


@dataclass(frozen=True)
class Sliding(Layer):
    """A layer whose window slides over a map: the convolutions and poolings. Abstract."""

    noun: ClassVar[str] = "kernel"

    def slide(
        self, shape: Shape, window: Size, stride: Size, padding: Padding, dilation: Size = (1, 1)
    ) -> tuple[int, int]:
        """Return the height and width of the map that the window leaves of a map of ``shape``.

        Raises:
            NetworkTextError: the window is larger than its padded input, or that input is too large to hold.
        """
        channels = self.channels(shape)
        across = padding if isinstance(padding, tuple) else (padding, padding)
        rows, columns = (
            Side(shape[axis], window[axis], stride[axis], across[axis], dilation[axis]) for axis in (0, 1)
        )
        if rows.padded * columns.padded * channels > LARGEST_MAP:
            message = Message(
                "its padded input of {height:,}x{width:,}x{channels:,} is too large",
                height=rows.padded,
                width=columns.padded,
                channels=channels,
            )
            raise self.mistake(message, Message("at most {most:,} values an image", most=LARGEST_MAP))
        if not rows.places or not columns.places:
            raise self._too_large(rows, columns)
        return rows.places, columns.places

    def _too_large(self, rows: Side, columns: Side) -> NetworkTextError:
        window, span = f"{rows.kernel}x{columns.kernel}", f"{rows.span}x{columns.span}"
        size, padded = f"{rows.size}x{columns.size}", f"{rows.padded}x{columns.padded}"
        spread = f", dilated to {span}," if span != window else ""
        rim = f" (padded to {padded})" if padded != size else ""
        message = Message(
            "{noun} {window}{spread} is larger than its {size} input{rim}",
            noun=self.noun,
            window=window,
            spread=spread,
            size=size,
            rim=rim,
        )
        return self.mistake(
            message,
            Message("pad it with same, or take a smaller {noun}, or pool less before it", noun=self.noun),
        )


def written_shape(shape: Shape) -> str:
    """Return ``shape`` as people write it: ``28x28x1``."""
    return "x".join(map(str, shape))
