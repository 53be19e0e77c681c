"""Every block of Python and of a shell in the documents runs, page by page, from top to bottom.

A page runs in a folder that holds what a reader has, :func:`readers_folder`. So that it takes seconds,
trainings end after one epoch and the official datasets have some hundred images: the figures are others, so
printed lines are compared without their numbers. A comment on the line before a block, which no reader sees,
says what is special:

``<!-- file: mynet.py -->``
    the block is saved as that file, too.
``<!-- before: imagelet train digits --name first -->``
    a command that runs first: what a page has asked for in words.
``<!-- not run: the reason -->``
    the block belongs to another library, say; Python is compiled all the same.

A block without a language, or of ``text``, behind a block that ran is what that printed.
"""

import contextlib
import dataclasses
import re
import runpy
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imagelet.cli import lab as lab_command
from imagelet.cli import main
from imagelet.cli import serve as serve_command
from imagelet.experiment import runner
from imagelet.http.listening import bind
from imagelet.runs.provenance import Provenance
from imagelet.sklearn import ImageClassifier
from tests.conftest import blank_pictures, make_images, write_small_data
from tools import documents

ROOT = Path(__file__).parents[1]
WRITTEN = ("runs/own-pictures/0-1-2-3-14a21a63", "runs/class-pictures")  # test sets that the lab keeps
ADDRESS = "127.0.0.1:8765"
ADDRESS_OF_A_SERVICE = "127.0.0.1:8766"
RUN_ELSEWHERE = {  # programs that a block may start, and what tests the line
    "make": "test_documents.py: the target exists; .ci/run starts the main ones",
    "pip": "tests/test_package.py installs the built package",
    "uvx": "tests/test_package.py",
    "pipx": "tests/test_package.py",
    "docker": "tests/test_container.py",
    "curl": "this test, where there is one",
    "source": "nothing to test: it prepares the shell",
    "torchrun": "tests/experiment/test_processes.py",
    ".venv/bin/pre-commit": "the hooks call make, which .ci/run does",
    ".venv/bin/python": "the project's own tools, each with a test of its own",
}
PAGES = sorted(
    path
    for path in documents.documents(ROOT)
    if "course" not in path.parts  # tests/test_course_pages.py runs those
    and path.parent.name != "examples"  # tests/test_examples.py runs those
    and any(
        block.language in ("sh", "console", "python") for block in documents.blocks(path.read_text("utf-8"))
    )
)


def readers_folder(folder: Path) -> None:
    """Fill a folder with what the pages take for granted: pictures, tables, arrays, each small."""
    shutil.copytree(ROOT / "docs" / "images", folder / "docs" / "images")
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copy(ROOT / "docs" / "images" / "inside-photo.png", folder / "photo.png")
    rows = []
    for digit, points in {"1": [(60, 20), (60, 100)], "7": [(30, 25), (85, 25), (55, 100)]}.items():
        for number in range(10):
            picture = Image.new("L", (120, 120), 245)
            ImageDraw.Draw(picture).line(
                [(x + number, y) for x, y in points], fill=30, width=9, joint="curve"
            )
            places = (
                "photos",
                f"my-digits/{digit}",
                f"pictures/{digit}",
                *WRITTEN,
            )
            for place in map(folder.joinpath, places):
                place.mkdir(parents=True, exist_ok=True)
                picture.save(place / f"{digit}-{number}.png")
            rows.append(f"{digit}-{number}.png,{digit},{'ann' if number % 2 else 'ben'}")
    for place, letter in enumerate("abc"):
        (folder / "my-letters" / letter).mkdir(parents=True)
        for number in range(10):
            picture = Image.new("L", (60, 60), 245)
            ImageDraw.Draw(picture).line([(10 + 15 * place, 10), (40, 50 - number)], fill=30, width=5)
            picture.save(folder / "my-letters" / letter / f"{number}.png")
    for place in WRITTEN:
        (folder / place / "pictures.csv").write_text("\n".join(["path,label,source", *rows]) + "\n")
    (folder / "photos.csv").write_text(
        "\n".join(["path,label,source", *(f"photos/{row}" for row in rows)]) + "\n"
    )
    images, labels = make_images(120, 28, 1, seed=5)
    header = ",".join(["label", *(f"pixel{index}" for index in range(784))])
    for name, part in (("train.csv", slice(0, 100)), ("test.csv", slice(100, 120))):
        values = np.column_stack([labels[part], images[part].reshape(-1, 784)])
        values, head = (values, header) if name == "train.csv" else (values[:, 1:], header.partition(",")[2])
        np.savetxt(folder / name, values, fmt="%d", delimiter=",", header=head, comments="")
    np.savez(
        folder / "mnist.npz",
        x_train=images[..., 0],
        y_train=labels,
        x_test=images[:40, ..., 0],
        y_test=labels[:40],
    )


@pytest.fixture(scope="module", autouse=True)
def _blank_pictures() -> Iterator[None]:
    with blank_pictures():
        yield


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_at_a_time: None) -> "Reader":
    """Return somebody who types what a page says, in a folder of their own."""
    folder = tmp_path / "reader"
    readers_folder(folder)
    write_small_data(tmp_path / "data")
    monkeypatch.setenv("IMAGELET_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("IMAGELET_RUNS")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(runner, "_setup", _shortened(runner._setup))
    monkeypatch.setattr(ImageClassifier, "_setup", _shortened(ImageClassifier._setup))
    monkeypatch.setattr(Provenance, "open", _opened(Provenance.open))
    monkeypatch.setattr(lab_command, "_serve", lambda app, listening: app.state.lab.close())
    monkeypatch.setattr(serve_command, "_serve", lambda app, listening: app.state.service.close())
    for command in (lab_command, serve_command):
        monkeypatch.setattr(command, "bind", lambda *_: bind("127.0.0.1", 0, "imagelet", 0))
    return Reader()


def _shortened(setup: Any) -> Any:
    """Return what sets a training up, with one epoch at most."""

    def set_up(*given: Any) -> Any:
        made = setup(*given)
        return dataclasses.replace(
            made, recipe=dataclasses.replace(made.recipe, epochs=min(made.recipe.epochs, 1))
        )

    return set_up


def _opened(open_: Any) -> Any:
    """Return what opens a provenance; a shipped classifier takes the small data for what it learned from."""

    def opened(self: Provenance, dataset: Any = None) -> Any:
        dataset = dataset or self.load()
        known = self if self.run else dataclasses.replace(self, data_sha256=dataset.train.fingerprint())
        return open_(known, dataset)

    return opened


class Reader:
    """Types the blocks of one page, one after the other."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def type(self, block: documents.Block) -> None:
        """Run one block."""
        kind, _, what = block.note.partition(": ")
        if kind == "before":
            self.shell(what)
        if kind == "file":
            Path(what).write_text(block.text)
        if kind == "not run":
            if block.language == "python":
                compile(block.text, "block", "exec")
        elif block.language == "python":
            self.python(block.text)
        elif block.language in ("sh", "console"):
            self.shell(block.text, only_prompts=block.language == "console")

    def python(self, text: str) -> None:
        """Run a block of Python; a lab or a service is there for one that asks it."""
        with asked(text) as there:
            exec(compile(there, "block", "exec"), self.names)

    def shell(self, text: str, *, only_prompts: bool = False) -> None:
        """Run the lines of a shell."""
        for line in text.replace("\\\n", " ").splitlines():
            if only_prompts and not line.startswith("$ "):
                continue
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words:
                self.command(words)

    def command(self, words: list[str]) -> None:
        """Run one command line."""
        if words[0] == "imagelet":
            assert main(words[1:]) == 0, shlex.join(words)
        elif words[0] == "curl" and shutil.which("curl"):
            with asked(shlex.join(words)) as there:
                print(subprocess.run(shlex.split(there), capture_output=True, text=True, check=True).stdout)
        elif words[0] == "python" and words[1].endswith(".py"):
            runpy.run_path(words[1], run_name="__main__")
        else:
            assert words[0] in RUN_ELSEWHERE, f"no test runs {shlex.join(words)}"


@contextlib.contextmanager
def asked(text: str) -> Iterator[str]:
    """Serve what a text asks, a lab or a service; give the text with its address."""
    from imagelet.classifier.classifier import Classifier
    from imagelet.lab.http import app as lab
    from imagelet.lab.settings import Settings as LabSettings
    from imagelet.runs.store import shipped_classifiers
    from imagelet.service import app as service
    from imagelet.service.settings import Settings as ServiceSettings

    if ADDRESS in text:
        with served(lab.create_app(LabSettings(Path("runs"), training=False))) as address:
            yield text.replace(ADDRESS, address)
    elif ADDRESS_OF_A_SERVICE in text:
        classifier = Classifier.load(shipped_classifiers()["mnist"])
        with served(service.create_app(ServiceSettings(name="mnist"), classifier)) as address:
            yield text.replace(ADDRESS_OF_A_SERVICE, address)
    else:
        yield text


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an app at any free port, and give its address."""
    import uvicorn

    listening = bind("127.0.0.1", 0, "imagelet", 0)
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def without_numbers(line: str) -> str:
    """Return a line without its numbers and the number of its blanks and dashes."""
    return re.sub(r"[\s-]+", " ", re.sub(r"[<>+-]?\d[\d.,:]*(e[+-]?\d+)?", "#", line)).strip()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_block_runs_and_prints_what_the_page_says(
    page: Path, reader: Reader, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = ""
    for block in documents.blocks(page.read_text("utf-8")):
        if block.language in ("sh", "console", "python"):
            reader.type(block)
            printed = "".join(capsys.readouterr())
        promised = block.text if block.language in ("", "text") else ""
        if block.language == "console":
            promised = "\n".join(line for line in block.text.splitlines() if not line.startswith("$ "))
        if printed and not block.note.startswith("not"):
            lines = {without_numbers(line) for line in printed.splitlines()}
            missing = [
                line for line in promised.splitlines() if without_numbers(line) not in lines | {"", "…"}
            ]
            assert missing == [], f"not printed; printed was\n{printed}"


def test_the_pages_are_found() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in PAGES}
    assert {"README.md", "docs/index.md", "docs/how-to/inside.md", "docs/reference/http.md"} <= names


def test_a_block_is_read_with_its_language_and_its_note() -> None:
    text = "a\n<!-- not run: why -->\n```python\nx = 1\n```\n\n```\nout\n```\n<!-- b -->\n\n```sh\nls\n```\n"
    assert list(documents.blocks(text)) == [
        documents.Block("python", "x = 1\n", "not run: why"),
        documents.Block("", "out\n", ""),
        documents.Block("sh", "ls\n", ""),
    ]


@pytest.mark.parametrize("line", ["imagelet train nothing-of-this-name", "rm -r runs"])
def test_a_line_that_does_not_work_is_found(line: str, reader: Reader) -> None:
    with pytest.raises(AssertionError):
        reader.shell(line)
