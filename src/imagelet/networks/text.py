"""Network text ↔ layers: ``conv(32, 3x3, same) relu pool(2) flatten dense(classes) softmax``.

    text      = layer { [ separator ] layer }
    layer     = word [ "(" [ argument { "," argument } ] ")" ] | word "(" text ")"
    argument  = [ word "=" ] value
    value     = word | number | size
    size      = number "x" number
    separator = "," | ";" | "|" | "->" | "→"

What stands in the brackets of a layer is what its kind takes (`layers/`): arguments, or, of a block, layers.
:func:`usage` tells of one kind. Padding is ``same``, ``valid`` (the default) or a size; sizes are ``3`` or
``3x5`` (height x width); ``classes`` stands for the number of classes where a count of units or filters is
due. Blanks and line ends may stand between any two of these, and capitals are read as small letters;
:func:`to_text` writes the one canonical form. Positions are those of characters, counted from 1. Nothing
here imports torch.
"""

import contextlib
import difflib
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import MISSING, Field, dataclass, fields, replace
from typing import Any, Protocol, runtime_checkable

from imagelet.errors import NetworkTextError
from imagelet.messages import Message
from imagelet.networks.layer_kind import COUNT, Form, mistake, other_words, settings, stands_bare
from imagelet.networks.layers import FAMILIES, KINDS, Layer
from imagelet.registry import suggestion

LONGEST_TEXT = 10_000  # characters
DEEPEST = 8  # blocks in each other
EXAMPLE = "conv(32, 3x3, same) relu pool(2) flatten dense(classes) softmax"
SEPARATORS = frozenset({",", ";", "|", "->", "→"})

_TOKEN = re.compile(
    r"""(?P<arrow>->|→)
      | (?P<word>[A-Za-z_](?:[A-Za-z0-9_]|-(?=[A-Za-z0-9]))*)
      | (?P<size>-?[0-9]+(?:\s*[xX×]\s*-?[0-9]+)+)
      | (?P<number>-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<mark>[(),;|=])""",
    re.VERBOSE,
)


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
    if len(text) > LONGEST_TEXT:
        values = {"count": len(text), "most": LONGEST_TEXT}
        message = Message("the network text has {count:,} characters; at most {most:,} are read", **values)
        raise NetworkTextError(message, hint="register a builder for so large a network")
    with about(text):
        return _Reader(text).network()


def to_text(network: Iterable[Layer] | Written) -> str:
    """Return the canonical text of layers or of a network.

    >>> to_text(parse("CONV(32,3) -> relu | pool(2, stride=2)"))
    'conv(32, 3x3) relu pool(2)'
    """
    return network.text if isinstance(network, Written) else " ".join(layer.text for layer in network)


def with_open_classes(text: str, classes: int) -> str:
    """Return network text for any number of classes: its last count, where it is ``classes``, as that word.

    >>> with_open_classes("flatten dense(10) relu dense(10) softmax", 10)
    'flatten dense(10) relu dense(classes) softmax'

    Raises:
        NetworkTextError: the text cannot be read.
    """
    layers = list(parse(text))
    for place in reversed(range(len(layers))):
        counts = [one.name for one in fields(layers[place]) if one.metadata.get("form") is COUNT["form"]]
        if counts:
            if getattr(layers[place], counts[0]) == classes:
                opened: dict[str, Any] = {counts[0]: "classes"}
                layers[place] = replace(layers[place], **opened)
            break
    return to_text(layers)


def usage(kind: type[Layer]) -> str:
    """Return how a layer is written: ``dense(units[, bias=…])``."""
    if kind.nested:
        return f"{kind.word}(layer layer …)"
    written = ""
    for setting in settings(kind).values():
        name = setting.name if stands_bare(setting) else f"{setting.name}=…"
        comma = ", " if written else ""
        written += f"{comma}{name}" if setting.default is MISSING else f"[{comma}{name}]"
    return f"{kind.word}({written})" if written else kind.word


def is_layer(word: str) -> bool:
    """Return whether a word, as it may be typed, is a layer's."""
    return word.lower().replace("-", "_") in {*KINDS, *other_words()}


@contextlib.contextmanager
def about(text: str) -> Iterator[None]:
    """Add ``text`` to the network text errors raised inside, for the caret under it."""
    try:
        yield
    except NetworkTextError as error:
        error.text = text
        raise


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


@dataclass(frozen=True)
class _Argument:
    """One argument as written: ``stride=2`` has a keyword, ``3x3`` has none (an empty one)."""

    keyword: str
    value: str
    position: int


class _Reader:
    """What is left of a text while its layers are read."""

    def __init__(self, text: str) -> None:
        self.tokens = deque(_tokens(text))

    def network(self) -> tuple[Layer, ...]:
        if not self.tokens:
            raise NetworkTextError(
                "the network text is empty", hint="for example: {example}", example=EXAMPLE
            )
        layers = self.layers(depth=0)
        for layer in layers[:-1]:
            _check_open(layer)
        return layers

    def layers(self, depth: int) -> tuple[Layer, ...]:
        """Read layers up to the end of the text; inside of a block up to its closing bracket."""
        layers = []
        separator = None
        while self.tokens and (separator or not depth or self.tokens[0].text != ")"):
            layers.append(self.layer(depth))
            separator = self.take(SEPARATORS)
            if separator and not self.tokens:
                raise NetworkTextError(
                    "the network text ends after '{sign}' at position {position}",
                    hint="write another layer after it, or leave it out",
                    sign=separator.text,
                    position=separator.position,
                )
        return tuple(layers)

    def take(self, texts: Collection[str]) -> _Token | None:
        """Take the next token if it is one of ``texts``."""
        return self.tokens.popleft() if self.tokens and self.tokens[0].text in texts else None

    def layer(self, depth: int) -> Layer:
        word = self.tokens.popleft()
        if word.kind != "word":
            raise NetworkTextError(
                "stray '{word}' at position {position}, where a layer's name should stand",
                hint="it closes no bracket" if word.text == ")" and not depth else "for example: {example}",
                word=word.text,
                position=word.position,
                example=EXAMPLE,
            )
        kind = _kind(word)
        if kind.nested:
            return kind(layers=self.block(word, kind, depth + 1), position=word.position)  # type: ignore[call-arg]
        return _layer(word, kind, self.arguments(word))

    def block(self, word: _Token, kind: type[Layer], depth: int) -> tuple[Layer, ...]:
        """Read the layers in the brackets of a block."""
        if depth > DEEPEST:
            message = Message("blocks can lie in each other at most {most} deep", most=DEEPEST)
            raise mistake(word.text, word.position, message, Message("put it beside the others"))
        opening = self.take("(")
        layers = self.layers(depth) if opening else ()
        if opening and not self.take(")"):
            raise _unclosed(word, opening)
        if not layers:
            hint = Message("write {usage}", usage=usage(kind))
            raise mistake(word.text, word.position, Message("layers are missing"), hint)
        for layer in layers:
            _check_open(layer)
        return layers

    def arguments(self, word: _Token) -> list[_Argument]:
        """Read the arguments in the brackets of a layer, if it has any."""
        opening = self.take("(")
        if not opening or self.take(")"):
            return []
        arguments = []
        while self.tokens:
            arguments.append(self.argument(word, opening))
            if self.take(")"):
                return arguments
            if self.tokens and not self.take(","):
                after = self.tokens[0]
                values = {"sign": after.text, "position": after.position}
                problem = Message("expected ',' or ')' before '{sign}' at position {position}", **values)
                hint = Message(
                    "arguments are parted by commas, and the bracket of {layer} must be closed",
                    layer=word.text,
                )
                raise mistake(word.text, word.position, problem, hint, after.position)
        raise _unclosed(word, opening)

    def argument(self, word: _Token, opening: _Token) -> _Argument:
        first = self.tokens.popleft()
        value, keyword = first, ""
        if first.kind == "word" and self.take("="):
            if not self.tokens:
                raise _unclosed(word, opening)
            value, keyword = self.tokens.popleft(), first.text
        if value.kind in ("mark", "arrow"):
            problem = Message(
                "expected a value after '{keyword}=', not '{sign}' at position {position}"
                if keyword
                else "expected an argument, not '{sign}' at position {position}",
                keyword=keyword,
                sign=value.text,
                position=value.position,
            )
            raise mistake(word.text, word.position, problem, "", value.position)
        return _Argument(keyword, value.text, first.position)


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        match = _TOKEN.match(text, place)
        if match is None:
            hint = Message("network text is made of words, numbers, brackets, commas and =")
            message = Message("stray {sign!r} at position {position}", sign=text[place], position=place + 1)
            raise NetworkTextError(message, hint, position=place + 1)
        yield _Token(match.lastgroup or "", _tidy(match), place + 1)
        place = match.end()


def _tidy(match: re.Match[str]) -> str:
    written = match.group().lower()
    if match.lastgroup == "word":
        return written.replace("-", "_")
    if match.lastgroup == "size":
        return re.sub(r"\s", "", written.replace("×", "x"))
    return written


def _kind(word: _Token) -> type[Layer]:
    others = other_words()
    known = others.get(word.text, word.text)
    if known in KINDS:
        return KINDS.get(known)
    nearest = difflib.get_close_matches(word.text, [*KINDS, *others], n=1, cutoff=0.5)
    by_family = sorted(KINDS, key=lambda name: FAMILIES.index(KINDS.get(name).family))
    raise NetworkTextError(
        "unknown layer '{word}' at position {position}{meant}",
        hint="layers: {names}",
        position=word.position,
        word=_short(word.text),
        meant=Message("; did you mean '{name}'?", name=others.get(nearest[0], nearest[0])) if nearest else "",
        names=", ".join(by_family),
    )


def _layer(word: _Token, kind: type[Layer], arguments: list[_Argument]) -> Layer:
    """Return the layer with these arguments."""
    given: dict[str, Any] = {}
    for argument in arguments:
        setting = _setting(word, kind, argument, given)
        form: Form = setting.metadata["form"]
        try:
            given[setting.name] = form.read(argument.value)
        except ValueError:
            message = Message(
                "{argument} must be {allowed}, not '{given}'",
                argument=setting.name,
                allowed=form.allowed,
                given=_short(argument.value),
            )
            raise _wrong(word, kind, argument.position, message) from None
    required = [setting.name for setting in settings(kind).values() if setting.default is MISSING]
    if missing := [name for name in required if name not in given]:
        *names, last = missing
        details = {"names": ", ".join(names), "last": last}
        message = Message("{names} and {last} are missing" if names else "{last} is missing", **details)
        raise _wrong(word, kind, word.position, message)
    return kind(**given, position=word.position)


def _setting(word: _Token, kind: type[Layer], argument: _Argument, given: dict[str, Any]) -> Field[Any]:
    """Return the field that an argument sets: the one that it names, else the next that may stand bare."""
    known = settings(kind)
    name, value = argument.keyword, _short(argument.value)
    if not known:
        message = Message("it takes no arguments, but has '{value}'", value=value)
        raise _wrong(word, kind, argument.position, message)
    if name and name not in known:
        message = Message(
            "unknown argument '{name}'{meant}", name=_short(name), meant=suggestion(name, known)
        )
        raise _wrong(word, kind, argument.position, message)
    if not name and value in ("same", "valid") and "padding" in known:
        name = "padding"
    if not name:
        free = (one.name for one in known.values() if stands_bare(one) and one.name not in given)
        name = next(free, "")
    if not name:
        message = Message("'{value}' is one argument too many", value=value)
        raise _wrong(word, kind, argument.position, message)
    if name in given:
        raise _wrong(word, kind, argument.position, Message("{argument} is given twice", argument=name))
    return known[name]


def _check_open(layer: Layer) -> None:
    """Refuse a layer that can only be the last one where it is not."""
    if layer.closing:
        raise layer.mistake(
            Message("it must be the last layer"), Message("take it out, or move it to the end")
        )


def _wrong(word: _Token, kind: type[Layer], position: int, problem: str) -> NetworkTextError:
    return mistake(
        _short(word.text), word.position, problem, Message("write {usage}", usage=usage(kind)), position
    )


def _unclosed(word: _Token, opening: _Token) -> NetworkTextError:
    message = Message(
        "{layer} at position {position}: its bracket is never closed", layer=word.text, position=word.position
    )
    return NetworkTextError(message, Message("write ) after the last argument"), position=opening.position)


def _short(written: str) -> str:
    return written if len(written) <= 40 else f"{written[:37]}..."
