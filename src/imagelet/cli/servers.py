"""What `imagelet lab` and `imagelet serve` share: where they listen, and what goes wrong while they run."""

import logging
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from imagelet.cli import printing
from imagelet.messages import Message, current_language, use_language

if TYPE_CHECKING:
    from imagelet.http.settings import ServerSettings

EVERYWHERE = ("0.0.0.0", "::")

Port = Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="The port; 0 for any free one.")]
Host = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Where to listen; other machines reach anything but 127.0.0.1, and need the printed token.",
    ),
]


def reached_at(settings: "ServerSettings") -> str:
    """Return the address at which others reach a server, without its token."""
    if settings.host in EVERYWHERE:
        return f"http://{socket.gethostname()}:{settings.port}/"
    return settings.address


class ServerErrors(logging.Handler):
    """Prints the errors of a server; who asked it learns only that a request failed."""

    def __init__(self) -> None:
        super().__init__()
        self._language = current_language()  # a request is answered in the language of its sender

    @classmethod
    def print_from_now_on(cls) -> None:
        """Print every error from now on."""
        logging.getLogger("imagelet.http").addHandler(cls())

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        with use_language(self._language):
            printing.caution(record.msg if isinstance(record.msg, Message) else record.getMessage())
        if record.exc_info and record.exc_info[1]:
            printing.show_traceback(record.exc_info[1])
