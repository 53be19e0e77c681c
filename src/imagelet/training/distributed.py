"""The processes of one training: who they are, and what they tell each other.

Every process runs the same program with the same settings. They meet at an address that the environment
names, as torchrun sets it, and from then on speak in rounds: each gives a tensor and gets those of all. A
process that ends or hangs in between makes the others fail within a minute.

One process alone is a group, too, `SINGLE`: it asks nobody and imports nothing for it.
"""

import contextlib
import datetime
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from imagelet.errors import TrainingError, UsageError

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

PATIENCE = 60.0  # seconds in which every process has to take part in a round
BEAT = 5.0  # seconds between two signs of life of a process that others wait for
VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # as torchrun sets them


class Group:
    """The processes that compute one training together; this class is of one that is alone.

    Attributes:
        rank: the number of this process, from 0 to ``world`` - 1. The first keeps the run's folder.
        world: how many processes there are.
    """

    rank: int = 0
    world: int = 1

    def __init__(self) -> None:
        self.stop_wanted = False
        self.stop = False

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and shows what happens."""
        return self.rank == 0

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """Return the tensor of every process, in the order of their ranks; all have one shape and type.

        Raises:
            TrainingError: a process has ended, or does not answer in time.
        """
        return [tensor]

    def gather_text(self, text: str) -> list[str]:
        """Return the text of every process, in the order of their ranks."""
        data = text.encode()
        lengths = [int(each) for each in self.gather(torch.tensor([len(data)]))]
        padded = torch.zeros(max(lengths), dtype=torch.uint8)
        padded[: len(data)] = torch.tensor(list(data), dtype=torch.uint8)
        texts = zip(self.gather(padded), lengths, strict=True)
        return [bytes(each[:length].tolist()).decode() for each, length in texts]

    def agree(self, text: str) -> None:
        """Return if every process has the same text: its settings, its data's fingerprint.

        Raises:
            TrainingError: one has another, in every process alike.
        """
        digest = hashlib.sha256(text.encode()).digest()
        digests = self.gather(torch.tensor(list(digest), dtype=torch.uint8))  # world × (32,)
        others = [rank for rank, other in enumerate(digests) if not torch.equal(other, digests[0])]
        if others:
            raise TrainingError(
                "the processes of this training differ: process {other} of {world} has other settings, "
                "other data or another version than process 0",
                "start all of them with the same command and the same data",
                other=others[0],
                world=self.world,
            )

    def barrier(self) -> None:
        """Return once every process is here.

        Raises:
            TrainingError: as :meth:`gather`.
        """
        self.gather(torch.zeros(1, dtype=torch.uint8))

    def request_stop(self) -> None:
        """Ask for the end of the training after this step, in every process.

        ``stop`` becomes true in all of them at the same step: alone at once, in a group a step later.
        """
        self.stop_wanted = True
        self.stop = self.stop or self.world == 1

    @contextlib.contextmanager
    def first_goes_ahead(self) -> Iterator[None]:
        """Let the first process go through the block before the others do, however long it takes.

        So it alone downloads and converts what the others then find in the cache. It must not gather within.

        Raises:
            TrainingError: the first process has failed there, or has ended.
        """
        yield


SINGLE = Group()


class Processes(Group):
    """Several processes, joined by torch.distributed.

    Args:
        store: where they have met.
        rank: of this one.
        world: how many there are.
    """

    def __init__(self, store: "Store", rank: int, world: int) -> None:
        super().__init__()
        self.rank, self.world = rank, world
        self._store = store
        self._times_ahead = 0

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """Return the tensor of every process, in the order of their ranks; all have one shape and type."""
        from torch import distributed

        mine = tensor.detach().contiguous()
        received = [torch.empty_like(mine) for _ in range(self.world)]
        with _sentence():
            distributed.all_gather(received, mine)
        return received

    @contextlib.contextmanager
    def first_goes_ahead(self) -> Iterator[None]:
        """Let the first process go through the block before the others do, however long it takes."""
        self._times_ahead += 1
        name = f"ahead-{self._times_ahead}"
        if self.rank == 0:
            with self._ahead(name):
                yield
        else:
            self._wait_for(name)
            yield

    @contextlib.contextmanager
    def _ahead(self, name: str) -> Iterator[None]:
        """Give signs of life within the block, and say at its end how it went."""
        done = threading.Event()

        def beat() -> None:
            with contextlib.suppress(RuntimeError):  # nobody is there any more
                while not done.wait(BEAT):
                    self._store.add(f"{name}-beat", 1)

        thread = threading.Thread(target=beat, name="imagelet-beat", daemon=True)
        thread.start()
        outcome = "failed"
        try:
            yield
            outcome = "done"
        finally:
            done.set()
            thread.join()
            with contextlib.suppress(RuntimeError):
                self._store.set(name, outcome)

    def _wait_for(self, name: str) -> None:
        """Return when the first process is through; as long as it gives signs of life."""
        silent, heard = 0.0, 0
        while silent < PATIENCE:
            try:
                self._store.wait([name], datetime.timedelta(seconds=BEAT))
                break
            except RuntimeError:  # not yet, or the store is gone
                with _sentence():
                    beats = self._store.add(f"{name}-beat", 0)
                silent, heard = (0.0, beats) if beats > heard else (silent + BEAT, heard)
        else:
            raise _gone()
        if self._store.get(name) != b"done":
            raise _gone()


@contextlib.contextmanager
def joined(variables: Mapping[str, str] = os.environ, patience: float = PATIENCE) -> Iterator[Group]:
    """Yield the group of processes that this one belongs to; `SINGLE` where the environment names none.

    Args:
        variables: the environment, with ``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT``.
        patience: seconds within which the others have to come, and to take part in every round.

    Raises:
        UsageError: the environment names only half of it, or what cannot be.
        TrainingError: not all processes came.
    """
    given = [name for name in VARIABLES if variables.get(name)]
    if "WORLD_SIZE" not in given or variables["WORLD_SIZE"] == "1":
        yield SINGLE
        return
    missing = [name for name in VARIABLES if name not in given]
    if missing:
        raise UsageError(
            "WORLD_SIZE is set and {missing} is not: no process of a group finds the others so",
            "start them with torchrun, or unset WORLD_SIZE",
            missing=", ".join(missing),
        )
    yield from _joined(variables, patience)


def _joined(variables: Mapping[str, str], patience: float) -> Iterator[Group]:
    from torch import distributed
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    rank, world = _number(variables, "RANK"), _number(variables, "WORLD_SIZE")
    if rank >= world:
        raise UsageError(
            "RANK is {rank}, and WORLD_SIZE {world}: ranks are 0 to {last}",
            rank=rank,
            world=world,
            last=world - 1,
        )
    timeout = datetime.timedelta(seconds=patience)
    cuda = torch.cuda.is_available() and distributed.is_nccl_available()
    try:
        store, *_ = next(iter(rendezvous("env://", rank, world, timeout=timeout)))
        store.set_timeout(timeout)
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        distributed.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=timeout)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            "not all {world} processes of this training came within {seconds:g} seconds to {address}",
            "start all of them at the same time, with the same MASTER_ADDR and MASTER_PORT",
            world=world,
            seconds=patience,
            address=f"{variables['MASTER_ADDR']}:{variables['MASTER_PORT']}",
        ) from error
    try:
        yield Processes(PrefixStore("imagelet", store), rank, world)
    finally:
        with contextlib.suppress(RuntimeError):
            distributed.destroy_process_group()


def _number(variables: Mapping[str, str], name: str) -> int:
    text = variables[name]
    if text.isascii() and text.isdecimal() and len(text) < 7:
        return int(text)
    raise UsageError("{name} is {text!r}, not a whole number", name=name, text=text)


@contextlib.contextmanager
def _sentence() -> Iterator[None]:
    """Turn the errors of torch.distributed in the block into one sentence."""
    try:
        yield
    except RuntimeError as error:
        raise _gone() from error


def _gone() -> TrainingError:
    return TrainingError(
        "another process of this training has ended, failed or does not answer any more",
        "its own message says why; nothing is lost up to the last checkpoint: imagelet train --resume RUN",
    )
