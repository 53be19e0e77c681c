"""The grammar of network text: characters → words with arguments. What the words mean is elsewhere.

    text      = layer { [ separator ] layer }
    layer     = word [ "(" [ argument { "," argument } ] ")" ]
    argument  = [ word "=" ] value
    value     = word | number | size
    size      = number "x" number
    separator = "," | ";" | "|" | "->" | "→"

Blanks and line ends may stand between any two of these, and capitals are read as small letters. Every
position is that of a character of the given text, counted from 1.
"""

import re
from collections import deque
from dataclasses import dataclass

from imagelet.errors import NetworkTextError
from imagelet.messages import Message

LONGEST_TEXT = 10_000  # characters
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


@dataclass(frozen=True)
class Argument:
    """One argument as written: ``stride=2`` has a keyword, ``3x3`` has none (an empty one)."""

    keyword: str
    value: str
    position: int


@dataclass(frozen=True)
class Call:
    """One layer as written: its word, its arguments, and the position of the word."""

    word: str
    arguments: tuple[Argument, ...]
    position: int


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


def read_calls(text: str) -> tuple[Call, ...]:
    """Return the layers of ``text`` as written, without asking whether such layers exist.

    Words come in small letters with ``_`` for ``-``, sizes as ``3x3`` without blanks.

    Raises:
        NetworkTextError: the text is empty or longer than LONGEST_TEXT characters, or breaks the grammar.
    """
    if len(text) > LONGEST_TEXT:
        message = Message(
            "the network text has {count:,} characters; at most {most:,} are read",
            count=len(text),
            most=LONGEST_TEXT,
        )
        raise NetworkTextError(message, hint="register a builder for so large a network")
    tokens = deque(_tokens(text))
    if not tokens:
        raise NetworkTextError(
            "the network text is empty", hint="for example: {what}", text=text, what=EXAMPLE
        )
    calls = []
    while tokens:
        calls.append(_read_call(tokens, text))
        if tokens and tokens[0].text in SEPARATORS:
            separator = tokens.popleft()
            if not tokens:
                message = Message(
                    "the network text ends after '{sign}' at position {position}",
                    sign=separator.text,
                    position=separator.position,
                )
                raise _error(
                    text, separator, message, Message("write another layer after it, or leave it out")
                )
    return tuple(calls)


def _tokens(text: str) -> list[_Token]:
    tokens = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        match = _TOKEN.match(text, place)
        if match is None:
            stray = _Token("stray", text[place], place + 1)
            hint = Message("network text is made of words, numbers, brackets, commas and =")
            raise _error(
                text,
                stray,
                Message("stray {sign!r} at position {position}", sign=stray.text, position=stray.position),
                hint,
            )
        tokens.append(_Token(match.lastgroup or "", _tidy(match), place + 1))
        place = match.end()
    return tokens


def _tidy(match: re.Match[str]) -> str:
    written = match.group().lower()
    if match.lastgroup == "word":
        return written.replace("-", "_")
    if match.lastgroup == "size":
        return re.sub(r"\s", "", written.replace("×", "x"))
    return written


def _read_call(tokens: deque[_Token], text: str) -> Call:
    word = tokens.popleft()
    if word.kind != "word":
        hint = (
            Message("it closes no bracket")
            if word.text == ")"
            else Message("for example: {what}", what=EXAMPLE)
        )
        message = Message(
            "stray '{word}' at position {position}, where a layer's name should stand",
            word=word.text,
            position=word.position,
        )
        raise _error(text, word, message, hint)
    arguments: tuple[Argument, ...] = ()
    if tokens and tokens[0].text == "(":
        bracket = tokens.popleft()
        arguments = _read_arguments(tokens, text, word, bracket)
    return Call(word.text, arguments, word.position)


def _read_arguments(tokens: deque[_Token], text: str, word: _Token, bracket: _Token) -> tuple[Argument, ...]:
    if tokens and tokens[0].text == ")":
        tokens.popleft()
        return ()
    arguments = []
    while tokens:
        arguments.append(_read_argument(tokens, text, word, bracket))
        if not tokens:
            break
        after = tokens.popleft()
        if after.text == ")":
            return tuple(arguments)
        if after.text != ",":
            message = f"expected ',' or ')' before '{after.text}' at position {after.position}"
            hint = Message(
                "arguments are parted by commas, and the bracket of {layer} must be closed", layer=word.text
            )
            raise _error(
                text,
                after,
                Message(
                    "{layer} at position {position}: {problem}",
                    layer=word.text,
                    position=word.position,
                    problem=message,
                ),
                hint,
            )
    raise _unclosed(text, word, bracket)


def _read_argument(tokens: deque[_Token], text: str, word: _Token, bracket: _Token) -> Argument:
    first = tokens.popleft()
    value, keyword = first, ""
    if first.kind == "word" and tokens and tokens[0].text == "=":
        tokens.popleft()
        if not tokens:
            raise _unclosed(text, word, bracket)
        value, keyword = tokens.popleft(), first.text
    if value.kind in ("mark", "arrow"):
        wanted = f"a value after '{keyword}='" if keyword else "an argument"
        message = f"expected {wanted}, not '{value.text}' at position {value.position}"
        raise _error(
            text,
            value,
            Message(
                "{layer} at position {position}: {problem}",
                layer=word.text,
                position=word.position,
                problem=message,
            ),
            "",
        )
    return Argument(keyword, value.text, first.position)


def _unclosed(text: str, word: _Token, bracket: _Token) -> NetworkTextError:
    message = Message(
        "{layer} at position {position}: its bracket is never closed", layer=word.text, position=word.position
    )
    return _error(text, bracket, message, Message("write ) after the last argument"))


def _error(text: str, token: _Token, message: str, hint: str) -> NetworkTextError:
    return NetworkTextError(message, hint, text=text, position=token.position)
