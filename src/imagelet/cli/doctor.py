"""`imagelet doctor`: what is installed, what it can compute on, where things are."""

import dataclasses
from typing import TYPE_CHECKING

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group

if TYPE_CHECKING:
    from imagelet.doctor import Examination

commands = typer.Typer(cls=Group)


@commands.command(cls=Command, epilog="imagelet doctor")
def doctor(as_json: arguments.Json = False) -> None:
    """Show Python, torch, devices, places and the datasets at hand.

    The exit code is 1 where something is wrong. Paste the output into a question or a bug report.

    JSON: imagelet, python, executable, platform, packages, cores, threads, devices[{name, model, memory,
    bfloat16}], places[{what, path, exists, writable, free}], variables, datasets, problems; sizes in bytes.
    """
    from imagelet.doctor import examine

    found = examine()
    if as_json:
        printing.document(dataclasses.asdict(found))
    else:
        _show(found)
    if found.problems:
        raise typer.Exit(1)


def _show(found: "Examination") -> None:
    facts = {
        "imagelet": found.imagelet,
        "Python": f"{found.python} ({found.executable})",
        "system": found.platform,
        "packages": ", ".join(f"{name} {number or 'missing'}" for name, number in found.packages.items()),
        "cores": f"{found.cores} usable; torch computes with {found.threads} threads",
    }
    printing.facts(facts | {f"variable {name}": value for name, value in found.variables.items()})
    printing.say()
    printing.table(
        ("device", "memory", "bfloat16", "model"),
        [
            (each.name, _memory(each.memory), "in hardware" if each.bfloat16 else "emulated", each.model)
            for each in found.devices
        ],
        right=("memory",),
    )
    printing.say()
    printing.table(
        ("folder", "free", "state", "path"),
        [
            (each.what, printing.write_size(each.free), _state(each.exists, each.writable), each.path)
            for each in found.places
        ],
        right=("free",),
    )
    printing.say()
    rows = [(name, place or "not at hand") for name, place in found.datasets.items()]
    printing.table(("dataset", "place"), rows)
    printing.say()
    for problem in found.problems:
        printing.say("problem: {problem}", style="red", problem=problem)
    if not found.problems:
        printing.say("all is well", style="green")


def _state(exists: bool, writable: bool) -> str:
    if exists:
        return "writable" if writable else "read only"
    return "not there yet" if writable else "not there"


def _memory(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size else "unknown"
