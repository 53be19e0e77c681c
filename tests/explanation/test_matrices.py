"""Matrices and kernels as they are typed."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.errors import UnknownNameError, UsageError
from imagelet.explanation.matrices import KERNELS, read_kernel, read_matrix

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
