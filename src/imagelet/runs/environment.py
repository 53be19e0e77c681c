"""Where a run was made: versions, machine, commit."""

import contextlib
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("imagelet", "torch", "numpy", "pillow", "scikit-learn", "safetensors")


def environment() -> dict[str, Any]:
    """Return versions, machine, threads, and the commit of imagelet's own checkout if it runs from one."""
    return {
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "system": platform.platform(),
        "processor": processor_name(),
        "threads": torch.get_num_threads(),
        "cuda_devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "commit": commit(),
    }


def processor_name() -> str:
    """Return the processor's name as the system gives it."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()


def commit() -> str | None:
    """Return the Git commit that imagelet runs from, with ``+changes`` if files differ; None if installed."""
    folder = Path(__file__).resolve().parents[3]
    if not (folder / ".git").exists():
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        revision = _git(folder, "rev-parse", "HEAD")
        return revision + ("+changes" if _git(folder, "status", "--porcelain") else "")
    return None


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
