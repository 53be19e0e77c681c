"""The pictures of ``docs/how-to/lab.md``: a real lab in a real browser.

    python -m benchmarks.lab_page

It needs Chromium and MNIST, and takes half a minute: two short trainings on the digits are compared.
"""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lab import browser, opened
from benchmarks.measuring import LeftOut
from benchmarks.processes import imagelet
from tools.chromium import draw

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "lab.md"
PICTURES = PAGE.parents[1] / "images"
WIDTH, HEIGHT = 1280, 760  # pixels
SEVEN = [(0.28, 0.25), (0.72, 0.25), (0.45, 0.8)]  # shares of the paper's side
COMPARED = ("softmax", "cnn-3")
EPOCHS = 10


def main() -> int:
    """Open a lab, draw a digit, compare two runs, and keep a picture of each."""
    with tempfile.TemporaryDirectory() as folder:
        for network in COMPARED:
            words = ["train", "digits", "--network", network, "--epochs", str(EPOCHS), "--name", network]
            imagelet([*words, "--runs", f"{folder}/runs"])
        try:
            with opened(Path(folder)) as (port, _), browser() as running:
                page = running.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en")
                _draw(page, f"http://127.0.0.1:{port}/")
                _compare(page, f"http://127.0.0.1:{port}/")
        except LeftOut as reason:
            print(f"left out: {reason}", file=sys.stderr)
            return 1
    return 0


def _draw(page: "Page", address: str) -> None:
    """Draw a 7 and keep the tab as it is when everything has come."""
    page.goto(f"{address}#/draw?run=mnist")
    page.locator("canvas.pad").wait_for()
    draw(page, SEVEN)
    page.locator(".evidence-class").filter(has_text="7").wait_for()
    page.locator(".inside:not(.without) .strip canvas").first.wait_for()
    page.mouse.move(4, 400)  # so that nothing lies under it
    page.screenshot(path=PICTURES / "lab-draw.png", full_page=True)


def _compare(page: "Page", address: str) -> None:
    """Lay two runs over each other and keep the tab."""
    page.goto(f"{address}#/runs?selected={','.join(COMPARED)}&compare=yes")
    page.locator(".compared .pair-sentence").first.wait_for()
    page.screenshot(path=PICTURES / "lab-runs.png", full_page=True)


if __name__ == "__main__":
    sys.exit(main())
