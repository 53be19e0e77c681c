"""Classifiers and runs are kept: a drawing touches no disk, and what changes there is noticed elsewhere."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagelet.classifier.classifier import Classifier
from imagelet.errors import ClassifierFileError
from imagelet.lab.services import classifiers as classifiers_module
from imagelet.lab.services import runs as runs_module
from imagelet.lab.services.runs import RunList
from tests.lab.conftest import Lab
from tests.servers import ADDRESS, in_a_loop

DISK = ("open", "os.listdir", "os.scandir", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect")
touched: list[str] | None = None  # what a test collects; a hook of Python's cannot be taken away again


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if touched is not None and event in DISK:
        touched.append(f"{event} {arguments[:1]}")


sys.addaudithook(_heard)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collect every access to the disk in the block, by whatever thread."""
    global touched
    with pytest.MonkeyPatch.context() as patch:
        for name in ("stat", "lstat", "access", "readlink"):
            function = getattr(os, name)

            def noted(*arguments: Any, _name: str = name, _function: Any = function, **named: Any) -> Any:
                if touched is not None:
                    touched.append(f"os.{_name} {arguments[:1]}")
                return _function(*arguments, **named)

            patch.setattr(os, name, noted)
        touched = []
        try:
            yield touched
        finally:
            touched = None


def ask(lab: Lab, *requests: tuple[str, str, object], warm: int) -> tuple[list[str], list[Any]]:
    """Send requests again and again; return what the last round touched on the disk, and its responses."""

    async def asked() -> tuple[list[str], list[Any]]:
        transport = httpx.ASGITransport(lab.app)
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=60) as client:
            for _ in range(warm):
                for method, path, body in requests:
                    await client.request(method, path, json=body)
            with watched() as accesses:
                responses = [await client.request(method, path, json=body) for method, path, body in requests]
            assert [response.status_code for response in responses] == [200] * len(requests)
            return accesses, [response.json() for response in responses]

    return in_a_loop(asked())


class TestAPenStroke:
    def test_touches_no_disk(self, lab: Lab, small_run: Path, seven: str) -> None:
        stroke = {"classifier": "small", "picture": seven, "layers": True, "neighbours": 3}
        stroke["attributions"] = ["integrated-gradients"]
        predict = ("POST", "/api/predict", {"classifier": "small", "pictures": [seven]})
        while lab.post("/api/explain", stroke).json()["preparing"]:
            pass
        accesses, (predictions, explanation) = ask(lab, predict, ("POST", "/api/explain", stroke), warm=2)
        assert len(predictions["predictions"]) == 1
        assert explanation["layers"]
        assert explanation["attributions"]
        assert len(explanation["neighbours"]) == 3
        assert accesses == []

    def test_would_be_seen_to_touch_it(self, lab: Lab, small_run: Path) -> None:
        accesses, _ = ask(lab, ("GET", "/api/classifiers", None), ("GET", "/api/runs", None), warm=2)
        assert any(str(small_run) in access for access in accesses)


class TestChanges:
    @pytest.fixture
    def predict(self, lab: Lab, small_run: Path, seven: str) -> Callable[[], httpx.Response]:
        """Return a function that asks the run's classifier; it was asked once."""
        lab.post("/api/predict", {"classifier": "small", "pictures": [seven]})
        return lambda: lab.post("/api/predict", {"classifier": "small", "pictures": [seven]})

    def test_a_classifier_that_is_deleted_is_asked_no_more(
        self, lab: Lab, small_run: Path, predict: Callable[[], httpx.Response]
    ) -> None:
        shutil.rmtree(small_run)
        lab.state.classifiers.check()
        assert predict().status_code == 404

    def test_a_new_one_is_found_when_it_is_asked_for(
        self, lab: Lab, small_run: Path, predict: Callable[[], httpx.Response], seven: str
    ) -> None:
        small_run.rename(small_run.with_name("other"))
        assert lab.post("/api/predict", {"classifier": "other", "pictures": [seven]}).status_code == 200

    def test_a_check_reads_nothing_that_is_unchanged(
        self, lab: Lab, predict: Callable[[], httpx.Response], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with watched() as accesses:
            lab.state.classifiers.check()
        assert len(accesses) == 1  # of the one classifier that is loaded
        monkeypatch.setattr(Classifier, "load", None)
        assert predict().status_code == 200


class TestRunList:
    @pytest.fixture
    def settled(self, small_run: Path, monkeypatch: pytest.MonkeyPatch) -> RunList:
        """Return the list of a folder with one run, made when the folder had not changed for a while."""
        monkeypatch.setattr(runs_module, "SETTLED", 0)
        runs = RunList(small_run.parent)
        assert list(runs.by_name()) == ["small"]
        return runs

    def test_is_made_once(self, settled: RunList, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(runs_module, "runs_by_name", None)
        assert list(settled.by_name()) == ["small"]

    @pytest.mark.parametrize("name", ["new", "course/new", "series/first/../second"])
    def test_is_made_anew_when_a_run_is_added_or_taken(self, settled: RunList, name: str) -> None:
        place = settled.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(settled.folder / "small", place)
        added = place.resolve().relative_to(settled.folder.resolve()).as_posix()
        assert set(settled.by_name()) == {"small", added}
        shutil.rmtree(settled.folder / "small")
        assert list(settled.by_name()) == [added]

    def test_is_not_kept_of_a_folder_that_has_just_changed(self, small_run: Path) -> None:
        runs = RunList(small_run.parent)
        assert list(runs.by_name()) == ["small"]
        times = {folder: folder.stat().st_mtime_ns for folder in (small_run.parent,)}
        shutil.copytree(small_run, small_run.with_name("other"))
        for folder, time in times.items():  # a second change within the tick of the disk's clock
            os.utime(folder, ns=(time, time))
        assert set(runs.by_name()) == {"small", "other"}

    def test_a_row_is_read_anew_when_a_file_of_the_run_changes(self, settled: RunList) -> None:
        (first,) = settled.rows(set())
        assert settled.rows({"small"}) == [{**first, "state": "running"}]
        line = '{"when": "2026-01-01T00:00:00+00:00", "accuracy": 1, "images": 10}\n'
        (settled.folder / "small" / "test_evaluations.jsonl").write_text(line)
        assert [row["test_evaluations"] for row in settled.rows(set())] == [1]
        (settled.folder / "small" / "metrics.json").write_text("{")
        assert [row["state"] for row in settled.rows({"small"})] == ["damaged"]

    def test_rows_that_are_unchanged_are_not_read_again(
        self, settled: RunList, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = settled.rows(set())
        monkeypatch.setattr(runs_module, "summary", None)
        assert settled.rows(set()) == rows


def test_no_file_is_mapped_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifiers_module.safetensors, "safe_open", lambda *_, **__: pytest.fail("mapped"))
    with (tmp_path / "large.safetensors").open("wb") as file:
        file.truncate(2**40)  # a terabyte that takes no room
    with pytest.raises(ClassifierFileError, match=r"large\.safetensors is no classifier"):
        classifiers_module._header(tmp_path / "large.safetensors")


def test_a_pipe_in_the_place_of_a_classifier_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(ClassifierFileError, match=r"pipe\.safetensors is no classifier"):
        classifiers_module._header(tmp_path / "pipe.safetensors")
