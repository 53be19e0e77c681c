"""The course's pages: which there are, in which order, and what each says in English and in Korean.

``pages/LANGUAGE/NAME.html`` is made from the Markdown in ``docs/course`` by ``tools/course_html.py``.
"""

import html
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imagelet.course.lessons import trainings
from imagelet.errors import UnknownNameError
from imagelet.registry import suggestion

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")
FOLDER = Path(__file__).parent / "pages"

ENTRANCE = "README"  # the name that makes it the page of its folder wherever Markdown is shown
FIRST = (ENTRANCE, "pictures", "layers")
LAST = ("own-digits",)
_TITLE = re.compile(r"<h1\b[^>]*>(.+)</h1>")
_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Page:
    """A page of the course in one language.

    Attributes:
        name: what it is asked for by: ``cnn-3``, ``layers``; ``README`` is the entrance.
        language: ``en`` or ``ko``.
        title: its first heading, as plain text.
        html: the whole page, its first heading included; links lead to ``#/course?page=NAME``.
        previous: the name of the page before it; None at the entrance.
        next: the name of the page after it; None at the end.
        experiment: the training that it is about, None where it is about none.
    """

    name: str
    language: Language
    title: str
    html: str
    previous: str | None
    next: str | None
    experiment: str | None


def page_names() -> list[str]:
    """Return the names of the pages in the order of the course.

    >>> page_names()[:4]
    ['README', 'pictures', 'layers', 'softmax']
    """
    names = (*FIRST, *(training.name for training in trainings()), *LAST)
    return [name for name in names if _file(name, "en").exists()]  # a plug-in's training may have no page


def read_page(name: str, language: Language = "en") -> Page:
    """Return a page.

    Raises:
        UnknownNameError: there is no such page; the message suggests the nearest name.
    """
    names = page_names()
    if name not in names:
        raise UnknownNameError(
            "unknown page of the course '{name}'{meant}",
            hint="there are {names}",
            name=name,
            meant=suggestion(name.lower(), names),
            names=", ".join(names),
        )
    index = names.index(name)
    text = _file(name, language).read_text("utf-8")
    heading = _TITLE.search(text)
    assert heading is not None, f"{name} has no heading"
    return Page(
        name=name,
        language=language,
        title=html.unescape(_TAG.sub("", heading[1])),
        html=text,
        previous=names[index - 1] if index else None,
        next=names[index + 1] if index + 1 < len(names) else None,
        experiment=name if name in {training.name for training in trainings()} else None,
    )


def _file(name: str, language: Language) -> Path:
    return FOLDER / language / f"{name}.html"
