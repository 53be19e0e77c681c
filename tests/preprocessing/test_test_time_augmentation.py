"""Views of an image against NumPy: the mirror image, and shifts by a pixel with the edge filling the gap."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imagelet.preprocessing.test_time_augmentation import TEST_TIME_AUGMENTATIONS, views

pytestmark = pytest.mark.portable


def drawn(number: int, channels: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(number, channels, height, width, generator=torch.Generator().manual_seed(seed))


def shifted(images: np.ndarray, pixels: int) -> np.ndarray:
    """Return images (n, c, h, w) so many pixels further down and right; the edge fills the gap."""
    rows = (np.arange(images.shape[2]) - pixels).clip(0, images.shape[2] - 1)
    columns = (np.arange(images.shape[3]) - pixels).clip(0, images.shape[3] - 1)
    return images[:, :, rows][:, :, :, columns]


def expected(images: np.ndarray, kind: str) -> list[tuple[float, np.ndarray]]:
    found = [(1.0, images)]
    if "shifted" in kind:
        found = [(0.5, images), (0.25, shifted(images, 1)), (0.25, shifted(images, -1))]
    if "mirrored" in kind:
        found = [(weight / 2, each) for weight, each in found]
        found += [(weight, each[:, :, :, ::-1]) for weight, each in found]
    return found


@pytest.mark.parametrize("kind", TEST_TIME_AUGMENTATIONS)
@settings(max_examples=40, deadline=None)
@given(
    number=st.integers(0, 3),
    channels=st.sampled_from([1, 3]),
    height=st.integers(1, 8),
    width=st.integers(1, 8),
    last=st.booleans(),
)
def test_are_those_that_their_name_says_each_with_its_weight(kind, number, channels, height, width, last):
    images = drawn(number, channels, height, width)
    if last:
        images = images.contiguous(memory_format=torch.channels_last)
    before = images.clone()
    found = views(images, kind)
    assert sum(weight for weight, _ in found) == 1.0
    assert len(found) == len(expected(images.numpy(), kind))
    remaining = [(weight, view.numpy()) for weight, view in found]
    for weight, view in expected(images.numpy(), kind):
        place = next(
            (
                place
                for place, (own_weight, own) in enumerate(remaining)
                if own_weight == weight and np.array_equal(own, view)
            ),
            None,
        )
        assert place is not None
        del remaining[place]
    assert torch.equal(images, before)


def test_the_first_is_the_image_itself():
    images = drawn(2, 3, 5, 6)
    for kind in TEST_TIME_AUGMENTATIONS:
        assert torch.equal(views(images, kind)[0][1], images)


def test_a_mirror_image_has_the_same_views_as_the_image_with_the_same_weights():
    images = drawn(3, 3, 5, 6)
    one, other = views(images, "mirrored"), views(images.flip(3), "mirrored")
    assert [weight for weight, _ in one] == [weight for weight, _ in other] == [0.5, 0.5]
    assert torch.equal(one[0][1], other[1][1])
    assert torch.equal(one[1][1], other[0][1])
