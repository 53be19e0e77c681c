"""What a service counts, and the text in which Prometheus reads it.

Source: Prometheus's text exposition format, version 0.0.4.
"""

import os
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

TEXT = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
PICTURES = (1, 2, 4, 8, 16, 32, 64, 100)
ELSEWHERE = "other"  # the route of an address that is none: a stranger must not make up labels

Labels = Mapping[str, str | int]


class Histogram:
    """How many values there were up to each of some bounds, and their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: Labels) -> Iterator[str]:
        """Yield the histogram's lines."""
        count = 0
        for bound, more in zip((*self.bounds, "+Inf"), self._counts, strict=True):
            count += more
            yield _line(f"{name}_bucket", {**labels, "le": str(bound)}, count)
        yield _line(f"{name}_sum", labels, self._sum)
        yield _line(f"{name}_count", labels, count)


class Metrics:
    """The counts of a service.

    Args:
        name: the classifier's.
        is_ready: says whether the service is.
    """

    def __init__(self, name: str, is_ready: Callable[[], bool]) -> None:
        self._name = name
        self._is_ready = is_ready
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, Histogram] = {}
        self._pictures: Counter[str] = Counter({"predicted": 0, "unreadable": 0})
        self._batches = Histogram(PICTURES)
        self._started = time.time()

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests[route, status] += 1
        self._seconds.setdefault(route, Histogram(SECONDS)).add(seconds)

    def count_pictures(self, *, predicted: int, unreadable: int) -> None:
        """Count the pictures of a request."""
        self._pictures.update(predicted=predicted, unreadable=unreadable)

    def count_batch(self, pictures: int) -> None:
        """Count pictures that were predicted together."""
        self._batches.add(pictures)

    def text(self) -> str:
        """Return all counts as Prometheus reads them."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        facts: Labels = {"version": version("imagelet"), "classifier": self._name}
        yield from _head("imagelet_info", "gauge", "The service.")
        yield _line("imagelet_info", facts, 1)
        yield from _head("imagelet_ready", "gauge", "1 if the service is ready, else 0.")
        yield _line("imagelet_ready", {}, int(self._is_ready()))
        yield from _head("imagelet_requests_total", "counter", "Requests, by route and status.")
        for (route, status), count in sorted(self._requests.items()):
            yield _line("imagelet_requests_total", {"route": route, "status": status}, count)
        yield from _head("imagelet_request_seconds", "histogram", "Seconds from request to response.")
        for route, seconds in sorted(self._seconds.items()):
            yield from seconds.lines("imagelet_request_seconds", {"route": route})
        yield from _head("imagelet_pictures_total", "counter", "Pictures that came.")
        for outcome, count in self._pictures.items():
            yield _line("imagelet_pictures_total", {"outcome": outcome}, count)
        yield from _head("imagelet_batch_pictures", "histogram", "Pictures that were predicted together.")
        yield from self._batches.lines("imagelet_batch_pictures", {})
        yield from _head("process_start_time_seconds", "gauge", "When the process started, since 1970.")
        yield _line("process_start_time_seconds", {}, self._started)
        yield from _head("process_cpu_seconds_total", "counter", "Seconds of the processor.")
        yield _line("process_cpu_seconds_total", {}, time.process_time())
        if (memory := resident_bytes()) is not None:
            yield from _head("process_resident_memory_bytes", "gauge", "Memory of the process.")
            yield _line("process_resident_memory_bytes", {}, memory)


class Counted:
    """ASGI middleware around everything else, which counts each request and its seconds.

    Args:
        app: answers the requests.
        metrics: counts them.
        routes: the addresses that there are.
        note: is told the client, method, path, status and seconds of each request; None: nobody is.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        routes: frozenset[str],
        note: Callable[[str, str, str, int, float], None] | None = None,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes
        self._note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it when it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = 0, time.perf_counter()

        async def seen(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            seconds, path = time.perf_counter() - started, scope["path"]
            self._metrics.count_request(path if path in self._routes else ELSEWHERE, status, seconds)
            if self._note is not None:
                client, *_ = scope.get("client") or ("-",)
                self._note(client, scope["method"], path, status, seconds)


def resident_bytes() -> int | None:
    """Return the memory of this process; None where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def _head(name: str, kind: str, meaning: str) -> tuple[str, str]:
    return f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"


def _line(name: str, labels: Labels, value: float) -> str:
    listed = ",".join(f'{label}="{_escaped(str(text))}"' for label, text in labels.items())
    return f"{name}{{{listed}}} {value}" if listed else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
