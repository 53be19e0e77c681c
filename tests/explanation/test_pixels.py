"""Numbers as pixels: cut, or stretched."""

import numpy as np

from imagelet.explanation.pixels import as_pixels


def test_pixels_are_cut_or_stretched() -> None:
    output = np.array([[-10.0, 0.4], [254.6, 300.0]])
    cut, clipped = as_pixels([output], stretch=False)
    assert cut[..., 0].tolist() == [[0, 0], [255, 255]]
    assert clipped == 2
    stretched, none = as_pixels([output], stretch=True)
    assert stretched[..., 0].tolist() == [[0, 9], [218, 255]]
    assert none == 0
    flat, _ = as_pixels([np.full((1, 2), 7.0)] * 3, stretch=True)
    assert flat.tolist() == [[[0, 0, 0], [0, 0, 0]]]
