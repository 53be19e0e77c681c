"""A training in a process of its own: ``python -m imagelet.experiment.child``, started by ``side_by_side``.

It reads a task from its standard input and writes what happens to its standard output. It ends with its
input: when the process that started it asks it to, or is gone. Then it saves its state, as on Ctrl-C.
"""

import _thread
import contextlib
import json
import os
import signal
import sys
import threading
import time
import warnings
from typing import Any, BinaryIO

from imagelet.experiment.child_messages import (
    ChildEvent,
    Done,
    Epoch,
    Failed,
    Interrupted,
    Reading,
    Started,
    Steps,
    StoppedEarly,
    Warned,
    encode,
    sentence_about,
)
from imagelet.messages import Message, message_of
from imagelet.preprocessing.worker_process import open_channels
from imagelet.progress import Notice, Pace

SECONDS_TO_SAVE = 120.0  # after which a process that was asked to end does so without having saved


class EventWriter:
    """Writes events to the process that started this one; how far it is, at most five times a second."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._pace = Pace()

    def write(self, event: ChildEvent) -> None:
        """Write an event; nobody reads any more where that process is gone."""
        with contextlib.suppress(BrokenPipeError):  # the input has ended, too, which ends the training
            self._stream.write(encode(event))
            self._stream.flush()

    def progress(self, event: Reading | Steps) -> None:
        """Write how far it is, unless that was written a moment ago."""
        if self._pace.due():
            self._pace.drawn()
            self.write(event)

    def warn(self, message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        """Write a warning; in place of ``warnings.showwarning``."""
        if not issubclass(category, Notice):
            self.write(Warned(Message(message if isinstance(message, str) else message_of(message))))


def main() -> int:
    """Train as the standard input says; return the exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell lets it be ignored
    requests, responses = open_channels()
    writer = EventWriter(responses)
    line = requests.readline()
    if not line:
        return 1
    threading.Thread(target=_interrupt_at_end, args=(requests.fileno(),), daemon=True).start()
    with warnings.catch_warnings():
        warnings.showwarning = writer.warn
        try:
            _train(json.loads(line), writer)
        except KeyboardInterrupt:
            writer.write(Interrupted())
            return 130
        except Exception as error:
            writer.write(Failed(sentence_about(error)))
            return 1
    return 0


def _interrupt_at_end(requests: int) -> None:
    """Wait for the end of the input, and interrupt the training as Ctrl-C does."""
    while os.read(requests, 1):
        pass
    _thread.interrupt_main()
    time.sleep(SECONDS_TO_SAVE)
    os._exit(1)


def _train(content: dict[str, Any], writer: EventWriter) -> None:
    import torch

    from imagelet.experiment.finalize import Finished
    from imagelet.experiment.once import Task, train_once
    from imagelet.experiment.runner import RunStarted
    from imagelet.training.loop import EpochEnded, Step, Stopped

    torch.set_num_threads(content["threads"])
    task = Task.from_json(content["task"])
    steps = 0
    for event in train_once(task, lambda done, total: writer.progress(Reading(done, total))):
        match event:
            case RunStarted():
                steps = event.experiment.recipe.epochs
                warned = tuple(Message(warning) for warning in event.warnings)
                writer.write(Started(event.run, event.resumed_at, warned))
            case Step():
                done = event.state.steps_done(event.steps)
                writer.progress(Steps(done, steps * event.steps))
            case EpochEnded():
                speed = event.images_per_second
                writer.write(Epoch(event.figures, event.best, event.seconds, speed))
            case Stopped(early=True):
                writer.write(StoppedEarly())
            case Finished():
                writer.write(Done(event.run))


if __name__ == "__main__":
    sys.exit(main())
