"""`imagelet serve`: it says where it is, answers until it is told to end, finishes what runs, and ends."""

import base64
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
from pathlib import Path
from typing import Any

import pytest

from imagelet.cli import serve
from imagelet.runs.store import shipped_classifiers
from tests.servers import drawing, png_file

ADDRESS = re.compile(r"(\S+) is served at (http://[^/]+)/\n")
SIGNALS = [signal.SIGINT, signal.SIGTERM]
PATIENCE = 60  # seconds

# A service whose predictions take their time: 1 second, or for ever.
SLOW = """
import sys, time
from imagelet.cli import main
from imagelet.service.state import Service

predict = Service._predict

def take_time(self, kind, requests):
    print("computing", file=sys.stderr, flush=True)
    time.sleep({seconds})
    return predict(self, kind, requests)

Service._predict = take_time
sys.exit(main(sys.argv[1:]))
"""


@contextlib.contextmanager
def started(
    *words: str, folder: Path, program: Sequence[str] = ("-m", "imagelet"), **variables: str
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start a service in a process of its own; give it with the first line that it prints."""
    process = subprocess.Popen(
        [sys.executable, *program, "serve", *words, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        start_new_session=True,
        env={**os.environ, **variables},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=PATIENCE)[1]
        yield process, line
    finally:
        process.kill()
        process.communicate()


def address_in(line: str) -> str:
    found = ADDRESS.fullmatch(line)
    assert found, line
    return found[2]


def ask(address: str, body: object = None, **headers: str) -> tuple[int, Any]:
    content = None if body is None else json.dumps(body).encode()
    kind = {} if body is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(address, content, headers=headers | kind)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def pictures() -> dict[str, list[str]]:
    return {"pictures": [base64.b64encode(png_file(drawing())).decode()]}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are sent otherwise there")
@pytest.mark.parametrize("number", SIGNALS)
def test_it_answers_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    with started("mnist", folder=tmp_path) as (process, line):
        address = address_in(line)
        status, told = ask(f"{address}/predict", pictures())
        assert (status, told["predictions"][0]["predicted"]) == (200, "7")
        for _ in range(PATIENCE * 10):
            if ask(f"{address}/health") == (200, {"status": "ready"}):
                break
            time.sleep(0.1)
        assert ask(f"{address}/health")[0] == 200
        assert ask(f"{address}/info", Host="evil.com")[0] == 421
        os.killpg(process.pid, number)  # as a terminal does
        output, notes = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert output == ""
    assert notes.splitlines() == ["→ Ctrl-C ends it", "the service is closed"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are sent otherwise there")
@pytest.mark.parametrize("number", SIGNALS)
def test_what_runs_is_finished_first(tmp_path: Path, number: signal.Signals) -> None:
    program = ("-c", SLOW.format(seconds=1))
    with started("mnist", folder=tmp_path, program=program) as (process, line):
        answers: list[Any] = []
        asked = threading.Thread(
            target=lambda: answers.append(ask(f"{address_in(line)}/predict", pictures()))
        )
        asked.start()
        assert process.stderr is not None
        while process.stderr.readline() != "computing\n":
            assert process.poll() is None
        process.send_signal(number)
        asked.join(PATIENCE)
        process.communicate(timeout=PATIENCE)
    assert answers[0][0] == 200
    assert answers[0][1]["predictions"][0]["predicted"] == "7"
    assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are sent otherwise there")
def test_what_takes_for_ever_is_not_waited_for(tmp_path: Path) -> None:
    with started("mnist", folder=tmp_path, program=("-c", SLOW.format(seconds=600))) as (process, line):
        body = json.dumps(pictures()).encode()
        head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        port = int(address_in(line).rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
            client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert process.stderr is not None
            while process.stderr.readline() != "computing\n":
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            _, notes = process.communicate(timeout=PATIENCE)  # the prediction would take 600 seconds
    assert process.returncode == 0
    assert notes.splitlines()[-1] == "the service is closed"
    assert "Traceback" not in notes


@pytest.mark.slow
def test_other_machines_need_the_token(tmp_path: Path) -> None:
    with started("mnist", "--host", "0.0.0.0", "--json", folder=tmp_path) as (process, line):
        told = json.loads(line + "".join(iter_document(process, line)))
        assert told["classifier"] == "mnist"
        assert len(told["token"]) >= 32
        address = f"http://127.0.0.1:{told['address'].rstrip('/').rpartition(':')[2]}/info"
        assert ask(address)[0] == 401
        assert ask(address, Authorization=f"Bearer {told['token']}")[0] == 200


def iter_document(process: "subprocess.Popen[str]", line: str) -> Iterator[str]:
    """Yield the other lines of a JSON document."""
    depth = line.count("{") - line.count("}")
    while depth:
        assert process.stdout is not None
        line = process.stdout.readline()
        depth += line.count("{") - line.count("}")
        yield line


@pytest.mark.slow
def test_each_request_is_a_line_where_it_is_asked_for(tmp_path: Path) -> None:
    token = "from-the-environment"
    with started("mnist", "--access-log", folder=tmp_path, IMAGELET_TOKEN=token) as (process, line):
        assert process.stdout is not None
        assert token in process.stdout.readline()
        address = f"{address_in(line)}/info"
        assert ask(address)[0] == 401
        assert ask(address, Authorization=f"Bearer {token}")[0] == 200
        process.send_signal(signal.SIGTERM)
        _, notes = process.communicate(timeout=PATIENCE)
    lines = [re.sub(r"\d+ ms", "N ms", one) for one in notes.splitlines()[1:-1]]
    assert lines == ["127.0.0.1 GET /info 401 N ms", "127.0.0.1 GET /info 200 N ms"]


ENGINE = """
import sys
import numpy as np
from imagelet.classifier.classifier import Classifier
from imagelet.service import state
from imagelet.service.settings import Settings

state.open_service(Settings(name="it"), Classifier.load(sys.argv[1])).close()
print("torch" in sys.modules)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("expected", "has_torch"), [(10, False), (10_000, True)])
def test_torch_is_there_from_the_start_where_numpy_would_take_long(expected: int, has_torch: bool) -> None:
    program = ENGINE.replace("state.open_service", f"state.EXPECTED = {expected}\nstate.open_service")
    words = [sys.executable, "-c", program, str(shipped_classifiers()["mnist"])]
    told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=PATIENCE * 2)
    assert told.stdout == f"{has_torch}\n"


class TestWords:
    @pytest.fixture
    def served(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """Serve nothing; return what would have been served."""
        seen: dict[str, Any] = {}

        def serve_(app: Any, listening: socket.socket) -> None:
            seen.update(settings=app.state.service.settings, port=listening.getsockname()[1])
            app.state.service.close()

        monkeypatch.setattr(serve, "_serve", serve_)
        return seen

    def test_a_shipped_classifier(self, run: Callable, served: dict[str, Any]) -> None:
        outcome = run("serve", "mnist", "--port", 0)
        assert outcome.code == 0
        assert outcome.stdout == f"mnist is served at http://127.0.0.1:{served['port']}/\n"
        assert served["settings"].token is None
        assert served["settings"].cores == 1

    def test_as_json(self, run: Callable, served: dict[str, Any]) -> None:
        outcome = run("serve", "mnist", "--port", 0, "--json")
        address = f"http://127.0.0.1:{served['port']}/"
        assert json.loads(outcome.stdout) == {"address": address, "token": None, "classifier": "mnist"}

    def test_a_run_by_its_folder_and_a_file(
        self, run: Callable, served: dict[str, Any], short_run: Path, tmp_path: Path
    ) -> None:
        assert run("serve", short_run, "--port", 0).code == 0
        assert served["settings"].name == "short"
        file = Path(shutil.copy(shipped_classifiers()["mnist"], tmp_path / "my digits.safetensors"))
        assert run("serve", file, "--port", 0).stdout.startswith("my digits is served at")

    def test_a_run_that_is_not_there(self, run: Callable, served: dict[str, Any]) -> None:
        outcome = run("serve", "mnits", "--port", 0)
        assert outcome.code == 2
        assert "no run 'mnits'" in outcome.stderr
        assert "did you mean 'mnist'?" in outcome.stderr
        assert served == {}

    def test_a_file_that_is_no_classifier(
        self, run: Callable, served: dict[str, Any], tmp_path: Path
    ) -> None:
        (tmp_path / "a.safetensors").write_bytes(b"no classifier")
        outcome = run("serve", tmp_path / "a.safetensors", "--port", 0, "--json")
        assert outcome.code == 1
        assert set(json.loads(outcome.stdout)["error"]) == {"code", "message", "hint"}
        assert served == {}

    def test_a_port_that_is_taken(self, run: Callable, served: dict[str, Any]) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            outcome = run("serve", "mnist", "--port", port)
        assert outcome.code == 2
        assert outcome.stderr.splitlines()[0] == f"error: port {port} is taken by another program"
        assert "imagelet serve RUN --port 0" in outcome.stderr
        assert outcome.stderr.count("\n") == 2

    def test_a_token_that_is_given(self, run: Callable, served: dict[str, Any]) -> None:
        token = "sixteen-letters-and-more"
        outcome = run("serve", "mnist", "--port", 0, "--token", token)
        assert served["settings"].token == token
        assert f"Authorization: Bearer {token}" in outcome.stdout

    @pytest.mark.parametrize("token", ["", "short", "with blanks in it, which no header", "ä" * 20])
    def test_a_token_that_is_none(self, run: Callable, served: dict[str, Any], token: str) -> None:
        outcome = run("serve", "mnist", "--port", 0, "--token", token)
        assert outcome.code == 2
        assert "16 to 200 letters" in outcome.stderr
        assert served == {}

    @pytest.mark.parametrize("words", [["--port", "65536"], ["--threads", "0"], ["--threads", "all"]])
    def test_what_is_out_of_range(self, run: Callable, served: dict[str, Any], words: list[str]) -> None:
        assert run("serve", "mnist", *words).code == 2

    def test_the_environment_is_left_as_it_was(
        self, run: Callable, served: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
        assert run("serve", "mnist", "--port", 0, "--threads", 2).code == 0
        assert "OMP_NUM_THREADS" not in os.environ
        assert os.environ["OPENBLAS_NUM_THREADS"] == "3"
