"""Where windows fit, against counting them one by one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.networks.window import Side, same_padding
from tests.networks.strategies import unhurried

sizes = st.integers(1, 40)
kernels = st.integers(1, 9)
strides = st.integers(1, 5)
dilations = st.integers(1, 4)


@unhurried
@given(sizes, kernels, strides, dilations)
def test_same_has_a_place_for_every_stride_and_no_cell_of_padding_too_many(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    side = Side(size, kernel, stride, "same", dilation)
    before, after = same_padding(size, kernel, stride, dilation)
    assert side.places == math.ceil(size / stride)
    assert 0 <= after - before <= 1
    last_cell = (side.places - 1) * stride + (kernel - 1) * dilation - before
    assert last_cell <= size - 1 + after
    if before + after:
        assert last_cell == size - 1 + after


@unhurried
@given(sizes, kernels, strides, dilations, st.integers(0, 6))
def test_with_a_number_of_cells_the_places_are_those_that_can_be_counted(
    size: int, kernel: int, stride: int, dilation: int, cells: int
) -> None:
    starts = range(-cells, size + cells, stride)
    fitting = [start for start in starts if start + (kernel - 1) * dilation < size + cells]
    assert Side(size, kernel, stride, cells, dilation).places == len(fitting)


@unhurried
@given(sizes, kernels, strides, dilations)
def test_valid_is_no_padding(size: int, kernel: int, stride: int, dilation: int) -> None:
    valid = Side(size, kernel, stride, "valid", dilation)
    assert valid.padded == size
    assert valid.places == Side(size, kernel, stride, 0, dilation).places


@pytest.mark.parametrize(
    ("side", "places"),
    [
        (Side(7, 3, padding=1), 7),
        (Side(5, 3), 3),
        (Side(28, 3, 2, "same"), 14),
        (Side(28, 2, 2), 14),
        (Side(3, 5), 0),
    ],
)
def test_the_courses_output_sizes(side: Side, places: int) -> None:
    assert side.places == places


def test_an_odd_cell_goes_after() -> None:
    assert same_padding(28, kernel=3, stride=2) == (0, 1)
    assert same_padding(3, kernel=2) == (0, 1)
    assert same_padding(28, kernel=3) == (1, 1)
