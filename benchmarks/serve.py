"""The service under load: 64 clients, each with one picture at a time, for ten minutes.

The service is a process of its own, as ``imagelet serve`` starts it. The clients are one more process on the
same machine: each sends a picture, waits for the prediction, sends the next. ``IMAGELET_SERVE_SECONDS`` says
how long, where ten minutes are too much.
"""

import asyncio
import base64
import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.lab import Load, drawings, load_server, memory_of, ranked
from benchmarks.measuring import Benchmark, at_once

CLIENTS, WARMING = 64, 10.0
SECONDS = 600.0
SPELLS = 10  # after each of them memory is looked at
LIMIT = 0.3  # seconds that are asked for: 95th percentile
GROWTH = 1.05  # of the memory after the warming, at most
CLASSIFIER = "mnist"
OPENED = re.compile(r"http://127\.0\.0\.1:(\d+)/")
PATIENCE = 60  # seconds


def serve() -> dict[str, Any]:
    """Seconds of a prediction while 64 clients ask the service at once; errors, processor time, memory."""
    seconds = float(os.environ.get("IMAGELET_SERVE_SECONDS", SECONDS))
    with opened() as (port, process):
        requests = [prediction_request(port, picture) for picture in drawings()]
        asyncio.run(load_server(port, requests, CLIENTS, min(WARMING, seconds)))
        memory, before = [memory_of_all(process.pid)], processor_seconds(process.pid)
        load = Load()
        for _ in range(SPELLS):
            load = asyncio.run(load_server(port, requests, CLIENTS, seconds / SPELLS, load))
            memory.append(memory_of_all(process.pid))
        spent = processor_seconds(process.pid) - before
    return {
        "limits": {"answer": LIMIT, "growth": GROWTH},
        "clients": CLIENTS,
        "seconds": seconds,
        "classifier": CLASSIFIER,
        "errors": load.refused,
        "answer_seconds": ranked(load.seconds),
        "processor_seconds": spent / len(load.seconds),
        "memory_bytes": memory,
    }


def benchmarks() -> dict[str, Benchmark]:
    """Return what there is to measure, by name."""
    return {"serve": at_once(serve)}


@contextlib.contextmanager
def opened(*words: str) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """Open a service; give its port and its process when it is ready, and end it."""
    command = [sys.executable, "-u", "-m", "imagelet", "serve", CLASSIFIER, "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            found = OPENED.search(process.stdout.readline())
            if found is None:
                raise RuntimeError("the service did not open")
            _wait_until_ready(int(found[1]))
            yield int(found[1]), process
        finally:
            process.terminate()


def prediction_request(port: int, picture: bytes) -> bytes:
    """Return the HTTP request that sends a picture."""
    body = json.dumps({"pictures": [base64.b64encode(picture).decode()]}).encode()
    head = (
        f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def processes_of(process: int) -> Sequence[int]:
    """Return a process and those that it has started."""
    started: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():  # each thread has those that it started
            started += map(int, (task / "children").read_text("ascii").split())
    return [process, *started]


def memory_of_all(process: int) -> int:
    """Return the bytes that a process and those that it has started have in memory; 0 where nobody tells."""
    return sum(memory_of(one) or 0 for one in processes_of(process))


def processor_seconds(process: int) -> float:
    """Return the processor time that a process and those that it has started have taken until now."""
    spent = 0.0
    for one in processes_of(process):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text("ascii").rpartition(") ")[2].split()
            spent += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def _wait_until_ready(port: int) -> None:
    started = time.perf_counter()
    while time.perf_counter() - started < PATIENCE:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=PATIENCE),
        ):
            return
        time.sleep(0.1)
    raise RuntimeError("the service did not get ready")
