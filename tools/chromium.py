"""A real browser on the lab's page: for its tests, its benchmark and its pictures. It needs Playwright."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
NONE_FOUND = f"there is no browser: none of {', '.join(NAMES)} is on the path; set IMAGELET_CHROMIUM"


def found() -> str | None:
    """Return the browser that $IMAGELET_CHROMIUM names, or one on the path; None where there is none."""
    return os.environ.get("IMAGELET_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def started(path: str, *arguments: str) -> Iterator["Browser"]:
    """Start the browser that lies there, with more arguments if any, and end it.

    As long as it runs, its thread has an event loop, beside which others can have none.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *arguments])
        yield browser
        browser.close()


def draw(page: "Page", *strokes: Sequence[tuple[float, float]]) -> None:
    """Draw strokes, in shares of the pad's side, with the mouse."""
    pad = page.locator("canvas.pad").first
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=8)
        page.mouse.up()
