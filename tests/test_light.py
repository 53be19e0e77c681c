"""A light installation, imagelet with NumPy, Pillow, SciPy and safetensors alone, predicts.

Each test runs a process whose path holds these four packages, imagelet and Python's own library.
"""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "inside-photo.png"
PACKAGES = ("numpy", "PIL", "scipy", "safetensors")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that links the packages of a light installation, and imagelet's metadata."""
    folder = tmp_path_factory.mktemp("site")
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        (folder / name).symlink_to(package)
        for libraries in package.parent.glob("*.libs"):
            if not (folder / libraries.name).exists():
                (folder / libraries.name).symlink_to(libraries)
    (folder / "imagelet").symlink_to(ROOT / "src" / "imagelet")
    metadata = folder / "imagelet-0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    version = importlib.metadata.version("imagelet")
    metadata.write_text(f"Metadata-Version: 2.1\nName: imagelet\nVersion: {version}\n", encoding="utf-8")
    return folder


def run(site: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run Python on the words, without the packages that are installed beside it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, "-S", "-X", "utf8", "-B", *words],
        cwd=site.parent,
        env=environment | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def called(site: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command line of imagelet."""
    return run(site, "-m", "imagelet", *words)


def test_nothing_else_is_there(site: Path) -> None:
    code = "import importlib.util as u; print([n for n in ('torch', 'typer', 'rich') if u.find_spec(n)])"
    assert run(site, "-c", code).stdout == "[]\n"


def test_pictures_are_predicted(site: Path) -> None:
    done = called(site, "predict", "mnist", str(PICTURE), "--json")
    assert done.stderr == ""
    assert json.loads(done.stdout)["predictions"][0]["predicted"] == "4"


@pytest.mark.parametrize("name", ["cifar-10", "fashion-mnist", "mnist"])
def test_every_shipped_classifier_predicts_in_python(site: Path, name: str) -> None:
    code = f"import imagelet; print(len(imagelet.load({name!r}).predict({str(PICTURE)!r})))"
    done = run(site, "-c", code)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_more_work_than_torch_would_be_started_for_is_done_by_numpy(site: Path) -> None:
    code = (
        "import imagelet, imagelet.classifier.classifier as module; module.SMALL_WORK = 0; "
        f"print(imagelet.load('mnist').predict({str(PICTURE)!r})[0].predicted)"
    )
    assert run(site, "-c", code).stdout == "4\n"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["classifiers"], "fashion-mnist"),
        (["classifiers", "mnist"], "# mnist"),
        (["--help"], "light installation"),
        (["predict", "--help"], "Usage: imagelet predict RUN IMAGE"),
        (["--version"], f"imagelet {importlib.metadata.version('imagelet')}"),
    ],
)
def test_what_else_is_there_works(site: Path, words: list[str], shown: str) -> None:
    done = called(site, *words)
    assert done.returncode == 0
    assert shown in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["train", "mnist"],
        ["lab"],
        ["data", "list"],
        ["predict", "mnist", str(PICTURE), "--seen", "seen.png"],
        ["predict", "mnist", str(PICTURE), "--threads", "1"],
    ],
)
def test_what_needs_more_says_what_to_install(site: Path, words: list[str]) -> None:
    done = called(site, *words)
    assert done.returncode == 2
    assert "pip install imagelet" in done.stderr
    assert len(done.stderr.splitlines()) == 2  # what is missing, and what to do


@pytest.mark.parametrize(
    "wanted", ["imagelet.train", "imagelet.explain", "imagelet.load('mnist').network", "imagelet.evaluate"]
)
def test_what_needs_more_in_python_says_what_to_install(site: Path, wanted: str) -> None:
    done = run(site, "-c", f"import imagelet; {wanted}")
    assert "pip install imagelet" in done.stderr.splitlines()[-1]


def test_a_classifier_is_saved_and_read_again(site: Path, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.safetensors")
    code = f"import imagelet; imagelet.load('mnist').save({copy!r})"
    assert run(site, "-c", code).stderr == ""
    assert called(site, "predict", copy, str(PICTURE)).returncode == 0
