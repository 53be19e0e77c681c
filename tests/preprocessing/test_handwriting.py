"""However a digit was written, it comes out as MNIST holds its digits."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from imagelet.data import load_dataset
from imagelet.preprocessing import Framing, frame
from imagelet.preprocessing.binarise import WORKING_SIDE, Ink
from imagelet.preprocessing.connected_components import extent as box_of
from imagelet.preprocessing.framing import apply_framing
from imagelet.preprocessing.handwriting import (
    STEPS,
    THICKEST_STROKE,
    THINNEST_STROKE,
    Handwriting,
    Target,
    boxed,
    centred,
    is_normalised,
    normalise,
    stroke_width,
    trace,
    with_fitting_strokes,
)

pytestmark = pytest.mark.portable

Pixels = NDArray[np.uint8]
Points = list[tuple[float, float]]
MNIST = Framing("handwriting", 28, 28, 1, box=20 / 28)
MNIST_TARGET = Target(28, 28, 20 / 28)
DIGITS = Framing("handwriting", 8, 8, 1)
SEVEN = [(0.2, 0.15), (0.8, 0.15), (0.4, 0.9)]  # shares of the side
FIVE = [(0.35, 0.25), (0.33, 0.45), (0.55, 0.45), (0.65, 0.6), (0.55, 0.78), (0.3, 0.78)]  # without its bar
TURNS = pytest.mark.parametrize("turn", range(4))


def written(
    side: int = 200,
    pen: int = 16,
    paper: int | tuple[int, ...] = 245,
    ink: int | tuple[int, ...] = 25,
    left: int = 0,
    top: int = 0,
    room: int = 0,
    points: Points = SEVEN,
) -> Pixels:
    """Return a picture, uint8 (side + room, side + room, 1 or 3), of a digit: a seven."""
    image = Image.new("L" if isinstance(paper, int) else "RGB", (side + room, side + room), paper)
    places = [(left + side * x, top + side * y) for x, y in points]
    ImageDraw.Draw(image).line(places, fill=ink, width=pen, joint="curve")
    return np.asarray(image).reshape(side + room, side + room, -1)


def inked(picture: Pixels, *boxes: tuple[slice, slice], level: int = 25) -> Pixels:
    """Return the picture with boxes drawn in it."""
    marked = picture.copy()
    for box in boxes:
        marked[box] = np.minimum(marked[box], level)
    return marked


def cut_out(picture: Pixels) -> Pixels:
    """Return the part of a picture that holds its dark ink, without any room around it."""
    return picture[box_of(picture[:, :, 0] < 128)]


def extent(image: Pixels) -> tuple[int, int]:
    rows, columns = box_of(image[:, :, 0] > 0)
    return rows.stop - rows.start, columns.stop - columns.start


def centre(image: Pixels) -> tuple[float, float]:
    rows, columns, _ = np.indices(image.shape)
    return float((rows * image).sum() / image.sum()), float((columns * image).sum() / image.sum())


def alike(one: Pixels, other: Pixels) -> float:
    """Return the correlation of two images; 0 where one is blank or they differ in size."""
    if one.shape != other.shape or one.min() == one.max() or other.min() == other.max():
        return 0.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def in_shade(picture: Pixels, darkest: float) -> Pixels:
    return (picture * np.linspace(1, darkest, len(picture))[:, None, None]).astype(np.uint8)


def with_grain(picture: Pixels, deviation: float) -> Pixels:
    grain = np.random.default_rng(0).normal(0, deviation, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def two_digits() -> Pixels:
    """Return uint8 (200, 320, 1): a seven and a smaller one beside it."""
    page = np.full((200, 320, 1), 245, np.uint8)
    page[:, :200] = written()
    page[:110, 205:315] = written(side=110, pen=9)
    return page


RULES = [np.s_[row : row + 2, :] for row in range(15, 200, 40)]
ON_A_PAGE = {"left": 100, "top": 100, "room": 120}

# Each with the name of the step that it needs, and the same digit without what makes it hard.
HARD_PICTURES: dict[str, tuple[Pixels, Pixels]] = {
    "colour": (written(paper=(250, 250, 245), ink=(250, 240, 150)), written()),
    "polarity": (255 - written(), written()),
    "light": (in_shade(written(), 0.3), written()),
    "threshold": (with_grain(written(paper=200, ink=100), 15), written()),
    "edges": (inked(written(side=130, pen=10, left=90, top=90, room=190), np.s_[:45, :]), written()),
    "lines": (inked(written(), *RULES), written()),
    "specks": (inked(written(), np.s_[10:13, 186:189]), written()),
    "mark": (two_digits(), written()),
    "strokes": (written(side=600, pen=3), written()),
    "box": (written(), written()),
    "centre": (written(), written()),
}


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
            written(paper=(255, 255, 255), ink=(255, 240, 60)),
            written(paper=(250, 250, 245), ink=(250, 240, 150)),
            written(paper=(20, 30, 160), ink=(255, 240, 60)),
            written(paper=(0, 130, 0), ink=(255, 0, 0)),
        ],
        ids=["aside", "small", "large", "faint", "colour", "yellow", "pale", "on blue", "as bright"],
    )
    def test_takes_any_place_size_contrast_and_colour(self, other: Pixels) -> None:
        assert alike(frame(other, MNIST), frame(written(), MNIST)) > 0.93

    @TURNS
    def test_takes_uneven_light(self, turn: int) -> None:
        lit = np.rot90(in_shade(np.rot90(written(), turn), 0.45), -turn)
        image = frame(lit, MNIST)
        assert alike(image, frame(written(), MNIST)) > 0.93
        assert (image == 0).mean() > 0.6

    def test_takes_noise(self) -> None:
        image = frame(with_grain(written(), 8), MNIST)
        assert alike(image, frame(written(), MNIST)) > 0.93
        assert (image == 0).mean() > 0.6

    @pytest.mark.parametrize(
        "dust",
        [np.s_[5:8, 5:8], np.s_[190:193, 188:192], np.s_[:3, :3], np.s_[100:102, 60:62]],
        ids=["corner", "other corner", "edge", "beside"],
    )
    def test_drops_specks(self, dust: tuple[slice, slice]) -> None:
        assert np.array_equal(frame(inked(written(), dust), MNIST), frame(written(), MNIST))

    @TURNS
    def test_drops_a_band_along_an_edge(self, turn: int) -> None:
        digit = written(**ON_A_PAGE)
        scanned = np.rot90(inked(np.rot90(digit, turn), np.s_[:30, :]), -turn)
        assert alike(frame(scanned, MNIST), frame(digit, MNIST)) > 0.97

    @TURNS
    def test_keeps_the_bar_of_a_seven_that_is_cut_out_tightly(self, turn: int) -> None:
        digit = np.rot90(written(), turn)
        assert alike(frame(cut_out(digit), MNIST), frame(digit, MNIST)) > 0.97

    @pytest.mark.parametrize("level", [150, 60, 25])
    @pytest.mark.parametrize("thick", [1, 2, 4])
    def test_drops_ruled_lines_and_keeps_the_strokes_that_cross_them(self, level: int, thick: int) -> None:
        rules = [np.s_[row : row + thick, :] for row in range(15, 200, 40)]
        columns = [np.s_[:, column : column + thick] for column in range(15, 200, 40)]
        for lines in (rules, rules + columns):
            assert alike(frame(inked(written(), *lines, level=level), MNIST), frame(written(), MNIST)) > 0.95

    @pytest.mark.parametrize("mirrored", [False, True])
    def test_takes_the_larger_of_two_digits(self, mirrored: bool) -> None:
        page, digit = (each[:, ::-1] if mirrored else each for each in (two_digits(), written()))
        assert alike(frame(page, MNIST), frame(digit, MNIST)) > 0.97

    def test_keeps_the_bar_of_a_five_that_does_not_touch(self) -> None:
        five, bar = written(points=FIVE), np.s_[43:57, 82:140]
        assert alike(frame(inked(five, bar), MNIST), frame(five, MNIST)) < 0.8
        whole = frame(inked(five, bar, np.s_[43:57, 63:82]), MNIST)
        assert alike(frame(inked(five, bar), MNIST), whole) > 0.93

    @TURNS
    def test_takes_no_dark_corner_for_the_digit(self, turn: int) -> None:
        digit = written(**ON_A_PAGE)
        table = np.rot90(inked(np.rot90(digit, turn), np.s_[:90, :90], level=0), -turn)
        assert alike(frame(table, MNIST), frame(digit, MNIST)) > 0.93

    @pytest.mark.parametrize("level", [100, 108, 116])
    def test_takes_a_digit_much_fainter_than_a_dark_corner(self, level: int) -> None:
        table = inked(written(ink=level, **ON_A_PAGE), np.s_[:80, :80], level=0)
        assert alike(frame(table, MNIST), frame(written(), MNIST)) > 0.85

    def test_thickens_a_pen_that_would_vanish(self) -> None:
        thin = frame(written(side=600, pen=3), MNIST)
        assert (thin > 127).sum() > 0.6 * (frame(written(), MNIST) > 127).sum()

    def test_leaves_what_looks_like_the_dataset(self) -> None:
        image = np.zeros((28, 28, 1), np.uint8)
        image[4:24, 12:16] = 180
        assert np.array_equal(frame(image, MNIST), image)

    def test_leaves_the_digits_that_are_shipped(self) -> None:
        images = load_dataset("digits").test.images
        same = [np.array_equal(frame(image, DIGITS), image) for image in images]
        assert np.mean(same) > 0.99

    @pytest.mark.realdata
    def test_leaves_mnist(self) -> None:
        images = load_dataset("mnist").test.images[:500]
        framed = [frame(image, MNIST) for image in images]
        pairs = list(zip(framed, images, strict=True))
        assert np.mean([np.array_equal(one, other) for one, other in pairs]) > 0.99
        assert min(alike(one, other) for one, other in pairs) > 0.9

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
    @pytest.mark.parametrize("size", [(50, 60), (1, 1), (1, 40), (40, 1), (2, 2), (2000, 1500)])
    def test_gives_black_for_a_blank_picture(self, level: int, size: tuple[int, int]) -> None:
        blank = np.full((*size, 1), level, np.uint8)
        assert frame(blank, MNIST).max() == 0

    @pytest.mark.parametrize("level", [0, 128, 255])
    def test_gives_black_for_grain(self, level: int) -> None:
        assert frame(with_grain(np.full((50, 60, 1), level, np.uint8), 4), MNIST).max() == 0

    @given(
        arrays.arrays(
            np.uint8,
            st.tuples(st.integers(1, 16), st.integers(1, 16), st.sampled_from([1, 3])),
            elements=st.one_of(st.sampled_from([0, 90, 255]), st.integers(0, 255)),
        ),
        st.builds(Target, st.integers(1, 12), st.integers(1, 12), st.floats(0.05, 1.0)),
    )
    @settings(deadline=None)
    def test_takes_any_picture(self, picture: Pixels, target: Target) -> None:
        found = normalise(picture, target)
        assert found.image.shape == (target.height, target.width, 1)
        assert found.image.dtype == np.uint8
        assert found.image.any() or any("blank" in warning for warning in found.warnings)

    @pytest.mark.parametrize(("picture", "clean"), HARD_PICTURES.values(), ids=HARD_PICTURES)
    def test_finds_nothing_to_change_in_its_own_image(self, picture: Pixels, clean: Pixels) -> None:
        for each in (picture, clean):
            image = frame(each, MNIST)
            assert apply_framing(image, MNIST).warnings == ()
            assert np.array_equal(frame(image, MNIST), image)

    @pytest.mark.parametrize("margin", [0, 8])
    @pytest.mark.parametrize("thickness", [3, 12, 25])
    @pytest.mark.parametrize("light", [False, True])
    def test_a_frame_around_the_sheet_is_not_missed(self, margin: int, thickness: int, light: bool) -> None:
        framed = np.full((300, 300, 1), 245, np.uint8)
        framed[margin : 300 - margin, margin : 300 - margin] = 30
        rest = margin + thickness
        framed[rest : 300 - rest, rest : 300 - rest] = 245
        framed[50:250, 50:250] = written()
        image = frame(255 - framed if light else framed, MNIST)
        assert alike(image, frame(written(), MNIST)) > 0.95

    @pytest.mark.parametrize("seed", range(12))
    def test_finds_nothing_to_change_in_its_own_image_of_a_scribble(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        points = [tuple(0.1 + 0.8 * generator.random(2)) for _ in range(generator.integers(2, 6))]
        image = frame(written(side=90, pen=int(generator.integers(1, 15)), points=points), MNIST)
        assert np.array_equal(frame(image, MNIST), image)

    def test_finds_nothing_to_change_in_what_the_edge_keeps_off_the_middle(self) -> None:
        heavy = inked(np.full((200, 200, 1), 245, np.uint8), np.s_[20:70, 60:140], np.s_[70:180, 95:105])
        image = frame(heavy, MNIST)
        assert np.array_equal(frame(image, MNIST), image)


class TestWarnings:
    def warnings(self, picture: Pixels) -> tuple[str, ...]:
        return normalise(picture, MNIST_TARGET).warnings

    def test_are_none_for_a_good_picture(self) -> None:
        assert self.warnings(written()) == ()
        assert self.warnings(np.repeat(255 - written(), 3, axis=2)) == ()

    @pytest.mark.parametrize(
        ("picture", "word"),
        [
            (np.full((40, 40, 3), 200, np.uint8), "blank"),
            (written(paper=200, ink=165), "contrast"),
            (written()[30:], "edge"),
            (cut_out(written()), "edge"),
            (two_digits(), "several"),
            (written(side=600, pen=3), "thin"),
        ],
        ids=["blank", "contrast", "edge", "tight", "two", "thin"],
    )
    def test_tell_of_one_thing(self, picture: Pixels, word: str) -> None:
        (found,) = self.warnings(picture)
        assert word in found

    @pytest.mark.parametrize("name", ["polarity", "lines", "specks"])
    def test_are_none_where_a_step_helps(self, name: str) -> None:
        assert self.warnings(HARD_PICTURES[name][0]) == ()

    def test_tell_why_a_picture_is_doubted(self) -> None:
        four = np.concatenate([two_digits()] * 2, axis=1)
        found = {
            "beside": normalise(four, MNIST_TARGET),
            "dark areas": normalise(HARD_PICTURES["edges"][0], MNIST_TARGET),
        }
        assert all(each.unclear and word in each.warnings[0] for word, each in found.items())

    def test_nothing_is_doubted_without_a_word(self) -> None:
        looks = [normalise(picture, MNIST_TARGET) for picture, _ in HARD_PICTURES.values()]
        assert all(each.warnings for each in looks if each.unclear)

    def test_come_several_at_once(self) -> None:
        assert len(self.warnings(written(side=600, pen=3, paper=200, ink=165)[100:])) == 3


class TestDoubt:
    def found(self, picture: Pixels) -> Handwriting:
        return normalise(picture, MNIST_TARGET)

    def test_is_none_of_one_digit(self) -> None:
        assert not self.found(written()).unclear
        assert not self.found(self.found(written()).image).unclear

    def test_is_of_a_digit_beside_a_smaller_one(self) -> None:
        assert self.found(two_digits()).unclear

    @pytest.mark.parametrize("side", [20, 60, 120])
    def test_is_of_a_dot_of_any_size(self, side: int) -> None:
        down, across = np.mgrid[:200, :200]
        dot = np.where(np.hypot(down - 90, across - 120) < side / 2, 0, 255).astype(np.uint8)[:, :, None]
        assert any("filled" in warning for warning in self.found(dot).warnings)
        assert self.found(dot).unclear

    @pytest.mark.parametrize("pen", [4, 14, 30])
    def test_is_none_of_a_pen_of_any_width(self, pen: int) -> None:
        assert not self.found(written(pen=pen)).unclear

    def test_is_of_a_digit_that_is_less_than_what_is_beside_it(self) -> None:
        row = np.concatenate([written()] * 3, axis=1)
        assert self.found(row).unclear

    def test_is_of_a_picture_that_is_no_stroke_on_paper(self) -> None:
        square = inked(np.full((200, 200, 1), 245, np.uint8), np.s_[30:170, 30:170])
        assert self.found(in_shade(square, 0.5)).unclear
        assert not self.found(in_shade(written(), 0.5)).unclear

    def test_is_of_a_blank_picture(self) -> None:
        assert self.found(np.full((40, 40, 1), 200, np.uint8)).unclear


class TestSteps:
    def test_have_names_of_their_own(self) -> None:
        assert len({step.name for step in STEPS}) == len(STEPS)

    @pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
    def test_have_a_sentence_for_a_reason(self, step: object) -> None:
        reason = getattr(step, "reason", "")
        assert len(reason.split()) >= 6
        assert reason == reason.strip().rstrip(".")

    def test_have_a_hard_picture_each(self) -> None:
        assert set(HARD_PICTURES) == {step.name for step in STEPS}

    @pytest.mark.parametrize("name", [step.name for step in STEPS])
    def test_are_missed_where_they_are_left_out(self, name: str) -> None:
        picture, clean = HARD_PICTURES[name]
        wanted = frame(clean, MNIST)
        whole = alike(normalise(picture, MNIST_TARGET).image, wanted)
        partly = alike(normalise(picture, MNIST_TARGET, without=[name]).image, wanted)
        assert whole > 0.78
        assert partly < whole - 0.1


class TestTrace:
    @pytest.mark.parametrize(("picture", "clean"), HARD_PICTURES.values(), ids=HARD_PICTURES)
    def test_ends_with_the_image(self, picture: Pixels, clean: Pixels) -> None:
        stages = list(trace(picture, MNIST_TARGET))
        assert [name for name, _ in stages] == [step.name for step in STEPS]
        last = np.rint(stages[-1][1] * 255).astype(np.uint8)
        assert np.array_equal(last[:, :, np.newaxis], frame(picture, MNIST))

    @given(
        arrays.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]))),
        st.sets(st.sampled_from([step.name for step in STEPS if step.name != "box"])),
    )
    @settings(deadline=None, max_examples=60)
    def test_holds_ink_from_none_to_all_at_every_stage(self, picture: Pixels, without: set[str]) -> None:
        for _, ink in trace(picture, MNIST_TARGET, without):
            assert ink.dtype == np.float32
            assert ink.ndim == 2
            assert np.all((ink >= 0) & (ink <= 1))

    def test_works_on_a_large_picture_scaled_down(self) -> None:
        stages = list(trace(written(side=2 * WORKING_SIDE), MNIST_TARGET))
        assert stages[0][1].shape == (WORKING_SIDE, WORKING_SIDE)

    @pytest.mark.parametrize("name", [step.name for step in STEPS[1:-2]])
    def test_passes_on_what_a_step_that_is_left_out_would_change(self, name: str) -> None:
        stages = dict(trace(HARD_PICTURES[name][0], MNIST_TARGET, without=[name]))
        names = [step.name for step in STEPS]
        assert np.array_equal(stages[name], stages[names[names.index(name) - 1]])


class TestIsNormalised:
    def digit(self) -> Pixels:
        image = np.zeros((28, 28, 1), np.uint8)
        image[4:24, 12:16] = 200
        return image

    def test_is_true_of_a_digit_as_the_dataset_holds_it(self) -> None:
        assert is_normalised(self.digit(), MNIST_TARGET)

    @pytest.mark.parametrize(
        "change",
        [
            lambda image: 255 - image,
            lambda image: np.maximum(image, 20),
            lambda image: image // 2,
            lambda image: np.roll(image, 3, axis=1),
            lambda image: np.roll(image, -3, axis=0),
            lambda image: np.pad(image[:, :, 0], 1)[:, :, None],
            lambda image: image * (np.indices(image.shape)[0] % 28 > 8),
            np.zeros_like,
        ],
        ids=["dark ink", "grey paper", "faint", "aside", "high", "another size", "small", "blank"],
    )
    def test_is_false_of_another(self, change: Callable[[Pixels], Pixels]) -> None:
        assert not is_normalised(change(self.digit()).astype(np.uint8), MNIST_TARGET)


class TestStrokes:
    def ink(self, pen: int, side: int = 400, points: Points = SEVEN) -> Ink:
        drawn = written(side=side, pen=pen, paper=0, ink=255, points=points)
        return (drawn[:, :, 0] / 255).astype(np.float32)

    @pytest.mark.parametrize("pen", [2, 5, 12])
    def test_have_the_width_of_the_pen(self, pen: int) -> None:
        assert stroke_width(self.ink(pen)) == pytest.approx(pen, rel=0.35)

    @pytest.mark.parametrize("strength", [0.7, 0.4])
    def test_have_their_width_however_strong_the_ink_is(self, strength: float) -> None:
        ink = self.ink(12)
        assert stroke_width(ink * np.float32(strength)) == pytest.approx(stroke_width(ink), rel=0.35)

    @pytest.mark.parametrize("points", [SEVEN, FIVE], ids=["seven", "five"])
    @pytest.mark.parametrize("pen", [1, 3, 8, 16, 30, 60, 80])
    def test_are_brought_into_the_range_of_the_dataset(self, pen: int, points: Points) -> None:
        strokes = with_fitting_strokes(self.ink(pen, points=points), MNIST_TARGET).ink
        ink = boxed(strokes, MNIST_TARGET).ink
        assert 0.8 * THINNEST_STROKE < stroke_width(ink) < 1.25 * THICKEST_STROKE

    @pytest.mark.parametrize("pen", [1, 4, 40])
    def test_come_into_a_small_image_as_they_come_into_a_large_one(self, pen: int) -> None:
        widths = [
            stroke_width(boxed(with_fitting_strokes(self.ink(pen, side=200), target).ink, target).ink)
            / target.stroke_unit
            for target in (MNIST_TARGET, Target(14, 14, 1.0), Target(56, 56, 20 / 28))
        ]
        assert max(widths) < 1.25 * min(widths)

    def test_in_the_range_are_left_as_wide_as_they_are(self) -> None:
        ink = self.ink(40)
        fitting = with_fitting_strokes(ink, MNIST_TARGET).ink
        assert np.array_equal(fitting, ink[box_of(ink > 0)])

    def test_of_no_ink_are_none(self) -> None:
        none = np.zeros((9, 9), np.float32)
        assert not with_fitting_strokes(none, MNIST_TARGET).ink.any()
        assert not boxed(none, MNIST_TARGET).ink.any()
        assert not centred(none, MNIST_TARGET).ink.any()


class TestBoxedAndCentred:
    @given(
        arrays.arrays(
            np.float32,
            st.tuples(st.integers(1, 30), st.integers(1, 30)),
            elements=st.sampled_from([0.0, 0.0, 0.5, 1.0]),
        ).filter(np.any),
        st.builds(Target, st.integers(1, 30), st.integers(1, 30), st.floats(0.05, 1.0)),
    )
    @settings(deadline=None)
    def test_fill_the_box_and_the_image(self, ink: Ink, target: Target) -> None:
        box = boxed(ink, target).ink
        scales = [side / length for side, length in zip(box.shape, target[:2], strict=True)]
        assert max(scales) <= max(target.box + 0.5 / min(target[:2]), 1 / min(target[:2])) + 1e-9
        image = centred(box, target).ink
        assert image.shape == target[:2]
        assert image.max() == pytest.approx(1)
        assert image.sum() == pytest.approx(box.sum() / box.max(), rel=1e-4)

    @pytest.mark.parametrize("place", [(0, 0), (9, 3), (17, 17)])
    def test_move_by_whole_pixels(self, place: tuple[int, int]) -> None:
        ink = np.zeros((28, 28), np.float32)
        stroke = np.random.default_rng(0).random((11, 11), np.float32) + np.float32(0.1)
        stroke /= stroke.max()
        ink[place[0] : place[0] + 11, place[1] : place[1] + 11] = stroke
        image = centred(ink[box_of(ink > 0)], MNIST_TARGET).ink
        assert np.array_equal(image[box_of(image > 0)], stroke)
        assert all(abs(each - 14) <= 0.5 for each in centre(image[:, :, None]))
