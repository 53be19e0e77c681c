"""The decoding worker: a process that opens the pictures of strangers, within limits of memory and time.

``python -m imagelet.http.decoding_worker [FRAMING]``. It reads pictures from standard input, each after its
length and the range of its values (``REQUEST``), and writes a JSON header to standard output, after its
length (4 bytes): ``shape``, which the pixels follow, row by row; or ``error``. Numbers are big-endian. With a
framing in JSON the pixels are those of the framed input, and ``warnings`` and ``unclear`` tell the rest. It
ends with its standard input, or when a picture takes too long; nobody has to ask it.
"""

import contextlib
import json
import math
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagelet.errors import PictureError
from imagelet.messages import Message
from imagelet.preprocessing.picture import open_picture
from imagelet.preprocessing.value_range import ValueRange
from imagelet.preprocessing.worker_process import open_channels

if TYPE_CHECKING:
    from imagelet.preprocessing.framing import Framing

if sys.platform != "win32":
    import resource

SECONDS = 10  # for one picture: the slowest that the limits admit takes 6 seconds of this project's machines
MEMORY_BYTES = 2**30  # beside what the process takes when it starts: one picture, and buffers around it
REQUEST = struct.Struct(">Qdd")  # a picture's length, and its range of values; not a number where it has none
HEADER_BYTES = 4  # of a header's length

Open = Callable[[bytes, ValueRange | None], NDArray[np.uint8]]


def main(open_it: Open = open_picture, framing: "Framing | None" = None) -> int:
    """Open one picture after the other until there are no more; return the process's exit code.

    Args:
        open_it: opens a picture file's content, with the range of its values.
        framing: how pictures are framed; None: they are not.
    """
    requests, responses = open_channels()
    Image.init()  # loads the decoders, before memory is limited
    if framing is not None:
        stroke = np.pad(np.full((16, 4, 1), 255, np.uint8), ((8, 8), (14, 14), (0, 0)))
        _framed(stroke, framing)  # loads what it needs
    _limit_memory()
    while len(start := requests.read(REQUEST.size)) == REQUEST.size:
        length, low, high = REQUEST.unpack(start)
        content = requests.read(length)
        _limit_time()
        _respond(content, None if math.isnan(low) else (low, high), open_it, framing, responses)
        _limit_time(over=True)
    return 0


def _respond(
    content: bytes, values: ValueRange | None, open_it: Open, framing: "Framing | None", responses: BinaryIO
) -> None:
    header: dict[str, Any] = {}
    try:
        pixels = open_it(content, values)
        if framing is not None:
            pixels, header = _framed(pixels, framing)
        header["shape"] = pixels.shape
    except PictureError as error:
        pixels = np.empty(0, np.uint8)
        header = {"error": {"message": error.message.to_json(), "hint": error.hint.to_json()}}
    text = json.dumps(header).encode()
    responses.write(len(text).to_bytes(HEADER_BYTES) + text)
    responses.write(np.ascontiguousarray(pixels).data)
    responses.flush()


def _framed(pixels: NDArray[np.uint8], framing: "Framing") -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """Return the framed input's pixels, and what else is told of it."""
    from imagelet.classifier.prediction import framed_input

    framed = framed_input(pixels, framing)
    warnings = [Message(warning).to_json() for warning in framed.warnings]
    return framed.image, {"warnings": warnings, "unclear": framed.unclear}


def _framing(text: str) -> "Framing":
    from imagelet.preprocessing.framing import Framing

    return Framing.from_json(json.loads(text))


def _limit_memory() -> None:
    """Let the process have so much more memory; and write no files, not even of its own end."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError, ValueError):  # not on every system
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (0, 0))


def _limit_time(over: bool = False) -> None:
    """Let the system end the process if a picture takes too long, computing or waiting."""
    if sys.platform == "win32":
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    most = resource.RLIM_INFINITY if over else int(usage.ru_utime + usage.ru_stime) + SECONDS + 1
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_REAL, 0 if over else SECONDS + 1)


if __name__ == "__main__":
    sys.exit(main(framing=_framing(sys.argv[1]) if sys.argv[1:] else None))
