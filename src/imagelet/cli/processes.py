"""`imagelet train --processes N`: the same command line in N processes here, which train one network.

They find each other as torchrun's do. This process starts them, passes signals on, and waits for their end.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from types import FrameType

from imagelet import ranks
from imagelet.errors import TrainingError, UsageError
from imagelet.messages import Message, current_language

HERE = "127.0.0.1"
PATIENCE = 15.0  # seconds that the others have to end by themselves once one has ended badly
PATIENCE_OF_SAVING = 60.0  # the same after Ctrl-C: they save
BETWEEN_LOOKS = 0.05  # seconds
INTERRUPTED = 130
MOST = 64  # as many as there can be lanes in a batch


def wanted(processes: int | None) -> int:
    """Return how many processes this one is to start; 0: it trains itself, alone or as one of several.

    Args:
        processes: of ``--processes``, if that is given.

    Raises:
        UsageError: so many are not allowed, or others were started already.
    """
    if processes is None:
        return 0
    if not 1 <= processes <= MOST:
        raise UsageError(
            "--processes {given} is not allowed; it is from 1 to {most}",
            "more machines take part by torchrun --nnodes",
            given=processes,
            most=MOST,
        )
    world = ranks.placement().world
    if world not in (1, processes):
        raise UsageError(
            "--processes is {given}, and torchrun has started {world} processes already",
            "leave --processes out",
            given=processes,
            world=world,
        )
    return processes if processes > 1 and world == 1 else 0


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Join the other processes from here on, if there are any: what one fails with ends all."""
    if ranks.placement().world == 1:
        yield
        return
    from imagelet.training.joining import joined

    with joined():
        yield


def run(words: Sequence[str], number: int) -> int:
    """Run a command line in several processes, and return the exit code.

    Args:
        words: the command line, without the program's name.
        number: of processes.

    Raises:
        TrainingError: the system has ended one of them, and none is left to say it.
    """
    command = [sys.executable, "-m", "imagelet", "--language", current_language(), *words]
    children: list[subprocess.Popen[bytes]] = []
    with _signals_passed_on(children):
        try:
            with socket.create_server((HERE, 0)) as meeting:
                children.extend(_start(command, rank, number, meeting) for rank in range(number))
            return _wait(children)
        finally:
            for child in children:
                child.kill()  # nothing where it has ended
                child.wait()


def _start(command: list[str], rank: int, number: int, meeting: socket.socket) -> "subprocess.Popen[bytes]":
    """Start one process. The first listens where they meet; no other program can take that port between."""
    variables = {
        "RANK": rank,
        "WORLD_SIZE": number,
        "LOCAL_RANK": rank,
        "LOCAL_WORLD_SIZE": number,
        "MASTER_ADDR": HERE,
        "MASTER_PORT": meeting.getsockname()[1],
        ranks.LAUNCHER: os.getpid(),
    }
    listens = rank == 0 and os.name == "posix"
    if listens:
        variables[ranks.LISTENING] = meeting.fileno()
    return subprocess.Popen(
        command,
        env={**os.environ, **{name: str(value) for name, value in variables.items()}},
        stdin=subprocess.DEVNULL,
        pass_fds=(meeting.fileno(),) if listens else (),
        process_group=0 if os.name == "posix" else None,  # so Ctrl-C comes once, from here
    )


@contextlib.contextmanager
def _signals_passed_on(children: list["subprocess.Popen[bytes]"]) -> Iterator[None]:
    """Pass what asks this process to end on to the children, within the block."""
    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]

    def pass_on(number: int, _: FrameType | None) -> None:
        if os.name == "posix":  # on Windows Ctrl-C reaches the children, too
            for child in children:
                child.send_signal(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)

    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(children: list["subprocess.Popen[bytes]"]) -> int:
    """Return the exit code of all, once all have ended; when one fails, the others have to follow soon."""
    until = None
    while any(child.poll() is None for child in children):
        codes = [child.returncode for child in children]
        if until is None and any(codes):
            saving = INTERRUPTED in codes
            until = time.monotonic() + (PATIENCE_OF_SAVING if saving else PATIENCE)
        if until is not None and time.monotonic() > until:
            for child in children:
                child.kill()
        time.sleep(BETWEEN_LOOKS)
    codes = [child.returncode for child in children]
    said = [code for code in codes if code > 0]
    if said:
        return said[0]
    if not any(codes):
        return 0
    raise _ended(codes)


def _ended(codes: list[int]) -> TrainingError:
    rank, code = next((rank, code) for rank, code in enumerate(codes) if code)
    return TrainingError(
        "process {rank} of {world} was ended by the signal {signal}",
        Message("the system ends processes where memory is short: try fewer, or --in-memory false")
        if code == -9
        else "run again with --debug, or with one process",
        rank=rank,
        world=len(codes),
        signal=-code,
    )
