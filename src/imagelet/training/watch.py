"""Whether the other processes of a training live, and what one has failed with.

Each counts up a key of its own on the server where they have met. The first process watches all others, and
these watch the first, so that the server is asked little. Two threads do so, whatever the main thread waits
for: one counts and looks, the other ends this process where the main thread does not, because it waits for a
process that is lost.
"""

import contextlib
import contextvars
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from imagelet import ranks
from imagelet.errors import ImageletError, TrainingError
from imagelet.messages import Message, translate
from imagelet.training.meeting import wait_until

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

BEAT = 1.0  # seconds between two signs of life
SILENCE = 30.0  # seconds without one after which a process counts as lost
TO_END = 15.0  # seconds that the main thread has to end by itself once another process is lost
TO_HEAR = 6.0  # seconds in which every process that lives has heard of a failure
FAILED, INTERRUPTED, LOST = "failed", "interrupted", "lost"


@dataclass(frozen=True)
class Failure:
    """What ended one process, and so ends the others.

    Attributes:
        kind: ``failed``, ``interrupted`` or ``lost``.
        rank: whose it is.
        host: the name of its machine.
        message: of the error, as JSON of a :class:`Message`; and its hint.
    """

    kind: str
    rank: int
    host: str
    message: Any = ""
    hint: Any = ""

    @classmethod
    def lost(cls, rank: int, host: str) -> Self:
        """Return that of a process that gives no sign of life."""
        return cls(LOST, rank, host)

    @classmethod
    def of(cls, error: BaseException, rank: int, host: str) -> Self:
        """Return that of a process in which ``error`` was raised."""
        if isinstance(error, KeyboardInterrupt | GeneratorExit):
            return cls(INTERRUPTED, rank, host)
        if isinstance(error, ImageletError):
            return cls(FAILED, rank, host, error.message.to_json(), error.hint.to_json())
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return cls(FAILED, rank, host, Message("{_}", _=text).to_json(), Message("").to_json())

    def error(self, world: int) -> BaseException:
        """Return the error that it is in the other processes."""
        values = {"rank": self.rank, "world": world, "host": self.host}
        if self.kind == INTERRUPTED:
            return KeyboardInterrupt(Message("process {rank} of {world} on {host} was interrupted", **values))
        if self.kind == LOST:
            return TrainingError(
                "process {rank} of {world} on {host} was lost: it has ended, or does not answer any more",
                "what was saved is there: imagelet train --resume RUN goes on from it",
                **values,
            )
        problem, hint = Message.from_json(self.message), Message.from_json(self.hint)
        return TrainingError(
            "process {rank} of {world} on {host}: {problem}",
            "{advice}",
            **values,
            problem=problem,
            advice=hint,
        )


class Watch:
    """Watches the other processes of a training, and is watched.

    Args:
        store: where they have met.
        rank: of this one.
        hosts: the machine of each.
    """

    def __init__(self, store: "Store", rank: int, hosts: tuple[str, ...]) -> None:
        self._main = store
        # A connection of its own, which never waits for the main thread.
        self._store: Store = store.clone()  # type: ignore[attr-defined]
        self._rank, self._hosts, self._world = rank, hosts, len(hosts)
        self._watched = range(1, self._world) if rank == 0 else range(1)
        self._training, self._active, self._told = 0, False, False
        now = time.monotonic()
        self._counts: dict[int, bytes] = {}
        self._heard = dict.fromkeys(self._watched, now)
        self._answered, self._gone = now, False
        self._failure: Failure | None = None
        self._limit: tuple[float, TrainingError] | None = None
        self._parent = os.getppid()
        self._ended = threading.Event()
        self._threads = []
        for task in (self._beat, self._guard):
            run = contextvars.copy_context().run  # it has the language
            self._threads.append(threading.Thread(target=run, args=(task,), daemon=True))
            self._threads[-1].start()

    def end(self) -> bool:
        """End the threads, and return whether they have: Python must not end while they ask the server."""
        self._active = False
        self._ended.set()
        for thread in self._threads:
            thread.join(TO_HEAR)
        return not any(thread.is_alive() for thread in self._threads)

    def begin(self, training: int) -> None:
        """Watch from now on for what fails in the training of that number."""
        self._failure, self._training = None, training
        self.resume()

    def resume(self) -> None:
        """Let the loss of a process matter again."""
        now = time.monotonic()
        self._heard, self._answered = dict.fromkeys(self._watched, now), now
        self._active = True

    def pause(self) -> None:
        """Let the loss of a process not matter for now."""
        self._active = False

    @contextlib.contextmanager
    def limited(self, seconds: float, error: TrainingError) -> Iterator[None]:
        """End this process with an error if the block takes longer."""
        self._limit = (time.monotonic() + seconds, error)
        try:
            yield
        finally:
            self._limit = None

    def failure(self, silence: float | None = None) -> Failure | None:
        """Return what ends this training, if anything does.

        Args:
            silence: seconds without a sign of life after which a process counts as lost; None: ``SILENCE``.
        """
        silence = SILENCE if silence is None else silence
        if self._failure is not None:
            return self._failure
        now = time.monotonic()
        if self._gone or now - self._answered > silence + 2 * BEAT:
            return Failure.lost(0, self._hosts[0]) if self._rank else None
        late = [rank for rank in self._watched if now - self._heard[rank] > silence]
        return Failure.lost(late[0], self._hosts[late[0]]) if late else None

    def tell(self, error: BaseException, *, received: bool) -> bool:
        """Tell the others what ended this process, and return whether another process says it to people.

        Args:
            error: what ended it.
            received: whether it came from another process.
        """
        known = self.failure(silence=4 * BEAT) if received else None
        failure = known or Failure.of(error, self._rank, self._hosts[self._rank])
        first_lost = failure.kind == LOST and failure.rank == 0
        if first_lost:
            return self._rank != 1
        key, text = f"{self._training}-failure", json.dumps(asdict(failure))
        listeners = [rank for rank in self._watched if (failure.kind, failure.rank) != (LOST, rank)]
        try:
            self._main.compare_set(key, "", text)
            self._main.set(f"{self._training}-heard-{self._rank}", "heard")
            heard = [f"{self._training}-heard-{rank}" for rank in listeners]
            told = wait_until(lambda: self._main.check(heard), time.monotonic() + TO_HEAR)
        except RuntimeError:  # the first process has ended, and its server with it
            told = (failure.kind, failure.rank) == (FAILED, 0)  # which said it by itself
        return told and self._rank != 0

    def leave(self) -> None:
        """End a training that went well; the first process waits until the others have all that they need."""
        with contextlib.suppress(RuntimeError):
            self._main.set(f"{self._training}-done-{self._rank}", "done")
            if self._rank == 0:
                keys = [f"{self._training}-done-{rank}" for rank in self._watched]
                wait_until(lambda: self._main.check(keys), time.monotonic() + SILENCE)

    def _beat(self) -> None:
        """Count up, and look at the others, until the end."""
        count = 0
        while not self._ended.wait(BEAT if count else 0):
            count += 1
            try:
                self._look(count)
                self._answered = time.monotonic()
            except RuntimeError as error:  # a server that is there, and slow, says timeout
                self._gone = self._gone or "timeout" not in str(error).lower()
            if self._is_orphan():
                os.kill(os.getpid(), signal.SIGTERM)
                self._parent = os.getppid()

    def _look(self, count: int) -> None:
        self._store.set(f"beat-{self._rank}", str(count))
        for rank in self._watched:
            if self._store.check([f"beat-{rank}"]):
                beat = self._store.get(f"beat-{rank}")
                if beat != self._counts.get(rank):
                    self._counts[rank], self._heard[rank] = beat, time.monotonic()
        training = self._training
        if self._failure is None and self._rank == 0 and self._active and (found := self.failure()):
            self._store.compare_set(f"{training}-failure", "", json.dumps(asdict(found)))
        if self._store.check([f"{training}-failure"]):
            self._store.set(f"{training}-heard-{self._rank}", "heard")
            failure = Failure(**json.loads(self._store.get(f"{training}-failure")))
            if training == self._training:
                self._failure = failure

    def _is_orphan(self) -> bool:
        """Say whether what has started this process, and waits for it, has ended."""
        return os.getppid() != self._parent and ranks.is_started_by_another()

    def _guard(self) -> None:
        """End this process where the main thread does not once another one is lost."""
        since: float | None = None
        while not self._ended.wait(BEAT):
            now = time.monotonic()
            if self._limit and now > self._limit[0]:
                self._end(self._limit[1])
            failure = self.failure() if self._active else None
            since = (since or now) if failure else None
            if failure and since and now - since > TO_END:
                speaks = self._rank == (1 if failure.kind == LOST and failure.rank == 0 else 0)
                self._end(failure.error(self._world) if speaks else None)

    def _end(self, error: BaseException | None) -> None:
        if error is not None:
            with contextlib.suppress(OSError):
                os.write(2, f"{translate(Message('error'))}: {error}\n".encode())
        os._exit(1)
