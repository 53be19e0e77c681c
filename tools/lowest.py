"""Install the built package with the oldest versions that ``pyproject.toml`` admits, and with the newest.

The demo and some tests run with each. Every Python from 3.11 that can be started here takes part with the
oldest versions, this one with the newest, too; then uvx and pipx run the package without installing it.
Torch is the one of this environment, for a copy can take gigabytes; another Python tests what needs no torch.
Without an index nothing is tested, and a sentence says so. For Linux and macOS.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
OLDEST = 11  # Python 3.11
NEWEST = 19
LONGEST = 900  # seconds in all; alone it takes two to three minutes
TESTERS = ("pytest", "pytest-timeout", "hypothesis", "httpx")
WITHOUT_TORCH = (
    "tests/data/test_download.py",
    "tests/data/official/test_mnist.py",
    "tests/data/official/test_cifar.py",
    "tests/preprocessing/test_picture.py",
)
WITH_TORCH = (
    "tests/data/test_download.py",
    "tests/lab/http/test_draw.py",
    "tests/lab/http/test_guard.py",
    "tests/classifier/test_sources.py",
    "tests/sklearn/test_image_classifier.py",
)
TORCH = re.compile(r"(torch|triton|nvidia-.*|cuda-.*)(==|$)")
TORCH_AND_WHAT_NEEDS_IT = re.compile(rf"captum==|{TORCH.pattern}")
HERE = "{}.{}".format(*sys.version_info)
EMPTY = "2.13.0+empty"  # the version of a torch that holds nothing


class Lowest:
    """The oldest versions, and the newest, each in an environment of its own under ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.end = time.monotonic() + LONGEST
        self.uv = folder / "tools" / ("Scripts" if os.name == "nt" else "bin") / "uv"
        self.wheel: Path | None = None

    def run(self, *words: str | Path, variables: Mapping[str, str] | None = None, quiet: bool = True) -> None:
        """Run a command; ``quiet``: what it prints is kept for the error."""
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment = {
            **inherited,
            "OMP_NUM_THREADS": "1",
            **(variables or {}),
        }  # not the source: the package
        done = subprocess.run(
            list(map(str, words)),
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
            text=True,
            timeout=max(1.0, self.end - time.monotonic()),
            check=False,
        )
        if done.returncode:
            raise FailedError(done.stdout or f"{words[0]} ended with {done.returncode}")

    def install_uv(self) -> None:
        """Install uv, which finds the oldest versions, and pipx."""
        self.run(sys.executable, "-m", "venv", self.folder / "tools")
        pip = (self.uv.with_stem("python"), "-m", "pip", "install", "-q", "--retries", "1", "--timeout", "15")
        self.run(*pip, "uv", "pipx")

    def build(self) -> None:
        """Build the package's wheel, from its source distribution."""
        self.run(self.uv, "build", "-q", "-o", self.folder, ROOT)
        (self.wheel,) = self.folder.glob("*.whl")

    def install(self, python: str, *, newest: bool = False) -> tuple[Path, bool]:
        """Make an environment of the oldest versions, or the newest.

        Returns:
            Its Python, and whether torch is in it.
        """
        environment = self.folder / f"python{python}{'-newest' if newest else ''}"
        inside = environment / self.uv.relative_to(self.folder / "tools").with_stem("python")
        pins, versions, kept = (
            environment.with_suffix(f".{name}.txt") for name in ("pins", "versions", "kept")
        )
        torch = self.folder / "torch.txt"
        torch.write_text(f"torch=={importlib.metadata.version('torch').partition('+')[0]}\n")
        pins.write_text("" if newest else "".join(pins_of_others()))
        self.run(self.uv, "venv", "-q", "--no-python-downloads", "--python", python, environment)
        self.run(
            *(self.uv, "pip", "compile", "-q", "--only-binary", ":all:"),
            *("--resolution", "highest" if newest else "lowest-direct"),
            *("--python", inside, "--override", torch, "-c", pins, "-o", versions, "pyproject.toml"),
        )
        with_torch = python == HERE
        left_out = TORCH if with_torch else TORCH_AND_WHAT_NEEDS_IT
        lines = versions.read_text().splitlines(keepends=True)
        kept.write_text("".join(line for line in lines if not left_out.match(line)))
        install = (self.uv, "pip", "install", "-q", "--python", inside)
        self.run(*install, "--no-deps", "-r", kept, self.wheel or ROOT)
        self.run(*install, "--override", kept, "-c", pins, *TESTERS)
        if with_torch:
            _link_torch(environment)
        return inside, with_torch

    def test(self, python: Path, with_torch: bool) -> None:
        """Run the demo and the tests with an environment's Python."""
        home = {name: str(self.folder / name) for name in ("IMAGELET_HOME", "IMAGELET_RUNS")}
        if with_torch:
            self.run(python, "-m", "imagelet", "demo", variables=home)
        self.run(python, "-m", "imagelet", "--help")
        tests = WITH_TORCH if with_torch else WITHOUT_TORCH
        options = ("-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default", "--disable-warnings")
        self.run(python, "-m", "pytest", *options, *tests, quiet=False)

    def run_at_once(self) -> None:
        """Run the wheel by uvx and pipx, which install it for a moment, with an empty package for torch."""
        assert self.wheel is not None
        stands_for_torch = self.folder / "empty"
        _write_empty_wheel(stands_for_torch)
        pin = self.folder / "empty.txt"
        pin.write_text(f"torch=={EMPTY}\n")
        uvx, pipx = (self.uv.with_stem(name) for name in ("uvx", "pipx"))
        found = ("--find-links", stands_for_torch)
        self.run(uvx, "-q", *found, "--overrides", pin, "--from", self.wheel, "imagelet", "--version")
        spec = ("--spec", self.wheel, f"--pip-args=--find-links {stands_for_torch} -c {pin}")
        places = {"PIPX_HOME": str(self.folder / "pipx"), "PIP_CONSTRAINT": ""}
        self.run(pipx, "run", *spec, "imagelet", "--version", variables=places)


class FailedError(Exception):
    """A command failed; the text is what it printed."""


def pins_of_others() -> list[str]:
    """Return the lines of ``constraints.txt`` about packages that ``pyproject.toml`` does not name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines(keepends=True)
    return [line for line in lines if canonicalize_name(line.partition("==")[0]) not in named]


def _link_torch(environment: Path) -> None:
    """Let an environment of this Python use the torch that is installed here."""
    (packages,) = environment.glob("lib/python*/site-packages")
    for distribution in importlib.metadata.distributions():
        if TORCH.match(canonicalize_name(distribution.name)):
            for top in {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}:
                (packages / top).symlink_to(Path(str(distribution.locate_file(top))).resolve())


def _write_empty_wheel(folder: Path) -> None:
    """Write a wheel that is called torch and holds nothing."""
    folder.mkdir()
    about = f"torch-{EMPTY}.dist-info"
    with zipfile.ZipFile(folder / f"torch-{EMPTY}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {EMPTY}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", f"{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")


def pythons() -> Iterator[str]:
    """Yield each Python from 3.11 that can be started here, as ``3.12``; the one that runs this first."""
    yield HERE
    for version in (f"3.{minor}" for minor in range(OLDEST, NEWEST)):
        command = shutil.which(f"python{version}")
        if command and version != HERE and _starts(command):
            yield version


def _starts(command: str) -> bool:
    started = subprocess.run([command, "-c", "import venv"], capture_output=True, check=False)
    return started.returncode == 0


def main(only: Sequence[str]) -> int:
    """Test with each Python, or with those named; return the exit status."""
    found = list(only or pythons())
    with tempfile.TemporaryDirectory(prefix="imagelet-lowest-") as folder:
        lowest = Lowest(Path(folder))
        try:
            lowest.install_uv()
        except (FailedError, subprocess.TimeoutExpired):
            print("The lowest versions are not tested: uv cannot be installed, the index is out of reach.")
            return 0
        try:
            lowest.build()
            for python in found:
                inside, with_torch = lowest.install(python)
                print(
                    f"Python {python}, the lowest versions" + ("" if with_torch else ", without torch"),
                    flush=True,
                )
                lowest.test(inside, with_torch)
            print(f"Python {HERE}, the newest versions", flush=True)
            inside, with_torch = lowest.install(HERE, newest=True)
            lowest.test(inside, with_torch)
            lowest.run_at_once()
        except FailedError as error:
            print(error)
            return 1
        except subprocess.TimeoutExpired:
            print(f"The lowest versions took longer than {LONGEST} seconds.")
            return 1
    if found == [HERE]:
        print(f"The lowest versions are tested with Python {HERE} only; no newer one can be started.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
