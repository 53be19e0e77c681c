"""The processor's cores: how many this process may use, and how many threads a person asks for."""

import os
from pathlib import Path

from imagelet.errors import SettingError

AUTO = "auto"  # as many threads as torch takes by itself
MOST_THREADS = 4096  # that a run's file may name


def usable_cores() -> int:
    """Return how many processor cores this process may use, a container's limit included."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return cores


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
