"""The pictures of requests: opened beside everything else, within a total of memory."""

import base64
import binascii
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from imagelet.classifier.prediction import FramedInput
from imagelet.errors import BusyError, PictureError
from imagelet.http.computing import Threads
from imagelet.http.decoder import WORKERS, Decoder
from imagelet.http.settings import ServerSettings
from imagelet.preprocessing.picture_limits import MAX_BYTES
from imagelet.preprocessing.value_range import ValueRange

MAX_BYTES_OF_ALL = 2 * MAX_BYTES  # that the pixels of all requests take together

Opened = NDArray[np.uint8] | PictureError
"""A picture of a request: its pixels, uint8 (height, width, 1 or 3), or why it cannot be read."""


class Pictures:
    """Opens the pictures of requests in threads of their own: one that is late keeps nothing else waiting.

    Args:
        settings: how many requests there may be, and for how long.
        decoder: opens a picture.

    Attributes:
        on_the_way: how many pictures are being framed, or wait for it.
    """

    def __init__(self, settings: ServerSettings, decoder: Decoder) -> None:
        self.decoder = decoder
        self._threads = Threads(WORKERS, settings.requests, settings.seconds, initializer=None)
        self._bytes = 0
        self.on_the_way = 0

    @contextlib.asynccontextmanager
    async def opened(
        self, files: Sequence[str | bytes], values: Callable[[], ValueRange | None] = lambda: None
    ) -> AsyncIterator[list[Opened]]:
        """Open the pictures of a request, and keep their memory accounted for while it is answered.

        Args:
            files: the content of picture files, as it is or in base64.
            values: says which numbers of more than 8 bits become 0 and 255; None: as a format means.

        Yields:
            For each its pixels, uint8 (height, width, 1 or 3), or why it cannot be read; those beyond
            ``MAX_BYTES`` together are not read.

        Raises:
            BusyError: the pictures of other requests take too much memory.
        """
        if self._bytes > MAX_BYTES_OF_ALL:
            raise BusyError("too many large pictures are being computed", "wait a moment and try again")
        pictures = await self._threads.run(self._open, files, values) if files else []
        size = _bytes_of(pictures)
        self._bytes += size
        try:
            yield pictures
        finally:
            self._bytes -= size

    @contextlib.asynccontextmanager
    async def opened_one(
        self, file: str | None, values: Callable[[], ValueRange | None] = lambda: None
    ) -> AsyncIterator[NDArray[np.uint8] | None]:
        """Open one picture, or none.

        Raises:
            PictureError: it cannot be read.
            BusyError: as :meth:`opened`.
        """
        async with self.opened([] if file is None else [file], values) as pictures:
            picture = pictures[0] if pictures else None
            if isinstance(picture, PictureError):
                raise picture
            yield picture

    async def framed(self, files: Sequence[str | bytes]) -> list[FramedInput | PictureError]:
        """Open and frame the pictures of a request; each is small by then.

        Args:
            files: the content of picture files, as it is or in base64.
        """
        self.on_the_way += len(files)
        try:
            return await self._threads.run(self._frame, files)
        finally:
            self.on_the_way -= len(files)

    def close(self) -> None:
        """End the workers, and take no more pictures."""
        self.decoder.close()
        self._threads.close()

    def _open(self, files: Sequence[str | bytes], values: Callable[[], ValueRange | None]) -> list[Opened]:
        pictures: list[Opened] = []
        value_range = values()
        for file in files:
            try:
                if _bytes_of(pictures) >= MAX_BYTES:
                    raise PictureError(
                        "the pictures before this one take {most} MB already, and one request gets no more",
                        "send fewer or smaller pictures at once",
                        most=MAX_BYTES // 2**20,
                    )
                pictures.append(self.decoder.open(_content(file), value_range))
            except PictureError as error:
                pictures.append(error)
        return pictures

    def _frame(self, files: Sequence[str | bytes]) -> list[FramedInput | PictureError]:
        pictures: list[FramedInput | PictureError] = []
        for file in files:
            try:
                pictures.append(self.decoder.frame(_content(file)))
            except PictureError as error:
                pictures.append(error)
        return pictures


def _bytes_of(pictures: Sequence[Opened]) -> int:
    return sum(picture.nbytes for picture in pictures if isinstance(picture, np.ndarray))


def _content(file: str | bytes) -> bytes:
    return file if isinstance(file, bytes) else picture_file(file)


def picture_file(text: str) -> bytes:
    """Return the content of the picture file that was sent in base64.

    Raises:
        PictureError: it is not base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PictureError("the picture is not in base64", "send a file's content in base64") from error
