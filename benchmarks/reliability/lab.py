"""The lab: who may ask it, route by route, and what many clients leave after half an hour."""

import asyncio
import contextlib
import json
import logging
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from fastapi import FastAPI

from benchmarks import lab as load
from benchmarks.reliability.fuzzing import PASSED, Case, Fuzzer, Tally, WrongAnswerError
from imagelet.lab.http.app import create_app
from imagelet.lab.settings import Settings

PORT = 8765
NETWORK_ADDRESS = "192.168.1.5"
TOKEN = "a-token-that-nobody-guesses"
WRONG_TOKENS = ("", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "\xff")
PATIENCE = 30.0  # seconds of the clock for an answer
REFUSALS = {"host": 421, "origin": 403, "token": 401}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
PAGE_FILES = (
    "/",
    "/index.html",
    "/js/main.js",
    "/style.css",
    "/openapi.json",
    "/docs",
    "/nothing",
    "//",
    "/../x",
)
NAMES = ("127.0.0.1", "localhost", "[::1]")
OWN_HOSTS = (
    *(f"{name}:{PORT}" for name in (*NAMES, "LocalHost")),
    *NAMES,
    *("127.0.0.1:80", "127.0.0.1:8766", "localhost:9000"),
)
FOREIGN_HOSTS = (
    *("", "evil.example", f"evil.example:{PORT}", f"0:{PORT}", f"0.0.0.0:{PORT}", f"127.1:{PORT}"),
    *(f"127.0.0.1.evil.example:{PORT}", f"localhost.evil.example:{PORT}", "localhost.evil.example"),
    *(f"127.0.0.1:{PORT}.evil.example", f"127.0.0.1:{PORT}@evil.example", f"user@127.0.0.1:{PORT}"),
    *(f"2130706433:{PORT}", f"0x7f.0.0.1:{PORT}", f"[::ffff:127.0.0.1]:{PORT}", f"127.0.0.1:{PORT}/"),
    *(f"127.0.0.1:{PORT},evil.example", "127.0.0.1:x", f"[::1:{PORT}", f"{NETWORK_ADDRESS}:{PORT}"),
)
HOSTS = (*OWN_HOSTS, *FOREIGN_HOSTS)
ORIGINS = (  # Origin, Sec-Fetch-Site, and whether a page with them may ask
    *((None, None, True), (None, "none", True), ("own", None, True), ("own", "same-origin", True)),
    *((None, site, False) for site in ("cross-site", "same-site", "something-new")),
    *(("own", site, False) for site in ("cross-site", "same-site")),
    *(
        (origin, None, False)
        for origin in ("", "null", "http://evil.example", "file://", "moz-extension://1")
    ),
    *((f"http://{name}", None, False) for name in ("127.0.0.1:8799", "127.0.0.1:8765.evil.example")),
    *((f"{scheme}://127.0.0.1:{PORT}{end}", None, False) for scheme, end in (("ftp", ""), ("http", "/"))),
)


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: of the response.
        body: its content.
        logged: what the server told of an unexpected error.
    """

    status: int
    body: bytes
    logged: str


class InProcess:
    """A server that is asked without a socket.

    Args:
        app: the server.
        end: closes what it has opened.
    """

    def __init__(self, app: FastAPI, end: Callable[[], None]) -> None:
        self.app = app
        self._end = end
        self._loop = asyncio.new_event_loop()
        self._logged: list[str] = []
        self._handler = _Kept(self._logged)
        logging.getLogger("imagelet.http").addHandler(self._handler)

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send a request and wait for the whole response."""
        self._logged.clear()
        return self._loop.run_until_complete(
            asyncio.wait_for(self._ask(method, path, headers, body), PATIENCE)
        )

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", PORT),
        }
        received = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Any] = []

        async def receive() -> Any:
            if received:
                return received.pop()
            await asyncio.Event().wait()  # the client stays

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], content, "\n".join(self._logged))

    def close(self) -> None:
        """End it."""
        self._end()
        logging.getLogger("imagelet.http").removeHandler(self._handler)
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


class _Kept(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(logging.Formatter().format(record))


@contextlib.contextmanager
def in_process(runs: Path, **settings: Any) -> Iterator[InProcess]:
    """Open a lab without a socket, which trains nothing, and close it."""
    app = create_app(Settings(runs, port=PORT, training=False, **settings))
    lab = InProcess(app, app.state.lab.close)
    try:
        yield lab
    finally:
        lab.close()


# -- routes --------------------------------------------------------------------------------------------------


@cache
def addresses() -> tuple[str, ...]:
    """Return a path of every route, with names that lead to nothing, and some of the page's files."""
    with tempfile.TemporaryDirectory() as folder, in_process(Path(folder)) as lab:
        routes = [str(getattr(route, "path", "")) for route in lab.app.routes]
    return tuple(dict.fromkeys((*(re.sub(r"\{.+?\}", "1", path) for path in routes if path), *PAGE_FILES)))


def expected(host: str, may_ask: bool, token: str | None) -> int | None:
    """Return the status with which a request is refused before anything is done; None where it is admitted.

    Args:
        host: its header.
        may_ask: whether a page with its Origin and Sec-Fetch-Site may ask.
        token: what a server in the network is shown; None: the server listens to this machine alone.
    """
    if token is None and host not in OWN_HOSTS:
        return REFUSALS["host"]
    if token is not None and token != TOKEN:
        return REFUSALS["token"]
    return None if may_ask else REFUSALS["origin"]


def _route(random: Random, number: int) -> Case:
    """Return a case of one address and method: every Host with every Origin, here and in the network."""
    choices = list(product(addresses(), METHODS))
    path, method = choices[number * 7 % len(choices)]
    wrong = random.choice(WRONG_TOKENS)
    about = f"{method} {path} {wrong!r}".encode()
    return Case({"request.txt": about}, partial(_ask_all, method, path, wrong))


def _ask_all(method: str, path: str, wrong: str) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        in_process(Path(folder)) as here,
        in_process(Path(folder), host=NETWORK_ADDRESS, token=TOKEN) as elsewhere,
    ):
        check_all(here, elsewhere, method, path, wrong)


def check_all(here: InProcess, elsewhere: InProcess, method: str, path: str, wrong: str) -> None:
    """Ask one address with every Host and Origin.

    Args:
        here: a server that listens to this machine alone.
        elsewhere: one in the network, at ``NETWORK_ADDRESS``, with ``TOKEN``.
        method: of the requests.
        path: the address.
        wrong: a token that is not the server's.
    """
    for host, origin in product(HOSTS, ORIGINS):
        _check(here, method, path, host, *origin, None)
        _check(elsewhere, method, path, host, *origin, wrong)
    for origin in ORIGINS:
        _check(elsewhere, method, path, f"{NETWORK_ADDRESS}:{PORT}", *origin, TOKEN)


def _check(
    lab: InProcess,
    method: str,
    path: str,
    host: str,
    origin: str | None,
    site: str | None,
    may_ask: bool,
    token: str | None,
) -> None:
    """Send a request; it must be refused or admitted as it should be, in the form of every answer."""
    reads = method in ("GET", "HEAD")
    given = {
        "host": host,
        "origin": f"http://{host}" if origin == "own" else origin,
        "sec-fetch-site": site,
        "authorization": f"Bearer {token}" if token else None,
        "content-type": None if reads else "application/json",
    }
    headers = {name: value for name, value in given.items() if value is not None}
    answer = lab.ask(method, path, headers, b"" if reads else b"{}")
    same_by_chance = headers.get("origin", "").lower() == f"http://{host}".lower()
    want = expected(host, may_ask or (same_by_chance and site is None), token)
    asked = f"{method} {path} {headers}"
    if answer.status >= 500:
        raise WrongAnswerError(f"{asked} → {answer.status}\n{answer.logged}")
    if want is None and answer.status in REFUSALS.values():
        raise WrongAnswerError(f"{asked} is refused with {answer.status}")
    if want is not None and answer.status != want:
        raise WrongAnswerError(f"{asked} → {answer.status}, not {want}")
    if want is not None and method != "HEAD" and set(json.loads(answer.body)) != {"error"}:
        raise WrongAnswerError(f"{asked} is refused without a sentence: {answer.body[:500]!r}")


REQUESTS = len(ORIGINS) * (2 * len(HOSTS) + 1)  # in a case
ROUTES = 48 * len(METHODS)  # about as many as there are addresses and methods; more begin from the front
FUZZERS = (Fuzzer("routes", f"addresses with a method, each asked {REQUESTS:,} times", ROUTES, _route),)


# -- soak ----------------------------------------------------------------------------------------------------

CLIENTS = 16
SPELL = 30.0  # seconds
WARMING = 60.0  # seconds before memory is compared; one spell where all is short
GROWTH = 1.05  # of the memory after the warming, at most


@dataclass(frozen=True)
class Soak:
    """Many clients for many minutes: no error of the server, and its memory stays as it is.

    A case is a spell of half a minute. It passes where every response had a status below 500 and the server's
    memory was at most ``GROWTH`` times that after the warming.
    """

    name: str = "soak"
    unit: str = f"half-minutes of {CLIENTS} clients"
    full: int = 60

    def run(
        self, seed: int, *, count: int | None, seconds: float | None, progress: Callable[[Tally], None]
    ) -> Tally:
        """Serve clients for ``count`` spells, or for about so many seconds."""
        spells = count or max(1, int((seconds or 0) // SPELL) - 1)
        warming = WARMING if spells > WARMING / SPELL else SPELL
        tally, started = Tally(), time.monotonic()
        with self.opened() as (port, process):
            random = Random(seed)
            asyncio.run(self.serve(port, random, warming))
            usual = load.memory_of(process.pid)
            for number in range(spells):
                statuses = asyncio.run(self.serve(port, random, SPELL))
                memory = load.memory_of(process.pid)
                bad = {status: n for status, n in statuses.items() if status >= 500 or not status}
                kind, text = PASSED, ""
                if bad:
                    kind, text = "error of the server", f"{bad} of {statuses.total()} responses"
                elif usual and memory and memory > GROWTH * usual:
                    kind, text = "memory grows", f"from {usual} to {memory} bytes"
                grown = memory - usual if usual and memory else 0
                tally.add({"number": number, "kind": kind, "text": text, "bytes": max(0, grown)})
                tally.seconds = time.monotonic() - started
                progress(tally)
        return tally

    @contextlib.contextmanager
    def opened(self) -> Iterator[tuple[int, Any]]:
        """Open a server; give its port and its process."""
        with tempfile.TemporaryDirectory() as folder, load.opened(Path(folder)) as opened:
            yield opened

    async def serve(self, port: int, random: Random, seconds: float) -> Counter[int]:
        """Let all clients ask for so long; return how often each status came, 0 for a broken connection."""
        return await ask_for_long(port, _requests(port), random, seconds)


async def ask_for_long(port: int, requests: Sequence[bytes], random: Random, seconds: float) -> Counter[int]:
    """Let all clients send requests for so long; return how often each status came."""
    statuses = Counter[int]()
    until = time.monotonic() + seconds
    seeds = [random.random() for _ in range(CLIENTS)]
    await asyncio.gather(*(_client(port, requests, Random(seed), until, statuses) for seed in seeds))
    return statuses


async def _client(
    port: int, requests: Sequence[bytes], random: Random, until: float, statuses: Counter[int]
) -> None:
    """Send requests over one connection, which is opened again where the server closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < until:
        writer.write(random.choice(requests))
        status = await load.read_status(reader)
        statuses[status] += 1
        if not status:
            await closed(writer)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await closed(writer)


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection, before its loop is."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _requests(port: int) -> list[bytes]:
    """Return what the page asks for, and some of what it never does: drawings most of all."""
    drawings = [load.prediction_request(port, drawing) for drawing in load.drawings()]
    shown = ("/api/runs", "/api/classifiers", "/api/networks", "/api/recipes", "/api/jobs", "/api/course")
    wrong = ("/api/runs/nobody", "/api/jobs/1", "/api/compare?runs=a,b", "/nothing")
    read = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() for path in (*shown, *wrong)]
    bodies = (
        ("/api/network", b'{"text": "conv(8, 3x3) relu pool(2) flatten dense(classes) softmax"}'),
        ("/api/network", b'{"text": "conv(8,"}'),
        ("/api/predict", b'{"classifier": "mnist", "pictures": ["bm8gcGljdHVyZQ=="]}'),
        ("/api/predict", b"{"),
    )
    head = (
        "POST {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n"
        "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n"
    )
    sent = [head.format(path, port, len(body)).encode() + body for path, body in bodies]
    return [*drawings, *read, *sent]
