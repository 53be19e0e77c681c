"""`imagelet doctor`: what is installed, which devices there are, where things are."""

import dataclasses
from typing import TYPE_CHECKING

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.doctor import Examination

commands = typer.Typer(cls=Group)


@commands.command(cls=Command, epilog="imagelet doctor")
def doctor(as_json: arguments.Json = False) -> None:
    """Show Python, torch, devices, folders and datasets.

    The exit code is 1 where something is wrong. Paste the output into a question or a bug report.

    JSON: imagelet, python, executable, platform, packages, cores, threads, devices[{name, model, memory,
    bfloat16}], places[{what, path, exists, writable, free}], variables, datasets, problems; sizes in bytes.
    """
    from imagelet.doctor import examine

    examination = examine()
    if as_json:
        printing.document(dataclasses.asdict(examination))
    else:
        _show(examination)
    if examination.problems:
        raise typer.Exit(1)


def _show(examination: "Examination") -> None:
    packages = (
        f"{name} {number}" if number else Message("{name} missing", name=name)
        for name, number in examination.packages.items()
    )
    facts: dict[str, str] = {
        "imagelet": examination.imagelet,
        "Python": f"{examination.python} ({examination.executable})",
        Message("system"): examination.platform,
        Message("packages"): printing.joined(packages, ", "),
        Message("cores"): Message(
            "{count} usable; torch computes with {threads} threads",
            count=examination.cores,
            threads=examination.threads,
        ),
    }
    variables = {
        Message("variable {name}", name=name): value for name, value in examination.variables.items()
    }
    printing.facts(facts | variables)
    printing.say()
    _show_tables(examination)
    for problem in examination.problems:
        printing.say("problem: {problem}", style="red", problem=problem)
    if not examination.problems:
        printing.say("all is well", style="green")


def _show_tables(examination: "Examination") -> None:
    printing.table(
        ("device", "memory", "bfloat16", "model"),
        [
            (
                device.name,
                _memory(device.memory),
                Message("in hardware") if device.bfloat16 else Message("emulated"),
                device.model,
            )
            for device in examination.devices
        ],
        right=("memory",),
    )
    printing.say()
    printing.table(
        ("folder", "free", "state", "path"),
        [
            (
                Message(place.what),
                printing.write_size(place.free),
                _state(place.exists, place.writable),
                place.path,
            )
            for place in examination.places
        ],
        right=("free",),
    )
    printing.say()
    missing = Message("not on this computer")
    printing.table(
        ("dataset", "place"), [(name, place or missing) for name, place in examination.datasets.items()]
    )
    printing.say()


def _state(exists: bool, writable: bool) -> Message:
    if exists:
        return Message("writable") if writable else Message("read-only")
    return Message("not there yet") if writable else Message("not there")


def _memory(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size else Message("unknown")
