"""The settings of a lab: where its runs are, where it listens, and its limits."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MEGABYTE = 2**20
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^][:@/\s]+)(:(?P<port>[0-9]{1,5}))?", re.ASCII)


@dataclass(frozen=True)
class Settings:
    """The settings of a lab.

    Attributes:
        runs: the folder with the runs; need not exist.
        host: the address that the server is bound to.
        port: its port; one that was chosen by the system is known by then.
        token: what a request has to show; None only where the server listens to this machine alone.
        others: classifiers that are neither runs nor shipped: the names that they go by, and their files.
        first: the classifier that is loaded before the first request.
        training: whether jobs may be started; False where nothing may be trained, as in a test.
        most_bytes: of a request's body.
        most_bytes_open: of the bodies of all requests that are open.
        body_seconds: within which a body must have arrived.
        at_once: requests that compute at the same time; each of them on one core.
        waiting: requests that may wait for their turn to compute.
        seconds: after which a request is given up.
        requests: that may be open at once, streams of events included.
        queued: jobs that may wait.

    Raises:
        ValueError: a server that others can reach without a token.
    """

    runs: Path
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = field(default=None, repr=False)
    others: Mapping[str, Path] = field(default_factory=dict)
    first: str | None = None
    training: bool = True
    most_bytes: int = 32 * MEGABYTE
    most_bytes_open: int = 128 * MEGABYTE
    body_seconds: float = 30.0
    at_once: int = 2
    waiting: int = 16
    seconds: float = 60.0
    requests: int = 64
    queued: int = 20

    def __post_init__(self) -> None:
        if not is_loopback(self.host) and not self.token:
            raise ValueError(f"a lab that listens on {self.host} needs a token")

    def is_own(self, host: str) -> bool:
        """Say whether a request's ``Host`` means this server: its address, or this computer by its own name.

        The port may be any: a forwarded one (``ssh -L``, a container) is another than the server's. A foreign
        name that leads here means another server, whatever the port.
        """
        found = _HOST.fullmatch(host.lower())
        names = {"127.0.0.1", "localhost", "[::1]", _in_address(self.host)}
        return found is not None and found["name"] in names and 0 < int(found["port"] or 80) < 2**16

    @property
    def address(self) -> str:
        """The page's address, without a token."""
        return f"http://{_in_address(self.host)}:{self.port}/"

    @property
    def local(self) -> bool:
        """Whether the server listens to this machine alone."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine itself: ``localhost``, 127.0.0.1 and its like, ``::1``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host
