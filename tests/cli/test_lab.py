"""`imagelet lab`: it starts where it is told, says where that is, and ends when it is told."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from imagelet.cli import lab
from imagelet.lab.jobs.store import JobStore
from imagelet.runs.store import shipped_classifiers

ADDRESS = re.compile(r"the lab is open at (http://[^/]+/)(\?token=(\S+))?#/draw\?run=(\S+)")


# What a lab's threads and its decoding worker may be doing at its end.
BUSY = """
import sys, threading, time
from imagelet.cli import main
from imagelet.lab.http import network, state
from imagelet.lab.jobs import worker
from imagelet.lab.services import own_pictures
from imagelet.lab.services.classifiers import Classifiers
from imagelet.http.decoder import Decoder

def sleep(*_):
    time.sleep(600)

def compute(*_):
    while True:
        pass

worker.ensure = lambda _: None  # no job is run
Classifiers.check = sleep  # in a thread of the event loop's own
own_pictures.own_pictures = sleep
network.network_rows = compute
state.Decoder = lambda: Decoder(command=[sys.executable, "-c", "import time; time.sleep(600)"])
sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def started(
    *words: str, folder: Path, program: Sequence[str] = ("-m", "imagelet")
) -> Iterator[tuple[subprocess.Popen[str], re.Match[str]]]:
    """Start a lab in a process of its own and wait for its address."""
    process = subprocess.Popen(
        [sys.executable, *program, "lab", "--port", "0", "--no-browser", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        start_new_session=True,
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


def ask(address: str, body: object = None, **headers: str) -> tuple[int, Any]:
    content = None if body is None else json.dumps(body).encode()
    kind = {} if body is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(address, content, headers=headers | kind)
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


def send(address: str, body: object) -> None:
    """Send a request in a thread, and never mind what becomes of it."""
    request = urllib.request.Request(
        address,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"} if body is not None else {},
    )

    def run() -> None:
        with (
            contextlib.suppress(OSError, HTTPException),
            urllib.request.urlopen(request, timeout=60) as answer,
        ):
            answer.read()

    threading.Thread(target=run, daemon=True).start()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent otherwise there")
def test_it_ends_whatever_its_threads_do(tmp_path: Path) -> None:
    with started(folder=tmp_path, program=("-c", BUSY)) as (process, found):
        job = {"dataset": "digits", "network": "flatten dense(classes) softmax"}
        assert ask(f"{found[1]}api/jobs", job)[0] == 200
        identity = ask(f"{found[1]}api/jobs")[1][0]["id"]
        send(f"{found[1]}api/jobs/{identity}/events", None)
        send(f"{found[1]}api/own?classifier=mnist", None)
        send(f"{found[1]}api/networks", None)
        send(f"{found[1]}api/predict", {"classifier": "mnist", "pictures": ["AAAA"]})
        send(f"{found[1]}api/predict", {"classifier": "mnist", "pictures": ["AAAA"]})
        time.sleep(1)  # until they are under way
        process.send_signal(signal.SIGINT)
        output, notes = process.communicate(timeout=20)  # the threads would take 600 seconds
    assert process.returncode == 0
    assert notes.splitlines()[-1].startswith("the lab is closed")
    assert notes.count("the lab is closed") == 1
    assert "Traceback" not in notes
    assert output == ""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent otherwise there")
def test_a_training_goes_on_when_it_ends(tmp_path: Path) -> None:
    with started("--runs", str(tmp_path), folder=tmp_path) as (process, found):
        job = {"dataset": "digits", "network": "flatten dense(classes) softmax", "settings": {"epochs": 3}}
        identity = ask(f"{found[1]}api/jobs", job)[1]["id"]
        while ask(f"{found[1]}api/jobs/{identity}")[1]["state"] == "queued":
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        process.communicate(timeout=60)
    with contextlib.closing(JobStore(tmp_path)) as store:
        for _ in range(600):
            if store.find(identity).ended:
                break
            time.sleep(0.1)
        assert store.find(identity).state == "finished"


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
        assert outcome.code == 2
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
