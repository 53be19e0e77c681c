"""What can only be read from its beginning to its end, read by several threads that ask about in order."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator

MOST_KEPT = 64  # contents that were passed over, until they are asked for
MOST_BYTES_KEPT = 64 * 2**20


class ForwardReader:
    """The contents of a packed archive or of a column, by their positions.

    Threads that work on neighbours ask for them slightly out of order: what is passed over is kept for a
    while. Whoever asks for what lies further back makes it begin anew, which is slow and right.

    Args:
        begin: (position) → yields the positions and contents, in order, from that position or one before.
    """

    def __init__(self, begin: Callable[[int], Iterator[tuple[int, bytes]]]) -> None:
        self._begin = begin
        self._lock = threading.Lock()
        self._contents: Iterator[tuple[int, bytes]] | None = None
        self._reached = -1
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def read(self, position: int) -> bytes:
        """Return the content at a position.

        Raises:
            LookupError: there is none.
        """
        with self._lock:
            if position in self._kept:
                return self._kept.pop(position)
            if self._contents is None or position <= self._reached:
                self._kept.clear()
                self._contents = self._begin(position)
            contents, self._contents = self._contents, None  # where it fails, begin anew
            for reached, content in contents:
                self._reached = reached
                if reached == position:
                    self._contents = contents
                    return content
                if reached > position:
                    break
                self._keep(reached, content)
        raise LookupError(position)

    def _keep(self, position: int, content: bytes) -> None:
        self._kept[position] = content
        while len(self._kept) > MOST_KEPT or sum(map(len, self._kept.values())) > MOST_BYTES_KEPT:
            self._kept.popitem(last=False)
