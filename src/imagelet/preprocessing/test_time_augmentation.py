"""Test-time augmentation: mirrored and shifted views of an image, whose logits are averaged.

Source: airbench (Jordan 2024, arXiv 2404.00498).
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class View(NamedTuple):
    """One view of an image.

    Attributes:
        weight: of its logits; the weights of all views add up to 1.
        shift: the pixels by which it is moved down and right, −1, 0 or 1; the rim is repeated.
        mirrored: left to right.
    """

    weight: float
    shift: int = 0
    mirrored: bool = False


VIEWS = {
    "none": (View(1.0),),
    "mirrored": (View(0.5), View(0.5, mirrored=True)),
    "shifted": (View(0.5), View(0.25, 1), View(0.25, -1)),
    "mirrored-shifted": tuple(
        View(weight, shift, mirrored)
        for weight, shift in ((0.25, 0), (0.125, 1), (0.125, -1))
        for mirrored in (False, True)
    ),
}
TEST_TIME_AUGMENTATIONS = tuple(VIEWS)


def views(images: "Tensor", kind: str) -> "list[tuple[float, Tensor]]":
    """Return the views of network input, float (n, channels, height, width), each with its weight."""
    height, width = images.shape[2:]
    weighted = []
    for view in VIEWS[kind]:
        seen = images
        if view.shift:
            from torch.nn import functional

            wider, first = functional.pad(images, (1, 1, 1, 1), mode="replicate"), 1 - view.shift
            seen = wider[:, :, first : first + height, first : first + width]
        weighted.append((view.weight, seen.flip(3) if view.mirrored else seen))
    return weighted


def array_views(images: "NDArray[np.float32]", kind: str) -> "list[tuple[float, NDArray[np.float32]]]":
    """Return what :func:`views` does, of network input (n, height, width, channels)."""
    import numpy as np

    height, width = images.shape[1:3]
    weighted = []
    for view in VIEWS[kind]:
        seen = images
        if view.shift:
            wider, first = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge"), 1 - view.shift
            seen = wider[:, first : first + height, first : first + width]
        weighted.append((view.weight, seen[:, :, ::-1] if view.mirrored else seen))
    return weighted
