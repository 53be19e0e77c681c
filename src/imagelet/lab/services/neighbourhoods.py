"""Training images as a classifier sees them: made in the background, for the first time takes a minute."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import Future
from pathlib import Path

from imagelet.analysis.embeddings import Neighbourhood, neighbourhood

KEPT = 1  # neighbourhoods in memory: one of a large network has 120 MB
PATIENCE = 1.0  # seconds in which what was kept on the disk is read


class ClosedError(Exception):
    """The server ends, and with it what it prepares."""


class Neighbourhoods:
    """The neighbourhoods that were asked for last, and the one that is being made."""

    def __init__(self) -> None:
        self._found: OrderedDict[Hashable, Future[Neighbourhood]] = OrderedDict()
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()
        self._closed = False

    def get(self, key: Hashable, file: Path) -> Neighbourhood | None:
        """Return the neighbourhood of a classifier's file; None while it is still being made.

        Args:
            key: another one where the file has changed.
            file: the ``.safetensors`` file.

        Raises:
            DataError: its training images are not on this machine, or have changed.
        """
        with self._lock:
            if key not in self._found:
                self._found[key] = self._begun(file)
            self._found.move_to_end(key)
            future = self._found[key]
        try:
            return future.result(PATIENCE)
        except TimeoutError:
            return None
        except Exception:
            with self._lock:
                self._found.pop(key, None)  # the images may be brought here, so it is tried again
            raise
        finally:
            self._forget_older()

    def close(self) -> None:
        """Give up what is being made."""
        self._closed = True

    def _begun(self, file: Path) -> Future[Neighbourhood]:
        future: Future[Neighbourhood] = Future()

        def stop(_: int, __: int | None) -> None:
            if self._closed:
                raise ClosedError

        def make() -> None:
            import torch

            torch.set_num_threads(1)  # of this thread: the others have work, too
            with self._one_at_a_time:
                try:
                    future.set_result(neighbourhood(file, stop))
                except BaseException as error:
                    future.set_exception(error)

        threading.Thread(target=make, name="lab-neighbours").start()
        return future

    def _forget_older(self) -> None:
        with self._lock:
            done = [key for key, future in self._found.items() if future.done()]
            for key in done[:-KEPT]:
                del self._found[key]
