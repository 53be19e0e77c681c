"""A real process is killed at random moments, while saving too, and resumed until it comes to its end."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagelet.training.checkpoint import SUFFIX

WORDS = ["--network", "conv(8, 3x3, same) relu dropout(0.2) flatten dense(classes)", "--epochs", "2"]
WORDS += ["--set", "ema_decay=0.9", "--set", "shift=1", "-b", "16", "--limit", "400", "--precision", "fp32"]

KILLS = 5

# Begins a process for each line that comes, without the time that it takes to import everything; tells its
# number, and how it ended. The processes save after every step, and slowly: most kills hit a save. They draw
# no pictures: all kills come before there are any.
STARTING = """
import json, os, sys, time
import matplotlib.figure, sklearn.datasets, torch._dynamo
from imagelet import atomic_files
from imagelet.analysis import error_analysis
from imagelet.cli import main
from imagelet.experiment import finalize, runner

runner.SECONDS_BETWEEN_CHECKPOINTS = 0.0
error_analysis.draw_evaluation = finalize.plots.curves = finalize.plots.save = lambda *_: None
fsync = atomic_files.os.fsync
atomic_files.os.fsync = lambda handle: (time.sleep(0.01), fsync(handle))

for line in sys.stdin:
    process = os.fork()
    if process == 0:
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os._exit(main(json.loads(line)))
    print(process, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


class Starter:
    """A process that begins trainings, each in a process of its own, one after the other."""

    def __init__(self) -> None:
        self._starting = subprocess.Popen(
            [sys.executable, "-c", STARTING],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def begin(self, *words: str | Path) -> int:
        """Begin a training and return its process's number."""
        assert self._starting.stdin is not None
        print(json.dumps(["train", *map(str, words)]), file=self._starting.stdin, flush=True)
        return self._answer()

    def end(self) -> int:
        """Wait until the process has ended; return its exit code, or minus the signal that killed it."""
        return self._answer()

    def close(self) -> None:
        self._starting.kill()
        self._starting.communicate()

    def _answer(self) -> int:
        assert self._starting.stdout is not None
        return int(self._starting.stdout.readline())


def files_of(run: Path) -> dict[str, bytes]:
    return {
        name: (run / name).read_bytes() for name in ("classifier.safetensors", "history.jsonl", "split.json")
    }


@pytest.fixture(scope="module")
def starter() -> Iterator[Starter]:
    opened = Starter()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def straight(starter: Starter, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("straight")
    starter.begin("digits", "--name", "run", "--runs", folder, *WORDS)
    assert starter.end() == 0
    return files_of(folder / "run")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("seed", range(2))
def test_a_killed_and_resumed_run_ends_with_the_same_bytes(
    tmp_path: Path, starter: Starter, straight: dict[str, bytes], seed: int
) -> None:
    drawn = random.Random(seed)
    words: list[str | Path] = ["digits", "--name", "run", "--runs", tmp_path, *WORDS]
    run = tmp_path / "run"
    for _ in range(KILLS):
        before = newest(run)
        process = starter.begin(*words)
        wait_for_a_checkpoint(process, run, newer_than=before)
        time.sleep(drawn.uniform(0, 0.2))
        with contextlib.suppress(ProcessLookupError):  # it came to an end of its own, which is told next
            os.kill(process, signal.SIGKILL)
        assert starter.end() == -signal.SIGKILL
        words = ["--resume", run]
    starter.begin(*words)
    assert starter.end() == 0
    assert files_of(run) == straight
    assert not (run / "checkpoint").exists()


def newest(run: Path) -> str:
    return max((path.name for path in (run / "checkpoint").glob(f"*{SUFFIX}")), default="")


def wait_for_a_checkpoint(process: int, run: Path, newer_than: str) -> None:
    """Wait until training has begun: kills before it would only test the start."""
    for _ in range(6000):
        if newest(run) > newer_than or ended(process):
            return
        time.sleep(0.01)
    raise AssertionError("no checkpoint came in a minute")


def ended(process: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, 0)
        return False
    return True
