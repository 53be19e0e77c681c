"""Where the processes of one training meet: torch's TCPStore, a key-value server, and who is there.

The first process holds the server, or torchrun does. torchrun's outlives the processes and still has the keys
of those that it started before, so a meeting begins with a handshake: the first process invents a name for
it, every process signs under that with a number of its own, and the first closes the list.
"""

import contextlib
import datetime
import hashlib
import json
import os
import secrets
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from imagelet import ranks
from imagelet.errors import TrainingError
from imagelet.ranks import Placement

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

JOINING = 300.0  # seconds in which all processes have to come
MUTE = 30.0  # seconds after which whoever takes a connection and does not answer is not process 0
BETWEEN_LOOKS = 0.05  # seconds
ANSWER = datetime.timedelta(seconds=10)  # in which the server answers
ADDRESS_OF_INTERFACE = 0x8915  # Linux's SIOCGIFADDR
PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Meeting:
    """The processes that have met.

    Attributes:
        name: that no other meeting has.
        store: what they write and read; keys of this meeting alone.
        hosts: the name of each process's machine.
    """

    name: str
    store: "Store"
    hosts: tuple[str, ...]


def meet(place: Placement, patience: float = JOINING) -> Meeting:
    """Meet the other processes.

    Args:
        place: which of them this one is.
        patience: seconds in which all have to come.

    Raises:
        TrainingError: not all came in time; the first one's port is in use; they run different code.
    """
    from torch.distributed.distributed_c10d import PrefixStore

    until = time.monotonic() + patience
    store = _open(place, until)
    me = {"number": secrets.token_hex(8), "host": socket.gethostname(), **code()}
    name, present = (_receive if place.is_first else _sign)(store, place, me, until)
    try:
        for rank, one in enumerate(present):
            check_code(rank, one, present[0])
    except TrainingError:
        if place.is_first:  # the server ends with it: the others read first who is there, and say the same
            read = [f"{name}/read-{rank}" for rank in range(1, place.world)]
            wait_until(lambda: store.check(read), time.monotonic() + ANSWER.total_seconds())
        raise
    return Meeting(name, PrefixStore(name, store), tuple(one["host"] for one in present))


def check_code(rank: int, one: dict[str, str], first: dict[str, str]) -> None:
    """Return if two processes run the same code.

    Args:
        rank: the number of a process.
        one: its ``host``, and its :func:`code`.
        first: that of process 0.

    Raises:
        TrainingError: they do not; it says what differs.
    """
    for package in ("imagelet", "torch"):
        if one[package] != first[package]:
            raise TrainingError(
                "process {rank} on {host} runs {package} {other}, and process 0 runs {package} {version}",
                "install the same version on both",
                rank=rank,
                host=one["host"],
                package=package,
                other=one[package],
                version=first[package],
            )
    if one["state"] != first["state"]:
        raise TrainingError(
            "process {rank} on {host} runs imagelet {version} with another state of its code than process 0",
            "install the same on both",
            rank=rank,
            host=one["host"],
            version=one["imagelet"],
        )


@cache
def code() -> dict[str, str]:
    """Return what computes: versions of imagelet and torch, and ``state``, a hash of imagelet's own code."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\n" + path.read_bytes())
    return {"imagelet": version("imagelet"), "torch": torch.__version__, "state": digest.hexdigest()}


def _open(place: Placement, until: float) -> "Store":
    """Return the server, or the way to it.

    Raises:
        TrainingError: the port is in use, or nobody answers there in time.
    """
    from torch import distributed
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    if distributed.is_initialized():  # by the program that calls us, such as Ray
        return distributed.distributed_c10d._get_default_store()
    if sys.platform == "win32":
        os.environ["USE_LIBUV"] = "0"  # torch for Windows is built without it
    serves = place.is_first and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    listening = os.environ.pop(ranks.LISTENING, None) if serves else None
    more: dict[str, Any] = {} if listening is None else {"master_listen_fd": int(listening)}
    more |= {"timeout": ANSWER, "wait_for_workers": False}
    make = partial(TCPStore, place.address, place.port, None, serves, **more)
    while True:
        try:
            return make() if serves or ranks.LAUNCHER in os.environ else _answered(make, place)
        except RuntimeError as error:  # torch's DistNetworkError and DistStoreError
            if serves:
                raise _cannot_listen(place, str(error)) from error
            if time.monotonic() > until:
                raise _nobody(place) from error
        time.sleep(1)


def _answered(make: Callable[[], "Store"], place: Placement) -> "Store":
    """Return the way to the server. Torch waits for ever where another program holds the port and is silent.

    Only `imagelet train --processes` opens the port before process 0 is there.

    Raises:
        TrainingError: nobody answers.
        RuntimeError: torch's, where the connection fails.
    """
    found: list[Store | RuntimeError] = []

    def connect() -> None:
        try:
            found.append(make())
        except RuntimeError as error:
            found.append(error)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(MUTE)
    if not found:
        raise _nobody(place)
    if isinstance(found[0], RuntimeError):
        raise found[0]
    return found[0]


def _cannot_listen(place: Placement, problem: str) -> TrainingError:
    if "EADDRINUSE" in problem or "in use" in problem:
        return TrainingError(
            "the port {port}, on which process 0 is to be met, is in use on this machine",
            "choose another: torchrun --master-port, or the variable MASTER_PORT",
            port=place.port,
        )
    return TrainingError(
        "process 0 cannot listen on port {port}: {problem}",
        "choose another: torchrun --master-port, or the variable MASTER_PORT",
        port=place.port,
        problem=problem.splitlines()[0][:200],
    )


def _nobody(place: Placement) -> TrainingError:
    return TrainingError(
        "process {rank} of {world} does not reach process 0 at {address}:{port}",
        "is it running, and is MASTER_ADDR its machine's address, as seen from this one?",
        rank=place.rank,
        world=place.world,
        address=place.address,
        port=place.port,
    )


def _receive(
    store: "Store", place: Placement, me: dict[str, str], until: float
) -> tuple[str, list[dict[str, str]]]:
    """As the first process, name the meeting and return who is there."""
    name = f"imagelet-{me['number']}"
    store.set("imagelet-meeting", name)
    keys = [f"{name}/here-{rank}" for rank in range(1, place.world)]

    def missing() -> list[int]:
        return [rank for rank, key in enumerate(keys, start=1) if not store.check([key])]

    if not wait_until(lambda: not missing(), until):
        raise TrainingError(
            "only {here} of {world} processes have come: {missing} are missing",
            "start all of them, with the same WORLD_SIZE, MASTER_ADDR and MASTER_PORT",
            here=place.world - len(missing()),
            world=place.world,
            missing=", ".join(map(str, missing()[:10])),
        )
    present = [me, *(json.loads(store.get(key)) for key in keys)]
    store.set(f"{name}/all", json.dumps(present))
    return name, present


def _sign(
    store: "Store", place: Placement, me: dict[str, str], until: float
) -> tuple[str, list[dict[str, str]]]:
    """As another process, sign in the newest meeting, and return its name and who is there."""
    found: list[Any] = []

    def is_listed() -> bool:
        if not store.check(["imagelet-meeting"]):
            return False
        name = store.get("imagelet-meeting").decode()
        store.set(f"{name}/here-{place.rank}", json.dumps(me))
        if store.check([f"{name}/all"]):
            present = json.loads(store.get(f"{name}/all"))
            if present[place.rank]["number"] == me["number"]:  # not a meeting of those before us
                found[:] = [name, present]
        return bool(found)

    try:
        if wait_until(is_listed, until):
            store.set(f"{found[0]}/read-{place.rank}", "read")
            return found[0], found[1]
    except RuntimeError as error:
        raise _nobody(place) from error
    raise _nobody(place)


def wait_until(holds: Callable[[], bool], until: float) -> bool:
    """Return true as soon as something holds, false when the clock (``time.monotonic``) says ``until``."""
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(BETWEEN_LOOKS)
    return True


def choose_interface(place: Placement) -> None:
    """Choose the network interface over which gloo sends, unless GLOO_SOCKET_IFNAME names one.

    By itself gloo takes the one that this machine's name stands for; often the others do not reach that.
    """
    if os.environ.get("GLOO_SOCKET_IFNAME"):
        return
    name = _loopback() if place.on_one_machine else _interface_towards(place)
    if name is not None:
        os.environ["GLOO_SOCKET_IFNAME"] = name


def _loopback() -> str | None:
    if sys.platform == "win32":
        return "Loopback Pseudo-Interface 1"
    names = [name for _, name in socket.if_nameindex()]
    return next((name for name in ("lo", "lo0") if name in names), None)


def _interface_towards(place: Placement) -> str | None:
    """Return the interface of the address that this machine has on its way to process 0; None: not known."""
    if sys.platform != "linux":
        return None
    import fcntl

    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((place.address, place.port))  # of UDP: nothing is sent
        own = way.getsockname()[0]
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                request = struct.pack("256s", name.encode()[:15])
                if socket.inet_ntoa(fcntl.ioctl(way, ADDRESS_OF_INTERFACE, request)[20:24]) == own:
                    return name
    return None
