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
        message = f"the network text has {len(text):,} characters; at most {LONGEST_TEXT:,} are read"
        raise NetworkTextError(message, hint="register a builder for so large a network")
    tokens = deque(_tokens(text))
    if not tokens:
        raise NetworkTextError("the network text is empty", hint=f"for example: {EXAMPLE}", text=text)
    calls = []
    while tokens:
        calls.append(_read_call(tokens, text))
        if tokens and tokens[0].text in SEPARATORS:
            separator = tokens.popleft()
            if not tokens:
                message = f"the network text ends after '{separator.text}' at position {separator.position}"
                raise _error(text, separator, message, "write another layer after it, or leave it out")
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
            hint = "network text is made of words, numbers, brackets, commas and ="
            raise _error(text, stray, f"stray {stray.text!r} at position {stray.position}", hint)
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
        hint = "it closes no bracket" if word.text == ")" else f"for example: {EXAMPLE}"
        message = f"stray '{word.text}' at position {word.position}, where a layer's name should stand"
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
            hint = f"arguments are parted by commas, and the bracket of {word.text} must be closed"
            raise _error(text, after, f"{word.text} at position {word.position}: {message}", hint)
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
        raise _error(text, value, f"{word.text} at position {word.position}: {message}", "")
    return Argument(keyword, value.text, first.position)


def _unclosed(text: str, word: _Token, bracket: _Token) -> NetworkTextError:
    message = f"{word.text} at position {word.position}: its bracket is never closed"
    return _error(text, bracket, message, "write ) after the last argument")


def _error(text: str, token: _Token, message: str, hint: str) -> NetworkTextError:
    return NetworkTextError(message, hint, text=text, position=token.position)
