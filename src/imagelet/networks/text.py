"""Network text ↔ layers: ``conv(32, 3x3, same) relu pool(2) flatten dense(classes) softmax``.

=====================================================================================  ====================
layer                                                                                  output
=====================================================================================  ====================
``conv(filters, kernel[, padding][, stride=…][, dilation=…][, bias=no])``              height, width, filters
``depthwise(kernel[, padding][, stride=…][, dilation=…][, multiplier=…][, bias=no])``  height, width, channels
``pool(size[, padding][, stride=…])`` (largest value), ``average_pool(…)``             height, width, channels
``global_average``, ``global_max``                                                     channels
``flatten``                                                                            values
``dense(units[, bias=no])``                                                            units
``dropout(rate)``, ``batchnorm[(momentum=0.9, epsilon=1e-5)]``                         as the input
``relu``, ``gelu``, ``silu``, ``tanh``, ``sigmoid``, ``softmax`` (last only)           as the input
=====================================================================================  ====================

Padding is ``same``, ``valid`` (the default) or a size; sizes are ``3`` or ``3x5`` (height x width);
``classes`` stands for the number of classes where a count of units or filters is due. How text may be
written is in `grammar.py`: capitals, line ends and ``,``, ``|`` or ``->`` between layers are welcome, and
`to_text` writes the one canonical form. Nothing here imports torch.
"""

import contextlib
import difflib
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, fields
from typing import Any, Protocol, runtime_checkable

from imagelet.errors import NetworkTextError
from imagelet.messages import Message
from imagelet.networks.grammar import Argument, Call, read_calls
from imagelet.networks.kinds import KINDS, Softmax
from imagelet.networks.specification import Layer
from imagelet.networks.values import Form, stands_bare, written_arguments
from imagelet.registry import suggestion

OTHER_WORDS = {
    "conv2d": "conv",
    "depthwise_conv": "depthwise",
    "max_pool": "pool",
    "maxpool": "pool",
    "avg_pool": "average_pool",
    "avgpool": "average_pool",
    "global_average_pool": "global_average",
    "global_max_pool": "global_max",
    "linear": "dense",
    "batch_norm": "batchnorm",
    "swish": "silu",
}  # what other libraries call them; `to_text` writes ours


@runtime_checkable
class Written(Protocol):
    """Anything that knows its network text, as a network does."""

    @property
    def text(self) -> str:
        """Its canonical network text."""


def parse(text: str) -> tuple[Layer, ...]:
    """Return the layers that ``text`` names, in order. Whether they fit together is `shapes.py`'s to say.

    >>> parse("relu dropout(.3)")
    (Relu(), Dropout(rate=0.3))

    Raises:
        NetworkTextError: the text is empty, too long, breaks the grammar, names an unknown layer, or gives a
            layer arguments that it does not take.
    """
    with about(text):
        layers = tuple(_layer(call) for call in read_calls(text))
        for layer in layers[:-1]:
            if isinstance(layer, Softmax):
                raise layer.mistake(
                    Message("it must be the last layer"), Message("take it out, or move it to the end")
                )
    return layers


def to_text(network: Iterable[Layer] | Written) -> str:
    """Return the canonical text of layers or of a network.

    >>> to_text(parse("CONV(32,3) -> relu | pool(2, stride=2)"))
    'conv(32, 3x3) relu pool(2)'
    """
    return network.text if isinstance(network, Written) else " ".join(_written(layer) for layer in network)


def usage(kind: type[Layer]) -> str:
    """Return how a layer is written: ``dense(units[, bias=…])``."""
    written = ""
    for each in _settable(kind).values():
        name = each.name if stands_bare(each) else f"{each.name}=…"
        comma = ", " if written else ""
        written += f"{comma}{name}" if each.default is MISSING else f"[{comma}{name}]"
    return f"{kind.word}({written})" if written else kind.word


@contextlib.contextmanager
def about(text: str) -> Iterator[None]:
    """Add ``text`` to the network text errors raised inside, for the caret under it."""
    try:
        yield
    except NetworkTextError as error:
        error.text = text
        raise


def _layer(call: Call) -> Layer:
    kind = KINDS.get(OTHER_WORDS.get(call.word, call.word))
    if kind is None:
        nearest = difflib.get_close_matches(call.word, [*KINDS, *OTHER_WORDS], n=1, cutoff=0.5)
        name = OTHER_WORDS.get(nearest[0], nearest[0]) if nearest else ""
        suggestion = Message("; did you mean '{name}'?", name=name) if nearest else ""
        message = Message(
            "unknown layer '{word}' at position {position}{meant}",
            word=_short(call.word),
            position=call.position,
            meant=suggestion,
        )
        raise NetworkTextError(
            message, hint="layers: {names}", position=call.position, names=", ".join(KINDS)
        )
    given: dict[str, Any] = {}
    for written in call.arguments:
        each = _meant(call, kind, written, given)
        form: Form = each.metadata["form"]
        try:
            given[each.name] = form.read(written.value)
        except ValueError:
            message = Message(
                "{argument} must be {allowed}, not '{given}'",
                argument=each.name,
                allowed=form.allowed,
                given=_short(written.value),
            )
            raise _mistake(call, kind, written.position, message) from None
    required = [each.name for each in _settable(kind).values() if each.default is MISSING]
    if missing := [name for name in required if name not in given]:
        verb = "is" if len(missing) == 1 else "are"
        raise _mistake(
            call,
            kind,
            call.position,
            Message("{names} {verb} missing", names=" and ".join(missing), verb=verb),
        )
    return kind(**given, position=call.position)


def _meant(call: Call, kind: type[Layer], written: Argument, given: dict[str, Any]) -> Field[Any]:
    """Return the field that an argument sets: the one that it names, else the next that may stand bare."""
    settable = _settable(kind)
    name, value = written.keyword, _short(written.value)
    if not settable:
        raise _mistake(
            call, kind, written.position, Message("it takes no arguments, but has '{value}'", value=value)
        )
    if name and name not in settable:
        meant = suggestion(name, settable)
        raise _mistake(
            call,
            kind,
            written.position,
            Message("unknown argument '{name}'{meant}", name=_short(name), meant=meant),
        )
    if not name and value in ("same", "valid") and "padding" in settable:
        name = "padding"
    if not name:
        free = [each.name for each in settable.values() if stands_bare(each) and each.name not in given]
        if not free:
            raise _mistake(
                call, kind, written.position, Message("'{value}' is one argument too many", value=value)
            )
        name = free[0]
    if name in given:
        raise _mistake(call, kind, written.position, Message("{argument} is given twice", argument=name))
    return settable[name]


def _settable(kind: type[Layer]) -> dict[str, Field[Any]]:
    return {each.name: each for each in fields(kind) if "form" in each.metadata}


def _written(layer: Layer) -> str:
    arguments = written_arguments(layer)
    return f"{layer.word}({', '.join(arguments)})" if arguments else layer.word


def _short(written: str) -> str:
    return written if len(written) <= 40 else f"{written[:37]}..."


def _mistake(call: Call, kind: type[Layer], position: int, message: str) -> NetworkTextError:
    message = Message(
        "{layer} at position {position}: {problem}",
        layer=_short(call.word),
        position=call.position,
        problem=message,
    )
    return NetworkTextError(message, hint="write {usage}", position=position, usage=usage(kind))
