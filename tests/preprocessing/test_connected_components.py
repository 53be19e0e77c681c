"""Of all the ink on a picture the digit stays, and nothing else."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import ndimage

from imagelet.preprocessing.binarise import Ink
from imagelet.preprocessing.connected_components import (
    extent,
    main_mark,
    other_marks,
    parts,
    with_neighbours,
    without_bands,
    without_lines,
    without_specks,
)

pytestmark = pytest.mark.portable

Box = tuple[slice, slice]
CHOICES = (without_bands, without_lines, without_specks, main_mark)
STROKE = slice(30, 70), slice(45, 55)
TURNS = pytest.mark.parametrize("turn", range(4))

inks = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.sampled_from([0.0, 0.0, 0.25, 0.75, 1.0]),
)


def inked(*boxes: Box, side: int = 100) -> Ink:
    """Return ink, float32 (side, side), that fills the boxes."""
    ink = np.zeros((side, side), np.float32)
    for box in boxes:
        ink[box] = 1
    return ink


def seven() -> Ink:
    """Return a seven, cut out tightly, float32 (100, 80): a bar along the first rows, a leg to the last."""
    ink = np.zeros((100, 80), np.float32)
    ink[:12] = 1
    for row in range(100):
        column = 68 - row // 2
        ink[row, column : column + 12] = 1
    return ink


class TestAnyChoice:
    @pytest.mark.parametrize("choose", CHOICES)
    @given(ink=inks)
    @settings(deadline=None, max_examples=50)
    def test_keeps_ink_as_it_is_or_takes_it_away(self, choose: Callable[[Ink], Ink], ink: Ink) -> None:
        before = ink.copy()
        kept = choose(ink)
        assert kept.shape == ink.shape
        assert kept.dtype == np.float32
        assert np.all((kept == ink) | (kept == 0))
        assert np.array_equal(ink, before)

    @pytest.mark.parametrize("choose", [without_bands, without_specks, main_mark])
    @given(ink=inks)
    @settings(deadline=None, max_examples=50)
    def test_leaves_ink_where_there_is_some(self, choose: Callable[[Ink], Ink], ink: Ink) -> None:
        assert choose(ink).any() == ink.any()

    @pytest.mark.parametrize("choose", [without_specks, main_mark])
    @given(ink=inks)
    @settings(deadline=None, max_examples=50)
    def test_chooses_the_same_again(self, choose: Callable[[Ink], Ink], ink: Ink) -> None:
        assert np.array_equal(choose(choose(ink)), choose(ink))

    @pytest.mark.parametrize("choose", CHOICES)
    @TURNS
    def test_leaves_a_stroke_in_the_middle(self, choose: Callable[[Ink], Ink], turn: int) -> None:
        ink = np.rot90(inked(STROKE), turn)
        assert np.array_equal(choose(ink), ink)


class TestBands:
    @TURNS
    def test_go_from_any_edge(self, turn: int) -> None:
        ink = np.rot90(inked(STROKE, np.s_[:8, :]), turn)
        assert np.array_equal(without_bands(ink), np.rot90(inked(STROKE), turn))

    @TURNS
    def test_go_with_their_soft_edge(self, turn: int) -> None:
        ink = inked(STROKE)
        ink[:8] = np.linspace(1, 0.05, 8, dtype=np.float32)[:, None]
        assert np.array_equal(without_bands(np.rot90(ink, turn)), np.rot90(inked(STROKE), turn))

    @TURNS
    def test_are_not_the_bar_of_a_seven_that_is_cut_out_tightly(self, turn: int) -> None:
        ink = np.rot90(seven(), turn)
        assert np.array_equal(without_bands(ink), ink)

    @pytest.mark.parametrize("room", [1, 2])
    @TURNS
    def test_are_not_the_bar_of_a_seven_with_a_little_room(self, room: int, turn: int) -> None:
        ink = np.rot90(np.pad(seven(), room), turn)
        assert np.array_equal(without_bands(ink), ink)

    @TURNS
    def test_are_not_the_bar_of_a_seven_with_room_below(self, turn: int) -> None:
        ink = np.rot90(np.pad(seven(), ((0, 10), (0, 0))), turn)
        assert np.array_equal(without_bands(ink), ink)

    @pytest.mark.parametrize("margin", [0, 3])
    @pytest.mark.parametrize("edges", [(0, 1), (0, 2), (0, 1, 2), (0, 1, 2, 3)])
    def test_go_together_as_a_frame_does(self, margin: int, edges: tuple[int, ...]) -> None:
        ink = inked(STROKE)
        for turn in edges:
            np.rot90(ink, turn)[margin : margin + 5, margin : 100 - margin] = 1
        assert np.array_equal(without_bands(ink), inked(STROKE))

    @TURNS
    def test_are_not_the_sides_of_a_box_that_is_the_digit(self, turn: int) -> None:
        zero = inked(np.s_[:, :])
        zero[8:-8, 8:-8] = 0
        assert np.array_equal(without_bands(zero), zero)
        crossed = zero.copy()
        crossed[46:54] = 1  # an eight of straight strokes
        assert np.array_equal(without_bands(np.rot90(crossed, turn)), np.rot90(crossed, turn))

    def test_are_not_what_reaches_far_into_the_picture(self) -> None:
        ink = inked(STROKE, np.s_[:20, :])
        assert np.array_equal(without_bands(ink), ink)

    def test_are_not_what_ends_halfway(self) -> None:
        ink = inked(STROKE, np.s_[:8, :60])
        assert np.array_equal(without_bands(ink), ink)


class TestLines:
    @TURNS
    def test_go_and_the_crossing_stroke_stays_whole(self, turn: int) -> None:
        ruled = inked(STROKE, np.s_[20:22, :], np.s_[50:52, :], np.s_[80:82, :])
        kept = np.rot90(without_lines(np.rot90(ruled, turn)), -turn)
        assert np.array_equal(kept, inked(STROKE))

    def test_go_in_both_directions(self) -> None:
        squared = inked(STROKE, np.s_[20:22, :], np.s_[48:50, :], np.s_[:, 20:22], np.s_[:, 80:82])
        assert np.array_equal(without_lines(squared), inked(STROKE))

    def test_go_with_their_soft_edges(self) -> None:
        ruled = inked(STROKE, np.s_[20:22, :])
        ruled[[19, 22]] = 0.3
        assert np.array_equal(without_lines(ruled), inked(STROKE))

    def test_go_where_some_of_a_line_is_worn_off(self) -> None:
        ruled = inked(STROKE, np.s_[20:22, :])
        ruled[20:22, 60:66] = 0
        assert np.array_equal(without_lines(ruled), inked(STROKE))

    @TURNS
    def test_are_not_a_bar_as_thick_as_a_stroke(self, turn: int) -> None:
        ink = np.rot90(inked(np.s_[30:40, :]), turn)
        assert np.array_equal(without_lines(ink), ink)

    @TURNS
    def test_are_not_the_bar_of_a_seven_in_thin_pen(self, turn: int) -> None:
        thin = inked(np.s_[10:13, 4:96], np.s_[10:90, 93:96])
        ink = np.rot90(thin, turn)
        assert np.array_equal(without_lines(ink), ink)


class TestSpecks:
    def test_are_dropped_near_and_far(self) -> None:
        assert np.array_equal(
            without_specks(inked(STROKE, np.s_[96:98, 97:98], np.s_[48:49, 57:59])), inked(STROKE)
        )

    def test_are_not_what_has_a_share_of_the_ink(self) -> None:
        ink = inked(STROKE, np.s_[20:25, 45:50])
        assert np.array_equal(without_specks(ink), ink)


class TestMainMark:
    def test_is_the_largest(self) -> None:
        large, small = np.s_[10:40, 10:18], np.s_[60:85, 80:86]
        assert np.array_equal(main_mark(inked(large, small)), inked(large))

    def test_has_all_that_is_near(self) -> None:
        five = inked(np.s_[20:70, 20:30], np.s_[12:18, 33:60])  # the bar does not touch
        assert np.array_equal(main_mark(five), five)

    def test_has_what_is_near_to_what_is_near(self) -> None:
        dashed = inked(*(np.s_[40:46, 10 + 12 * place : 19 + 12 * place] for place in range(6)))
        dashed[30:60, 10:16] = 1
        assert np.array_equal(main_mark(dashed), dashed)

    @TURNS
    def test_is_not_what_lies_in_a_corner(self, turn: int) -> None:
        ink = np.rot90(inked(STROKE, np.s_[:30, :30]), turn)
        assert np.array_equal(main_mark(ink), np.rot90(inked(STROKE), turn))

    def test_touches_the_edge_if_there_is_nothing_else(self) -> None:
        ink = inked(np.s_[:60, 40:50])
        assert np.array_equal(main_mark(ink), ink)

    def test_is_alone_where_another_is_told(self) -> None:
        two = inked(STROKE, np.s_[30:65, 5:14])
        assert other_marks(two, main_mark(two))
        assert not other_marks(main_mark(two), main_mark(two))

    @pytest.mark.parametrize(
        "beside",
        [np.s_[0:0, 0:0], np.s_[95:97, 95:97], np.s_[:30, :30], np.s_[30:40, 57:67]],
        ids=["nothing", "dust", "a corner", "a part of it"],
    )
    def test_has_no_other_beside_it(self, beside: Box) -> None:
        both = inked(STROKE, beside)
        assert not other_marks(both, main_mark(both))


class TestParts:
    @given(arrays.arrays(np.bool_, (9, 11)))
    @settings(deadline=None, max_examples=50)
    def test_are_what_can_be_walked_through(self, mask: NDArray[np.bool_]) -> None:
        labels, amounts = parts(mask.astype(np.float32))
        assert np.array_equal(labels > 0, mask)
        assert set(np.unique(labels[mask])) == set(range(1, len(amounts) + 1))
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
        assert walks == len(amounts)

    def test_that_touch_at_a_corner_are_one(self) -> None:
        labels, amounts = parts(np.eye(5, dtype=np.float32)[:, ::-1])
        assert amounts.tolist() == [5]
        assert labels.max() == 1

    @given(inks)
    @settings(deadline=None, max_examples=50)
    def test_hold_all_the_ink(self, ink: Ink) -> None:
        labels, amounts = parts(ink)
        assert amounts.sum() == pytest.approx(ink.sum())
        for number, amount in enumerate(amounts, start=1):
            assert amount == pytest.approx(ink[labels == number].sum())


class TestExtent:
    @given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9)).filter(np.any))
    @settings(deadline=None, max_examples=50)
    def test_holds_all_and_no_empty_edge(self, mask: NDArray[np.bool_]) -> None:
        cut = mask[extent(mask)]
        assert cut.sum() == mask.sum()
        assert all(edge.any() for edge in (cut[0], cut[-1], cut[:, 0], cut[:, -1]))


@given(inks)
def test_neighbours_are_those_of_a_dilation(ink: Ink) -> None:
    assert np.array_equal(with_neighbours(ink > 0), ndimage.binary_dilation(ink > 0))
