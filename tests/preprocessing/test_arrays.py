"""Arrays are pictures where that is certain; what has two meanings is refused in one sentence."""

import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imagelet.errors import PictureError
from imagelet.preprocessing.arrays import is_array, picture_of, pictures_of
from imagelet.preprocessing.picture import open_picture
from tests.classifier.test_classifier import png

GREY, COLOUR = (28, 28, 1), (32, 32, 3)


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def refused(value: Any, shape: tuple[int, int, int] = GREY) -> str:
    """Return what the refusal says, after checking that it names what was given and what is taken."""
    with pytest.raises(PictureError) as caught:
        pictures_of(value, shape)
    error = caught.value
    assert "\n" not in str(error)
    assert type(value).__name__ in error.message
    assert "floats from 0 to 1 or from 0 to 255" in error.hint
    return error.message


class TestShapes:
    @pytest.mark.parametrize(
        ("given", "shape", "count"),
        [
            ((28, 28), GREY, 1),
            ((28, 28, 1), GREY, 1),
            ((1, 28, 28), GREY, 1),
            ((5, 28, 28), GREY, 5),
            ((3, 28, 28), GREY, 3),
            ((4, 28, 28), GREY, 4),
            ((5, 28, 28, 1), GREY, 5),
            ((5, 1, 28, 28), GREY, 5),
            ((1, 1, 28, 28), GREY, 1),
            ((784,), GREY, 1),
            ((5, 784), GREY, 5),
            ((1, 784), GREY, 1),
            ((0, 28, 28), GREY, 0),
            ((0, 784), GREY, 0),
            ((0, 28, 28, 1), GREY, 0),
            ((40, 30), GREY, 1),
            ((7, 40, 30), GREY, 7),
            ((7, 1, 40, 30), GREY, 7),
            ((5, 28, 28), COLOUR, 5),
        ],
    )
    def test_of_grey_pictures_keep_their_order(
        self, given: tuple[int, ...], shape: tuple[int, int, int], count: int
    ) -> None:
        value = pixels(*given)
        pictures = pictures_of(value, shape)
        side = (28, 28) if 784 in given else tuple(size for size in given if size > 9)[-2:]
        assert pictures.shape == (count, *side, 1)
        assert pictures.ravel().tolist() == value.ravel().tolist()

    @pytest.mark.parametrize("channels", [3, 4])
    @pytest.mark.parametrize("number", [None, 1, 5])
    def test_of_colour_pictures_may_have_the_channels_first_or_last(
        self, channels: int, number: int | None
    ) -> None:
        last = pixels(*(() if number is None else (number,)), 20, 30, channels)
        first = np.moveaxis(last, -1, -3)
        expected = pictures_of(last, COLOUR)
        assert expected.shape == (number or 1, 20, 30, 3)
        if channels == 3:
            assert np.array_equal(expected, last.reshape(expected.shape))
        if number is None:
            assert np.array_equal(picture_of(first, COLOUR), expected[0])
            assert f"one picture of {channels} channels or {channels} grey ones" in refused(first)
        else:
            assert np.array_equal(pictures_of(first, COLOUR), expected)

    def test_of_the_networks_own_size_are_certain(self) -> None:
        image = pixels(32, 32, 3)
        assert np.array_equal(pictures_of(image.transpose(2, 0, 1), COLOUR), image[np.newaxis])

    def test_with_an_alpha_channel_are_laid_on_paper_as_a_file_is(self) -> None:
        image = pixels(20, 30, 4)
        image[:10, :, 3] = 0
        assert np.array_equal(picture_of(image, GREY), open_picture(png(image)))

    @pytest.mark.parametrize(
        ("given", "shape"),
        [
            ((), GREY),
            ((783,), GREY),
            ((28, 28, 2), GREY),
            ((5, 28, 28, 2), GREY),
            ((2, 5, 28, 28, 1), GREY),
            ((784, 784), GREY),
            ((64, 64), (8, 8, 1)),
            ((5, 3072), COLOUR),
            ((3072,), COLOUR),
            ((4, 32, 32), COLOUR),
            ((3, 20, 30), COLOUR),
            ((0, 28, 1), GREY),
            ((28, 0), GREY),
            ((5, 0, 28, 1), GREY),
        ],
    )
    def test_that_are_none_or_have_two_meanings_are_refused(
        self, given: tuple[int, ...], shape: tuple[int, int, int]
    ) -> None:
        assert str(given) in refused(pixels(*given), shape)

    def test_of_several_are_not_one(self) -> None:
        with pytest.raises(PictureError, match="5 pictures where one is expected"):
            picture_of(pixels(5, 28, 28), GREY)
        assert np.array_equal(picture_of(value := pixels(1, 784), GREY), value.reshape(28, 28, 1))


class TestValues:
    @pytest.mark.parametrize(
        "change",
        [
            lambda image: image.astype(np.int64),
            lambda image: image.astype(np.uint16),
            lambda image: image.astype(np.float64),
            lambda image: image.astype(np.float32) / 255,
            lambda image: (image / 255).astype(np.float16),
            lambda image: image.astype(">i4"),
            lambda image: np.asfortranarray(image),
            lambda image: image.astype(np.float32) / 255 * 1.00001,
            torch.tensor,
            lambda image: torch.tensor(image).float() / 255,
            lambda image: torch.tensor(image).half(),
            lambda image: (torch.tensor(image).double() / 255).requires_grad_(),
            lambda image: torch.tensor(image).to(torch.bfloat16),
            lambda image: torch.tensor(image).long(),
        ],
    )
    @pytest.mark.parametrize("layout", [(28, 28), (5, 28, 28, 1), (5, 1, 28, 28), (5, 784)])
    def test_of_every_kind_are_the_same_pixels(self, change: Any, layout: tuple[int, ...]) -> None:
        image = pixels(*layout)
        image.flat[:2] = 0, 255
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.array_equal(pictures_of(change(image), GREY), pictures_of(image, GREY))

    def test_that_are_true_are_white(self) -> None:
        image = pixels(28, 28) > 99
        assert np.array_equal(picture_of(image, GREY)[..., 0], np.where(image, 255, 0))
        assert np.array_equal(picture_of(torch.tensor(image), GREY), picture_of(image, GREY))

    @given(st.integers(0, 255), st.floats(0, 1))
    def test_between_two_steps_are_rounded(self, level: int, part: float) -> None:
        image = np.zeros((28, 28))
        image[0, :2] = value = 255, min(level + part, 255)
        assert picture_of(image, GREY)[0, 1, 0] == round(value[1])
        assert abs(int(picture_of(image / 255, GREY)[0, 1, 0]) - value[1]) < 0.51

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            (np.full((28, 28), -1.0), "negative values; the classifier normalizes by itself"),
            (np.full((28, 28), -1), "negative values"),
            (np.full((28, 28), np.nan), "not all its values are finite"),
            (np.full((28, 28), np.inf), "not all its values are finite"),
            (np.full((28, 28), -np.inf), "not all its values are finite"),
            (np.full((28, 28), 1.2), "may end at 1 or at 255"),
            (np.full((28, 28), 256.0), "values above 255"),
            (np.full((28, 28), 256), "values above 255"),
            (np.full((28, 28), 65535, np.uint16), "values above 255"),
            (np.eye(28, dtype=np.int64), "1 may be white or almost black; pass bool"),
            (np.full((28, 28), 1j), "its values are no numbers"),
            (np.full((28, 28), "x"), "its values are no numbers"),
            (np.full((28, 28), None), "its values are no numbers"),
            (torch.full((28, 28), -0.4), "negative values"),
        ],
    )
    def test_that_are_none_or_have_two_meanings_are_refused(self, values: Any, reason: str) -> None:
        assert reason in refused(values)

    def test_are_named_by_their_range(self) -> None:
        said = refused(torch.linspace(-0.5, 2, 784).reshape(28, 28))
        assert said.startswith(
            "this torch.Tensor of float32 (28, 28) from -0.5 to 2 cannot be taken for a picture: "
        )

    @given(
        st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 8, 64]), max_size=5).filter(
            lambda sizes: np.prod(sizes) < 9999
        ),
        st.sampled_from([*"?bBhHiIlLqQefdFDSUmMO", "i2,i4"]),
        st.sampled_from([(8, 8, 1), (8, 8, 3), (1, 1, 1), (3, 4, 1), (4, 1, 3)]),
        st.sampled_from([0, 1, 200]),
    )
    def test_and_shapes_of_every_kind_are_taken_or_refused(
        self, sizes: list[int], kind: str, shape: tuple[int, int, int], value: int
    ) -> None:
        array = np.zeros(sizes, kind) if kind == "i2,i4" else np.full(sizes, value).astype(kind)
        for take in (pictures_of, picture_of):
            with suppress(PictureError):
                taken = take(array, shape)
                assert taken.dtype == np.uint8
                assert taken.ndim == (4 if take is pictures_of else 3)
                assert taken.shape[-1] in (1, 3)
                assert 0 not in taken.shape[-3:]

    def test_of_an_array_are_judged_together(self) -> None:
        images = np.zeros((2, 28, 28), np.float32)
        images[0], images[1] = 1, 255  # the first one is almost black
        assert pictures_of(images, GREY)[:, 0, 0, 0].tolist() == [1, 255]

    def test_of_a_callers_array_are_left_alone(self) -> None:
        image = pixels(28, 28).astype(np.float32)
        before = image.copy()
        picture_of(image, GREY)
        assert np.array_equal(image, before)


@pytest.mark.parametrize(
    "tensor", [torch.zeros(28, 28, device="meta"), torch.zeros(28, 28).to_sparse()], ids=["meta", "sparse"]
)
def test_a_tensor_that_cannot_be_read_is_refused(tensor: torch.Tensor) -> None:
    refused(tensor)


def test_what_holds_numbers_is_an_array() -> None:
    assert is_array(np.zeros(3))
    assert is_array(torch.zeros(3))
    assert not any(is_array(value) for value in ([1], (1,), "a", b"a", 1, None))
