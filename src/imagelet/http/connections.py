"""One connection of a server, which nobody may hold for nothing.

A client that sends the head of its request byte by byte, or never takes its response, would keep a connection
and what the server holds for it for ever, and so would thousands that send nothing. uvicorn waits for them;
this does not. The body of a request has its own limit, in the guard.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 512  # that are open at once; most systems let a process have 1,024 files
SECONDS_BETWEEN_LOOKS = 2.0
HEAD_SECONDS = 10.0  # for a request's head to arrive
TAKING_SECONDS = 60.0  # in which a client takes not one byte of a response


class Connection(H11Protocol):
    """A connection that is closed where its client is late; one too many is closed at once."""

    _watch: asyncio.TimerHandle | None = None
    _awaited: Any = None  # what the server is waiting for,
    _since = 0.0  # and since when

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Say whether to keep a connection whose client sends no more: until a whole request is answered."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            return False
        self.cycle.keep_alive = False
        return True

    def _look(self) -> None:
        """Look after some seconds, again and again, whether the client is late."""
        awaited = self._what_is_awaited()
        if awaited is None or awaited != self._awaited:
            self._awaited, self._since = awaited, self.loop.time()
        elif self.loop.time() - self._since >= awaited[0]:
            self.transport.abort()
            return
        self._watch = self.loop.call_later(SECONDS_BETWEEN_LOOKS, self._look)

    def _what_is_awaited(self) -> tuple[float, Any] | None:
        """Return how long the client may take for what is awaited of it, and what; None: nothing."""
        if left := self.transport.get_write_buffer_size():
            return TAKING_SECONDS, left
        if self.cycle is None or self.cycle.response_complete:
            return HEAD_SECONDS, self.cycle
        return None
