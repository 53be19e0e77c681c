"""The processor's cores: how many this process may use, how many threads a person asks for, how they wait."""

import os
from pathlib import Path

from imagelet.errors import SettingError

AUTO = "auto"  # as many threads as torch takes by itself
MOST_THREADS = 4096  # that a run's file may name
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")  # by which a person says how threads wait
ASLEEP = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}  # threads that wait sleep at once
SPINS = "20000"  # turns of a loop, under a millisecond; OpenMP's own are 15 times as many


def usable_cores() -> int:
    """Return how many processor cores this process may use, a container's limit included."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return cores


def let_waiting_threads_sleep() -> None:
    """Let threads without work wait for it in a loop for a moment only, then sleep.

    Where other programs use the cores, a thread that waits in a loop keeps them from the one that it waits
    for: with two threads on two busy cores a training takes up to 40 times as long. On a machine at rest it
    makes no difference. torch's OpenMP (GNU's) reads the variable when it is loaded; whoever has set one of
    ``WAITING`` has the last word.
    """
    if not any(name in os.environ for name in WAITING):
        os.environ["GOMP_SPINCOUNT"] = SPINS


def read_threads(given: object) -> int | str:
    """Return a number of threads as a whole number from 1, or ``auto``; a text may hold either.

    Raises:
        SettingError: it holds neither.
    """
    text = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if text == AUTO:
        return AUTO
    if text.isascii() and text.isdecimal() and len(text) < 5 and 1 <= int(text) <= MOST_THREADS:
        return int(text)
    raise not_allowed(given)


def not_allowed(given: object) -> SettingError:
    """Return the error about a number of threads that cannot be."""
    return SettingError(
        "threads = {given} is not allowed; it is auto, or a whole number from 1 to {cores}, the cores here",
        hint="leave it out, and torch chooses; imagelet doctor shows the cores",
        given=given,
        cores=usable_cores(),
    )
