"""The benchmark of the service: what its clients send, what its processes take, and how it is told."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers

from benchmarks import lab, pages, result_files, serve
from imagelet.service.bodies import wanted
from imagelet.service.schemas import Pictures

MEASURED: dict[str, Any] = {
    "limits": {"answer": 0.3, "growth": 1.05},
    "clients": 64,
    "seconds": 600.0,
    "classifier": "mnist",
    "errors": {},
    "answer_seconds": {"median": 0.2, "p95": 0.25, "p99": 0.28, "max": 0.5, "number": 180_000},
    "processor_seconds": 0.0065,
    "memory_bytes": [500e6, 503e6, 501e6],
}


def test_its_requests_are_those_that_the_service_takes() -> None:
    picture = lab.drawings()[0]
    head, _, body = serve.prediction_request(1234, picture).partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.lower()
    asked = wanted(Headers({"content-type": "application/json"}), body)
    assert isinstance(asked, Pictures)
    assert len(asked.pictures) == 1
    assert asked.pictures[0] in json.loads(body)["pictures"]


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell elsewhere")
def test_the_processes_that_it_starts_are_counted(tmp_path: Path) -> None:
    code = "import sys, time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        assert child.pid in serve.processes_of(os.getpid())
        before = serve.processor_seconds(child.pid)
        for _ in range(6000):
            if serve.processor_seconds(child.pid) >= before + 0.2:
                break
            time.sleep(0.01)
        else:
            raise AssertionError("its time is not seen")
        assert serve.memory_of_all(os.getpid()) > (lab.memory_of(os.getpid()) or 0)
        child.communicate(b"\n")


def test_the_page_says_what_was_asked_and_what_came(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(result_files, "FOLDER", tmp_path)
    result_files.write("serve", MEASURED)
    page = " ".join(pages.benchmarks_page(result_files.read_all()).split())
    assert "64 clients on the same machine ask `imagelet serve mnist` for 600 seconds" in page
    assert "180,000 predictions, 300 a second, none of them an error." in page
    assert "6.50 ms of the processor" in page
    assert "500 MB of memory after some seconds, 503 MB at the most and 501 MB at the end; 5 % more" in page
    row = "| a prediction for one of 64 | 200 ms | 250 ms | 280 ms | 500 ms | 95th percentile under 300 ms |"
    assert row in page
    result_files.write("serve", {**MEASURED, "errors": {"503": 1200}})
    assert "1,200 errors" in pages.benchmarks_page(result_files.read_all())
