"""`imagelet lab`: one local page to draw, look inside, build, train and compare."""

import contextlib
import os
import secrets
import socket
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from imagelet.cli import completing, printing
from imagelet.cli.commands import Command, Group
from imagelet.cli.servers import EVERYWHERE, Port, ServerErrors, network_address, reached_at
from imagelet.http.listening import WAITING, bind
from imagelet.messages import current_language, use_language

if TYPE_CHECKING:
    from fastapi import FastAPI

    from imagelet.lab.settings import Settings

commands = typer.Typer(cls=Group)

DEFAULT = "mnist"  # the shipped classifier that the page opens with
PORT = 8765
HERE = "127.0.0.1"
PUPIL_TOKEN_BYTES = 9  # 12 letters, which can be typed from the board
FAREWELL_SECONDS = 1  # that open streams of events get
PATIENCE_SECONDS = 3  # from Ctrl-C to the end of the process, whatever its threads still do

Shown = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="A run's folder or name, or a .safetensors file, to open the page with.",
        autocompletion=completing.classifiers,
    ),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Print the address, and open nothing.")]
Runs = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where the runs are.", show_default="$IMAGELET_RUNS, or ./runs"),
]
AllowImport = Annotated[
    bool,
    typer.Option("--allow-import", help="Import the code that runs name as their networks."),
]
LabHost = Annotated[
    str | None,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        help="Where to listen; other machines reach anything but 127.0.0.1, and need the printed token.",
        show_default="127.0.0.1; 0.0.0.0 with --class",
    ),
]
ForClass = Annotated[
    bool,
    typer.Option("--class", help="Open it for a class: a link that can do everything, and one for pupils."),
]


@commands.command(cls=Command, epilog="imagelet lab mnist")
def lab(
    run: Shown = None,
    port: Port = PORT,
    host: LabHost = None,
    no_browser: NoBrowser = False,
    runs: Runs = None,
    allow_import: AllowImport = False,
    for_class: ForClass = False,
) -> None:
    """Open a page to draw on, look inside, build, train and compare.

    The page comes from your own computer and sends nothing anywhere. Trainings that it starts continue when
    it is closed. Ctrl-C ends it.

    With --class, others in the same network open it, too: the teacher's link can do everything; with the
    pupils' link one draws, looks inside, reads the course and writes for the class. The connection is not
    encrypted.
    """
    if allow_import:
        os.environ["IMAGELET_ALLOW_IMPORT"] = "1"  # for the worker, which this process starts
    if host is None:
        host = EVERYWHERE[0] if for_class else HERE
    listening = bind(host, port, "imagelet lab", PORT)
    with contextlib.closing(listening):
        settings, name = _settings(run, runs, host, listening.getsockname()[1], for_class=for_class)
        from imagelet.lab.http.app import create_app

        app = create_app(settings)
        listening.listen(WAITING)  # whoever comes now waits for the server to begin
        address = _address(settings, name)
        if for_class:
            _show_links(settings, address)
        else:
            printing.say("the lab is open at {address}", address=address)
        printing.advice("Ctrl-C ends it")
        if not no_browser and _has_screen():
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        _serve(app, listening)


def _settings(
    run: str | None, runs: Path | None, host: str, port: int, *, for_class: bool
) -> "tuple[Settings, str]":
    """Return the lab's settings and the name of the classifier that the page opens with.

    Raises:
        RunError: there is no such run or classifier, or the run is not finished.
    """
    import dataclasses

    from imagelet import paths
    from imagelet.http.settings import is_loopback
    from imagelet.lab.services.classifiers import Classifiers
    from imagelet.lab.services.runs import RunList
    from imagelet.lab.settings import Settings
    from imagelet.runs.store import find_classifier, run_of

    token = None if is_loopback(host) and not for_class else secrets.token_urlsafe(24)
    settings = Settings(runs or paths.runs(), host=host, port=port, token=token, first=run or DEFAULT)
    if for_class:
        reached = network_address(port) if host in EVERYWHERE else settings.address
        pupil_token = secrets.token_urlsafe(PUPIL_TOKEN_BYTES)
        settings = dataclasses.replace(settings, reached=reached, pupil_token=pupil_token)
    if run is None or run in Classifiers(settings, RunList(settings.runs)).listed():
        return settings, run or DEFAULT
    file = find_classifier(run).resolve()
    name = file.parent.name if run_of(file) else file.stem
    return dataclasses.replace(settings, others={name: file}, first=name), name


def _address(settings: "Settings", name: str) -> str:
    """Return the page's address as a browser opens it."""
    token = f"?token={settings.token}" if settings.token else ""
    address = settings.reached or reached_at(settings)
    return f"{address}{token}#/{'class' if settings.pupil_token else f'draw?run={quote(name)}'}"


def _show_links(settings: "Settings", address: str) -> None:
    """Print the teacher's link and the pupils', the latter also as a QR code for their telephones."""
    import segno

    printing.say("the lab is open for a class")
    printing.say("for you, the teacher: {address}", address=address)
    printing.say("for the pupils: {address}", address=settings.pupils_address)
    if sys.stdout.isatty():
        segno.make(settings.pupils_address, error="m", micro=False).terminal(compact=True, border=2)


def _has_screen() -> bool:
    """Say whether a browser would have somewhere to show itself: none in this terminal is wanted."""
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _serve(app: "FastAPI", listening: socket.socket) -> None:
    """Answer requests until Ctrl-C; the process ends soon after, whatever its threads do."""
    from imagelet.http.running import run

    language = current_language()

    def say_closed() -> None:
        with use_language(language):
            printing.note("the lab is closed; trainings that it started continue")

    ServerErrors.print_from_now_on()
    run(
        app,
        listening,
        finish_seconds=FAREWELL_SECONDS,
        last_seconds=PATIENCE_SECONDS,
        close=app.state.lab.pictures.close,
        say_closed=say_closed,
    )
