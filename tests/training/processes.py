"""Starts Python programs as the processes of one group, for tests: each prints a line of JSON at its end."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BEGINNING = """
import json, os, sys, time, torch
from imagelet.errors import ImageletError
from imagelet.training import distributed, joining, watch
watch.SILENCE = joining.SILENCE = float(os.environ.get("SILENCE", "30"))
"""
ENDING = """
try:
    with joining.joined() as group:
        print(json.dumps(work(group)))
except ImageletError as error:
    print(json.dumps(str(error.message)))
    sys.exit(1)
"""


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def start(work: str, world: int, **more: str) -> list[subprocess.Popen[str]]:
    """Start ``world`` processes that each run the function ``work(group)`` of a program's text."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(world)}
    path = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    return [
        subprocess.Popen(
            [sys.executable, "-c", BEGINNING + work + ENDING],
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": path,
                **place,
                **more,
                "RANK": str(rank),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]


def ended(processes: Sequence[subprocess.Popen[str]]) -> list[Any]:
    """Return what each process printed last, as JSON; an error's sentence where it failed."""
    outputs = [process.communicate(timeout=300) for process in processes]
    assert all(output for output, _ in outputs), outputs
    return [json.loads(output.splitlines()[-1]) for output, _ in outputs]
