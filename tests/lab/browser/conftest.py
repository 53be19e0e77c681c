"""A real lab in a process of its own, a browser to look at it, and what every page must fulfil.

A test asks for ``visit`` and gets pages; when it ends, none of them may have said an error or a missing text.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tools import chromium

OPENING = """
import sys
from pathlib import Path
from imagelet.cli.lab import lab
lab(port=int(sys.argv[2]), no_browser=True, runs=Path(sys.argv[1]))
"""
OPENED = re.compile(r"http://127\.0\.0\.1:\d+/")
PATIENCE = 20_000  # milliseconds; the first answer loads the classifier

Visit = Callable[..., Page]
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium: the one that $IMAGELET_CHROMIUM names, or one on the path.

    It ends with the module: Playwright has an event loop, beside which other tests could have none.
    """
    path = chromium.found()
    if path is None:
        pytest.skip(chromium.NONE_FOUND)
    with chromium.started(path) as running:
        yield running


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the lab's runs; empty at first."""
    return tmp_path_factory.mktemp("lab") / "runs"


@pytest.fixture(scope="session")
def lab_address(lab_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Open a lab on a free port; return its address, ``http://127.0.0.1:PORT/``."""
    with _opened(lab_folder, tmp_path_factory.mktemp("home")) as (_, address):
        yield address


@contextlib.contextmanager
def _opened(runs: Path, home: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Open a lab in a process of its own; the process, and its address."""
    environment = {**os.environ, "IMAGELET_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", OPENING, str(runs), str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as lab:
        assert lab.stdout is not None
        said = ""
        try:
            for line in lab.stdout:
                said += line
                if found := OPENED.search(line):
                    yield lab, found[0]
                    return
            pytest.fail(f"the lab did not open:\n{said}")
        finally:
            lab.terminate()


class MortalLab:
    """A lab that a test may kill, and open again at the same address.

    Attributes:
        address: ``http://127.0.0.1:PORT/``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened = contextlib.ExitStack()
        self._open(0)

    def _open(self, port: int) -> None:
        self._process, self.address = self._opened.enter_context(
            _opened(self._folder / "runs", self._folder / "home", port)
        )

    def kill(self) -> None:
        """End the process at once, as a crash does."""
        self._process.kill()
        self._process.wait()

    def revive(self) -> None:
        """Open the lab again at the same port."""
        self._open(int(self.address.rstrip("/").rpartition(":")[2]))

    def close(self) -> None:
        """End it for good."""
        self._opened.close()


@pytest.fixture
def mortal_lab(tmp_path: Path) -> Iterator[MortalLab]:
    """Return a lab of this test's own, which it may kill."""
    lab = MortalLab(tmp_path)
    yield lab
    lab.close()


@pytest.fixture
def visit(browser: Browser, lab_address: str) -> Iterator[Visit]:
    """Return a function that opens a page of the lab and waits for its tab."""
    opened = []
    problems: list[str] = []

    def visit(
        place: str = "draw",
        *,
        dark: bool = False,
        width: int = 1280,
        refused: str = "",
        address: str = lab_address,
        new: bool = False,
        **named: Any,
    ) -> Page:
        """Open ``#/place``, such as ``draw?lang=ko``.

        What the server may refuse is named by ``refused``, a pattern of paths; ``new`` shows the page as to
        somebody who sees it for the first time, with its tour; ``named`` goes to the context.
        """

        def heard(message: ConsoleMessage) -> None:
            asked = message.location.get(
                "url", ""
            )  # test images are refused where the data is not on this computer
            if message.type in ("error", "warning") and not re.search(refused or "/api/samples", asked):
                problems.append(f"{message.text} ({asked})")

        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            **{"locale": "en-GB", "reduced_motion": "reduce", **named},
        )
        opened.append(context)
        if not new:
            context.add_init_script("localStorage.setItem('imagelet-tour', 'yes')")
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", heard)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{address}#/{place}")
        expect(page.locator("main section.tab > *").first).to_be_attached(timeout=PATIENCE)
        return page

    yield visit
    for context in opened:
        context.close()
    assert problems == []


@pytest.fixture(scope="session")
def check_access() -> Callable[..., None]:
    """Return a function that fails where axe finds that not everyone can use a page.

    It takes the page, and the names of axe's rules where not all of them are asked for.
    """
    axe_module = pytest.importorskip("axe_playwright_python.sync_playwright")
    axe = axe_module.Axe()

    def check(page: Page, *rules: str) -> None:
        response = axe.run(page, options={"runOnly": list(rules)} if rules else None).response
        assert response["passes"]  # something was looked at
        found = response["violations"]
        told = [f"{each['id']}: {[node['html'][:160] for node in each['nodes'][:3]]}" for each in found]
        assert told == []

    return check
