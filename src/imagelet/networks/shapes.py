"""How a network's layers fit together, worked out without torch: names, shapes, parameters, limits."""

from collections.abc import Sequence
from math import prod

from imagelet.errors import NetworkTextError, UsageError
from imagelet.messages import Message
from imagelet.networks.layer_kind import PlacedLayer, Shape, named, place_layers, written_shape
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
        message = Message(
            "an input of {shape} is too large; at most {most:,} values fit",
            shape=written_shape(shape),
            most=MOST_VALUES,
        )
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
        message = Message(
            "the network would have {count:,} parameters; at most {most:,} are allowed",
            count=parameters,
            most=MOST_PARAMETERS,
        )
        raise last.layer.mistake(message, Message("take fewer units or filters, or pool more before it"))
    values = sum(prod(layer.output_shape) for layer in placed)
    if values > MOST_VALUES:
        message = Message(
            "the layers would hold {count:,} values an image; at most {most:,} are allowed",
            count=values,
            most=MOST_VALUES,
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
