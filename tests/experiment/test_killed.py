"""A real process is killed at random moments, while saving too, and resumed until it comes to its end."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imagelet.training.checkpoint import SUFFIX

WORDS = ["--network", "conv(8, 3x3, same) relu dropout(0.2) flatten dense(classes)", "--epochs", "2"]
WORDS += ["--set", "averaging=0.9", "--set", "shift=1", "-b", "16", "--limit", "400", "--precision", "fp32"]

KILLS = 3

# Saves after every step, and slowly: most kills hit a save.
SLOW_SAVES = """
import sys, time
from imagelet import files
from imagelet.experiment import carrying_out
carrying_out.SECONDS_BETWEEN_CHECKPOINTS = 0.0
fsync = files.os.fsync
files.os.fsync = lambda handle: (time.sleep(0.01), fsync(handle))
from imagelet.cli import main
sys.exit(main(sys.argv[1:]))
"""


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", SLOW_SAVES, "train", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def files_of(run: Path) -> dict[str, bytes]:
    return {
        name: (run / name).read_bytes() for name in ("classifier.safetensors", "history.jsonl", "split.json")
    }


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("straight")
    assert start(folder, "digits", "--name", "run", "--runs", ".", *WORDS).wait(timeout=120) == 0
    return files_of(folder / "run")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_killed_and_resumed_run_ends_with_the_same_bytes(tmp_path, straight, seed):
    drawn = random.Random(seed)
    words = ["digits", "--name", "run", "--runs", ".", *WORDS]
    run = tmp_path / "run"
    for _ in range(KILLS):
        process = start(tmp_path, *words)
        wait_for_a_checkpoint(process, run, newer_than=newest(run))
        time.sleep(drawn.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        words = ["--resume", "run", "--runs", "."]
    assert start(tmp_path, *words).wait(timeout=120) == 0
    assert files_of(run) == straight
    assert not (run / "checkpoint").exists()


def newest(run: Path) -> str:
    return max((path.name for path in (run / "checkpoint").glob(f"*{SUFFIX}")), default="")


def wait_for_a_checkpoint(process: subprocess.Popen[bytes], run: Path, newer_than: str) -> None:
    """Wait until training has begun: kills before it would only test the start."""
    for _ in range(6000):
        if process.poll() is not None or newest(run) > newer_than:
            return
        time.sleep(0.01)
    raise AssertionError("no checkpoint came in a minute")
