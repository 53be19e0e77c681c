"""Where things live: the cache, the official data files, the runs.

=========================  ==========================================================================
``IMAGELET_DATA``          a folder with official files; looked at first
``IMAGELET_HOME``          the cache; else ``$XDG_CACHE_HOME/imagelet``, else ``~/.cache/imagelet``
``IMAGELET_RUNS``          where runs are written; else ``./runs``
``IMAGELET_ALLOW_IMPORT``  1: code that a run or a classifier's file names as its network is imported
=========================  ==========================================================================
"""

import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

SYSTEM_DATA = Path("/usr/share/datasets")  # where Debian's dataset-fashion-mnist puts its files


def home() -> Path:
    """Return the cache folder. It need not exist."""
    if named := os.environ.get("IMAGELET_HOME"):
        return Path(named).expanduser()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg).expanduser() / "imagelet"
    return Path.home() / ".cache" / "imagelet"


def downloads() -> Path:
    """Return the folder that downloaded official files are kept in. It need not exist."""
    return home() / "data"


def data_folders() -> tuple[Path, ...]:
    """Return the folders in which official files are looked for, best first. They need not exist."""
    named = os.environ.get("IMAGELET_DATA")
    first = (Path(named).expanduser(),) if named else ()
    return (*first, downloads(), SYSTEM_DATA)


def import_allowed() -> bool:
    """Say whether code that a run's folder or a classifier's file names may be imported."""
    return os.environ.get("IMAGELET_ALLOW_IMPORT") == "1"


@contextlib.contextmanager
def allowing_import() -> Iterator[None]:
    """Allow it in the block, to this process and to those that it starts."""
    before = os.environ.get("IMAGELET_ALLOW_IMPORT")
    os.environ["IMAGELET_ALLOW_IMPORT"] = "1"
    try:
        yield
    finally:
        del os.environ["IMAGELET_ALLOW_IMPORT"]
        if before is not None:
            os.environ["IMAGELET_ALLOW_IMPORT"] = before


def runs() -> Path:
    """Return the folder that runs are written to. It need not exist."""
    return Path(os.environ.get("IMAGELET_RUNS") or "runs").expanduser()


def typed(path: str | Path) -> str:
    """Return a path as it is typed into a command line: in quotes where it needs them."""
    if os.name == "nt":
        return f'"{path}"' if " " in str(path) else str(path)
    return shlex.quote(str(path))


def shipped() -> Path:
    """Return the folder of the package that holds the shipped classifiers and their cards."""
    return Path(__file__).parent / "pretrained"
