"""The files in ``benchmarks/results``: one for each benchmark, whole or absent."""

import json
from pathlib import Path
from typing import Any

from benchmarks.measuring import Measured
from imagelet import atomic_files
from imagelet.runs.environment import environment

FOLDER = Path(__file__).parent / "results"

Result = dict[str, Any]
"""name; measured; environment; perhaps busy: other work ran on the machine at the same time."""


def path_of(name: str) -> Path:
    """Return where a benchmark's result lies, or would lie."""
    return FOLDER / f"{name}.json"


def read(name: str) -> Result | None:
    """Return a benchmark's result, None where it has not been run."""
    path = path_of(name)
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def read_all() -> dict[str, Result]:
    """Return every result by the benchmark's name, in the order of the names."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def write(name: str, measured: Measured) -> None:
    """Keep what a benchmark measured, with the machine, the versions and the commit of now."""
    atomic_files.write_json(path_of(name), {"name": name, "measured": measured, "environment": environment()})
