"""Test-time augmentation: mirrored and shifted views of an image, whose logits are averaged.

Source: airbench (Jordan 2024, arXiv 2404.00498).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

TEST_TIME_AUGMENTATIONS = ("none", "mirrored", "shifted", "mirrored-shifted")


def views(images: "Tensor", kind: str) -> "list[tuple[float, Tensor]]":
    """Return the views of network input, each with its weight; the weights add up to 1.

    Args:
        images: float (n, channels, height, width).
        kind: ``none``: the images; ``mirrored``: and their mirror images; ``shifted``: and the images a pixel
            up and left, and a pixel down and right, half of the weight; ``mirrored-shifted``: all of these
            mirrored too.
    """
    height, width = images.shape[2:]
    weighted = [(1.0, images)]
    if kind in ("shifted", "mirrored-shifted"):
        from torch.nn import functional

        wider = functional.pad(images, (1, 1, 1, 1), mode="replicate")
        first, last = wider[:, :, :height, :width], wider[:, :, 2:, 2:]
        weighted = [(0.5, images), (0.25, first), (0.25, last)]
    if kind in ("mirrored", "mirrored-shifted"):
        weighted = [
            (weight / 2, view)
            for weight, images_of_view in weighted
            for view in (images_of_view, images_of_view.flip(3))
        ]
    return weighted
