"""Real processes that train one network together: those of torchrun, and our own."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

WORDS = [
    "digits",
    "--network",
    "conv(4, 3x3) batch_norm relu flatten dense(classes)",
    "--epochs",
    "2",
    "-b",
    "64",
]
WORDS += ["--limit", "600", "--precision", "fp32", "--threads", "1"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
IMAGELET = [sys.executable, "-m", "imagelet"]
SAME = ("classifier.safetensors", "history.jsonl")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a command; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str | Path, **variables: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            list(map(str, words)),
            env={**os.environ, "OMP_NUM_THREADS": "1", "IMAGELET_RUNS": str(tmp_path / "runs"), **variables},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def done(process: "subprocess.Popen[str]", code: int = 0) -> tuple[str, str]:
    out, errors = process.communicate(timeout=180)
    assert process.returncode == code, errors
    return out, errors


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return str(listening.getsockname()[1])


def contents(run: Path) -> dict[str, object]:
    """Return what a run says, without what was timed."""
    metrics = json.loads((run / "metrics.json").read_text())
    del metrics["seconds"], metrics["images_per_second"]
    return {name: (run / name).read_bytes() for name in SAME} | {"metrics.json": metrics}


@pytest.mark.slow
def test_torchrun_and_our_own_processes_train_what_one_process_trains(start: Start, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    done(start(*IMAGELET, "train", *WORDS, "--processes", "1", "--name", "one"))
    out, errors = done(start(*IMAGELET, "train", *WORDS, "--processes", "2", "--name", "two", "--json"))
    assert json.loads(out)["run"] == str(runs / "two")  # one document, of one process
    assert errors.count(" 1/2 ") == errors.count(" 2/2 ") == 1
    run_by_torch = [*TORCHRUN, "--nproc-per-node", "2", "--master-port", free_port(), "-m", "imagelet"]
    out, errors = done(start(*run_by_torch, "train", *WORDS, "--name", "torch"))
    assert out.count("validation accuracy") == errors.count(" 2/2 ") == 1
    assert contents(runs / "one") == contents(runs / "two") == contents(runs / "torch")
    assert json.loads((runs / "two" / "environment.json").read_text())["processes"] == 2
