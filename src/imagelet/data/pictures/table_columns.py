"""Which columns of a table are what: the pictures, their labels, perhaps their sources and parts.

Columns may have other usual names (``filename``, ``class``). Of two columns one of which names the pictures,
the other is the label. Without a column for the label, columns of 0 and 1 are one for each class, as
competitions write them: ``image, healthy, rust, scab``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from imagelet.messages import Message

SUFFIXES = frozenset({".csv", ".tsv"})  # by which a table is known that is not opened
COLUMNS = ("path", "label")
SOURCE = "source"  # a column that may be there: who wrote, drew or took the picture
PART = "split"  # another: train, validation or test
USUAL_NAMES = {  # of columns; those of the second line where none of the first is there
    "path": (
        ("file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "picture"),
        ("id", "image_id", "imageid", "img_id", "image_name", "img", "img_name"),
    ),
    "label": (("class", "class_name", "category", "target"), ("labels", "class_label", "classname")),
    PART: (("part", "subset", "set"),),
}
NAMED_AT_MOST = 20  # columns in a sentence


class ColumnsError(ValueError):
    """A header that does not say which column is what; its argument is what is wrong with the line."""


@dataclass(frozen=True)
class Columns:
    """What the cells of a row are.

    Attributes:
        names: of all columns in small letters; those that are known have ours.
        classes: the places and names of columns that stand for a class each; empty where one is the label.
        told: what has to be said of them; None where they have usual names.
    """

    names: tuple[str, ...]
    classes: tuple[tuple[int, str], ...] = ()
    told: Message | None = None

    def values(self, cells: Sequence[str]) -> dict[str, str]:
        """Return a row's cells by our names, the label of several columns among them.

        Raises:
            ColumnsError: not one of the columns of classes says 1, and all others 0.
        """
        values = dict(zip(self.names, cells, strict=False))
        if self.classes:
            values["label"] = self._label(cells)
        return values

    def _label(self, cells: Sequence[str]) -> str:
        places, names = zip(*self.classes, strict=True)
        numbers = list(map(_number, _at(places, cells)))
        if numbers.count(1) != 1 or set(numbers) - {0, 1}:
            raise ColumnsError(
                Message("needs a 1 in one of the columns {names}, and 0 in all others", names=_listed(names))
            )
        named: str = names[numbers.index(1)]
        return named


def read_columns(header: Sequence[str], first: Sequence[str]) -> Columns:
    """Return what the columns of a table are.

    Args:
        header: its first line.
        first: its first row; empty where there is none.

    Raises:
        ColumnsError: a column is missing, or there twice.
    """
    names = known_names(header)
    for name in (*COLUMNS, SOURCE):
        if names.count(name) > 1:
            raise ColumnsError(
                Message(
                    "has the column '{name}' twice; its columns are {names}", name=name, names=_all(names)
                )
            )
    if "path" not in names:
        raise _lacking("path", names)
    if "label" in names:
        return Columns(tuple(names))
    others = [place for place, name in enumerate(names) if name and name not in ("path", SOURCE, PART)]
    if len(others) == 1:
        (place,) = others
        told = Message(
            "The column '{path}' names the pictures, and '{label}' is their label.",
            path=header[names.index("path")].strip(),
            label=header[place].strip(),
        )
        return Columns((*names[:place], "label", *names[place + 1 :]), told=told)
    if len(others) > 1 and all(_number(cell) in (0, 1) for cell in _at(others, first)):
        classes = tuple((place, header[place].strip()) for place in others)
        told = Message(
            "There is a column of 0 and 1 for each of {count} classes: {names}.",
            count=len(classes),
            names=_listed([name for _, name in classes]),
        )
        return Columns(tuple(names), classes, told)
    raise _lacking("label", names)


def known_names(cells: Sequence[str]) -> list[str]:
    """Return the columns' names in small letters; one with another usual name gets ours."""
    names = [cell.strip().casefold() for cell in cells]
    for ours, usual in USUAL_NAMES.items():
        for candidates in usual:
            others = [index for index, name in enumerate(names) if name in candidates]
            if ours not in names and len(others) == 1:
                names[others[0]] = ours
    return names


def _lacking(name: str, names: Sequence[str]) -> ColumnsError:
    return ColumnsError(
        Message("lacks the column '{name}'; its columns are {names}", name=name, names=_all(names))
    )


def _all(names: Sequence[str]) -> str:
    return _listed(list(filter(None, names)))


def _at(places: Sequence[int], cells: Sequence[str]) -> list[str]:
    return [cells[place] if place < len(cells) else "" for place in places]


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED_AT_MOST]) + (" …" if len(names) > NAMED_AT_MOST else "")
