"""Trainings side by side: each in a process of its own, some at a time, on the cores of one machine.

Each computes with as many threads as it would alone: the number of threads decides how sums are rounded, so
the results do not depend on how many trainings run at a time. Where that is more threads than cores, those
that wait sleep, and the system gives the cores to whoever has work.
"""

import collections
import json
import queue
import threading
import time
from collections.abc import Generator, Sequence

import torch

from imagelet.cores import ASLEEP, AUTO, usable_cores
from imagelet.data.store import memory_bytes
from imagelet.device import choose_device, choose_threads
from imagelet.errors import RunError, UsageError
from imagelet.experiment.child_messages import ChildEvent, Done, Failed, Interrupted, decode
from imagelet.experiment.once import Task
from imagelet.preprocessing.worker_process import WorkerProcess, can_be_started, command_of
from imagelet.runs.definition import Computing

MOST_THREADS_PER_CORE = 4  # of trainings with as many threads as torch chooses; more cost what they gain
BYTES_PER_TRAINING = 10**9  # of memory, about: torch, the images, activations
SECONDS_TO_SAVE = 60.0  # that trainings have when they are interrupted


def choose_parallel(given: int | str, tasks: int, computing: Computing) -> int:
    """Return how many trainings run at a time.

    Args:
        given: a number from 1; ``auto``: as many as cores and memory allow. On a graphics card that is 1.
        tasks: how many there are.
        computing: how they compute. A number of threads that was chosen gives each so many cores; with
            ``auto`` up to four threads share a core.

    Raises:
        UsageError: a number that is not allowed.
    """
    if given != AUTO:
        if not isinstance(given, int) or isinstance(given, bool) or given < 1:
            raise UsageError(
                "--parallel {given} is not allowed: it is how many trainings run at a time, 1 or more",
                "for example 2; leave it out for as many as the cores allow",
                given=given,
            )
        return max(1, min(given, tasks))
    if choose_device(computing.device).type != "cpu" or not can_be_started():
        return 1
    cores, threads = usable_cores(), choose_threads(computing.threads)
    per_core = MOST_THREADS_PER_CORE if computing.threads == AUTO else 1
    most = min(tasks, cores, per_core * cores // threads)
    if memory := memory_bytes():
        most = min(most, memory // BYTES_PER_TRAINING)
    return max(1, most)


class _Child:
    """The process of one task; what it tells goes into a queue that all of them share.

    Args:
        number: the task's; it stands before each of its events.
        task: what it trains.
        threads: with how many it computes.
        events: gets (number, event), and (number, None) when nothing more comes.
    """

    def __init__(
        self, number: int, task: Task, threads: int, events: "queue.Queue[tuple[int, ChildEvent | None]]"
    ) -> None:
        self.ended = False  # it has said how it ended
        self._process = WorkerProcess(command_of("imagelet.experiment.child"), ASLEEP)
        request = {"task": task.to_json(), "threads": threads}
        self._process.requests.write(json.dumps(request).encode() + b"\n")
        self._process.requests.flush()
        threading.Thread(target=self._read, args=(number, events), daemon=True).start()

    def _read(self, number: int, events: "queue.Queue[tuple[int, ChildEvent | None]]") -> None:
        try:
            for line in self._process.responses:
                event = decode(line)
                self.ended |= isinstance(event, Done | Failed | Interrupted)
                events.put((number, event))
        except ValueError:  # a line that was cut off by its end, or the pipe was closed here
            pass
        finally:
            events.put((number, None))

    def interrupt(self) -> None:
        """Let it save its state and end: its input ends."""
        self._process.close_requests()

    def end(self, deadline: float | None = None) -> None:
        """Wait until it has ended, until ``time.monotonic()`` is so late; leave nothing of it behind."""
        if deadline is not None:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        self._process.end()


def train_side_by_side(
    tasks: Sequence[Task], parallel: int, *, threads: int | None = None
) -> Generator[tuple[int, ChildEvent]]:
    """Run tasks in processes of their own and yield what happens, each with the task's number from 0.

    Each task ends with ``Done`` or ``Failed``; the others are not touched by one that fails. Where the
    iterator is closed, or interrupted, those that run save their state and end.

    Args:
        tasks: what to train.
        parallel: how many at a time, 1 or more.
        threads: of a task that leaves them to torch; None: as many as this process computes with.
    """
    events: queue.Queue[tuple[int, ChildEvent | None]] = queue.Queue()
    waiting = collections.deque(enumerate(tasks))
    running: dict[int, _Child] = {}
    try:
        while waiting or running:
            while waiting and len(running) < parallel:
                number, task = waiting.popleft()
                running[number] = _Child(number, task, threads or torch.get_num_threads(), events)
            number, event = _next(events)
            if event is not None:
                yield number, Failed(_killed()) if isinstance(event, Interrupted) else event
                continue
            child = running.pop(number)
            child.end()
            if not child.ended:
                yield number, Failed(_killed())
    finally:
        _interrupt(list(running.values()))


def _next(
    events: "queue.Queue[tuple[int, ChildEvent | None]]",
) -> tuple[int, ChildEvent | None]:
    """Return the next event; Ctrl-C is noticed meanwhile on every system."""
    while True:
        try:
            return events.get(timeout=1.0)
        except queue.Empty:
            continue


def _interrupt(children: Sequence[_Child]) -> None:
    """Let all save their state and end; a second Ctrl-C ends them at once."""
    deadline = time.monotonic() + SECONDS_TO_SAVE
    for child in children:
        child.interrupt()
    try:
        for child in children:
            child.end(deadline)
    except KeyboardInterrupt:
        for child in children:
            child.end()
        raise


def _killed() -> RunError:
    return RunError(
        "the process that trained it ended in the middle; the state of the last epoch is saved",
        hint="type the same again to resume; where memory is short, with a smaller --parallel",
    )
