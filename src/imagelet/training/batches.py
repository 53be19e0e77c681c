"""Batches of images on their way to the device: at once from memory, read ahead by a thread from a store."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from imagelet.data.imageset import ImageSet
from imagelet.data.on_disk import is_on_disk
from imagelet.training.workers import in_order

AHEAD = 2  # batches that are read while one is trained on

Load = Callable[[np.ndarray], Tensor]
Read = Callable[[Iterable[np.ndarray]], Iterator[tuple[np.ndarray, Tensor]]]


def batch_loader(images: ImageSet, device: torch.device) -> Load:
    """Return a function from indices (n,) to uint8 images (n, height, width, channels) on ``device``.

    On the CPU the images stay where they are, memory-mapped files included; elsewhere all are copied once,
    unless they are in a store: then each batch is.
    """
    pixels = images.images
    if device.type == "cpu" or is_on_disk(pixels):
        return lambda indices: torch.from_numpy(pixels[indices]).to(device)
    copied = torch.tensor(pixels, device=device)
    return lambda indices: copied[torch.from_numpy(indices).to(device)]


@contextlib.contextmanager
def batch_reader(images: ImageSet, device: torch.device) -> Iterator[Read]:
    """Yield a function from the indices of batches, (n,) each, to these indices with their images.

    The images of a store are read by a thread, which ends with the block. Which images a batch has, and their
    order, does not depend on that.
    """
    load = batch_loader(images, device)
    if not is_on_disk(images.images):
        yield lambda batches: ((chosen, load(chosen)) for chosen in batches)
        return
    thread = ThreadPoolExecutor(1, "imagelet-read-ahead")
    try:
        yield lambda batches: _read_ahead(load, batches, thread)
    finally:
        thread.shutdown(cancel_futures=True)


def _read_ahead(
    load: Load, batches: Iterable[np.ndarray], thread: ThreadPoolExecutor
) -> Iterator[tuple[np.ndarray, Tensor]]:
    return in_order(thread, lambda chosen: (chosen, load(chosen)), batches, AHEAD)
