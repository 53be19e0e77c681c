"""Which of the processes of one training this one is, as the environment says: torchrun's variables.

``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT`` are needed; torchrun sets them all.
``LOCAL_RANK`` and ``LOCAL_WORLD_SIZE`` count on one machine.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from imagelet.cores import usable_cores
from imagelet.errors import UsageError
from imagelet.messages import Message

MOST = 4096  # processes of one training
LAST_PORT = 65535
VARIABLES = (
    *("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK", "LOCAL_WORLD_SIZE"),
    *("GROUP_RANK", "GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_WORLD_SIZE", "ROLE_NAME"),
)
LAUNCHER = "IMAGELET_LAUNCHER"  # the number of the process that `imagelet train --processes` is
LISTENING = "IMAGELET_LISTENING"  # the open socket on which the first process listens, by its number
LOOPBACK = ("localhost", "127.0.0.1", "::1")
HINT = Message(
    "torchrun sets them all: torchrun --nproc-per-node 2 -m imagelet train …; one process alone needs none"
)


@dataclass(frozen=True)
class Placement:
    """Which of the processes of a training this one is.

    Attributes:
        rank: its number, from 0; the process 0 writes the run's folder and shows what happens.
        world: how many processes there are.
        local_rank: its number among those of this machine, from 0.
        local_world: how many of them are on this machine.
        address: where the process 0 is met, a host's name or address; empty for a process that is alone.
        port: there.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1
    address: str = ""
    port: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process writes the run's folder and shows what happens."""
        return self.rank == 0

    @property
    def on_one_machine(self) -> bool:
        """Whether all processes are on this machine."""
        return self.local_world == self.world or self.address in LOOPBACK

    @property
    def cores(self) -> int:
        """How many of the machine's cores are this process's part, at least one."""
        return max(1, usable_cores() // self.local_world)


ALONE = Placement()


def placement(variables: Mapping[str, str] = os.environ) -> Placement:
    """Return which of the processes of a training this one is; :data:`ALONE` where nothing speaks of others.

    Args:
        variables: the environment.

    Raises:
        UsageError: some of the variables are missing, or hold what cannot be.
    """
    if not variables.get("WORLD_SIZE"):
        if variables.get("RANK", "0") == "0":
            return ALONE
        raise _missing(variables, "WORLD_SIZE")
    world = _number(variables, "WORLD_SIZE", least=1, most=MOST)
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        if world > 1 and not variables.get(name):
            raise _missing(variables, name)
    rank = _number(variables, "RANK", least=0, most=world - 1, otherwise=0)
    if world == 1:
        return ALONE
    local_world = _number(variables, "LOCAL_WORLD_SIZE", least=1, most=world, otherwise=1)
    last = local_world - 1 if variables.get("LOCAL_WORLD_SIZE") else world - 1
    return Placement(
        rank=rank,
        world=world,
        local_rank=_number(variables, "LOCAL_RANK", least=0, most=last, otherwise=0),
        local_world=local_world,
        address=variables["MASTER_ADDR"].strip(),
        port=_number(variables, "MASTER_PORT", least=1, most=LAST_PORT),
    )


def leave_the_others() -> None:
    """Forget the other processes: what this one does from now on, and what it starts, it does alone."""
    for name in VARIABLES:
        os.environ.pop(name, None)


def _number(
    variables: Mapping[str, str], name: str, *, least: int, most: int, otherwise: int | None = None
) -> int:
    text = variables.get(name, "").strip()
    if not text and otherwise is not None:
        return otherwise
    if text.isascii() and text.isdecimal() and len(text) < 7 and least <= int(text) <= most:
        return int(text)
    raise UsageError(
        "{name} is '{given}' in the environment; it is a whole number from {least} to {most}",
        HINT,
        name=name,
        given=text[:50],
        least=least,
        most=most,
    )


def _missing(variables: Mapping[str, str], name: str) -> UsageError:
    given = "WORLD_SIZE" if variables.get("WORLD_SIZE") else "RANK"
    return UsageError(
        "{given} is {value} in the environment, and {name} is not set: the processes cannot find each other",
        HINT,
        given=given,
        value=variables[given][:50],
        name=name,
    )


def is_started_by_another() -> bool:
    """Say whether torchrun or `imagelet train --processes` has started this process and waits for its end."""
    return bool(os.environ.get(LAUNCHER) or os.environ.get("TORCHELASTIC_RUN_ID"))


def mark_said(error: BaseException) -> None:
    """Note that another process says to people what ``error`` says."""
    error.__dict__["said_elsewhere"] = True


def is_said(error: BaseException) -> bool:
    """Say whether another process says to people what ``error`` says."""
    return bool(getattr(error, "said_elsewhere", False))


def is_started_anew() -> bool:
    """Say whether torchrun has started these processes before, and one was lost."""
    return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"


def launch() -> str:
    """Return a name for all that one call of torchrun starts, also when it starts anew; else nothing."""
    job = os.environ.get("TORCHELASTIC_RUN_ID", "")
    return job if job != "none" else f"{socket.gethostname()}-{os.getppid()}"
