"""Pictures of strangers, opened in worker processes: one that crashes or is late is replaced.

Bytes go there, a shape and pixels come back, and both are checked: nothing that a worker writes is believed
more than the picture that it read. Workers that are told a classifier's framing also frame the pictures.
"""

import contextlib
import json
import math
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from imagelet.classifier.prediction import FramedInput
from imagelet.errors import PictureError
from imagelet.http.decoding_worker import HEADER_BYTES, REQUEST, SECONDS
from imagelet.messages import Message
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.picture_limits import MAX_BYTES
from imagelet.preprocessing.value_range import ValueRange
from imagelet.preprocessing.worker_process import WorkerProcess, command_of

WORKERS = 2
COMMAND = command_of("imagelet.http.decoding_worker")
MAX_HEADER_BYTES = 2**14
NO_VALUES = (math.nan, math.nan)
_TEMPLATE = re.compile(r"(?:[^{}]|\{[a-z_]+(?::,)?\})*")  # no attributes, no widths


class Decoder:
    """Opens pictures in worker processes, which start with the first picture or with :meth:`start`.

    Args:
        workers: how many there are; more pictures at once wait for them.
        seconds: within which a picture must be decoded.
        command: what a worker is started with.
        framing: how the workers frame pictures; None: they do not.
    """

    def __init__(
        self,
        workers: int = WORKERS,
        seconds: float = SECONDS,
        command: Sequence[str] = COMMAND,
        framing: Framing | None = None,
    ) -> None:
        self._seconds = seconds
        self._framing = framing
        self._command = command if framing is None else [*command, json.dumps(framing.to_json())]
        self._free = threading.Semaphore(workers)
        self._lock = threading.Lock()
        self._most = workers
        self._workers: list[_Worker] = []  # all of them
        self._idle: list[_Worker] = []
        self._closed = False
        self._watchdog = _Watchdog()

    def start(self) -> None:
        """Start the workers that are missing; they get ready while this process goes on."""
        with self._lock:
            for worker in [worker for worker in self._idle if not worker.is_alive()]:
                worker.end()
                self._idle.remove(worker)
                self._workers.remove(worker)
            while len(self._workers) < self._most and not self._closed:
                worker = _Worker(self._command, self._watchdog)
                self._workers.append(worker)
                self._idle.append(worker)

    def open(self, content: bytes, values: ValueRange | None = None) -> NDArray[np.uint8]:
        """Return a picture's pixels, as ``open_picture`` does; for any thread, which waits.

        Raises:
            PictureError: as ``open_picture``; or the picture takes too long, or ends the worker.
        """
        return self._opened(content, values)[0]

    def frame(self, content: bytes) -> FramedInput:
        """Return a picture as the network gets it, as ``Classifier.frame`` does, without its placement.

        Raises:
            PictureError: as :meth:`open`.
        """
        assert self._framing is not None
        image, told = self._opened(content, self._framing.values)
        try:
            if image.shape != self._framing.shape:
                raise ValueError("an image has the framing's shape")
            warnings = tuple(map(_message, told["warnings"]))
        except (LookupError, TypeError, ValueError) as error:
            raise _ended() from error
        return FramedInput("", image, told.get("unclear") is not False, warnings)

    def _opened(
        self, content: bytes, values: ValueRange | None
    ) -> tuple[NDArray[np.uint8], Mapping[str, Any]]:
        """Return pixels, and the header that came with them."""
        with self._free:
            self.start()
            with self._lock:
                if self._closed:
                    raise PictureError("the server is closed")
                worker = self._idle.pop()
            try:
                return worker.open(content, values, self._seconds)
            finally:
                with self._lock:
                    if worker.is_usable:
                        self._idle.append(worker)
                    else:
                        worker.end()
                        self._workers.remove(worker)
                self.start()

    def open_in_each(self, content: bytes) -> bool:
        """Let each worker open a picture, wait, and say whether all could: then they are ready."""
        opened: list[object] = []

        def open_it() -> None:
            with contextlib.suppress(PictureError):
                opened.append(self._opened(content, None))

        threads = [threading.Thread(target=open_it) for _ in range(self._most)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(opened) == self._most

    def close(self) -> None:
        """End the workers, whatever they do."""
        with self._lock:
            self._closed = True
            self._watchdog.end()
            for worker in self._workers:
                worker.end()


class _Watchdog:
    """A thread that kills workers which are late; it starts with the first picture.

    A timer for each picture would be a thread for each, which takes half a millisecond of a busy server.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadlines: dict[_Worker, float] = {}  # on the clock of time.monotonic
        self._until = math.inf  # when the thread looks again
        self._thread: threading.Thread | None = None

    def add(self, worker: "_Worker", seconds: float) -> None:
        """Kill a worker after so many seconds, unless it is removed before."""
        deadline = time.monotonic() + seconds
        with self._changed:
            self._deadlines[worker] = deadline
            if self._thread is None:
                self._thread = threading.Thread(target=self._kill_late, daemon=True)
                self._thread.start()
            if deadline < self._until:
                self._changed.notify()

    def remove(self, worker: "_Worker") -> bool:
        """Let a worker live, and say whether it was in time."""
        with self._changed:
            return self._deadlines.pop(worker, None) is not None

    def end(self) -> None:
        """End the thread."""
        with self._changed:
            self._deadlines.clear()
            self._until = -math.inf
            self._changed.notify()

    def _kill_late(self) -> None:
        with self._changed:
            while self._until > -math.inf:
                now = time.monotonic()
                for worker in [worker for worker, deadline in self._deadlines.items() if deadline <= now]:
                    del self._deadlines[worker]
                    worker.kill()
                self._until = min(self._deadlines.values(), default=math.inf)
                self._changed.wait(None if self._until == math.inf else self._until - now)


class _Worker(WorkerProcess):
    """A worker process.

    Attributes:
        is_usable: whether it is between two pictures, ready for the next.
    """

    def __init__(self, command: Sequence[str], watchdog: _Watchdog) -> None:
        super().__init__(command)
        self._watchdog = watchdog
        self.is_usable = True

    def end(self) -> None:
        """End it, and leave nothing of it behind."""
        self.is_usable = False
        super().end()

    def open(
        self, content: bytes, values: ValueRange | None, seconds: float
    ) -> tuple[NDArray[np.uint8], Mapping[str, Any]]:
        """Let it open a picture, and kill it after so many seconds; see :meth:`Decoder.open`."""
        self.is_usable = False
        self._watchdog.add(self, seconds)
        try:
            self.requests.write(REQUEST.pack(len(content), *(values or NO_VALUES)) + content)
            self.requests.flush()
            header = _header(self.responses)
            error = header.get("error")
            pixels = _pixels(self.responses, header.get("shape")) if error is None else None
        except (OSError, ValueError, RecursionError) as failure:
            raise _ended() if self._watchdog.remove(self) else _late(seconds) from failure
        self.is_usable = self._watchdog.remove(self)
        if pixels is None:
            raise _picture_error(error)
        return pixels, header


def _header(responses: IO[bytes]) -> Mapping[str, Any]:
    """Return a response's header.

    Raises:
        ValueError: it is none, or cut short.
    """
    size = int.from_bytes(responses.read(HEADER_BYTES))
    if not 0 < size <= MAX_HEADER_BYTES:
        raise ValueError("a header has another size")
    header = json.loads(responses.read(size))
    if not isinstance(header, Mapping):
        raise ValueError("a header is an object")
    return header


def _pixels(responses: IO[bytes], shape: object) -> NDArray[np.uint8]:
    """Return a response's pixels, uint8 (height, width, 1 or 3).

    Raises:
        ValueError: the shape is another, or they are cut short.
    """
    if not isinstance(shape, list) or len(shape) != 3 or not all(type(side) is int for side in shape):
        raise ValueError("a shape is three numbers")
    height, width, channels = shape
    if min(height, width) < 1 or channels not in (1, 3) or height * width * channels > MAX_BYTES:
        raise ValueError("a shape is that of a picture")
    pixels = np.empty(shape, np.uint8)
    rest = memoryview(pixels.data).cast("B")
    while rest:
        count = responses.readinto(rest)  # type: ignore[attr-defined]
        if not count:
            raise ValueError("the pixels are cut short")
        rest = rest[count:]
    return pixels


def _picture_error(error: object) -> PictureError:
    """Return the error that a worker wrote, if it is made as ours are."""
    try:
        assert isinstance(error, Mapping)
        message, hint = (_message(error[name]) for name in ("message", "hint"))
    except (AssertionError, LookupError, ValueError):
        return _ended()
    return PictureError(message, hint)


def _message(content: Any) -> Message:
    """Return a message; its templates have plain places alone.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(content, Mapping) or not isinstance(content.get("values"), Mapping):
        raise ValueError("a message holds a template and values")
    if not isinstance(content.get("template"), str) or not _TEMPLATE.fullmatch(content["template"]):
        raise ValueError("a template has plain places")
    values = {
        name: _message(value) if isinstance(value, Mapping) else value
        for name, value in content["values"].items()
        if isinstance(value, Mapping | str | int | float)
    }
    return Message.from_json({"template": content["template"], "values": values})


def _late(seconds: float) -> PictureError:
    return PictureError(
        "the picture takes longer than {seconds:g} seconds to decode",
        "scale it down, or save it anew as PNG or JPEG",
        seconds=seconds,
    )


def _ended() -> PictureError:
    return PictureError(
        "the picture cannot be decoded: it is damaged, or takes too much memory",
        "save it anew as PNG or JPEG",
    )
