"""`imagelet lab`: one local page to draw, look inside, build, train and compare."""

import contextlib
import errno
import logging
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
from imagelet.errors import UsageError
from imagelet.messages import Message, current_language, use_language

if TYPE_CHECKING:
    from types import FrameType

    from fastapi import FastAPI

    from imagelet.lab.settings import Settings

commands = typer.Typer(cls=Group)

DEFAULT = "mnist"  # the shipped classifier that the page opens with
WAITING = 128  # connections
FAREWELL_SECONDS = 1  # that open streams of events get
PATIENCE_SECONDS = 3  # from Ctrl-C to the end of the process, whatever its threads still do
EVERYWHERE = ("0.0.0.0", "::")

Shown = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="A run's folder or name, or a .safetensors file, to open the page with.",
        autocompletion=completing.classifiers,
    ),
]
Port = Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="The port; 0 for any free one.")]
Host = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Where to listen; other machines reach anything but 127.0.0.1, and need the printed token.",
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


@commands.command(cls=Command, epilog="imagelet lab mnist")
def lab(
    run: Shown = None,
    port: Port = 8765,
    host: Host = "127.0.0.1",
    no_browser: NoBrowser = False,
    runs: Runs = None,
    allow_import: AllowImport = False,
) -> None:
    """Open a page to draw on, look inside, build, train and compare.

    The page comes from your own computer and sends nothing anywhere. Trainings that it starts continue when
    it is closed. Ctrl-C ends it.
    """
    if allow_import:
        os.environ["IMAGELET_ALLOW_IMPORT"] = "1"  # for the worker, which this process starts
    listening = _listen(host, port)
    with contextlib.closing(listening):
        settings, name = _settings(run, runs, host, listening.getsockname()[1])
        from imagelet.lab.http.app import create_app

        app = create_app(settings)
        listening.listen(WAITING)  # whoever comes now waits for the server to begin
        address = _address(settings, name)
        printing.say("the lab is open at {address}", address=address)
        printing.advice("Ctrl-C ends it")
        if not no_browser and _has_screen():
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        _serve(app, listening)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to the address.

    Raises:
        UsageError: the port is taken or not allowed, or the address is not this machine's.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UsageError(
            "there is no address '{host}'", hint="imagelet lab --host 127.0.0.1", host=host
        ) from error
    family, kind, protocol, _, place = addresses[0]
    bound = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would share a port that is in use
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            hint = Message("is the lab open already? imagelet lab --port 0 takes a free one")
            raise UsageError("port {port} is taken by another program", hint, port=port) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            message = Message("port {port} may not be used by this user", port=port)
            raise UsageError(message, hint="imagelet lab --port 8765") from error
        message = Message("'{host}' is no address of this machine", host=host)
        raise UsageError(message, hint="imagelet lab --host 127.0.0.1") from error
    return bound


def _settings(run: str | None, runs: Path | None, host: str, port: int) -> "tuple[Settings, str]":
    """Return the lab's settings and the name of the classifier that the page opens with.

    Raises:
        RunError: there is no such run or classifier, or the run is not finished.
    """
    import dataclasses

    from imagelet import paths
    from imagelet.lab.services.classifiers import Classifiers
    from imagelet.lab.services.runs import RunList
    from imagelet.lab.settings import Settings, is_loopback
    from imagelet.runs.store import find_classifier, run_of

    token = None if is_loopback(host) else secrets.token_urlsafe(24)
    settings = Settings(runs or paths.runs(), host, port, token, first=run or DEFAULT)
    if run is None or run in Classifiers(settings, RunList(settings.runs)).listed():
        return settings, run or DEFAULT
    file = find_classifier(run).resolve()
    name = file.parent.name if run_of(file) else file.stem
    return dataclasses.replace(settings, others={name: file}, first=name), name


def _address(settings: "Settings", name: str) -> str:
    """Return the page's address as a browser opens it."""
    place = settings.address
    if settings.host in EVERYWHERE:
        place = f"http://{socket.gethostname()}:{settings.port}/"
    token = f"?token={settings.token}" if settings.token else ""
    return f"{place}{token}#/draw?run={quote(name)}"


def _has_screen() -> bool:
    """Say whether a browser would have somewhere to show itself: none in this terminal is wanted."""
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _serve(app: "FastAPI", listening: socket.socket) -> None:
    """Answer requests until Ctrl-C; the process ends soon after, whatever its threads do."""
    import uvicorn

    language = current_language()
    is_said = threading.Event()

    def say_closed() -> None:
        if not is_said.is_set():
            is_said.set()
            printing.note("the lab is closed; trainings that it started continue")

    def end() -> None:
        """End the process although threads are busy: Python itself would wait for them."""
        closing = threading.Thread(target=app.state.lab.pictures.close, daemon=True)
        closing.start()
        with use_language(language):
            say_closed()
        sys.stdout.flush()
        sys.stderr.flush()
        closing.join(FAREWELL_SECONDS)
        os._exit(0)

    class Server(uvicorn.Server):
        """Sees to it that the first Ctrl-C is enough."""

        def handle_exit(self, sig: int, frame: "FrameType | None") -> None:
            """Begin to end; after some seconds nothing is waited for."""
            if not self.should_exit:
                timer = threading.Timer(PATIENCE_SECONDS, end)
                timer.daemon = True
                timer.start()
            super().handle_exit(sig, frame)

    logging.getLogger("imagelet.lab").addHandler(_Shown())
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level=logging.CRITICAL,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=FAREWELL_SECONDS,
    )
    with contextlib.suppress(KeyboardInterrupt):  # which uvicorn raises again at its end
        Server(config).run(sockets=[listening])
    say_closed()


class _Shown(logging.Handler):
    """Prints the errors of the server; the browser shows only that a request failed."""

    def __init__(self) -> None:
        super().__init__()
        self._language = current_language()  # a request is answered in the language of its page

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        with use_language(self._language):
            printing.caution(record.msg if isinstance(record.msg, Message) else record.getMessage())
        if record.exc_info and record.exc_info[1]:
            printing.show_traceback(record.exc_info[1])
