"""What an optimizer step needs: a batch on the device, the precision, seeded dropout."""

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from imagelet.data.imageset import ImageSet
from imagelet.device import default_generator


def batch_loader(images: ImageSet, device: torch.device) -> Callable[[np.ndarray], Tensor]:
    """Return a function from indices (n,) to uint8 images (n, height, width, channels) on ``device``.

    On the CPU the images stay where they are, memory-mapped files included; elsewhere all are copied once.
    """
    if device.type == "cpu":
        return lambda indices: torch.from_numpy(images.images[indices])
    copied = torch.tensor(images.images, device=device)
    return lambda indices: copied[torch.from_numpy(indices).to(device)]


def autocast(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """Let ``device`` multiply in ``precision`` within the block: bfloat16, or float32 as usual."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == torch.bfloat16)


@contextlib.contextmanager
def seeded_dropout(device: torch.device, seed: int) -> Iterator[None]:
    """Let dropout draw from ``seed`` within the block; afterwards the device's generator is as before.

    ``torch.manual_seed`` would seed every device, and on a machine without CUDA store each call for later.
    """
    generator = default_generator(device)
    before = generator.get_state()
    generator.manual_seed(seed)
    try:
        yield
    finally:
        generator.set_state(before)
