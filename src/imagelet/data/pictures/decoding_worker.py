"""The decoding worker of a conversion: a process that makes rows of pictures, many at a time.

``python -m imagelet.data.pictures.decoding_worker``. It says that it is ready (``READY``), reads the task,
JSON after its length (``LENGTH``), and then pieces of work: the number of pictures (``LENGTH``), and of each
its kind and length (``ITEM``) with the path or the content. For each piece it writes the rows, one after the
other. It ends with its standard input; nobody has to ask it.
"""

import contextlib
import json
import os
import struct
import sys
from collections.abc import Sequence
from typing import BinaryIO

from imagelet.data.pictures.facts import Item, Task, rows_of_items
from imagelet.preprocessing.worker_process import open_channels

READY = b"ready\n"
LENGTH = struct.Struct(">I")
ITEM = struct.Struct(">BQ")
PATH, CONTENT, NOTHING = range(3)  # what an item is


def main() -> int:
    """Make rows until there are no more requests; return the process's exit code."""
    requests, responses = open_channels()
    responses.write(READY)
    responses.flush()
    with contextlib.suppress(EOFError, BrokenPipeError):
        (length,) = LENGTH.unpack(_exactly(requests, LENGTH.size))
        task = Task.from_json(json.loads(_exactly(requests, length)))
        while True:
            (count,) = LENGTH.unpack(_exactly(requests, LENGTH.size))
            responses.write(rows_of_items([_read_item(requests) for _ in range(count)], task))
            responses.flush()
    return 0


def write_task(task: Task) -> bytes:
    """Return the bytes that tell a worker its task."""
    content = json.dumps(task.to_json()).encode()
    return LENGTH.pack(len(content)) + content


def write_items(items: Sequence[Item]) -> bytes:
    """Return the bytes that ask a worker for the rows of pictures."""
    return LENGTH.pack(len(items)) + b"".join(map(_write_item, items))


def _write_item(item: Item) -> bytes:
    if item is None:
        return ITEM.pack(NOTHING, 0)
    kind, content = (CONTENT, item) if isinstance(item, bytes) else (PATH, os.fsencode(item))
    return ITEM.pack(kind, len(content)) + content


def _read_item(requests: BinaryIO) -> Item:
    kind, length = ITEM.unpack(_exactly(requests, ITEM.size))
    content = _exactly(requests, length)
    return None if kind == NOTHING else content if kind == CONTENT else os.fsdecode(content)


def _exactly(requests: BinaryIO, length: int) -> bytes:
    """Return so many bytes.

    Raises:
        EOFError: there are fewer: nobody asks any more.
    """
    content = requests.read(length)
    if len(content) < length:
        raise EOFError
    return content


if __name__ == "__main__":
    sys.exit(main())
