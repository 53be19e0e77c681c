"""The settings of a server: where it listens, its token, and its limits."""

import ipaddress
import re
from dataclasses import dataclass, field

MEGABYTE = 2**20
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^][:@/\s]+)(:(?P<port>[0-9]{1,5}))?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """The settings that the guard and the opening of pictures need.

    Attributes:
        host: the address that the server is bound to.
        port: its port; one that was chosen by the system is known by then.
        token: what a request has to show; None only where the server listens to this machine alone.
        most_bytes: of a request's body.
        most_bytes_open: of the bodies of all requests that are open.
        body_seconds: within which a body must have arrived.
        seconds: after which a request is given up.
        requests: that may be open at once, streams of events included.

    Raises:
        ValueError: a server that others can reach without a token.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = field(default=None, repr=False)
    most_bytes: int = 32 * MEGABYTE
    most_bytes_open: int = 128 * MEGABYTE
    body_seconds: float = 30.0
    seconds: float = 60.0
    requests: int = 64

    def __post_init__(self) -> None:
        if not is_loopback(self.host) and not self.token:
            raise ValueError(f"a server that listens on {self.host} needs a token")

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
        """The server's address, without a token."""
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
