"""pyproject.toml declares what the source imports, and nothing else."""

import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from tools.source import imports, read_modules

ROOT = Path(__file__).parents[1]
WHERE_IT_RUNS = {"IPython"}  # only in a notebook, which brings it
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _imported() -> dict[str, str]:
    """Return the distributions that the source imports, each with a module that does."""
    distributions = packages_distributions()
    modules = read_modules(ROOT / "src" / "imagelet")
    places: dict[str, str] = {}
    for module in modules.values():
        for found in imports(module, modules):
            package = found.target.split(".")[0]
            if package not in sys.stdlib_module_names | {"imagelet"} | WHERE_IT_RUNS:
                for distribution in distributions[package]:
                    places[_normal(distribution)] = f"{module.name} imports {package}"
    return places


def _declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {_normal(re.match(r"[\w.-]+", text)[0]) for text in project["dependencies"]}


def test_what_the_source_imports_is_declared() -> None:
    undeclared = {name: place for name, place in _imported().items() if name not in _declared()}
    assert undeclared == {}


def test_what_is_declared_is_imported() -> None:
    assert _declared() <= _imported().keys()


def test_what_is_declared_is_pinned() -> None:
    pinned = {_normal(line.partition("==")[0]) for line in CONSTRAINTS.splitlines() if "==" in line}
    assert _declared() <= pinned
