"""A process of ours beside this one: it is asked through its standard input, and answers on its output.

It ends with its input, whatever becomes of the process that started it. Ctrl-C in the terminal is not for it.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, BinaryIO

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class WorkerProcess:
    """A process that answers requests, seen from the one that asks.

    Args:
        command: what it is started with, such as :func:`command_of` returns.
        environment: variables besides those of this process; each thread of OpenBLAS would take 30 MB.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] = ONE_THREAD) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # it finds the modules that this process finds
            env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )

    @property
    def requests(self) -> IO[bytes]:
        """Where requests are written."""
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def responses(self) -> IO[bytes]:
        """Where responses are read."""
        assert self._process.stdout is not None
        return self._process.stdout

    def is_alive(self) -> bool:
        """Say whether it runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it, whatever it does; whoever waits for a response gets a part of it or none."""
        self._process.kill()

    def close_requests(self) -> None:
        """Let it know that no more requests come: its input ends."""
        with contextlib.suppress(OSError):  # what it was sent and never read
            self.requests.close()

    def wait(self, seconds: float) -> None:
        """Wait until it has ended by itself, so long at most."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def end(self) -> None:
        """End it, and leave nothing of it behind."""
        self.kill()
        self._process.wait()
        for pipe in (self.requests, self.responses):
            with contextlib.suppress(OSError):  # what it was sent and never read
                pipe.close()


def command_of(module: str) -> tuple[str, ...]:
    """Return the command that runs a module of ours, and none that lies in the current folder by its name."""
    return (sys.executable, "-P", "-m", module)


def can_be_started() -> bool:
    """Say whether this is Python, and not a program that Python is built into and that would start itself."""
    is_python = Path(sys.executable or "").name.lower().startswith(("python", "pypy"))
    return is_python and not getattr(sys, "frozen", False)


def open_channels() -> tuple[BinaryIO, BinaryIO]:
    """Return where a worker process reads requests and writes responses."""
    requests, responses = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no response
    return requests, responses
