"""`imagelet serve`: predictions of one classifier over HTTP."""

import contextlib
import gc
import os
import re
import secrets
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from imagelet.cli import printing
from imagelet.cli.commands import AllowImport, Command, Group, Json, RunArgument
from imagelet.cli.servers import Host, Port, ServerErrors, reached_at
from imagelet.errors import UsageError
from imagelet.http.listening import WAITING, bind
from imagelet.messages import current_language, use_language

if TYPE_CHECKING:
    from fastapi import FastAPI

    from imagelet.classifier.classifier import Classifier
    from imagelet.service.settings import Settings

commands = typer.Typer(cls=Group)

PORT = 8766
FINISH_SECONDS = 3  # that requests get to finish after Ctrl-C
LAST_SECONDS = 4  # from Ctrl-C to the end of the process, whatever its threads still do
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,200}")  # what the header Authorization: Bearer may hold
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # read when NumPy is loaded

Token = Annotated[
    str | None,
    typer.Option(
        metavar="TOKEN",
        envvar="IMAGELET_TOKEN",
        help="What every request must show, at least 16 letters and digits.",
        show_default="none on 127.0.0.1, else made up and printed",
    ),
]
Cores = Annotated[
    int,
    typer.Option(
        "--threads", metavar="N", min=1, max=1024, help="With how many threads the network computes a batch."
    ),
]
AccessLog = Annotated[
    bool, typer.Option("--access-log", help="Print a line for each request to standard error.")
]


@commands.command(cls=Command, epilog="imagelet serve mnist")
def serve(
    run: RunArgument,
    port: Port = PORT,
    host: Host = "127.0.0.1",
    token: Token = None,
    threads: Cores = 1,
    access_log: AccessLog = False,
    allow_import: AllowImport = False,  # noqa: ARG001
    as_json: Json = False,
) -> None:
    """Answer requests for predictions over HTTP until Ctrl-C.

    POST /predict takes pictures; GET /health, /info, /metrics (for Prometheus) and /openapi.json tell the
    rest. Pictures that come at the same time are predicted together.

    JSON: address, token, classifier; as soon as it listens.
    """
    if token is not None and not TOKEN.fullmatch(token):
        raise UsageError(
            "a token has 16 to 200 letters, digits and signs of ._~+/=-",
            hint="leave --token and IMAGELET_TOKEN out: one is made up and printed",
        )
    with contextlib.closing(bind(host, port, "imagelet serve RUN", PORT)) as listening, _use_threads(threads):
        settings, classifier = _open(run, host, listening.getsockname()[1], token, threads)
        from imagelet.service.app import create_app

        app = create_app(settings, classifier, _note if access_log else None)
        listening.listen(WAITING)  # whoever comes now waits for the server to begin
        _say_open(settings, as_json=as_json)
        _serve(app, listening)


@contextlib.contextmanager
def _use_threads(count: int) -> Iterator[None]:
    """Let what multiplies matrices start so many threads, unless the environment says otherwise."""
    missing = {name: str(count) for name in THREADS if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)


def _open(run: str, host: str, port: int, token: str | None, cores: int) -> "tuple[Settings, Classifier]":
    """Return the service's settings and its classifier.

    Where others reach it and no token is given, one is made up.

    Raises:
        RunError: there is no such run or classifier, or the run is not finished.
        ClassifierFileError: the classifier's file is damaged.
    """
    from imagelet.classifier.classifier import Classifier
    from imagelet.http.settings import is_loopback
    from imagelet.runs.store import find_classifier, run_of
    from imagelet.service.settings import Settings

    file = find_classifier(run).resolve()
    name = file.parent.name if run_of(file) else file.stem
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(24)
    settings = Settings(name=name, host=host, port=port, token=token, cores=cores)
    return settings, Classifier.load(file)


def _say_open(settings: "Settings", *, as_json: bool) -> None:
    """Print where the service is reached, and with which token."""
    address = reached_at(settings)
    if as_json:
        printing.document({"address": address, "token": settings.token, "classifier": settings.name})
        return
    printing.say("{name} is served at {address}", name=settings.name, address=address)
    if settings.token:
        printing.say("every request shows the header Authorization: Bearer {token}", token=settings.token)
    printing.advice("Ctrl-C ends it")


def _serve(app: "FastAPI", listening: socket.socket) -> None:
    """Answer requests until Ctrl-C; what is open is finished, and then the process ends."""
    from imagelet.http.running import run

    language = current_language()

    def say_closed() -> None:
        with use_language(language):
            printing.note("the service is closed")

    ServerErrors.print_from_now_on()
    gc.collect()
    gc.freeze()  # what is loaded stays, and to look through it again and again would delay requests
    run(
        app,
        listening,
        finish_seconds=FINISH_SECONDS,
        last_seconds=LAST_SECONDS,
        close=app.state.service.pictures.close,
        say_closed=say_closed,
    )


def _note(client: str, method: str, path: str, status: int, seconds: float) -> None:
    """Print the line of a request."""
    printing.note(
        "{client} {method} {path} {status} {milliseconds:.0f} ms",
        client=client,
        method=method,
        path=path,
        status=status,
        milliseconds=1000 * seconds,
    )
