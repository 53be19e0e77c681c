"""Images that show nothing are refused before a training, or what is odd about them is said."""

import numpy as np
import pytest

from imagelet.data.imageset import ImageSet
from imagelet.data.signal import check_signal
from imagelet.errors import DataError


def images(pixels: np.ndarray) -> ImageSet:
    return ImageSet(pixels, np.arange(len(pixels)) % 2, ("a", "b"))


def noise(low: int, high: int, count: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(low, high, (count, 4, 4, 1), np.uint8)


def test_of_usual_images_nothing_is_said() -> None:
    assert check_signal(images(noise(0, 256))) == ()


def test_images_that_are_all_one_colour_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"all 6 training images are the same, all one colour \(1\)"
    ) as refused:
        check_signal(images(np.ones((6, 4, 4, 1), np.uint8)))
    assert "spread them over 0 to 255" in refused.value.hint


def test_equal_images_are_refused() -> None:
    with pytest.raises(DataError, match="the same, to the last pixel"):
        check_signal(images(np.repeat(noise(0, 256, 1), 6, axis=0)))


def test_plain_colours_may_be_classes() -> None:
    pixels = np.repeat(np.array([10, 200] * 3, np.uint8), 16).reshape(6, 4, 4, 1)
    assert check_signal(images(pixels)) == ("6 of 6 training images are all one colour.",)


def test_values_in_a_small_part_of_the_range_are_said() -> None:
    (told,) = check_signal(images(noise(3, 7)))
    assert told.startswith("The values of the images are 3 to 6, a small part of 0 to 255")
