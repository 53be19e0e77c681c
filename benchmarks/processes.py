"""Commands as whole processes: what ``imagelet`` says, how long it takes and how much memory."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LAUNCHER = Path(__file__).with_name("launcher.py")
NONE: Mapping[str, str] = {}
AVX2 = {  # a newer processor computes as one does that has AVX2 and no more
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


@dataclass(frozen=True)
class Process:
    """A process that has ended well.

    Attributes:
        output: what it printed.
        seconds: from its start to its end.
        peak_bytes: the most memory it had; None where the system does not tell.
    """

    output: str
    seconds: float
    peak_bytes: int | None

    @property
    def document(self) -> dict[str, Any]:
        """What it printed, read as JSON."""
        document: dict[str, Any] = json.loads(self.output)
        return document


def imagelet(words: Sequence[str], variables: Mapping[str, str] = NONE) -> Process:
    """Run ``imagelet`` with ``words``, and with these environment variables added to those that are set.

    Raises:
        subprocess.CalledProcessError: its exit code is not 0.
    """
    return run_experiment([sys.executable, "-m", "imagelet", *words], variables)


def run_experiment(command: Sequence[str], variables: Mapping[str, str] = NONE) -> Process:
    """Run a command.

    Raises:
        subprocess.CalledProcessError: its exit code is not 0.
    """
    line = [sys.executable, str(LAUNCHER), *command]
    environment = {**os.environ, **variables}
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    answer = json.loads(done.stdout)
    if answer["code"]:
        raise subprocess.CalledProcessError(answer["code"], list(command), answer["output"])
    return Process(answer["output"], answer["seconds"], answer["peak_bytes"])


def runs_folder() -> contextlib.AbstractContextManager[str]:
    """Return where to write runs: ``IMAGELET_BENCHMARK_RUNS``, which is kept, or a folder for the moment."""
    if kept := os.environ.get("IMAGELET_BENCHMARK_RUNS"):
        return contextlib.nullcontext(kept)
    return tempfile.TemporaryDirectory()
