"""`imagelet doctor`: what is installed, which devices there are, where things are.

Every fact is looked up on its own: what is broken is named among the problems and hides nothing else.
"""

import contextlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer

from imagelet import paths
from imagelet.cli import printing
from imagelet.cli.commands import Command, Group, Json
from imagelet.cores import usable_cores
from imagelet.errors import DataError
from imagelet.messages import Message

commands = typer.Typer(cls=Group)

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
CLASSES = {
    "bf16": Message("bf16: the processor multiplies bfloat16, which trainings take"),
    "AVX-512": Message("AVX-512: the processor multiplies float32 in wide registers"),
    "AVX2": Message("AVX2: the processor multiplies float32, as most laptops do"),
}
OFFICIAL_DATA = Message("official data")
ROOM_NEEDED = 1 << 30  # bytes; CIFAR-10's archive, its files and a few runs


@dataclass(frozen=True)
class Device:
    """Something that torch can compute on: its name as ``--device`` takes it, and the maker's."""

    name: str
    model: str
    memory: int  # bytes; 0 where unknown
    bfloat16: bool  # it multiplies bfloat16 in hardware


@dataclass(frozen=True)
class Place:
    """A folder that imagelet reads or writes; it need not exist."""

    what: str
    path: str
    exists: bool
    writable: bool  # it, or the folder in which it would be made
    free: int  # bytes on its disk


@dataclass(frozen=True)
class Examination:
    """All that was found."""

    imagelet: str
    python: str
    executable: str
    platform: str
    packages: dict[str, str]  # name → version, "" where it is missing
    cores: int  # that this process may use
    threads: int  # that torch computes with; 0 where torch does not work
    processor_class: str  # what the processor multiplies; "" where torch does not work
    expected_seconds: dict[str, int]  # recipe → training on two cores of this class, where it was measured
    devices: list[Device]
    places: list[Place]
    variables: dict[str, str]  # those that are set and matter
    datasets: dict[str, str | None]  # name → place, None where it is not on this computer
    problems: list[str]  # one sentence each; empty where all is well


@commands.command(cls=Command, epilog="imagelet doctor")
def doctor(as_json: Json = False) -> None:
    """Show Python, torch, devices, folders and datasets.

    The exit code is 1 where something is wrong. Paste the output into a question or a bug report.

    JSON: imagelet, python, executable, platform, packages, cores, threads, processor_class,
    expected_seconds, devices[{name, model, memory, bfloat16}], places[{what, path, exists, writable, free}],
    variables, datasets, problems; sizes in bytes.
    """
    examination = examine()
    printing.result(examination, _show, as_json=as_json)
    if examination.problems:
        raise typer.Exit(1)


def _show(examination: Examination) -> None:
    packages = (
        f"{name} {number}" if number else Message("{name} missing", name=name)
        for name, number in examination.packages.items()
    )
    cores = {"count": examination.cores, "threads": examination.threads}
    facts: dict[str, str] = {
        "imagelet": examination.imagelet,
        "Python": f"{examination.python} ({examination.executable})",
        Message("system"): examination.platform,
        Message("packages"): printing.joined(packages, ", "),
        Message("cores"): Message("{count} usable; torch computes with {threads} threads", **cores),
    }
    if examination.processor_class:
        facts[Message("class")] = CLASSES.get(examination.processor_class, examination.processor_class)
    if examination.expected_seconds:
        times = (f"{name} {seconds} s" for name, seconds in examination.expected_seconds.items())
        facts[Message("to expect")] = Message(
            "training on two cores takes about: {times}", times=printing.joined(times, ", ")
        )
    for name, value in examination.variables.items():
        facts[Message("variable {name}", name=name)] = value
    printing.facts(facts)
    printing.say()
    _show_tables(examination)
    for problem in examination.problems:
        printing.say("problem: {problem}", style="red", problem=problem)
    if not examination.problems:
        printing.say("all is well", style="green")


def _show_tables(examination: Examination) -> None:
    devices = []
    for device in examination.devices:
        memory = f"{device.memory / 2**30:.1f} GiB" if device.memory else Message("unknown")
        bfloat16 = Message("in hardware") if device.bfloat16 else Message("emulated")
        devices.append((device.name, memory, bfloat16, device.model))
    printing.table(("device", "memory", "bfloat16", "model"), devices, right=("memory",))
    printing.say()
    places = [
        (Message(place.what), printing.write_size(place.free), _state(place), place.path)
        for place in examination.places
    ]
    printing.table(("folder", "free", "state", "path"), places, right=("free",))
    printing.say()
    missing = Message("not on this computer")
    datasets = [(name, place or missing) for name, place in examination.datasets.items()]
    printing.table(("dataset", "place"), datasets)
    printing.say()


def _state(place: Place) -> Message:
    if place.exists:
        return Message("writable") if place.writable else Message("read-only")
    return Message("not there yet") if place.writable else Message("not there")


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
    devices: list[Device] = []
    datasets: dict[str, str | None] = {}
    threads, kind = 0, ""
    expected: dict[str, int] = {}
    with _noted(Message("torch does not work"), problems):
        devices, threads = _devices(), _threads()
        kind, expected = _processor_class()
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
    with _noted(Message("the datasets cannot be listed"), problems):
        datasets = _datasets()
    return Examination(
        imagelet=_version("imagelet"),
        python=platform.python_version(),
        executable=sys.executable,
        platform=platform.platform(),
        packages=packages,
        cores=cores,
        threads=threads,
        processor_class=kind,
        expected_seconds=expected,
        devices=devices,
        places=folders,
        variables={name: os.environ[name] for name in VARIABLES if name in os.environ},
        datasets=datasets,
        problems=problems,
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@contextlib.contextmanager
def _noted(complaint: str, problems: list[str]) -> Iterator[None]:
    """Make a problem of an error in the block."""
    try:
        yield
    except Exception as error:  # whatever it is: the doctor goes on
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        problems.append(Message("{problem}: {reason}", problem=complaint, reason=reason))


def _devices() -> list[Device]:
    import torch

    from imagelet.data.store import memory_bytes
    from imagelet.device import has_bfloat16
    from imagelet.runs.environment import processor_name

    devices = [Device("cpu", processor_name(), memory_bytes(), has_bfloat16(torch.device("cpu")))]
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        device = torch.device("cuda", index)
        properties = torch.cuda.get_device_properties(device)
        devices.append(Device(str(device), properties.name, properties.total_memory, has_bfloat16(device)))
    if torch.backends.mps.is_available():  # its memory is the processor's
        devices.append(Device("mps", processor_name(), memory_bytes(), has_bfloat16(torch.device("mps"))))
    return devices


def _processor_class() -> tuple[str, dict[str, int]]:
    """Return the processor's class, and what the recipes that were measured on one such take."""
    from imagelet.device import processor_class
    from imagelet.training.recipes import measured

    kind = processor_class()
    expected = {name: known.seconds[kind] for name, known in measured.items() if kind in known.seconds}
    return kind, expected


def _threads() -> int:
    import torch

    return torch.get_num_threads()


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
        where = {"what": place.what, "path": place.path}
        if not place.writable:
            problems.append(Message("the folder for the {what} cannot be written: {path}", **where))
        elif place.free < ROOM_NEEDED:
            problems.append(Message("less than 1 GB is free for the {what}: {path}", **where))
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
