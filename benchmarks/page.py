"""The lab's page for one person: how long it takes to load, from a stroke to the bars, and the lab's memory.

The lab is a process of its own, as ``imagelet lab`` starts it, and Chromium another on the same machine.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.lab import CLASSIFIER, browser, memory_of, opened, ranked, stroke_seconds
from benchmarks.measuring import Benchmark, at_once

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

LOADS = 10
LIMITS = {"load": 1.0, "stroke": 0.1}  # seconds that are asked for: medians
READY = """
  new MutationObserver((_, observer) => {
    if (!document.querySelector("canvas.pad")) return;
    window.ready = performance.now();
    observer.disconnect();
  }).observe(document, { subtree: true, childList: true });
"""
FETCHED = """() => performance.getEntriesByType("resource").map((file) => file.encodedBodySize)"""


def page() -> dict[str, Any]:
    """Seconds until the page can be drawn on, first and again, and from stroke to bars; the lab's memory."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as (port, process):
        address = f"http://127.0.0.1:{port}/#/draw?run={CLASSIFIER}"
        first: list[float] = []
        again: list[float] = []
        files: list[int] = []
        with browser() as running:
            for _ in range(LOADS):
                context = running.new_context()  # with an empty cache
                context.add_init_script(READY)
                seconds, files = _load(context, address)
                first.append(seconds)
                again.append(_load(context, address)[0])
                context.close()
        memory = [memory_of(process.pid)]
        strokes = stroke_seconds(port)
        memory.append(memory_of(process.pid))
    return {
        "limits": LIMITS,
        "classifier": CLASSIFIER,
        "first_seconds": ranked(first),
        "again_seconds": ranked(again),
        "stroke_seconds": strokes,
        "files": len(files),
        "bytes": sum(files),
        "memory_bytes": memory,
    }


def benchmarks() -> dict[str, Benchmark]:
    """Return what there is to measure, by name."""
    return {"page": at_once(page)}


def _load(context: "BrowserContext", address: str) -> tuple[float, list[int]]:
    """Return the seconds until there is a sheet to draw on, and the bytes of each file until all is quiet."""
    tab = context.new_page()
    tab.goto(address)
    tab.wait_for_function("() => window.ready !== undefined")
    tab.wait_for_load_state("networkidle")
    seconds = float(tab.evaluate("window.ready")) / 1e3
    files: list[int] = tab.evaluate(FETCHED)
    tab.close()
    return seconds, files


if __name__ == "__main__":
    json.dump(page(), sys.stdout, indent=2)
