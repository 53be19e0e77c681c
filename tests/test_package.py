"""The package is one version everywhere, and what is built of it is whole, small, and builds itself again."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import imagelet
from tools import documents, release

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
GENERATED = {"PKG-INFO", "setup.cfg"}


def description(readme: str, source: str | None, version: str) -> str:
    """Call the function of setup.py, which is no module of a package."""
    spec = importlib.util.spec_from_file_location("setup_of_imagelet", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written: str = module.description(readme, source, version)
    return written


def in_repository() -> bool:
    """Say whether this is a clone, not an unpacked source distribution."""
    return (ROOT / ".git").exists()


def committed(name: str) -> bytes:
    """Return the content of a file in the last commit."""
    return subprocess.run(["git", "show", f"HEAD:{name}"], cwd=ROOT, capture_output=True, check=True).stdout


needs_git = pytest.mark.skipif(not in_repository(), reason="this is no clone: there are no commits to build")


def test_one_version_is_installed_declared_and_described() -> None:
    version, date = release.changelog_head()
    assert imagelet.__version__ == importlib.metadata.version("imagelet") == PROJECT["version"] == version
    assert date == release.UNRELEASED or len(date.split("-")) == 3


def test_the_classifiers_name_every_python_that_is_supported() -> None:
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert named == ["3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["requires-python"] == f">={named[0]}"
    assert "Typing :: Typed" in PROJECT["classifiers"]


def test_links_of_the_description_lead_to_the_repository_or_are_words() -> None:
    text = "![a](docs/a.png)\n[b](docs/b.md#c) [d](https://example.org) `[0]`"
    assert description(text, None, "1.0") == "\nb [d](https://example.org) `[0]`"
    assert description(text, "https://example.org/x/", "1.0") == (
        "![a](https://example.org/x/raw/v1.0/docs/a.png)\n"
        "[b](https://example.org/x/blob/v1.0/docs/b.md#c) [d](https://example.org) `[0]`"
    )


def test_the_description_has_no_link_that_an_index_cannot_follow() -> None:
    shown = description((ROOT / "README.md").read_text("utf-8"), None, "1.0")
    assert [link for link in documents.LINK.findall(shown) if not link.startswith("https://")] == []


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution of the last commit."""
    folder = tmp_path_factory.mktemp("sdist")
    return release.build("sdist", release.export(folder), folder)


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of it."""
    folder = tmp_path_factory.mktemp("wheel")
    return release.build("wheel", release.unpacked(sdist, folder), folder)


@pytest.mark.slow
@needs_git
class TestWhatIsBuilt:
    def test_the_source_distribution_holds_every_file_of_the_repository(
        self, sdist: Path, tmp_path: Path
    ) -> None:
        source = release.unpacked(sdist, tmp_path)
        held = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
        listed = subprocess.run(
            ["git", "ls-tree", "-r", "--name-only", "-z", "HEAD"], cwd=ROOT, capture_output=True, check=True
        )
        assert {name for name in held if ".egg-info/" not in name} - GENERATED == set(
            listed.stdout.decode().rstrip("\0").split("\0")
        )

    def test_the_source_distribution_tests_itself(self, sdist: Path, tmp_path: Path) -> None:
        source = release.unpacked(sdist, tmp_path)
        tests = ("tests/test_documents.py", "tests/test_architecture.py", "tests/test_registry.py")
        environment = {**os.environ, "PYTHONPATH": str(source / "src"), "OMP_NUM_THREADS": "1"}
        words = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-m",
            "not slow",
            "-p",
            "no:cacheprovider",
            *tests,
        ]
        done = subprocess.run(words, cwd=source, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:]

    def test_the_wheel_is_small_and_holds_the_package_alone(self, wheel: Path) -> None:
        assert list(release.problems_of(wheel)) == []
        with zipfile.ZipFile(wheel) as files:
            names = files.namelist()
        assert {name.partition("/")[0].partition("-")[0] for name in names} == {"imagelet"}
        assert {"imagelet/py.typed", "imagelet/pretrained/mnist.safetensors"} <= set(names)
        packaged = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.py")}
        assert {name for name in names if name.endswith(".py")} <= packaged

    def test_the_wheel_holds_what_the_program_reads_byte_by_byte(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as files:
            held = {name: files.read(name) for name in files.namelist() if ".dist-info/" not in name}
        assert [name for name, content in held.items() if content != committed(f"src/{name}")] == []
        translations = {name for name in held if "/locale/" in name}
        assert {Path(name).suffix for name in translations} == {".bz2"}

    def test_the_wheel_says_what_it_is(self, wheel: Path) -> None:
        fields = release.metadata(wheel)
        assert fields["Name"] == "imagelet"
        assert fields["Version"] == PROJECT["version"]
        assert fields["Description-Content-Type"] == "text/markdown"
        assert fields["Description"].lstrip().startswith("# imagelet")


def test_a_wheel_that_is_too_large_or_has_dead_links_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "imagelet-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as files:
        files.writestr("imagelet-1.0.dist-info/METADATA", "Name: imagelet\n\n[a](docs/a.md) [b](https://b)\n")
    assert len(list(release.problems_of(wheel))) == 1
    monkeypatch.setattr(release, "LARGEST_WHEEL", 10)
    assert len(list(release.problems_of(wheel))) == 2
