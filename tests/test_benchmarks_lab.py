"""The benchmark of the lab: what its clients send, how they count, and how it is told."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from benchmarks import lab, pages, pupils, result_files
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


def test_the_page_says_how_thirty_pupils_fared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(result_files, "FOLDER", tmp_path)
    ranked = {"median": 0.03, "p95": 0.2, "p99": 0.3, "max": 0.75, "number": 9000}
    measured: dict[str, Any] = {
        "limits": {"answer": 0.5},
        "pupils": 30,
        "seconds": 300.0,
        "classifier": "mnist",
        "errors": {},
        "foreign": 0,
        "tries": 900,
        "written": 700,
        "counted": 700,
        "response_seconds": dict.fromkeys(("join", "predict", "explain", "read", "write"), ranked),
        "memory_bytes": [280e6, 410e6],
    }
    result_files.write("pupils", measured)
    page = " ".join(pages.benchmarks_page(result_files.read_all()).split())
    assert "No response was an error. 700 digits were handed in, and the teacher has 700 of them." in page
    assert "None held anything of another pupil" in page
    line = "| a prediction | 9,000 | 30.0 ms | 200 ms | 300 ms | 750 ms | 95th percentile under 500 ms |"
    assert line in page
    result_files.write("pupils", {**measured, "errors": {"predict 503": 12}, "foreign": 3})
    page = " ".join(pages.benchmarks_page(result_files.read_all()).split())
    assert "12 responses were errors" in page
    assert "3 responses held anything" in page


def test_the_page_says_how_it_is_for_one_person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(result_files, "FOLDER", tmp_path)
    ranked = {"median": 0.4, "p95": 0.6, "p99": 0.6, "max": 0.6, "number": 10}
    measured: dict[str, Any] = {
        "limits": {"load": 1.0, "stroke": 0.1},
        "classifier": "mnist",
        "first_seconds": ranked,
        "again_seconds": {**ranked, "median": 0.2},
        "stroke_seconds": {**ranked, "median": 0.04},
        "files": 60,
        "bytes": 520_000,
        "memory_bytes": [280e6, 300e6],
    }
    result_files.write("page", measured)
    page = " ".join(pages.benchmarks_page(result_files.read_all()).split())
    assert "60 files, 0.5 MB, loaded 10 times" in page
    assert "| the page, first visit | 400 ms | 600 ms | median under 1.00 s |" in page
    assert "| from stroke to bars | 40.0 ms | 600 ms | median under 100 ms |" in page


def test_a_pupil_notices_what_belongs_to_another() -> None:
    class Gossip(pupils.Client):
        """Answers everything with the name of another pupil, and the wrong digit."""

        def __init__(self) -> None:
            super().__init__(0, "")

        async def ask(self, path: str, body: object = None) -> tuple[int, bytes]:
            assert path.startswith("/api/")
            return 200, b'{"predictions": [{"predicted": "x"}], "by": "pupil-001", "label": null}'

    async def lesson() -> pupils.Seen:
        seen = pupils.Seen()
        both = [pupils.Pupil(number, Gossip(), seen) for number in range(2)]
        await both[0]._write(both)  # nothing is wanted of it yet
        await both[0]._read(both)
        await both[0]._try_what_is_not_allowed(both)
        return seen

    seen = asyncio.run(lesson())
    assert seen.written == 0
    assert seen.tries == 3
    assert seen.foreign == 1 + 3
