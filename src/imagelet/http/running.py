"""A server that answers until it is told to end, and then ends soon, whatever its threads do."""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from imagelet.http.connections import Connection
from imagelet.http.listening import WAITING

CLOSING_SECONDS = 1.0  # that processes and threads get to end


class Server(uvicorn.Server):
    """Sees to it that the first Ctrl-C is enough.

    Args:
        config: of uvicorn.
        last_seconds: from Ctrl-C or SIGTERM to ``end``.
        end: ends the process, whatever goes on in it.
    """

    def __init__(self, config: uvicorn.Config, last_seconds: float, end: Callable[[], None]) -> None:
        super().__init__(config)
        self._last_seconds = last_seconds
        self._end = end
        self._ends = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; after some seconds nothing is waited for."""
        if not self._ends:
            self._ends = True  # another signal may come before the timer has started
            timer = threading.Timer(self._last_seconds, self._end)
            timer.daemon = True
            timer.start()
        super().handle_exit(sig, frame)


def configured(app: FastAPI, **settings: Any) -> uvicorn.Config:
    """Return uvicorn's settings for a server of ours, and some more."""
    return uvicorn.Config(
        app,
        http=Connection,
        log_config=None,
        log_level=logging.CRITICAL,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        **settings,
    )


def run(
    app: FastAPI,
    listening: socket.socket,
    *,
    finish_seconds: int,
    last_seconds: float,
    close: Callable[[], None],
    say_closed: Callable[[], None],
) -> None:
    """Answer requests until Ctrl-C or SIGTERM.

    Args:
        app: answers them, and closes at its own end what it has opened.
        listening: a socket that is bound.
        finish_seconds: that requests which are open then get to finish.
        last_seconds: from then to the end of the process, where threads do not end by themselves.
        close: closes, where the app could not, what must not be left behind.
        say_closed: says that the server is closed; called once.
    """
    is_said = threading.Event()

    def say_once() -> None:
        if not is_said.is_set():
            is_said.set()
            say_closed()

    def end() -> None:
        """End the process although threads are busy: Python itself would wait for them."""
        closing = threading.Thread(target=close, daemon=True)
        closing.start()
        say_once()
        sys.stdout.flush()
        sys.stderr.flush()
        closing.join(CLOSING_SECONDS)
        os._exit(0)

    listening.listen(WAITING)
    config = configured(app, timeout_graceful_shutdown=finish_seconds)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # uvicorn takes it, and raises it again at its end,
    with contextlib.suppress(KeyboardInterrupt):  # as it does Ctrl-C
        Server(config, last_seconds, end).run(sockets=[listening])
    say_once()
