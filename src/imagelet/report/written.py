"""What comes of writing a page."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Report:
    """A page that was written.

    Attributes:
        file: where it is.
        size: its bytes.
        part: whose images it shows, ``validation`` or ``test``; None where it shows none.
        left_out: what is not in it and why, a sentence each.
        seconds: what it took.
    """

    file: Path
    size: int
    part: str | None
    left_out: tuple[str, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "file": str(self.file),
            "bytes": self.size,
            "part": self.part,
            "left_out": list(self.left_out),
            "seconds": self.seconds,
        }


def silent(_done: int, _total: int | None) -> None:
    """Tell nobody."""
