"""However a digit was written, it comes out as MNIST holds its digits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from imagelet.data import load_dataset
from imagelet.preprocessing import Framing, frame
from imagelet.preprocessing.handwriting import stroke_width, thickened, warnings
from imagelet.preprocessing.ink import contrast_of, darkness_of, ink_of, otsu, parts, without_specks

Pixels = NDArray[np.uint8]
MNIST = Framing("handwriting", 28, 28, 1, box=20 / 28)
DIGITS = Framing("handwriting", 8, 8, 1)
SEVEN = [(0.2, 0.15), (0.8, 0.15), (0.4, 0.9)]  # shares of the side


def written(
    side: int = 200,
    pen: int = 16,
    paper: int = 245,
    ink: int = 25,
    left: int = 0,
    top: int = 0,
    room: int = 0,
) -> Pixels:
    """Return a picture, uint8 (side + room, side + room, 1), of a seven."""
    image = Image.new("L", (side + room, side + room), paper)
    points = [(left + side * x, top + side * y) for x, y in SEVEN]
    ImageDraw.Draw(image).line(points, fill=ink, width=pen, joint="curve")
    return np.asarray(image)[:, :, np.newaxis]


def extent(image: Pixels) -> tuple[int, int]:
    rows, columns = np.flatnonzero(image.any(axis=(1, 2))), np.flatnonzero(image.any(axis=(0, 2)))
    return int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)


def centre(image: Pixels) -> tuple[float, float]:
    rows, columns, _ = np.indices(image.shape)
    return float((rows * image).sum() / image.sum()), float((columns * image).sum() / image.sum())


def alike(one: Pixels, other: Pixels) -> float:
    """Return the correlation of two images."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


class TestNormalise:
    def test_boxes_the_ink_and_centres_its_mass(self) -> None:
        image = frame(written(), MNIST)
        assert abs(max(extent(image)) - 20) <= 1
        assert all(13.5 <= each <= 14.5 for each in centre(image))
        assert image.max() == 255
        assert (image == 0).mean() > 0.6

    def test_keeps_the_aspect(self) -> None:
        image = Image.new("L", (300, 300), 255)
        ImageDraw.Draw(image).rectangle((130, 60, 159, 239), fill=0)  # 180 x 30
        height, width = extent(frame(np.asarray(image)[:, :, None], MNIST))
        assert abs(height - 20) <= 1
        assert 3 <= width <= 5

    def test_takes_either_polarity(self) -> None:
        assert np.array_equal(frame(255 - written(), MNIST), frame(written(), MNIST))

    @pytest.mark.parametrize(
        "other",
        [
            written(left=90, top=10, room=120),
            written(side=120, pen=10),
            written(side=700, pen=56),
            written(paper=180, ink=90),
            np.repeat(written(), 3, axis=2),
        ],
        ids=["aside", "small", "large", "faint", "colour"],
    )
    def test_takes_any_place_size_and_contrast(self, other: Pixels) -> None:
        assert alike(frame(other, MNIST), frame(written(), MNIST)) > 0.93

    @pytest.mark.parametrize("direction", [0, 1])
    def test_takes_uneven_light(self, direction: int) -> None:
        light = np.linspace(1.0, 0.45, 200)
        shade = light[:, None, None] if direction == 0 else light[None, :, None]
        lit = (written() * shade).astype(np.uint8)
        image = frame(lit, MNIST)
        assert alike(image, frame(written(), MNIST)) > 0.93
        assert (image == 0).mean() > 0.6

    def test_takes_noise(self) -> None:
        noise = np.random.default_rng(0).normal(0, 8, (200, 200, 1))
        noisy = np.clip(written() + noise, 0, 255).astype(np.uint8)
        image = frame(noisy, MNIST)
        assert alike(image, frame(written(), MNIST)) > 0.93
        assert (image == 0).mean() > 0.6

    def test_drops_specks(self) -> None:
        dusty = written().copy()
        dusty[5:8, 5:8] = dusty[190:193, 188:192] = 0
        assert np.array_equal(frame(dusty, MNIST), frame(written(), MNIST))

    def test_thickens_a_pen_that_would_vanish(self) -> None:
        thin = frame(written(side=600, pen=3), MNIST)
        assert (thin > 127).sum() > 0.6 * (frame(written(), MNIST) > 127).sum()

    def test_leaves_what_looks_like_the_dataset(self) -> None:
        image = np.zeros((28, 28, 1), np.uint8)
        image[3:20, 12:16] = 180
        assert np.array_equal(frame(image, MNIST), image)

    def test_leaves_the_digits_that_are_shipped(self) -> None:
        images = load_dataset("digits").test.images
        same = [np.array_equal(frame(image, DIGITS), image) for image in images]
        assert np.mean(same) > 0.99

    @pytest.mark.realdata
    def test_leaves_mnist(self) -> None:
        images = load_dataset("mnist").test.images[:1000]
        assert np.mean([np.array_equal(frame(image, MNIST), image) for image in images]) > 0.99

    @pytest.mark.realdata
    def test_finds_mnist_again_on_a_sheet_of_paper(self) -> None:
        likeness = []
        for image in load_dataset("mnist").test.images[:100]:
            sheet = Image.fromarray(255 - np.pad(image[:, :, 0], 20))
            large = np.asarray(sheet.resize((408, 408), Image.Resampling.BICUBIC))[:, :, np.newaxis]
            likeness.append(alike(frame(large, MNIST), image))
        assert np.mean(likeness) > 0.9

    def test_fills_the_height_where_the_box_is_all(self) -> None:
        image = frame(written(), DIGITS)
        assert extent(image)[0] == 8
        assert image.max() == 255

    @pytest.mark.parametrize("level", [0, 128, 255])
    def test_gives_black_for_a_blank_picture(self, level: int) -> None:
        blank = np.full((50, 60, 1), level, np.uint8)
        noise = np.random.default_rng(0).normal(0, 4, (50, 60, 1))
        for picture in (blank, np.clip(blank + noise, 0, 255).astype(np.uint8)):
            assert frame(picture, MNIST).max() == 0


class TestWarnings:
    def test_are_none_for_a_good_picture(self) -> None:
        assert warnings(written()) == []
        assert warnings(np.repeat(255 - written(), 3, axis=2)) == []

    def test_tell_of_a_blank_picture(self) -> None:
        (found,) = warnings(np.full((40, 40, 3), 200, np.uint8))
        assert "blank" in found

    def test_tell_of_low_contrast(self) -> None:
        (found,) = warnings(written(paper=200, ink=165))
        assert "contrast" in found

    def test_tell_of_ink_at_the_edge(self) -> None:
        (found,) = warnings(written()[30:])
        assert "edge" in found


class TestInk:
    def test_is_exactly_none_on_the_paper(self) -> None:
        ink = ink_of(written())
        assert np.all(ink[:20] == 0)
        assert ink.max() == 1

    def test_has_soft_edges(self) -> None:
        sheet = Image.fromarray(written(side=800, pen=64)[:, :, 0]).resize((100, 100), Image.Resampling.BOX)
        ink = ink_of(np.asarray(sheet)[:, :, None])
        assert ((ink > 0) & (ink < 1)).sum() > 50

    @given(st.floats(0.1, 0.4), st.floats(0.6, 0.9), st.integers(10, 90))
    def test_contrast_is_the_distance_of_paper_and_ink(self, low: float, high: float, inked: int) -> None:
        values = np.full(100, low, np.float32)
        values[:inked] = high
        assert contrast_of(values.reshape(10, 10)) == pytest.approx(high - low, abs=1e-5)
        assert low < otsu(values) < high

    @given(arrays.arrays(np.uint8, (12, 12)))
    @settings(deadline=None)
    def test_otsu_finds_the_largest_variance_between_the_sides(self, levels: Pixels) -> None:
        values = ((levels + 0.5) / 256).astype(np.float32)

        def between(threshold: float) -> float:
            low, high = values[values <= threshold], values[values > threshold]
            if low.size == 0 or high.size == 0:
                return 0.0
            return low.size * high.size * float(high.mean(dtype=float) - low.mean(dtype=float)) ** 2

        best = max(between(level / 256) for level in range(257))
        assert between(otsu(values)) == pytest.approx(best, rel=1e-4, abs=1e-6)

    def test_darkness_is_the_same_in_half_the_light(self) -> None:
        bright = written(paper=240, ink=48)
        dim = written(paper=120, ink=24)
        assert np.abs(darkness_of(bright) - darkness_of(dim)).max() < 0.02


class TestParts:
    @given(arrays.arrays(np.bool_, (9, 11)))
    @settings(deadline=None)
    def test_are_what_can_be_walked_through(self, mask: NDArray[np.bool_]) -> None:
        labels, count = parts(mask)
        assert np.array_equal(labels > 0, mask)
        assert set(np.unique(labels[mask])) == set(range(1, count + 1))
        seen = np.zeros_like(mask)
        walks = 0
        for start in np.argwhere(mask):
            if seen[tuple(start)]:
                continue
            walks += 1
            waiting = [tuple(start)]
            while waiting:
                row, column = waiting.pop()
                if not (0 <= row < 9 and 0 <= column < 11) or seen[row, column] or not mask[row, column]:
                    continue
                seen[row, column] = True
                assert labels[row, column] == labels[tuple(start)]
                waiting += [(row + r, column + c) for r in (-1, 0, 1) for c in (-1, 0, 1)]
        assert walks == count

    def test_near_ones_are_kept_and_far_specks_dropped(self) -> None:
        ink = np.zeros((60, 60), np.float32)
        ink[10:40, 20:26] = 1
        ink[8:10, 28:34] = 1  # a five's bar that does not touch
        ink[55:57, 55:57] = 1  # dust
        kept = without_specks(ink)
        assert kept[8:10, 28:34].all()
        assert not kept[50:].any()
        assert kept[10:40, 20:26].all()

    def test_far_ones_are_kept_if_they_are_large(self) -> None:
        ink = np.zeros((60, 60), np.float32)
        ink[5:25, 5:15] = ink[40:55, 45:55] = 1
        assert np.array_equal(without_specks(ink), ink)


class TestStrokes:
    @pytest.mark.parametrize("width", [2, 5, 12])
    def test_have_the_width_of_the_pen(self, width: int) -> None:
        angled = written(side=400, pen=width, paper=0, ink=255)[:, :, 0] / 255
        assert stroke_width(angled.astype(np.float32)) == pytest.approx(width, rel=0.35)

    def test_are_thickened_to_what_is_asked_for(self) -> None:
        ink = (written(side=400, pen=3, paper=0, ink=255)[:, :, 0] / 255).astype(np.float32)
        assert stroke_width(thickened(ink, 0.05, 1.0)) == pytest.approx(20, rel=0.3)
        assert thickened(ink, 1.0, 1.0) is ink
