"""The processes of one training, joined: they speak in rounds, watch each other, and end together.

One that has died or hangs is known within half a minute, also while the others wait for it to download data.
What one process fails with, the others fail with, too; the first process says it, and where that one is lost,
the second.
"""

import atexit
import contextlib
import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor

from imagelet import ranks
from imagelet.errors import TrainingError
from imagelet.ranks import Placement
from imagelet.training.distributed import Group, Round
from imagelet.training.meeting import JOINING, choose_interface, meet, wait_until
from imagelet.training.watch import BEAT, LOST, SILENCE, Failure, Watch

ROUND = timedelta(
    minutes=10
)  # in which all take part; a process that is lost is known sooner, by its silence
LOOK = timedelta(seconds=1)  # between two looks whether one is
TO_CONNECT = 60.0  # seconds


@contextlib.contextmanager
def joined(patience: float = JOINING) -> Iterator[Group]:
    """Yield the group of processes that this one belongs to, for one training.

    A block within such a block belongs to the same training.

    Args:
        patience: seconds in which the others have to come.

    Raises:
        UsageError: the environment says what cannot be.
        TrainingError: not all came, or they differ; one of them has failed or is lost.
    """
    place = placement()
    if place.world == 1:
        yield Group()
        return
    if not _joined:
        _joined.append(Joined(place, patience))
    with _joined[0].together() as group:
        yield group


_joined: list["Joined"] = []  # once in the life of this process


def placement() -> Placement:
    """Return which of the processes of a training this one is.

    Raises:
        UsageError: the environment says what cannot be.
    """
    torchs = sys.modules.get("torch.distributed.distributed_c10d")
    if torchs is None or not torchs.is_initialized():
        return ranks.placement()
    known = {
        "RANK": torchs.get_rank(),
        "WORLD_SIZE": torchs.get_world_size(),
    }  # as the program that calls us says
    where = {"MASTER_ADDR": "-", "MASTER_PORT": "1", **os.environ}
    return ranks.placement({**where, **{name: str(value) for name, value in known.items()}})


class Joined(Group):
    """Several processes that have met, joined by torch.distributed.

    Args:
        place: which of them this one is.
        patience: seconds in which the others have to come.
    """

    def __init__(self, place: Placement, patience: float = JOINING) -> None:
        super().__init__()
        self.place, self.rank, self.world = place, place.rank, place.world
        met = meet(place, patience)
        self._store, self._trainings, self._ahead = met.store, 0, 0
        self._watch = Watch(met.store, self.rank, met.hosts)
        self._group = self._connected()
        self._inside, self._lost = False, False
        self._raised: BaseException | None = None
        atexit.register(self._end)

    def _connected(self) -> Any:
        """Return torch's group of these processes."""
        from torch import distributed
        from torch.distributed.distributed_c10d import PrefixStore

        choose_interface(self.place)
        cuda = torch.cuda.is_available() and distributed.is_nccl_available()
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        with self._watch.limited(TO_CONNECT, _not_connected()):
            try:
                if distributed.is_initialized():
                    return distributed.new_group(backend=backend, timeout=ROUND)
                store = PrefixStore("torch", self._store)
                distributed.init_process_group(
                    backend, store=store, rank=self.rank, world_size=self.world, timeout=ROUND
                )
            except RuntimeError as error:
                raise _not_connected() from error
        return None  # the default

    def begin_gather(self, tensor: Tensor) -> Round:
        """Begin to gather the tensor of every process; see `Group`."""
        from torch import distributed

        mine = tensor.detach().contiguous()
        received = [torch.empty_like(mine) for _ in range(self.world)]
        return self._round(
            lambda: distributed.all_gather(received, mine, self._group, async_op=True), received
        )

    def begin_exchange(self, pieces: Tensor) -> Round:
        """Begin to give each process its piece; see `Group`."""
        from torch import distributed

        mine = pieces.detach().contiguous()
        received = torch.empty_like(mine)
        begin = functools.partial(
            distributed.all_to_all_single, received, mine, group=self._group, async_op=True
        )
        return self._round(begin, list(received))

    def _round(self, begin: Callable[[], Any], received: list[Tensor]) -> Round:
        """Begin a round of torch's, and return what waits for its end."""
        with self._reasoned():
            work = begin()

        def wait() -> list[Tensor]:
            with self._reasoned():
                if received[0].device.type == "cuda":
                    work.wait()  # the GPU waits, not this process
                else:
                    self._wait_for(work)
            return received

        return wait

    @contextlib.contextmanager
    def _reasoned(self) -> Iterator[None]:
        """Let a round that fails say why.

        Raises:
            TrainingError: another process has failed or is lost.
        """
        try:
            yield
        except RuntimeError as error:
            raise self._reason() from error

    def _wait_for(self, work: Any) -> None:
        """Wait until a round is over, as long as the others live.

        Raises:
            RuntimeError: it has failed.
        """
        while not work.is_completed():
            try:
                work.wait(LOOK)
            except RuntimeError:  # it takes longer, or has failed
                self._check()
        work.wait()

    @contextlib.contextmanager
    def first_goes_ahead(self) -> Iterator[None]:
        """Let the first process go through the block before the others do, however long it takes.

        So it alone downloads and converts what the others then find in the cache. It must not gather within.

        Raises:
            TrainingError: the first process has failed there, or is lost.
        """
        self._ahead += 1
        key = f"ahead-{self._ahead}"
        if self.rank == 0:
            yield
        try:
            if self.rank == 0:
                self._store.set(key, "done")
                return
            while not wait_until(lambda: self._store.check([key]), time.monotonic() + LOOK.total_seconds()):
                self._check()
        except RuntimeError as error:
            raise self._reason() from error
        yield

    @contextlib.contextmanager
    def together(self) -> Iterator["Joined"]:
        """Yield this group for one training: where one process fails in the block, all do.

        Raises:
            TrainingError: another process has failed or is lost.
            KeyboardInterrupt: another process was interrupted.
        """
        if self._inside:
            yield self
            return
        self._trainings += 1
        self._inside, self.stop, self.stop_wanted = True, False, False
        self._watch.begin(self._trainings)
        try:
            yield self
        except BaseException as error:
            self._watch.pause()
            if self._watch.tell(error, received=error is self._raised):
                ranks.mark_said(error)
            raise
        finally:
            self._inside = False
        self._watch.pause()
        self._watch.leave()

    @contextlib.contextmanager
    def first_alone(self) -> Iterator[None]:
        """Let the loss of another process not matter to the first one within the block."""
        if self.rank == 0:
            self._watch.pause()
        yield
        if self.rank == 0:
            self._watch.resume()

    def _check(self) -> None:
        """Raise where another process has failed or is lost."""
        if failure := self._watch.failure():
            raise self._error(failure)

    def _reason(self) -> BaseException:
        """Return the error that tells why a round did not end, as soon as that is known."""
        until = time.monotonic() + SILENCE + 5
        while time.monotonic() < until:
            if failure := self._watch.failure(silence=4 * BEAT):
                return self._error(failure)
            time.sleep(BEAT / 10)
        return TrainingError("another process of this training has failed, or has not gone on for minutes")

    def _error(self, failure: Failure) -> BaseException:
        self._raised = failure.error(self.world)
        self._lost = failure.kind == LOST
        return self._raised

    def _end(self) -> None:
        """Leave torch's group; at once where another process is lost, for which torch would wait."""
        from torch import distributed

        if self._watch.end() and not self._lost:
            if self._group is None:
                distributed.destroy_process_group()
            return
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(1)


def _not_connected() -> TrainingError:
    return TrainingError(
        "the processes have met and cannot reach each other",
        "firewalls must let them; GLOO_SOCKET_IFNAME=eth0 names the network interface to use, "
        "NCCL_SOCKET_IFNAME that of GPUs",
    )
