"""Pictures of more than 8 bits: which of their numbers become black and white, and that it stays so."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imagelet.errors import ClassifierFileError
from imagelet.preprocessing import Framing
from imagelet.preprocessing.picture import measure_values, open_numbers, open_picture
from imagelet.preprocessing.value_range import Chosen, ValueRange, choose_range

SIDE = 10


def saved(numbers: NDArray[Any], form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(numbers).save(file, form)
    return file.getvalue()


def picture(low: float, high: float, dtype: Any = np.uint16) -> NDArray[Any]:
    """Return numbers that rise from one to the other."""
    return np.linspace(low, high, SIDE * SIDE).reshape(SIDE, SIDE).astype(dtype)


def chosen(*pictures: bytes) -> Chosen:
    measured = [measure_values(content) for content in pictures]
    return choose_range([one for one in measured if one is not None])


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        ([picture(200, 250), picture(210, 263)], Chosen((200, 263), True, 2)),  # millimetres
        ([picture(0, 4095)], Chosen((0, 4095), True, 1)),  # a 12-bit sensor
        ([picture(0, 40_000), picture(0, 600)], Chosen(None, False, 2)),  # one of them is bright
        ([picture(7, 7)], Chosen(None, False, 1)),  # nothing to spread
        ([picture(0, 255, np.uint8)], Chosen(None, False, 0)),  # 8 bits
    ],
    ids=["narrow", "12 bits", "wide", "one number", "8 bits"],
)
def test_sixteen_bits(pictures: list[NDArray[Any]], expected: Chosen) -> None:
    assert chosen(*map(saved, pictures)) == expected


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        ([(0, 0.4), (0.1, 0.9)], Chosen((0, 1), False, 2)),
        ([(0, 0.4), (0, 200)], Chosen((0, 255), False, 2)),  # alone, the first would be of 0–1
        ([(0, 0.01), (0, 0.02)], Chosen((0, np.float32(0.02)), True, 2)),
        ([(-3, 5)], Chosen((-3, 5), True, 1)),
        ([(0, 1e6)], Chosen((0, 1e6), True, 1)),
    ],
)
def test_floats(pictures: list[ValueRange], expected: Chosen) -> None:
    files = [saved(picture(*values, np.float32), "TIFF") for values in pictures]
    assert chosen(*files) == expected


def test_a_dead_pixel_does_not_spoil_the_range() -> None:
    numbers = np.tile(picture(200, 263), (10, 1))
    numbers[0, 0] = 65535
    values, is_narrow, _ = chosen(saved(numbers))
    assert values == (200, 263)
    assert is_narrow
    assert open_picture(saved(numbers), values)[0, 0, 0] == 255


@given(st.integers(0, 60_000), st.integers(1, 5_000))
def test_the_range_becomes_0_to_255_in_order(low: int, width: int) -> None:
    numbers = picture(low, low + width)
    eight = open_picture(saved(numbers), (low, low + width))[:, :, 0]
    assert (eight.min(), eight.max()) == (0, 255)
    assert (np.diff(eight.ravel().astype(int)) >= 0).all()
    half = np.abs(numbers.astype(float) - low - eight * (width / 255.0))
    assert half.max() <= width / 255 / 2 + 0.01  # to the nearest level


def test_what_lies_beyond_becomes_black_or_white() -> None:
    eight = open_picture(saved(picture(0, 1000)), (400, 600))[:, :, 0]
    assert eight[0, 0] == 0
    assert eight[-1, -1] == 255


def test_eight_bits_are_left_as_they_are() -> None:
    numbers = picture(0, 255, np.uint8)
    assert np.array_equal(open_picture(saved(numbers), (10, 20))[:, :, 0], numbers)


def test_numbers_are_opened_as_they_are_stored() -> None:
    numbers = picture(200, 263)
    assert np.array_equal(open_numbers(saved(numbers))[:, :, 0], numbers)
    assert np.array_equal(open_numbers(saved(numbers, "TIFF"))[:, :, 0], numbers)
    assert open_numbers(saved(picture(0, 255, np.uint8))).dtype == np.uint8


class TestAFraming:
    def test_carries_the_range_through_its_file(self) -> None:
        framing = Framing("fit", 8, 8, 1, values=(200.0, 263.5))
        assert framing.to_json()["values"] == [200.0, 263.5]
        assert Framing.from_json(framing.to_json()) == framing

    def test_without_one_is_written_as_before_there_were_any(self) -> None:
        assert set(Framing("fit", 8, 8, 1).to_json()) == {"kind", "height", "width", "channels", "box"}

    @pytest.mark.parametrize(
        "values", [[1], [2, 1], [1, 1], [0, float("inf")], ["0", 1], [False, 1], "ab", {}]
    )
    def test_with_another_range_is_refused(self, values: Any) -> None:
        with pytest.raises(ClassifierFileError, match="values are two"):
            Framing.from_json({**Framing("fit", 8, 8, 1).to_json(), "values": values})
