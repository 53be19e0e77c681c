"""Messages: English templates with their values, translated where they are shown.

A message is text like any other, in English; what shows it to people asks :func:`translate`. The templates
are the keys of the catalogs in ``locale/``.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, Self

from imagelet import particles

ENGLISH = "en"
LANGUAGES = (ENGLISH, "ko")
LONGEST_VALUE = 2000  # letters
LARGEST_NUMBER = 10**300  # what a float holds can be formatted in every way
CATALOGS = Path(__file__).parent / "locale"

_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


class Message(str):
    """English text that remembers its template and its values, so that it can be translated later.

    >>> Message("there is no run '{name}'", name="first")
    "there is no run 'first'"

    Args:
        template: as for ``str.format``; without values it is taken as it is, braces included. A message stays
            the message that it is.
        **values: what the places of the template stand for; messages among them are translated, too. A text
            of more than ``LONGEST_VALUE`` letters is cut off, and a whole number beyond ``LARGEST_NUMBER`` is
            infinite: both come from input that is none.

    Attributes:
        template: the template, the key of its translations.
        values: the values by the names of their places.
    """

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> Self:
        """Return the text of the template with its values."""
        if isinstance(template, cls):
            return template
        values = {name: _presentable(value) for name, value in values.items()}
        message = super().__new__(cls, template.format(**values) if values else template)
        message.template, message.values = template, values
        return message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.template, dict(self.values))

    def to_json(self) -> dict[str, Any]:
        """Return plain data; values that are no numbers and no messages become text."""
        return {
            "template": self.template,
            "values": {name: _plain(value) for name, value in self.values.items()},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Message":
        """Return the message that :meth:`to_json` wrote.

        Raises:
            ValueError: anything but that.
        """
        try:
            values = {
                name: cls.from_json(value) if isinstance(value, Mapping) else value
                for name, value in content["values"].items()
            }
            return cls(content["template"], **values)
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError("a message holds a template and values that fit") from error


def _rebuilt(template: str, values: dict[str, Any]) -> Message:
    return Message(template, **values)


def _presentable(value: Any) -> Any:
    if isinstance(value, int) and not -LARGEST_NUMBER < value < LARGEST_NUMBER:
        return math.inf if value > 0 else -math.inf
    if isinstance(value, (dict, list, tuple)) and len(repr(value)) > LONGEST_VALUE:
        value = repr(value)
    if isinstance(value, str) and not isinstance(value, Message) and len(value) > LONGEST_VALUE:
        return value[:LONGEST_VALUE] + "…"
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return value.to_json()
    return value if isinstance(value, (bool, int, float)) else str(value)


def enumerated(messages: Sequence[Message]) -> Message:
    """Return messages with commas between them as one message, in which each is translated.

    >>> enumerated([Message("{count} cats", count=2), Message("a dog")])
    '2 cats, a dog'
    """
    first, *others = messages
    return Message("{first}, {others}", first=first, others=enumerated(others)) if others else first


def message_of(error: BaseException) -> str:
    """Return what an error says, as a message where it was raised with one."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, Message) else str(error)


def translate(text: str, language: str | None = None) -> str:
    """Return ``text`` in a language; as it is where the catalog does not know it.

    Args:
        text: a message, or a text that is a key itself.
        language: one of :data:`LANGUAGES`; None: the one that :func:`use_language` chose.
    """
    language = language or _language.get()
    if language == ENGLISH or not text:
        return str(text)
    catalog = _catalog(language)
    if not isinstance(text, Message):
        return catalog.get(text, text)
    template = catalog.get(text.template, text.template)
    if not text.values:
        return template
    values = {
        name: translate(value, language) if isinstance(value, Message) else value
        for name, value in text.values.items()
    }
    return particles.filled(template, values) if language == "ko" else template.format(**values)


@cache
def _catalog(language: str) -> dict[str, str]:
    """Return the templates of a language by the English ones."""
    import bz2  # few need it, and a Python that was built without it still speaks English

    path = CATALOGS / language / "LC_MESSAGES" / "imagelet.json.bz2"
    catalog: dict[str, str] = json.loads(bz2.decompress(path.read_bytes())) if path.exists() else {}
    return catalog


def current_language() -> str:
    """Return the language that :func:`use_language` chose in this context; English where none was chosen."""
    return _language.get()


@contextmanager
def use_language(language: str) -> Iterator[None]:
    """Let :func:`translate` answer in ``language`` inside the block, in this thread or task."""
    token = _language.set(language if language in LANGUAGES else ENGLISH)
    try:
        yield
    finally:
        _language.reset(token)


def preferred_language(environment: Mapping[str, str]) -> str:
    """Return the language that ``LC_ALL``, ``LC_MESSAGES`` or ``LANG`` asks for, the first that is set.

    >>> preferred_language({"LANG": "ko_KR.UTF-8"})
    'ko'
    """
    wanted = next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), ""
    )
    short = wanted[:2].lower()
    return short if short in LANGUAGES else ENGLISH
