"""What `imagelet doctor` examines: Python, packages, devices, threads, places, datasets.

Every fact is looked up on its own: what is broken is named among the problems and hides nothing else.
"""

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

from imagelet import paths
from imagelet.errors import DataError
from imagelet.messages import Message

T = TypeVar("T")

PACKAGES = ("torch", "numpy", "Pillow", "scikit-learn", "safetensors", "matplotlib", "typer", "rich")
VARIABLES = (
    "IMAGELET_DATA",
    "IMAGELET_HOME",
    "IMAGELET_RUNS",
    "IMAGELET_ALLOW_IMPORT",
    "XDG_CACHE_HOME",
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
)
OFFICIAL_DATA = Message("official data")
ROOM_NEEDED = 1 << 30  # bytes; CIFAR-10's archive, its files and a few runs


@dataclass(frozen=True)
class Device:
    """Something that torch can compute on.

    Args:
        name: as ``--device`` takes it.
        model: what the maker calls it.
        memory: bytes; 0 where unknown.
        bfloat16: it multiplies bfloat16 in hardware.
    """

    name: str
    model: str
    memory: int
    bfloat16: bool


@dataclass(frozen=True)
class Place:
    """A folder that imagelet reads or writes.

    Args:
        what: what it holds.
        path: where it is; it need not exist.
        exists: it does.
        writable: it, or the folder in which it would be made, can be written.
        free: bytes free on its disk.
    """

    what: str
    path: str
    exists: bool
    writable: bool
    free: int


@dataclass(frozen=True)
class Examination:
    """All that was found.

    Args:
        imagelet: version.
        python: version.
        executable: the Python that runs.
        platform: operating system and processor type.
        packages: name → version, "" where it is missing.
        cores: processor cores that this process may use.
        threads: threads that torch computes with; 0 where torch does not work.
        devices: what torch can compute on.
        places: the folders.
        variables: the environment variables that are set and matter.
        datasets: name → place, None where the dataset is not on this computer.
        problems: one sentence each; empty where all is well.
    """

    imagelet: str
    python: str
    executable: str
    platform: str
    packages: dict[str, str]
    cores: int
    threads: int
    devices: list[Device]
    places: list[Place]
    variables: dict[str, str]
    datasets: dict[str, str | None]
    problems: list[str]


def examine() -> Examination:
    """Look at everything."""
    problems: list[str] = []
    packages = {name: _version(name) for name in PACKAGES}
    problems += [
        Message("the package {name} is not installed", name=name)
        for name, installed in packages.items()
        if not installed
    ]
    cores = usable_cores()
    no_devices: list[Device] = []
    devices = _attempt(Message("torch does not work"), _devices, no_devices, problems)
    threads = _attempt(Message("torch does not work"), _threads, 0, problems) if devices else 0
    if threads > cores:
        problems.append(
            Message(
                "torch computes with {threads} threads on {cores} usable cores; set OMP_NUM_THREADS={cores}",
                threads=threads,
                cores=cores,
            )
        )
    folders = [
        _place(Message("cache"), paths.home()),
        _place(Message("runs"), paths.runs()),
        *(_place(OFFICIAL_DATA, folder) for folder in paths.data_folders()),
    ]
    problems += _problems_with(folders)
    return Examination(
        imagelet=_version("imagelet"),
        python=platform.python_version(),
        executable=sys.executable,
        platform=platform.platform(),
        packages=packages,
        cores=cores,
        threads=threads,
        devices=devices,
        places=folders,
        variables={name: os.environ[name] for name in VARIABLES if name in os.environ},
        datasets=_attempt(Message("the datasets cannot be listed"), _datasets, {}, problems),
        problems=problems,
    )


def usable_cores() -> int:
    """Return how many processor cores this process may use, a container's limit included."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return cores


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _attempt(complaint: str, look: Callable[[], T], otherwise: T, problems: list[str]) -> T:
    try:
        return look()
    except Exception as error:  # whatever it is: the doctor goes on
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        problems.append(Message("{problem}: {reason}", problem=complaint, reason=reason))
        return otherwise


def _devices() -> list[Device]:
    import torch

    from imagelet.device import has_bfloat16

    cpu = torch.device("cpu")
    devices = [Device("cpu", _processor(), _memory(), has_bfloat16(cpu))]
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        device = torch.device("cuda", index)
        properties = torch.cuda.get_device_properties(device)
        devices.append(Device(str(device), properties.name, properties.total_memory, has_bfloat16(device)))
    if torch.backends.mps.is_available():  # its memory is the processor's
        devices.append(Device("mps", _processor(), _memory(), has_bfloat16(torch.device("mps"))))
    return devices


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 0


def _place(what: str, path: Path) -> Place:
    path = path.absolute()
    nearest = next(folder for folder in (path, *path.parents) if folder.exists())
    return Place(
        what=what,
        path=str(path),
        exists=path.is_dir(),
        writable=nearest.is_dir() and os.access(nearest, os.W_OK),
        free=shutil.disk_usage(nearest).free,
    )


def _problems_with(folders: list[Place]) -> list[str]:
    problems: list[str] = []
    for place in folders:
        if place.what == OFFICIAL_DATA:
            continue  # need not exist, need not be writable
        if not place.writable:
            message = Message(
                "the folder for the {what} cannot be written: {path}", what=place.what, path=place.path
            )
            problems.append(message)
        elif place.free < ROOM_NEEDED:
            message = Message(
                "less than 1 GB is free for the {what}: {path}", what=place.what, path=place.path
            )
            problems.append(message)
    if (named := os.environ.get("IMAGELET_DATA")) and not Path(named).expanduser().is_dir():
        problems.append(Message("IMAGELET_DATA names a folder that does not exist: {folder}", folder=named))
    return problems


def _datasets() -> dict[str, str | None]:
    from imagelet.data import place_of
    from imagelet.data.known import datasets

    places: dict[str, str | None] = {}
    for name in datasets:
        try:
            place = place_of(name)
        except DataError:  # a wrong IMAGELET_DATA is named among the problems
            place = None
        places[name] = str(place) if place else None
    return places
