"""Parts, dilation, erosion and smoothing are scipy.ndimage's, which is the oracle here."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import ndimage

from imagelet.preprocessing import morphology

pytestmark = pytest.mark.portable

sides = st.tuples(st.integers(1, 14), st.integers(1, 14))
masks = arrays.arrays(np.bool_, sides)
values = arrays.arrays(np.float32, sides, elements=st.floats(0, 1, width=32))


def spiral(side: int) -> NDArray[np.bool_]:
    """Return (side, side): one path around the middle, whose runs are joined at their ends only."""
    mask = np.zeros((side, side), bool)
    for ring in range(0, side // 2, 2):
        mask[ring, ring : side - ring] = True
        mask[ring : side - ring, side - 1 - ring] = True
        mask[side - 1 - ring, ring : side - ring] = True
        mask[ring + 2 : side - ring, ring] = True
        mask[ring + 2, ring : ring + 3] = True
    return mask


class TestLabel:
    @given(mask=masks, corners=st.booleans(), turned=st.booleans())
    @settings(deadline=None)
    def test_numbers_parts_as_scipy_does(self, mask: NDArray[np.bool_], corners: bool, turned: bool) -> None:
        mask = np.rot90(mask) if turned else mask
        labels, count = morphology.label(mask, corners=corners)
        expected = ndimage.label(mask, np.ones((3, 3), bool) if corners else None)
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels, expected[0])
        assert count == expected[1]

    @pytest.mark.parametrize("density", [0.1, 0.3, 0.45, 0.7])
    @pytest.mark.parametrize("corners", [False, True])
    def test_finds_parts_of_noise(self, density: float, corners: bool) -> None:
        mask = np.random.default_rng(0).random((320, 241)) < density
        expected = ndimage.label(mask, np.ones((3, 3), bool) if corners else None)
        labels, count = morphology.label(mask, corners=corners)
        np.testing.assert_array_equal(labels, expected[0])
        assert count == expected[1]

    @pytest.mark.parametrize("turn", range(4))
    def test_follows_a_long_path(self, turn: int) -> None:
        mask = np.rot90(spiral(101), turn)
        np.testing.assert_array_equal(morphology.label(mask, corners=False)[0], ndimage.label(mask)[0])


@given(mask=masks)
@settings(deadline=None)
def test_boxes_are_scipys(mask: NDArray[np.bool_]) -> None:
    labels, count = morphology.label(mask, corners=True)
    assert morphology.boxes(labels, count) == ndimage.find_objects(labels)


@given(line=arrays.arrays(np.bool_, st.integers(1, 20)))
@settings(deadline=None)
def test_runs_are_scipys(line: NDArray[np.bool_]) -> None:
    assert morphology.runs(line) == [run for (run,) in ndimage.find_objects(ndimage.label(line)[0])]


@given(image=values.filter(lambda image: bool(image.sum() > 0)))
@settings(deadline=None)
def test_the_centre_of_mass_is_scipys(image: NDArray[np.float32]) -> None:
    assert morphology.centre_of_mass(image) == ndimage.center_of_mass(image)


class TestExtremes:
    @given(image=values, radius=st.integers(0, 16))
    @settings(deadline=None)
    def test_in_a_disk_are_scipys(self, image: NDArray[np.float32], radius: int) -> None:
        across = np.arange(-radius, radius + 1)
        disk = across[:, None] ** 2 + across**2 <= (radius + morphology.EDGE_OF_DISK) ** 2
        widened = ndimage.grey_dilation(image, footprint=disk, mode="constant")
        thinned = ndimage.grey_erosion(image, footprint=disk, mode="constant")
        np.testing.assert_array_equal(morphology.dilated(image, radius), widened)
        np.testing.assert_array_equal(morphology.eroded(image, radius), thinned)

    @given(mask=masks, side=st.sampled_from([1, 3, 5, 17]))
    @settings(deadline=None)
    def test_of_a_mask_in_a_square_are_scipys(self, mask: NDArray[np.bool_], side: int) -> None:
        near = morphology.largest_around(mask, side)
        assert near.dtype == np.bool_
        np.testing.assert_array_equal(near, ndimage.maximum_filter(mask, side))

    @given(image=values, side=st.sampled_from([1, 3, 5, 17]))
    @settings(deadline=None)
    def test_of_a_closing_are_scipys(self, image: NDArray[np.float32], side: int) -> None:
        expected = ndimage.grey_closing(image, (side, side), mode="nearest")
        np.testing.assert_array_equal(morphology.closed(image, side), expected)


@given(image=values, deviation=st.sampled_from([0.6, 1.0, 4.25]))
@settings(deadline=None)
def test_smoothing_is_scipys(image: NDArray[np.float32], deviation: float) -> None:
    expected = ndimage.gaussian_filter(image, deviation, mode="nearest")
    np.testing.assert_allclose(morphology.smoothed(image, deviation), expected, rtol=1e-6, atol=1e-9)
