"""The benchmark of the lab: what its clients send, how they count, and how it is told."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from benchmarks import lab, pages, result_files
from imagelet.runs.learner import load

ANSWER = b"HTTP/1.1 %d OK\r\nContent-Length: 2\r\n\r\n{}"


def test_its_drawings_are_digits_that_the_classifier_reads() -> None:
    drawings = lab.drawings()
    assert len(set(drawings)) == lab.DRAWN
    answers = load(lab.CLASSIFIER).predict(drawings)
    wanted = list(lab.DIGITS)
    assert [answer.predicted for answer in answers] == [wanted[at % len(wanted)] for at in range(lab.DRAWN)]


def test_clients_count_answers_errors_and_broken_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    statuses = [200, 503, 200, 0]
    sent: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for status in statuses:
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().split(b"content-length:")[1].split()[0])
            sent.append(await reader.readexactly(size))
            if status:
                writer.write(ANSWER % status)
        writer.close()

    async def measure() -> lab.Load:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            return await lab._predict(server.sockets[0].getsockname()[1], seconds=0.5)

    monkeypatch.setattr(lab, "CLIENTS", 1)
    load_ = asyncio.run(measure())
    assert len(load_.seconds) == 2
    assert load_.refused == {503: 1, 0: 1}
    assert len(set(sent)) == len(statuses)  # each time another drawing
    assert b'"classifier": "mnist"' in sent[0]


def test_the_page_says_what_was_asked_and_what_came(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(result_files, "FOLDER", tmp_path)
    ranked = {"median": 0.3, "p95": 0.45, "p99": 0.5, "max": 0.75, "number": 9000}
    measured: dict[str, Any] = {
        "limits": {"answer": 0.5, "stroke": 0.1},
        "clients": 50,
        "seconds": 60.0,
        "classifier": "mnist",
        "training": "cnn-3 on mnist",
        "errors": {},
        "answer_seconds": ranked,
        "stroke_seconds": {**ranked, "median": 0.04, "number": 240},
        "memory_bytes": [380e6, 390e6, 391e6],
        "training_images_per_second": {"alone": 3000.0, "beside": 500.0},
    }
    result_files.write("lab", measured)
    page = " ".join(pages.benchmarks_page(result_files.read_all()).split())
    assert "9,000 predictions, 150 a second, none of them an error." in page
    assert "380 MB of memory before and 391 MB after it" in page
    answer = (
        "| a prediction for one of 50 | 300 ms | 450 ms | 500 ms | 750 ms | 95th percentile under 500 ms |"
    )
    stroke = "| from stroke to bars | 40.0 ms | 450 ms | 500 ms | 750 ms | median under 100 ms |"
    assert answer in page
    assert stroke in page
    result_files.write("lab", {**measured, "errors": {"503": 1200}})
    assert "1,200 errors" in pages.benchmarks_page(result_files.read_all())
