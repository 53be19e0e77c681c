"""The lab under load: many people predict at once while a run trains, and one person draws.

The lab is a process of its own, as ``imagelet lab`` starts it, and so is the training that it begins. The
clients are one more process on the same machine: each sends a drawing, waits for the answer, sends the next.
"""

import asyncio
import base64
import contextlib
import importlib.util
import io
import json
import math
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

from benchmarks.measuring import Benchmark, LeftOut, at_once
from imagelet.data.datasets import place_of
from tools import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CLIENTS, SECONDS, WARMING = 50, 60.0, 5.0
LIMITS = {"answer": 0.5, "stroke": 0.1}  # seconds that are asked for: 95th percentile, median
CLASSIFIER = "mnist"
TRAINED = {"dataset": "mnist", "network": "cnn-3", "recipe": "default", "settings": {"epochs": 200}}
SIDE, BRUSH = 160, 11  # pixels of a drawing as the page sends it
DRAWN = 24  # different drawings
OPENED = re.compile(r"http://127\.0\.0\.1:(\d+)/")
PATIENCE = 60  # seconds
DIGITS = {
    "0": [(0.5, 0.2), (0.3, 0.4), (0.3, 0.65), (0.5, 0.82), (0.7, 0.65), (0.7, 0.4), (0.5, 0.2)],
    "1": [(0.5, 0.2), (0.5, 0.8)],
    "2": [(0.3, 0.3), (0.5, 0.18), (0.7, 0.32), (0.3, 0.8), (0.72, 0.8)],
    "3": [(0.3, 0.2), (0.68, 0.22), (0.48, 0.46), (0.7, 0.64), (0.5, 0.82), (0.28, 0.76)],
    "4": [(0.62, 0.82), (0.62, 0.18), (0.28, 0.6), (0.76, 0.6)],
    "7": [(0.28, 0.2), (0.72, 0.2), (0.45, 0.8)],
}


STROKES, EVENTS, FRAME = 6, 40, 0.016  # strokes, moves of the pen in each, seconds between two moves
WATCH = """() => {
  window.moves = []; window.shown = [];
  let asked = 0;
  const fetched = window.fetch;
  window.fetch = (...given) => {
    if (String(given[0]).endsWith("/api/predict")) asked = performance.now();
    return fetched(...given);
  };
  const pad = document.querySelector("canvas.pad");
  pad.addEventListener("pointermove", (event) => event.buttons && moves.push(performance.now()), true);
  const seen = { subtree: true, childList: true, attributes: true, characterData: true };
  const bars = document.querySelector(".bars");
  new MutationObserver(() => shown.push([asked, performance.now()])).observe(bars, seen);
}"""


@dataclass
class Load:
    """What the clients saw.

    Attributes:
        seconds: that each answer took.
        refused: how often the answer was an error, by its status; 0 for a connection that broke.
    """

    seconds: list[float] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)


def lab() -> dict[str, Any]:
    """Seconds of an answer while 50 clients predict at once and a run trains; errors, memory."""
    if place_of(str(TRAINED["dataset"])) is None:
        return {}
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as (port, process):
        strokes = stroke_seconds(port)
        job = _post(port, "/api/jobs", TRAINED)
        _until(port, job["id"], lambda told: bool(told["progress"]))
        alone = _images_per_second(port, job["id"], SECONDS / 6)
        asyncio.run(_predict(port, WARMING))
        memory = [memory_of(process.pid)]
        load = Load()
        for _ in range(4):
            load = asyncio.run(_predict(port, SECONDS / 4, load))
            memory.append(memory_of(process.pid))
        beside = _images_per_second(port, job["id"], 0)
        _post(port, f"/api/jobs/{job['id']}/stop", {})
        _until(port, job["id"], lambda told: told["state"] != "running")
    return {
        "limits": LIMITS,
        "clients": CLIENTS,
        "seconds": SECONDS,
        "classifier": CLASSIFIER,
        "training": f"{TRAINED['network']} on {TRAINED['dataset']}",
        "errors": load.refused,
        "answer_seconds": ranked(load.seconds),
        "stroke_seconds": strokes,
        "memory_bytes": memory,
        "training_images_per_second": {"alone": alone, "beside": beside},
    }


def benchmarks() -> dict[str, Benchmark]:
    """Return what there is to measure, by name."""
    return {"lab": at_once(lab)}


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """Open a lab; give its port and its process, and end it."""
    words = ["lab", CLASSIFIER, "--port", "0", "--no-browser", "--runs", str(folder / "runs")]
    command = [sys.executable, "-u", "-m", "imagelet", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            found = OPENED.search(process.stdout.readline())
            if found is None:
                raise RuntimeError("the lab did not open")
            yield int(found[1]), process
        finally:
            process.terminate()


def drawings() -> list[bytes]:
    """Return drawings of digits as PNG files, each a little different."""
    digits = list(DIGITS.values())
    return [drawing(digits[number % len(digits)], 0.01 * (number // len(digits))) for number in range(DRAWN)]


def drawing(stroke: Sequence[tuple[float, float]], shift: float) -> bytes:
    """Return a stroke, in fractions of the sheet's side, as the PNG file that the page sends of it."""
    image = Image.new("RGB", (SIDE, SIDE), (253, 252, 248))
    places = [((x + shift) * SIDE, (y - shift) * SIDE) for x, y in stroke]
    ImageDraw.Draw(image).line(places, fill=(34, 36, 44), width=BRUSH, joint="curve")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@contextlib.contextmanager
def browser() -> Iterator["Browser"]:
    """Start Chromium.

    Raises:
        LeftOut: there is none, or no Playwright to steer it.
    """
    if importlib.util.find_spec("playwright") is None:
        raise LeftOut("playwright is not installed")
    path = chromium.found()
    if path is None:
        raise LeftOut(chromium.NONE_FOUND)
    with chromium.started(path) as running:
        yield running


def stroke_seconds(port: int) -> dict[str, Any]:
    """Return the seconds from a move of the pen to the bars that show it.

    Raises:
        LeftOut: there is no browser.
    """
    with browser() as running:
        page = running.new_page()
        page.goto(f"http://127.0.0.1:{port}/#/draw?run={CLASSIFIER}")
        page.locator("canvas.pad").wait_for()
        page.evaluate(WATCH)
        box = page.locator("canvas.pad").bounding_box()
        assert box is not None
        for stroke in range(STROKES + 1):
            if stroke == 1:  # the first answer also loads the classifier
                page.evaluate("() => { moves.length = shown.length = 0; }")
            page.mouse.move(box["x"] + box["width"] * (0.3 + 0.08 * stroke), box["y"] + box["height"] * 0.2)
            page.mouse.down()
            for event in range(EVENTS):
                page.mouse.move(
                    box["x"] + box["width"] * (0.3 + 0.08 * stroke - 0.004 * event),
                    box["y"] + box["height"] * (0.2 + 0.6 * event / EVENTS),
                )
                time.sleep(FRAME)
            page.mouse.up()
            time.sleep(1)
        moves, shown = page.evaluate("() => [moves, shown]")
    took = [next((end for asked, end in shown if asked >= move), None) for move in moves]
    return ranked([(end - move) / 1e3 for move, end in zip(moves, took, strict=True) if end is not None])


def ranked(seconds: Sequence[float]) -> dict[str, Any]:
    """Return the median of seconds, how long the slowest took, and their number."""
    in_order = sorted(seconds)
    at = {"p95": 0.95, "p99": 0.99}
    return {
        "median": statistics.median(in_order),
        **{name: in_order[math.ceil(share * len(in_order)) - 1] for name, share in at.items()},
        "max": in_order[-1],
        "number": len(in_order),
    }


async def _predict(port: int, seconds: float, load: Load | None = None) -> Load:
    """Let all clients predict for so long; return what they saw, added to ``load``."""
    requests = [prediction_request(port, drawing) for drawing in drawings()]
    return await load_server(port, requests, CLIENTS, seconds, load)


async def load_server(
    port: int, requests: Sequence[bytes], clients: int, seconds: float, load: Load | None = None
) -> Load:
    """Let clients send requests in turn for so long; return what they saw, added to ``load``."""
    load = load or Load()
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_client(port, requests, start, until, load) for start in range(clients)))
    return load


async def _client(port: int, requests: Sequence[bytes], start: int, until: float, load: Load) -> None:
    """Send a drawing, wait for the answer, send the next, over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    turn = start
    try:
        while time.perf_counter() < until:
            sent = time.perf_counter()
            writer.write(requests[turn % len(requests)])
            status = await read_status(reader)
            if status == 200:
                load.seconds.append(time.perf_counter() - sent)
            else:
                load.refused[status] = load.refused.get(status, 0) + 1
            if not status:
                return
            turn += 1
    finally:
        writer.close()


async def read_status(reader: asyncio.StreamReader) -> int:
    """Read an answer whole and return its status."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
    except (asyncio.IncompleteReadError, OSError):
        return 0
    return int(head.split(" ", 2)[1])


def prediction_request(port: int, drawing: bytes) -> bytes:
    """Return the HTTP request of the page that sends a drawing."""
    asked = {"classifier": CLASSIFIER, "pictures": [base64.b64encode(drawing).decode()]}
    body = json.dumps(asked).encode()
    head = (
        f"POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _post(port: int, path: str, body: object) -> Any:
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked) as answer:
        return json.load(answer)


def _get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
        return json.load(answer)


def _until(port: int, job: str, is_so: Callable[[dict[str, Any]], bool]) -> None:
    started = time.perf_counter()
    while not is_so(_get(port, f"/api/jobs/{job}")):
        if time.perf_counter() - started > PATIENCE:
            raise RuntimeError("the training did not do what it was asked to")
        time.sleep(0.2)


def _images_per_second(port: int, job: str, wait: float) -> float:
    time.sleep(wait)
    return float(_get(port, f"/api/jobs/{job}")["progress"]["images_per_second"])


def memory_of(process: int) -> int | None:
    """Return the bytes that a process has in memory; None where the system does not tell."""
    try:
        told = Path(f"/proc/{process}/status").read_text("ascii")
    except OSError:
        return None
    return int(re.search(r"VmRSS:\s+(\d+)", told)[1]) * 1024  # type: ignore[index]


if __name__ == "__main__":
    json.dump(lab(), sys.stdout, indent=2)
