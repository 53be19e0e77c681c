"""Mutations: from sound bytes, JSON and text to damaged ones, drawn from a random generator."""

import json
import string
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

INTERESTING = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    15,
    16,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
)
MOST_CHANGED = 1e300  # a number, to one near it
NUMBERS = (*INTERESTING, -1, 2**64, 0.5, "1e9", "9" * 30)
HEAD = 96  # bytes, in which most formats hold their sizes and kinds
MOST_CHANGES = 6
DEEP = "@nested deeply@"  # stands in JSON for nesting that is written in afterwards
DEPTHS = (50, 990, 20_000)
CLOSED = {"[": "]", '{"a":': "}"}
ODD_TEXTS = (
    "",
    " ",
    "x",
    "\0",
    "\ud800",
    "\udfff",
    "\u202e",
    "한국어",
    "é" * 300,
    "a" * 100_000,
    "..",
    "/",
    "-",
    "nan",
    "{field}",
    "{0}",
    "%s",
    "\n\x1b[31m",
    "true",
    "1e400",
    "9" * 5000,
    "auto",
    "fold 1 of 2",
)


def mutated(random: Random, content: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Return ``content`` with one to ``MOST_CHANGES`` changes; half of them in its head.

    Args:
        random: draws the changes.
        content: sound bytes.
        others: more of them, to splice with.
    """
    changed = bytearray(content)
    for _ in range(random.randint(1, random.randint(1, MOST_CHANGES))):
        if not changed:
            return bytes(changed)
        place = random.randrange(min(len(changed), HEAD) if random.random() < 0.5 else len(changed))
        random.choice(_CHANGES)(random, changed, place, others)
    return bytes(changed)


def _flip(random: Random, content: bytearray, place: int, _: Sequence[bytes]) -> None:
    content[place] ^= 1 << random.randrange(8)


def _replace(random: Random, content: bytearray, place: int, _: Sequence[bytes]) -> None:
    content[place] = random.randrange(256)


def _number(random: Random, content: bytearray, place: int, _: Sequence[bytes]) -> None:
    size = random.choice((1, 2, 4))
    value = random.choice(INTERESTING) % 256**size
    content[place : place + size] = value.to_bytes(size, random.choice(("little", "big")))


def _truncate(_: Random, content: bytearray, place: int, __: Sequence[bytes]) -> None:
    del content[place:]


def _remove(random: Random, content: bytearray, place: int, _: Sequence[bytes]) -> None:
    del content[place : place + random.choice((1, 2, 4, 16, 256))]


def _repeat(random: Random, content: bytearray, place: int, _: Sequence[bytes]) -> None:
    content[place:place] = content[place : place + random.choice((1, 4, 32, 1024))] * random.choice((1, 2, 8))


def _insert(random: Random, content: bytearray, place: int, _: Sequence[bytes]) -> None:
    content[place:place] = random.randbytes(random.choice((1, 2, 4, 64)))


def _splice(random: Random, content: bytearray, place: int, others: Sequence[bytes]) -> None:
    if others:
        other = random.choice(others)
        content[place:] = other[random.randrange(len(other) + 1) :]


_CHANGES: tuple[Callable[[Random, bytearray, int, Sequence[bytes]], None], ...] = (
    _flip,
    _flip,
    _replace,
    _replace,
    _number,
    _number,
    _number,
    _truncate,
    _remove,
    _repeat,
    _insert,
    _splice,
)


def hostile_value(random: Random) -> Any:
    """Return a value that JSON can hold, and that seldom belongs where it stands."""
    return random.choice(
        (
            None,
            random.random() < 0.5,
            random.choice((0, 1, -1, 2, 5, 10, 255, 2**31, 2**63, 2**64, -(2**70), 10**400)),
            random.choice((0.5, -0.0, 1e-320, 1e308, float("inf"), float("-inf"), float("nan"))),
            random.choice(ODD_TEXTS),
            [],
            {},
            [random.choice((0, "x", None, 1e308))] * random.choice((1, 3, 1000)),
            {random.choice(ODD_TEXTS): random.choice((1, None, "x"))},
            DEEP,
        )
    )


def mutated_json(random: Random, content: Any) -> str:
    """Return JSON like ``content`` with a few values, keys or items changed; perhaps nested very deeply."""
    changed = json.loads(json.dumps(content))
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        changed = _changed(random, changed)
    text = json.dumps(changed, ensure_ascii=random.random() < 0.7)
    opening = random.choice(tuple(CLOSED))
    depth = random.choice(DEPTHS)
    return text.replace(json.dumps(DEEP), opening * depth + "1" + CLOSED[opening] * depth)


def _changed(random: Random, content: Any) -> Any:
    """Return ``content`` with one place changed: itself, or one somewhere inside."""
    inside = isinstance(content, (dict, list)) and content
    if not inside or random.random() < 0.1:
        return _near(random, content) if random.random() < 0.4 else hostile_value(random)
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    key = random.choice(keys)
    action = random.random()
    if action < 0.1:
        del content[key]
    elif action < 0.15 and isinstance(content, dict):
        content[random.choice((*ODD_TEXTS, *map(str, keys)))] = hostile_value(random)
    elif action < 0.2 and isinstance(content, list):
        content.insert(key, random.choice((content[key], hostile_value(random))))
    else:
        content[key] = _changed(random, content[key])
    return content


def _near(random: Random, value: Any) -> Any:
    """Return a value of the same kind, near ``value``."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)) and abs(value) < MOST_CHANGED:
        return random.choice((value + 1, -value, value * 1000, value - 1, float(value), str(value)))
    if isinstance(value, str):
        return mutated_text(random, value)
    return hostile_value(random)


def mutated_text(random: Random, text: str, others: Sequence[str] = ()) -> str:
    """Return ``text`` with a few letters removed, repeated, replaced or swapped for parts of others."""
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(text) + 1)
        end = min(len(text), place + random.choice((1, 1, 2, 5, 20)))
        action = random.randrange(7)
        if action == 0:
            text = text[:place] + text[end:]
        elif action == 1:
            text = text[:place] + text[place:end] * random.choice((2, 3, 50)) + text[end:]
        elif action == 2:
            text = text[:place] + random.choice(string.printable) + text[end:]
        elif action == 3:
            text = text[:place] + random.choice(ODD_TEXTS) + text[place:]
        elif action == 4:
            text = (
                text[:place]
                + str(random.choice((*INTERESTING, -1, 2**64, 0.5, "1e9", "9" * 30)))
                + text[end:]
            )
        elif action == 5 and others:
            other = random.choice(others)
            text = text[:place] + other[random.randrange(len(other) + 1) :]
        else:
            text = text[:place]
    return text
