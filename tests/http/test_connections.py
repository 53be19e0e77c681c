"""Clients that are late, take nothing, stop half-way or come in crowds are cut off; others are not."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from imagelet.http import connections
from imagelet.http.connections import Connection

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LARGE = 10_000_000  # bytes: more than the system keeps for a client that takes nothing
PATIENCE = 60  # seconds

Connect = Callable[[], socket.socket]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer with "here" after the whole body has come; with much more at /large; after a while at /later."""
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/later":
        await asyncio.sleep(0.2)
    body = bytes(LARGE) if scope["path"] == "/large" else b"here"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[uvicorn.Server]:
    """Return a server that is soon impatient."""
    monkeypatch.setattr(connections, "SECONDS_BETWEEN_LOOKS", 0.02)
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(connections, "TAKING_SECONDS", 0.3)
    config = uvicorn.Config(app, http=Connection, log_config=None, lifespan="off", timeout_keep_alive=60)
    running = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**16)  # so that it sees what a client takes
    running.port = listening.getsockname()[1]
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield running
    running.should_exit = True
    thread.join(PATIENCE)


@pytest.fixture
def connect(server: uvicorn.Server) -> Iterator[Connect]:
    """Return a function that connects to the server."""
    with contextlib.ExitStack() as opened:

        def connect_to_it() -> socket.socket:
            client = opened.enter_context(socket.socket())
            client.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, 2**14
            )  # so that the server sees what is taken
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", server.port))
            return client

        yield connect_to_it


def received(client: socket.socket) -> bytes:
    """Return all that comes until the server closes the connection."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(2**20):
            parts.append(part)
    return b"".join(parts)


def is_answered(client: socket.socket) -> bool:
    client.sendall(REQUEST)
    response = b""
    while not response.endswith(b"here") and (part := client.recv(2**10)):
        response += part
    return response.startswith(b"HTTP/1.1 200") and response.endswith(b"here")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", REQUEST[:-2], REQUEST + b"GET /ag"])
def test_a_head_that_does_not_arrive_is_not_waited_for(connect: Connect, sent: bytes) -> None:
    client = connect()
    client.sendall(sent)
    assert received(client).count(b"here") == sent.count(b"\r\n\r\n")
    assert is_answered(connect())


def test_a_head_that_comes_byte_by_byte_is_not_waited_for(connect: Connect) -> None:
    client = connect()

    def send_for_ever() -> None:
        while True:
            client.sendall(b"G")
            time.sleep(0.01)

    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        send_for_ever()


def test_who_takes_no_response_loses_it(server: uvicorn.Server, connect: Connect) -> None:
    client = connect()
    client.sendall(REQUEST.replace(b"/ ", b"/large ", 1))
    until = time.monotonic() + PATIENCE
    while server.server_state.connections or not server.server_state.total_requests:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert len(received(client)) < LARGE


def test_who_takes_it_slowly_gets_it_whole(connect: Connect) -> None:
    client = connect()
    client.sendall(REQUEST.replace(b"/ ", b"/large ", 1).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    taken = 0
    for _ in range(100):  # longer than the server waits for one byte
        taken += len(client.recv(2**16))
        time.sleep(0.01)
    assert taken + len(received(client)) > LARGE


@pytest.mark.parametrize("path", [b"/ ", b"/later "])
def test_who_sends_no_more_gets_the_response(connect: Connect, path: bytes) -> None:
    client = connect()
    client.sendall(REQUEST.replace(b"/ ", path, 1))
    client.shutdown(socket.SHUT_WR)
    assert received(client).endswith(b"here")


def test_half_a_body_is_not_waited_for(connect: Connect) -> None:
    client = connect()
    client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
    client.shutdown(socket.SHUT_WR)
    assert received(client) == b""
    assert is_answered(connect())


def test_one_too_many_is_closed_and_the_others_go_on(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", PATIENCE)
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 3)
    admitted = [connect() for _ in range(3)]
    assert all(map(is_answered, admitted))
    assert received(connect()) == b""
    admitted[0].close()
    for _ in range(PATIENCE * 100):  # until its place is free
        with contextlib.suppress(OSError):
            if is_answered(connect()):
                break
        time.sleep(0.01)
    else:
        raise AssertionError("its place stays taken")
    assert is_answered(admitted[1])


@pytest.mark.parametrize("size", [2**14, 2**17])
def test_a_head_of_any_size_ends_in_an_error(connect: Connect, size: int) -> None:
    client = connect()
    with contextlib.suppress(OSError):
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * (size * 8) + b"\r\n\r\n")
    assert received(client).partition(b"\r\n")[0] in (b"HTTP/1.1 400 Bad Request", b"")
    assert is_answered(connect())
