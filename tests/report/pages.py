"""A reader of pages, by another parser than the one that made them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

EMPTY = {"meta", "link", "img", "br", "line", "circle"}  # elements without an end


@dataclass
class Element:
    """An element of a page.

    Attributes:
        name: of its tag.
        attributes: by name.
        inside: the elements around it, the outermost first.
        text: all text in it.
    """

    name: str
    attributes: dict[str, str | None]
    inside: tuple["Element", ...]
    text: str = ""
    children: list["Element"] = field(default_factory=list)


class Page(HTMLParser):
    """A page; one whose tags are not closed in their order is refused."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute of <{tag}> stands twice"
        element = Element(tag, dict(attrs), tuple(self._open))
        if self._open:
            self._open[-1].children.append(element)
        self.elements.append(element)
        if tag not in EMPTY:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag in EMPTY:
            return
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop().name == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, *names: str) -> Iterator[Element]:
        """Yield the elements with one of these names, in their order."""
        return (each for each in self.elements if each.name in names)

    @property
    def text(self) -> str:
        """What is read, with single spaces."""
        (body,) = self.all("body")
        return " ".join(body.text.split())


def read_page(path: Path) -> Page:
    """Return the page in a file."""
    return Page(path.read_text("utf-8"))
