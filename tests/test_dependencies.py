"""pyproject.toml declares what the source imports, and nothing else."""

import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tools.lock import LOCKS, without_torch
from tools.lowest import TORCH
from tools.source import imports, read_modules

ROOT = Path(__file__).parents[1]
WHERE_IT_RUNS = {"IPython", "pandas"}  # in a notebook, which brings it; where a frame is asked for
ONLY_FOR_ITS_VERSION = {"h11"}  # uvicorn brings it, older ones too
SAFE_FROM = {  # the oldest version without a hole that is known and serious
    "fastapi": "0.109.1",  # CVE-2024-24762
    "filelock": "3.20.3",  # CVE-2025-68146, CVE-2026-22701
    "h11": "0.16",  # CVE-2025-43859
    "jinja2": "3.1.6",  # CVE-2025-27516
    "pyarrow": "23.0.1",  # CVE-2023-47248, CVE-2026-25087
    "pillow": "13",  # CVE-2026-96639, -96643, -112395, -112403
    "pydantic": "2.4",  # CVE-2024-3772
    "requests": "2.33",  # CVE-2024-47081, CVE-2026-25645
    "scikit-learn": "1.5",  # CVE-2024-5206
    "starlette": "1.3.1",  # CVE-2025-62727, CVE-2026-48710, CVE-2026-54283
    "torch": "2.10",  # CVE-2025-32434, GHSA-63cw-57p8-fm3p
    "urllib3": "2.7",  # CVE-2025-66418, -66471, CVE-2026-21441, -44432
}
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


def _declared(extra: str | None = None) -> set[str]:
    """Return what the project needs, or what one of its extras adds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    texts = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return {_normal(re.match(r"[\w.-]+", text)[0]) for text in texts}


DECLARED = _declared() | _declared("formats") | _declared("onnx") | _declared("tune")


def test_what_the_source_imports_is_declared() -> None:
    assert {name: place for name, place in _imported().items() if name not in DECLARED} == {}


def test_what_is_declared_is_imported() -> None:
    assert _imported().keys() >= DECLARED - ONLY_FOR_ITS_VERSION


def test_no_version_with_a_known_hole_is_admitted() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    texts = [*project["dependencies"], *project["optional-dependencies"]["formats"]]
    requirements = {_normal(one.name): one for one in map(Requirement, texts)}
    assert set(SAFE_FROM) <= set(requirements)
    for name, version in SAFE_FROM.items():
        (floor,) = requirements[name].specifier
        assert floor.operator == ">="
        assert Version(floor.version) >= Version(version), f"{name} {floor.version} has a known hole"


def test_what_is_declared_is_pinned() -> None:
    pinned = {_normal(line.partition("==")[0]) for line in CONSTRAINTS.splitlines() if "==" in line}
    assert _declared() | _declared("formats") | _declared("onnx") | _declared("tune") <= pinned


@pytest.mark.parametrize("name", sorted(LOCKS))
def test_a_lock_file_holds_what_is_pinned_with_hashes(name: str) -> None:
    text = (ROOT / name).read_text("utf-8").replace("\\\n", "")
    pinned = dict(line.split("==") for line in CONSTRAINTS.splitlines() if "==" in line)
    locked = {}
    for line in text.splitlines()[1:]:
        package, _, rest = line.partition("==")
        version, *others = rest.split()
        hashes = [word for word in others if re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", word)]
        assert hashes, line
        assert pinned.get(package) == version or others[0] == ";", f"{package} {version} is pinned otherwise"
        locked[package] = version
    assert _declared() - {"torch"} <= locked.keys()  # torch's hashes differ by index
    assert "setuptools" in locked  # it builds imagelet
    assert not any(TORCH.match(package) for package in locked)
    assert ("pytest" in locked) == ("dev" in LOCKS[name])


def test_torch_and_what_it_brings_are_left_out_of_a_lock_file_with_their_hashes() -> None:
    entry = "{}==1 \\\n    --hash=sha256:0 \\\n    --hash=sha256:1\n"
    names = ("a", "torch", "nvidia-cublas", "b", "triton", "cuda-toolkit", "torchmetrics")
    text = "".join(map(entry.format, names))
    assert without_torch(text) == "".join(map(entry.format, ("a", "b", "torchmetrics")))
