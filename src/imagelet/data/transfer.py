"""One file asked of a web server, and given up where it comes too slowly.

A socket's time limit bounds the wait for the next byte only, so a server that lets bytes drip could hold a
person for days. Here a thread talks with the server while the caller watches the clock, and all is bounded,
from the lookup of the server's name to the last byte.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = (10.0, 30.0)  # seconds to connect; seconds between two pieces
CHUNK = 1 << 18  # bytes
WINDOW = 60.0  # seconds, in each of which
LEAST = 60_000  # bytes must come: 1 kB a second
LONGEST = 3600.0  # seconds that one file may take in all, from every mirror together
WAITING = 8  # pieces that may wait to be written

clock = time.monotonic


class SlowError(Exception):
    """A server is slower than ``LEAST`` in ``WINDOW``, or the time in all is over."""


@dataclass(frozen=True)
class Response:
    """What a server answers before it sends the file."""

    status: int
    headers: Mapping[str, str]


Queued = queue.Queue[Response | bytes | Exception | None]  # None: the end


@dataclass
class Pace:
    """Watches how much comes in how long."""

    end: float  # on ``clock``
    window: float = field(default_factory=lambda: clock() + WINDOW)
    arrived: int = 0

    def count(self, number: int) -> None:
        """Count ``number`` bytes.

        Raises:
            SlowError: too few of them came, or the time in all is over.
        """
        self.arrived += number
        now = clock()
        if now >= self.end:
            raise SlowError(f"took longer than the {LONGEST / 60:.0f} minutes that a file may take")
        if now >= self.window:
            if self.arrived < LEAST:
                raise SlowError(f"sent {self.arrived:,} bytes in {WINDOW:.0f} seconds, which is too slow")
            self.window, self.arrived = now + WINDOW, 0

    @property
    def patience(self) -> float:
        """Seconds until there is something to judge; at most one, for Ctrl-C on Windows."""
        return max(0.0, min(self.end - clock(), self.window - clock(), 1.0))


def is_address(text: str) -> bool:
    """Return whether ``text`` is a web address that can be asked: http or https, and a host."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError where it is no number
        host = (parts.hostname or "").encode("idna")
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and text.isprintable() and " " not in text


@contextlib.contextmanager
def receiving(
    address: str, headers: Mapping[str, str], end: float
) -> Iterator[tuple[Response, Iterator[bytes]]]:
    """Ask ``address`` for its file; yield the response and an iterator over the file's bytes as they arrive.

    Args:
        address: a web address, see :func:`is_address`.
        headers: what the request says beside.
        end: when the time in all is over, on ``clock``.

    Raises:
        SlowError: the server is too slow; from the iterator, too, as all others.
        requests.RequestException, urllib3.exceptions.HTTPError, ValueError: as requests raises them.
    """
    queued: Queued = queue.Queue(WAITING)
    given_up = threading.Event()
    threading.Thread(target=_talk, args=(address, headers, queued, given_up), daemon=True).start()
    items = _arriving(queued, Pace(end))
    try:
        yield next(items), items
    finally:
        given_up.set()
        while not queued.empty():  # the thread may wait for room
            queued.get_nowait()


def _arriving(queued: Queued, pace: Pace) -> Iterator[Any]:
    while True:
        try:
            item = queued.get(timeout=pace.patience)
        except queue.Empty:
            pace.count(0)
            continue
        if isinstance(item, Exception):
            raise item
        if item is None:
            return
        if isinstance(item, bytes):
            pace.count(len(item))
        yield item


def _talk(address: str, headers: Mapping[str, str], queued: Queued, given_up: threading.Event) -> None:
    """Queue the response, the file's pieces and None, or the error that came instead."""
    import requests

    try:
        with requests.get(address, headers=headers, stream=True, timeout=TIMEOUT) as response:
            queued.put(Response(response.status_code, response.headers))
            while not given_up.is_set() and (piece := response.raw.read1(CHUNK, decode_content=False)):
                queued.put(piece)
        queued.put(None)
    except Exception as error:
        queued.put(error)
