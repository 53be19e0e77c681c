"""TensorFlow's SAME and VALID: where a window's padding goes and how many places it has. Plain integers.

One side of an image at a time: ``size`` is its height or width in cells.

=========  =================================  ==================================================
padding    places (output size)               cells of padding
=========  =================================  ==================================================
``same``   ceil(size / stride)                what the last window lacks, the odd one after
``valid``  (size − span) // stride + 1        none
a number   (size + 2·n − span) // stride + 1  n before and n after
=========  =================================  ==================================================

where ``span = (kernel − 1)·dilation + 1``, the cells from a window's first to its last.

Source: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
"""

from dataclasses import dataclass
from typing import Literal

SidePadding = Literal["same", "valid"] | int


def same_padding(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Return the cells that SAME adds before and after one side of ``size`` cells.

    The two are equal, or there is one more after.

    >>> same_padding(28, kernel=3, stride=2)
    (0, 1)
    """
    places = -(-size // stride)
    total = max((places - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


@dataclass(frozen=True)
class Side:
    """One side of an image and the window that slides along it.

    >>> Side(7, kernel=3, padding=1).places
    7
    """

    size: int
    kernel: int
    stride: int = 1
    padding: SidePadding = "valid"
    dilation: int = 1

    @property
    def span(self) -> int:
        """The cells from the first to the last that the window looks at."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def rim(self) -> tuple[int, int]:
        """The cells of padding before and after."""
        if self.padding == "same":
            return same_padding(self.size, self.kernel, self.stride, self.dilation)
        return (0, 0) if self.padding == "valid" else (self.padding, self.padding)

    @property
    def padded(self) -> int:
        """The cells of the side and its padding."""
        return self.size + sum(self.rim)

    @property
    def places(self) -> int:
        """The places that the window has: the output's size. None where it is larger than the padded side."""
        if self.padding == "same":
            return -(-self.size // self.stride)
        return max((self.padded - self.span) // self.stride + 1, 0)
