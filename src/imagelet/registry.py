"""Named things: datasets, networks, recipes, optimizers, framings.

A registry maps a name to a thing. A duplicate raises; a miss names the nearest spelling.
Packages of other people add to the registries through the entry-point group ``imagelet.plugins``:
each entry point names a module, which registers its things when it is imported.
"""

import difflib
import importlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Generic, TypeVar

from imagelet.errors import UnknownNameError
from imagelet.messages import Message

T = TypeVar("T")

PLUGIN_GROUP = "imagelet.plugins"


class Registry(Generic[T]):
    """Names and the things they stand for, in the order in which they were added.

    Args:
        kind: what the things are, in the singular: ``"network"``.
        listing: the command that lists them: ``"imagelet networks"``.
        home: the package whose modules add to the registry; it is imported when something is first asked for.
    """

    def __init__(self, kind: str, listing: str, home: str = "") -> None:
        self.kind = kind
        self.listing = listing
        self._home = home
        self._things: dict[str, T] = {}

    def add(self, name: str, thing: T) -> T:
        """Register ``thing`` under ``name`` and return it.

        Raises:
            ValueError: the name is taken.
        """
        if name in self._things:
            raise ValueError(f"the {self.kind} '{name}' is registered already")
        self._things[name] = thing
        return thing

    def get(self, name: str) -> T:
        """Return the thing called ``name``.

        Raises:
            UnknownNameError: there is none; the message suggests the nearest name.
        """
        if name in self:
            return self._things[name]
        raise unknown(self.kind, name, self._things, Message("{command} lists them", command=self.listing))

    def _fill(self) -> None:
        """Import what adds to the registry: its home, and the plugins."""
        if self._home and self._home not in sys.modules:
            importlib.import_module(self._home)
        load_plugins()

    def __contains__(self, name: object) -> bool:
        if name not in self._things:
            self._fill()
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        self._fill()
        return iter(tuple(self._things))

    def __len__(self) -> int:
        self._fill()
        return len(self._things)


@cache
def load_plugins() -> None:
    """Import what other packages offer under the entry-point group, once."""
    from importlib.metadata import entry_points  # takes longer to import than all else here

    for entry_point in entry_points(group=PLUGIN_GROUP):
        entry_point.load()


def unknown(
    kind: str, name: str, known: Iterable[str], hint: str, *, meant: str | None = None
) -> UnknownNameError:
    """Return the error for a ``name`` that no ``kind`` of thing has; it suggests the nearest one.

    Args:
        kind: what was looked for, in the singular.
        name: what was given.
        known: the names that there are.
        hint: what lists them.
        meant: the name that is suggested; None: the nearest by spelling.
    """
    meant = (
        suggestion(name.lower(), known) if meant is None else Message("; did you mean '{name}'?", name=meant)
    )
    return UnknownNameError("unknown {kind} '{name}'{meant}", hint, kind=kind, name=name, meant=meant)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'lenet-5'?`` for the known name that is nearest; nothing where none is near."""
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return Message("; did you mean '{name}'?", name=nearest[0]) if nearest else ""
