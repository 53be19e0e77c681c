"""Texts of the command line and figures as they are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.cli.commands import describe_accuracy, read_shape, write_shape
from imagelet.cli.printing import write_size
from imagelet.html_repr import write_percent


@given(st.tuples(*[st.integers(1, 5000)] * 3))
def test_a_shape_is_read_as_it_was_written(shape: tuple[int, int, int]) -> None:
    assert read_shape(write_shape(shape)) == shape


def test_a_shape_without_channels_says_none() -> None:
    assert read_shape(" 28X20 ") == (28, 20)


@pytest.mark.parametrize(
    ("share", "written"),
    [(1, "100.00"), (0.99999, ">99.99"), (0.98765, "98.77"), (0.5, "50.00"), (0.00001, "<0.01"), (0, "0.00")],
)
def test_a_share_is_never_rounded_to_certainty(share: float, written: str) -> None:
    assert write_percent(share) == written


def test_an_accuracy_comes_with_its_interval_and_the_number_of_images() -> None:
    figures = {"accuracy": 0.9833, "interval": [0.9641, 0.9923], "images": 10_000}
    written = "98.33 % (95 % interval 96.41 to 99.23 %, 10,000 images)"
    assert describe_accuracy("accuracy", figures) == {"accuracy": written}
    assert describe_accuracy("test accuracy", {**figures, "one_view_accuracy": 0.98}) == {
        "test accuracy": written,
        "test accuracy, one view": "98.00 %",
    }


@pytest.mark.parametrize(
    ("size", "written"),
    [(0, "0 bytes"), (999, "999 bytes"), (4542, "4.5 kB"), (9_912_422, "9.9 MB"), (3e9, "3.0 GB")],
)
def test_a_size_has_its_unit(size: int, written: str) -> None:
    assert write_size(size) == written
