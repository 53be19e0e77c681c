"""`imagelet lab`: it starts where it is told, says where that is, and ends when it is told."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from imagelet.cli import lab
from imagelet.runs.store import shipped_classifiers

ADDRESS = re.compile(r"the lab is open at (http://[^/]+/)(\?token=(\S+))?#/draw\?run=(\S+)")


@contextmanager
def started(*words: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], re.Match[str]]]:
    """Start a lab in a process of its own and wait for its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "imagelet", "lab", "--port", "0", "--no-browser", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = ADDRESS.match(line)
        assert found, line + process.communicate(timeout=60)[1]
        yield process, found
    finally:
        process.kill()
        process.communicate()


def ask(address: str, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent otherwise there")
def test_it_answers_until_ctrl_c(tmp_path: Path) -> None:
    with started("fashion-mnist", folder=tmp_path) as (process, found):
        assert found[4] == "fashion-mnist"
        status, told = ask(f"{found[1]}api/classifiers")
        assert status == 200
        assert {each["name"] for each in told} == set(shipped_classifiers())
        assert ask(f"{found[1]}api/kernels", Host="evil.com")[0] == 421
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, notes = process.communicate(timeout=60)
        assert time.monotonic() - begun < 20
    assert process.returncode == 0
    assert output == ""
    assert notes.splitlines()[-1].startswith("the lab is closed")
    assert "Traceback" not in notes


@pytest.mark.slow
def test_other_machines_need_the_token_that_is_printed(tmp_path: Path) -> None:
    with started("--host", "0.0.0.0", folder=tmp_path) as (_, found):
        port = found[1].rstrip("/").rpartition(":")[2]
        address = f"http://127.0.0.1:{port}/api/kernels"
        assert len(found[3]) >= 32
        assert ask(address)[0] == 401
        assert ask(address, Authorization=f"Bearer {found[3]}")[0] == 200


class TestWords:
    @pytest.fixture
    def served(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """Serve nothing; return what would have been served, and what the browser was told to open."""
        seen: dict[str, Any] = {"opened": []}

        def serve(app: Any, listening: socket.socket) -> None:
            seen.update(settings=app.state.lab.settings, port=listening.getsockname()[1])

        monkeypatch.setattr(lab, "_serve", serve)
        monkeypatch.setattr(lab, "_has_screen", lambda: True)
        monkeypatch.setattr(lab.webbrowser, "open", seen["opened"].append)
        return seen

    def test_the_browser_opens_the_page(self, run: Callable, served: dict[str, Any]) -> None:
        outcome = run("lab", "--port", 0)
        assert outcome.code == 0
        address = f"http://127.0.0.1:{served['port']}/#/draw?run=mnist"
        assert outcome.stdout == f"the lab is open at {address}\n"
        for _ in range(100):  # it is opened beside
            if served["opened"]:
                break
            time.sleep(0.01)
        assert served["opened"] == [address]
        assert served["settings"].port == served["port"]
        assert served["settings"].token is None

    def test_unless_nobody_wants_it(self, run: Callable, served: dict[str, Any]) -> None:
        assert run("lab", "--port", 0, "--no-browser").code == 0
        assert served["opened"] == []

    def test_a_run_by_its_name(self, run: Callable, served: dict[str, Any], short_run: Path) -> None:
        outcome = run("lab", "short", "--runs", short_run.parent, "--port", 0, "--no-browser")
        assert outcome.stdout.endswith("#/draw?run=short\n")
        assert served["settings"].runs == short_run.parent
        assert dict(served["settings"].others) == {}

    def test_a_run_by_its_folder(self, run: Callable, served: dict[str, Any], short_run: Path) -> None:
        outcome = run("lab", short_run, "--port", 0, "--no-browser")
        assert outcome.stdout.endswith("#/draw?run=short\n")
        assert dict(served["settings"].others) == {"short": short_run / "classifier.safetensors"}

    def test_a_file(self, run: Callable, served: dict[str, Any], tmp_path: Path) -> None:
        file = Path(shutil.copy(shipped_classifiers()["mnist"], tmp_path / "my digits.safetensors"))
        outcome = run("lab", file, "--port", 0, "--no-browser")
        assert outcome.stdout.endswith("#/draw?run=my%20digits\n")
        assert dict(served["settings"].others) == {"my digits": file}

    def test_a_run_that_is_not_there(self, run: Callable, served: dict[str, Any]) -> None:
        outcome = run("lab", "mnits", "--port", 0)
        assert outcome.code == 1
        assert "no run 'mnits'" in outcome.stderr
        assert "did you mean 'mnist'?" in outcome.stderr
        assert "settings" not in served

    def test_a_port_that_is_taken_is_one_sentence(self, run: Callable, served: dict[str, Any]) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            outcome = run("lab", "--port", port)
        assert outcome.code == 2
        assert outcome.stderr.splitlines()[0] == f"error: port {port} is taken by another program"
        assert "--port 0" in outcome.stderr
        assert outcome.stderr.count("\n") == 2

    @pytest.mark.parametrize("host", ["192.0.2.77", "no such host", ""])
    def test_an_address_that_is_not_ours_is_one_sentence(
        self, run: Callable, served: dict[str, Any], host: str
    ) -> None:
        outcome = run("lab", "--port", 0, "--host", host)
        assert outcome.code == 2
        assert "address" in outcome.stderr
        assert outcome.stderr.count("\n") == 2

    @pytest.mark.parametrize("port", ["-1", "65536", "http"])
    def test_a_port_that_none_has_is_refused(self, run: Callable, served: dict[str, Any], port: str) -> None:
        assert run("lab", "--port", port).code == 2
