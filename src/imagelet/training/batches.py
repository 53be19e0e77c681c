"""What a training step needs around it: batches on the device, precision, chance."""

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from imagelet.data.imageset import ImageSet
from imagelet.device import default_generator


def gatherer(images: ImageSet, device: torch.device) -> Callable[[np.ndarray], Tensor]:
    """Return a function from indices (n,) to uint8 images (n, height, width, channels) on ``device``.

    On the CPU the images stay where they are, a memory-mapped file included; elsewhere all are copied once.
    """
    if device.type == "cpu":
        return lambda chosen: torch.from_numpy(images.images[chosen])
    resident = torch.tensor(images.images, device=device)
    return lambda chosen: resident[torch.from_numpy(chosen).to(device)]


def autocast(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """Let ``device`` multiply in ``precision`` in the block: bfloat16, or float32 as ever."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == torch.bfloat16)


@contextlib.contextmanager
def seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Let dropout draw from ``seed`` in the block, and leave the device's own generator as it was.

    ``torch.manual_seed`` would seed every device, and on a machine without CUDA note each call for later.
    """
    drawing = default_generator(device)
    before = drawing.get_state()
    drawing.manual_seed(seed)
    try:
        yield
    finally:
        drawing.set_state(before)
