"""Convolution and pooling with their working, against torch, by hand, and against their own words."""

import contextlib
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imagelet.errors import UnknownNameError, UsageError
from imagelet.explanation.arithmetic import (
    KERNELS,
    as_pixels,
    convolution_parameters,
    convolve,
    pool,
    read_kernel,
    read_matrix,
)
from imagelet.networks.layers import AveragePool, Conv, Pool
from imagelet.networks.trace import FULL, number
from imagelet.networks.window import Side

pytestmark = pytest.mark.portable

NINE = np.arange(1.0, 10).reshape(3, 3)
ONES = np.ones((2, 2))
PHOTO = np.array(
    [
        [60, 113, 56, 139, 85],
        [73, 121, 54, 84, 128],
        [131, 99, 70, 129, 127],
        [80, 57, 115, 69, 134],
        [104, 126, 123, 95, 130],
    ]
)
SHARPEN = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])

few = st.integers(1, 4)
sides = st.integers(1, 9)
whole = st.integers(-50, 50)
hundreds = settings(max_examples=100, deadline=None)


def random_matrix(data: st.DataObject, height: int, width: int) -> np.ndarray:
    numbers = data.draw(st.lists(whole, min_size=height * width, max_size=height * width))
    return np.array(numbers, np.float64).reshape(height, width)


class TestTheCoursesNumbers:
    def test_valid_and_same(self) -> None:
        assert convolve(NINE, ONES).output.tolist() == [[12, 16], [24, 28]]
        same = convolve(NINE, ONES, padding="same")
        assert same.output.tolist() == [[12, 16, 9], [24, 28, 15], [15, 17, 9]]
        assert same.rims == ((0, 1), (0, 1))

    @pytest.mark.parametrize("factor", [1, 10, -1])
    def test_three_filters(self, factor: int) -> None:
        expected = factor * np.array([[12, 16, 9], [24, 28, 15], [15, 17, 9]])
        assert convolve(NINE, factor * ONES, padding="same").output.tolist() == expected.tolist()

    def test_max_pooling(self) -> None:
        assert pool(NINE, 2, 1, "same").output.tolist() == [[5, 6, 6], [8, 9, 9], [8, 9, 9]]

    def test_sharpening(self) -> None:
        working = convolve(PHOTO, SHARPEN, padding=1)
        assert working.output[0, 0] == 114
        assert working.at(0, 0).text == "-1·0 - 1·0 + 5·60 - 1·113 - 1·73 = 114"

    def test_a_kernel_over_five_by_five(self) -> None:
        image = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
        kernel = [[0, 1, 2], [2, 2, 0], [0, 1, 2]]
        output = convolve(np.array(image), np.array(kernel)).output
        assert output.tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]

    def test_same_with_stride_2_puts_the_odd_cell_after(self) -> None:
        working = convolve(np.zeros((28, 28)), np.ones((3, 3)), 2, "same")
        assert working.rims == ((0, 1), (0, 1))
        assert working.output.shape == (14, 14)
        assert pool(working.output, 2, padding="same").output.shape == (7, 7)

    @pytest.mark.parametrize(
        ("side", "formula"),
        [
            (Side(7, 3, 1, 1), "(7 + 2·1 - 3) / 1 + 1 = 7"),
            (Side(5, 3), "(5 - 3) / 1 + 1 = 3"),
            (Side(28, 3, 2), "floor((28 - 3) / 2) + 1 = 13"),
            (Side(28, 3, 2, "same"), "ceil(28 / 2) = 14"),
            (Side(28, 3, 1, "valid", 2), "(28 - ((3 - 1)·2 + 1)) / 1 + 1 = 24"),
        ],
    )
    def test_output_sizes(self, side: Side, formula: str) -> None:
        assert side.formula == formula

    @pytest.mark.parametrize(
        ("channels", "filters", "parameters"),
        [(1, 64, "640"), (64, 64, "36,928"), (64, 128, "73,856"), (128, 256, "295,168")],
    )
    def test_parameters(self, channels: int, filters: int, parameters: str) -> None:
        assert convolution_parameters(3, 3, channels, filters).endswith(f"= {parameters}")


@hundreds
@given(
    st.data(),
    st.tuples(sides, sides),
    st.tuples(few, few),
    few,
    st.sampled_from(["same", "valid"]) | st.integers(0, 3),
    st.integers(1, 3),
)
def test_convolution_is_the_networks_own(
    data: st.DataObject,
    size: tuple[int, int],
    kernel_size: tuple[int, int],
    stride: int,
    padding: Any,
    dilation: int,
) -> None:
    sided = [Side(size[i], kernel_size[i], stride, padding, dilation) for i in (0, 1)]
    assume(all(side.span <= side.padded for side in sided))
    image, kernel = random_matrix(data, *size), random_matrix(data, *kernel_size)
    rim = (padding, padding) if isinstance(padding, int) else padding
    layer: Any = (
        Conv(1, kernel_size, rim, (stride, stride), (dilation, dilation), bias=False)
        .build((*size, 1))
        .double()
    )
    layer.weight.data[:] = torch.from_numpy(kernel)
    working = convolve(image, kernel, stride, padding, dilation)
    expected = layer(torch.from_numpy(image)[None, None]).detach().numpy()[0, 0]
    np.testing.assert_array_equal(working.output, expected)
    check_words(working, data)


@hundreds
@given(
    st.data(),
    st.tuples(sides, sides),
    few,
    few,
    st.sampled_from(["same", "valid"]) | st.integers(0, 2),
    st.sampled_from(["max", "average"]),
)
def test_pooling_is_the_networks_own(
    data: st.DataObject, size: tuple[int, int], window: int, stride: int, padding: Any, kind: str
) -> None:
    assume(not isinstance(padding, int) or padding <= window // 2)
    assume(all(Side(each, window, stride, padding).padded >= window for each in size))
    image = random_matrix(data, *size) - 60  # below the zeros that padding must not count as
    rim = (padding, padding) if isinstance(padding, int) else padding
    pooling = (Pool if kind == "max" else AveragePool)((window, window), rim, (stride, stride))
    layer = pooling.build((*size, 1))
    working = pool(image, window, stride, padding, kind)
    expected = layer(torch.from_numpy(image)[None, None]).numpy()[0, 0]
    np.testing.assert_allclose(working.output, expected, rtol=1e-12)
    check_words(working, data)


def check_words(working: Any, data: st.DataObject) -> None:
    """The sum that is written out comes to the number of the output, and the formula to its size."""
    height, width = working.output.shape
    place = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    found = working.at(*place)
    text, _, result = found.text.replace("·", "*").rpartition(" = ")
    assert result == number(found.result, FULL)
    terms = text if "," in text or not text.startswith("max") else text.removeprefix("max")
    assert eval(terms) == pytest.approx(working.output[place])
    if found.products is not None:
        assert found.products.sum() == pytest.approx(found.result)
    sizes = [int(size) for size in re.findall(r"= (\d+)", working.formula)]
    assert sizes in ([height, width], [height])
    assert len(sizes) == 2 or height == width


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: convolve(NINE, np.ones((4, 4))), "a kernel of 4×4 is larger than the image, 3×3"),
        (lambda: convolve(NINE, np.ones((6, 1)), 1, 1), "larger than the image, 5×5 with its padding"),
        (lambda: convolve(NINE, ONES, dilation=3), "a kernel of 2×2, dilated to 4×4, is larger"),
        (lambda: convolve(NINE, ONES, 0), "a stride of 0 is not allowed"),
        (lambda: convolve(NINE, ONES, dilation=0), "a dilation of 0 is not allowed"),
        (lambda: convolve(NINE, ONES, padding=-1), "padding -1 is not allowed"),
        (lambda: convolve(NINE, ONES, padding=10**12), "more than 20,000 cells"),
        (lambda: convolve(NINE, ONES, 1, "same", 10**12), "more than 20,000 cells"),
        (lambda: pool(NINE, 0), "a window of size 0 is not allowed"),
        (lambda: pool(NINE, 4), "a window of 4×4 is larger than the image, 3×3"),
        (lambda: pool(NINE, 2, -1), "a stride of -1 is not allowed"),
        (lambda: pool(NINE, 2, padding=2), "padding 2 is more than half the window of 2"),
        (lambda: pool(NINE, 2, kind="mean"), "unknown kind of pooling 'mean'"),
        (lambda: convolve(NINE, ONES).at(2, 0), "no place 2,0: rows go from 0 to 1"),
        (lambda: convolve(NINE, ONES).at(0, -1), "columns from 0 to 1"),
    ],
)
def test_what_cannot_be_done_is_said(wrong: Any, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        wrong()
    assert sentence in str(caught.value)


def test_a_stride_beyond_the_image_leaves_one_place() -> None:
    assert convolve(NINE, ONES, 10**9).output.tolist() == [[12]]


def test_long_sums_are_told_by_their_beginning_and_their_end() -> None:
    image = np.arange(36.0).reshape(6, 6)
    assert pool(image[:5, :5], 5).at(0, 0).text.count(",") == 24
    assert pool(image, 6).at(0, 0).text.endswith(" 22, 23, …, 35) = 35")
    assert pool(image, 6, kind="average").at(0, 0).text.endswith("+ 22 + 23 … + 35) / 36 = 17.5")
    assert convolve(image, np.ones((6, 6))).at(0, 0).text.endswith("+ 1·23 … + 1·35 = 630")


def test_signs_are_written_so_that_they_can_be_read() -> None:
    image = np.array([[-2, 3]])
    assert convolve(image, np.array([[-1, -4]])).at(0, 0).text == "-1·(-2) - 4·3 = -10"
    assert convolve(image, np.zeros((1, 2))).at(0, 0).text == "0 = 0"
    assert pool(image, 1, kind="average").at(0, 0).text == "(-2) / 1 = -2"


def test_padding_is_0_in_a_convolution_and_nothing_in_pooling() -> None:
    assert convolve(NINE, ONES, padding="same").at(2, 2).inputs.tolist() == [[9, 0], [0, 0]]
    under = pool(NINE, 2, 1, "same").at(2, 2).inputs
    assert np.array_equal(np.isnan(under), [[False, True], [True, True]])
    assert number(under[1, 1]) == "·"


def test_an_image_too_large_to_hold_is_refused() -> None:
    with pytest.raises(UsageError, match="more than 100,000,000 cells"):
        convolve(NINE, ONES, padding=9_000)


# -- matrices as they are typed ------------------------------------------------------------------------------


numbers = st.floats(-1e6, 1e6) | st.integers(-1000, 1000)


@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_what_is_written_is_read(height: int, width: int, data: st.DataObject) -> None:
    rows = [data.draw(st.lists(numbers, min_size=width, max_size=width)) for _ in range(height)]
    split = data.draw(st.sampled_from([" ", ",", ", ", "  "]))
    end = data.draw(st.sampled_from(["; ", ";", " ; "]))
    text = end.join(split.join(repr(value) for value in row) for row in rows)
    assert read_matrix(text + data.draw(st.sampled_from(["", ";", " "]))).tolist() == rows


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the image is empty"),
        (" ; ", "the image is empty"),
        ("1 2; 3", "ragged: row 2 has 1 number, row 1 has 2 numbers"),
        ("1 2;; 3 4", "ragged: row 2 has 0 numbers"),
        ("1 2; 3 x", "'x' in row 2, column 2 of the image"),
        ("nan", "'nan' in row 1, column 1"),
        ("1 inf", "'inf' in row 1, column 2"),
        ("1e300", "'1e300' in row 1"),
    ],
)
def test_what_is_no_matrix_is_said(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_matrix(text, "image")
    assert sentence in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_a_matrix_or_a_sentence(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert np.isfinite(read_kernel(text)).all()


def test_kernels_have_names() -> None:
    assert read_kernel(" Sharpen ").tolist() == [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    assert read_kernel("1 2; 3 4").tolist() == [[1, 2], [3, 4]]
    with pytest.raises(UnknownNameError, match="did you mean 'sharpen'"):
        read_kernel("sharpn")


@pytest.mark.parametrize("name", KERNELS)
def test_named_kernels_keep_drop_or_add_up_a_plain_ground(name: str) -> None:
    total = {"edges": 0, "sobel-x": 0, "sobel-y": 0, "ones": 9}.get(name, 1)
    assert np.sum(KERNELS[name]) == pytest.approx(total)


# -- outputs as a picture ------------------------------------------------------------------------------------


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
