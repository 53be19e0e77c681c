"""What `imagelet lab` and `imagelet serve` share: where they listen, and what goes wrong while they run."""

import contextlib
import logging
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from imagelet.cli import printing
from imagelet.messages import Message, current_language, use_language

if TYPE_CHECKING:
    from imagelet.http.settings import ServerSettings

EVERYWHERE = ("0.0.0.0", "::")
ELSEWHERE = ("192.0.2.1", 9)  # an address that is nobody's (RFC 5737)

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


def network_address(port: int) -> str:
    """Return the address at which telephones in the same network reach this computer, by number.

    Not every network knows computers by name. Nothing is sent: a socket is only told where it would send.
    """
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(ELSEWHERE)
        return f"http://{probe.getsockname()[0]}:{port}/"
    return f"http://{socket.gethostname()}:{port}/"


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
