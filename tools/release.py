"""Build the package, and check that a version can go out.

    python -m tools.release --build   write the source distribution and the wheel into ``dist``
    python -m tools.release           check, build, and print what is left to a person: the tag and the upload

What is built is the commit, not the working tree; setuptools builds it, as pip would, without a network.
"""

import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from email.parser import Parser
from pathlib import Path

from tools.documents import LINK

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
LARGEST_WHEEL = 9_000_000  # bytes
UNRELEASED = "unreleased"  # in the place of the date of a version that is being made
BUILD = "import setuptools.build_meta as backend, sys; print(backend.build_{}(sys.argv[1]))"
LEFT = """\
Left to you:
  git tag -s v{version} -m "imagelet {version}"
  git push origin v{version}
  upload {files} to the package index
  serve build/docs (make docs) where [project.urls] says that the documentation is
  open a new head in CHANGELOG.md and raise the version in pyproject.toml"""


def version_of(root: Path = ROOT) -> str:
    """Return the version that ``pyproject.toml`` names."""
    version: str = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return version


def changelog_head(root: Path = ROOT) -> tuple[str, str]:
    """Return the version and the date of the changelog's first section."""
    lines = (root / "CHANGELOG.md").read_text("utf-8").splitlines()
    head = next(line for line in lines if line.startswith("## "))
    version, _, date = head.removeprefix("## ").partition(" - ")
    return version.strip("[]"), date


def export(folder: Path) -> Path:
    """Write the files of the last commit into a new folder below ``folder``, and return it."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
        subprocess.run(["git", "archive", "-o", archive.name, "HEAD"], cwd=ROOT, check=True)
        with tarfile.open(archive.name) as members:
            members.extractall(folder / "source", filter="data")
    return folder / "source"


def build(kind: str, source: Path, folder: Path) -> Path:
    """Build the ``sdist`` or the ``wheel`` of a source folder into another, and return the file."""
    words = [sys.executable, "-c", BUILD.format(kind), str(folder.resolve())]
    done = subprocess.run(words, cwd=source, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return folder / done.stdout.splitlines()[-1]


def unpacked(sdist: Path, folder: Path) -> Path:
    """Unpack a source distribution below ``folder``, and return the folder with its files."""
    with tarfile.open(sdist) as members:
        members.extractall(folder, filter="data")
    return folder / sdist.name.removesuffix(".tar.gz")


def metadata(wheel: Path) -> dict[str, str]:
    """Return the fields of a wheel's metadata, the description under ``Description``."""
    with zipfile.ZipFile(wheel) as files:
        (name,) = (name for name in files.namelist() if name.endswith(".dist-info/METADATA"))
        message = Parser().parsestr(files.read(name).decode())
    return {**dict(message.items()), "Description": str(message.get_payload())}


def problems_of(wheel: Path) -> Iterator[str]:
    """Yield what is wrong with a wheel."""
    if (size := wheel.stat().st_size) > LARGEST_WHEEL:
        yield f"the wheel has {size:,} bytes; {LARGEST_WHEEL:,} are allowed"
    for link in LINK.findall(metadata(wheel)["Description"]):
        if not link.startswith(("https://", "#")):
            yield f"README's link {link} leads nowhere on a package index"


def problems_of_the_tree() -> Iterator[str]:
    """Yield what has to be done before a release."""
    if subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, check=True).stdout:
        yield "the working tree has changes that are not committed"
    version, date = changelog_head()
    if version != version_of():
        yield f"CHANGELOG.md begins with {version}, pyproject.toml says {version_of()}"
    if date == UNRELEASED:
        yield f"CHANGELOG.md: write the date in place of '{UNRELEASED}' behind {version}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    if "Source" not in project.get("urls", {}):
        yield "pyproject.toml: [project.urls] names no Source; without it README has no links on an index"


def main(words: Sequence[str]) -> int:
    """Build, or check and build; return the exit status."""
    problems = [] if "--build" in words else list(problems_of_the_tree())
    DIST.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        sdist = build("sdist", export(Path(folder)), DIST)
        wheel = build("wheel", unpacked(sdist, Path(folder)), DIST)
    problems += problems_of(wheel)
    for file in (sdist, wheel):
        print(f"{file.relative_to(ROOT)}   {file.stat().st_size:,} bytes")
    for problem in problems:
        print(f"- {problem}")
    if "--build" not in words and not problems:
        print(LEFT.format(version=version_of(), files=f"{sdist.name} and {wheel.name}"))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
