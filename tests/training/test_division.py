import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.errors import SettingError
from imagelet.training.division import lane_sizes, lanes_for, rows_of, settled_lanes, with_lanes
from imagelet.training.recipe import Recipe, recipe_from_json, recipe_to_json

POWERS = st.sampled_from([1, 2, 4, 8, 16, 32, 64])


@given(st.integers(1, 5000), POWERS)
def test_lanes_differ_by_one_image_and_none_has_a_single_one(images, lanes):
    sizes = lane_sizes(images, lanes)
    filled = [size for size in sizes if size]
    assert len(sizes) == lanes
    assert sum(sizes) == images
    assert max(filled) - min(filled) <= 1
    assert sizes == sorted(sizes, reverse=True)
    assert images == 1 or min(filled) >= 2
    assert len(filled) == lanes or images < 2 * lanes


@given(st.integers(1, 5000), POWERS, st.data())
def test_processes_share_a_batch_without_rest_or_overlap(images, lanes, data):
    world = data.draw(POWERS.filter(lambda number: number <= lanes))
    rows = [rows_of(images, lanes, rank, world) for rank in range(world)]
    assert [number for part in rows for number in range(part.start, part.stop)] == list(range(images))


@given(st.integers(1, 65_536))
def test_what_suits_a_batch_is_a_power_of_two_with_images_for_each(batch_size):
    lanes = lanes_for(batch_size)
    assert lanes & (lanes - 1) == 0
    assert lanes == 1 or batch_size >= 4 * lanes


def test_one_process_has_no_lanes_unless_they_are_asked_for():
    assert settled_lanes(Recipe(), 1) == 0
    assert settled_lanes(Recipe(lanes=2), 1) == 2
    assert settled_lanes(Recipe(batch_size=128), 2) == 4
    assert with_lanes(Recipe(batch_size=128), 4).lanes == 4


@pytest.mark.parametrize(
    ("lanes", "world", "words", "advice"),
    [
        (4, 3, "the 4 lanes of a batch; 1, 2 or 4 can", "has to be a power of two"),
        (4, 8, "the 4 lanes of a batch; 1, 2 or 4 can", "--set lanes=8"),
        (1, 2, "the one lane of a batch; one process computes it alone", "--set lanes=2"),
        (2, 4, "the 2 lanes of a batch; 1 or 2 can", "--set lanes=4"),
        (64, 3, "the 64 lanes of a batch; 1, 2, 4, 8, 16, 32 or 64 can", "has to be a power of two"),
        (4, 128, "the 4 lanes of a batch; 1, 2 or 4 can", "has to be a power of two"),
    ],
)
def test_a_number_of_processes_that_does_not_fit_is_refused_with_what_would(lanes, world, words, advice):
    with pytest.raises(SettingError) as caught:
        settled_lanes(Recipe(lanes=lanes), world)
    assert str(caught.value.message) == f"{world} processes cannot share {words}"
    assert advice in caught.value.hint


@pytest.mark.parametrize("lanes", [3, 6, 128, -1, 1.5])
def test_lanes_are_a_power_of_two(lanes):
    with pytest.raises(SettingError, match="power of two up to 64"):
        Recipe(lanes=lanes)


def test_a_recipe_without_lanes_is_written_as_before():
    assert "lanes" not in recipe_to_json(Recipe())
    assert recipe_from_json(recipe_to_json(Recipe(lanes=8))).lanes == 8
