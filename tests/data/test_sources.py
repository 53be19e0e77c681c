"""Whole sources on one side: properties that hold for any images, labels and names."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import imagelet
from imagelet.data import ImageSet, sources
from imagelet.data.copies import digests
from imagelet.data.splits import split

ANY = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 7), st.integers(0, 40)), min_size=2, max_size=60
)  # of each image its label, its source (0: unknown), its content


@settings(deadline=None, max_examples=200)
@given(ANY, st.floats(0.05, 0.5))
def test_no_source_and_no_copy_is_on_both_sides_but_of_classes_that_cannot_be_divided(
    rows: list[tuple[int, int, int]], fraction: float
) -> None:
    labels, numbers, contents = np.array(rows, np.int64).T
    names = [f"person {number}" if number else "" for number in numbers]
    hashes = digests(contents.astype(np.uint8)[:, None, None, None])
    chosen = sources.set_aside_sources(hashes, labels, names, fraction)
    groups = sources.grouped(
        sources.numbered(names), np.array([list(contents).index(one) for one in contents])
    )
    divided = set(groups[chosen]) & set(groups[~chosen])
    for label in np.unique(labels):
        its, of_class = chosen[labels == label], set(groups[labels == label])
        assert not its.all()  # some are always left to learn from
        if divided & set(groups[chosen & (labels == label)]):  # by the pixels: whole groups could not do it
            whole = chosen & ~np.isin(groups, list(divided))
            assert not whole[labels == label].any()
        if len(of_class) == 1 and len(np.unique(contents[labels == label])) == 1:
            assert not its.any()
    assert not set(contents[chosen]) & set(contents[~chosen])


@settings(deadline=None, max_examples=50)
@given(st.integers(3, 40), st.integers(0, 2**32 - 1))
def test_with_enough_sources_about_a_share_of_each_class_is_set_aside(people: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = np.tile(np.arange(20) % 4, people)
    names = [f"{seed}-{number}" for number in np.repeat(np.arange(people), 20)]
    hashes = random.integers(0, 256, (len(labels), 32), dtype=np.uint8)
    chosen = sources.set_aside_sources(hashes, labels, names, 0.2)
    assert len({name for name, where in zip(names, chosen, strict=True) if where}) == max(
        1, round(people / 5)
    )
    order = random.permutation(len(labels))
    again = sources.set_aside_sources(hashes[order], labels[order], [names[index] for index in order], 0.2)
    assert np.array_equal(again, chosen[order])


def test_a_content_in_two_classes_is_learned_from_where_others_can_be_set_aside() -> None:
    labels = np.tile([0, 1], 20)
    contents = np.arange(40)
    contents[1] = contents[0]  # the first source's first picture has both labels
    names = [str(number // 4) for number in range(40)]
    hashes = digests(contents.astype(np.uint8)[:, None, None, None])
    chosen = sources.set_aside_sources(hashes, labels, names, 0.2)
    assert chosen.sum() == 8
    assert not chosen[:4].any()


def test_more_sources_move_few_images() -> None:
    names = [f"person {number // 10}" for number in range(400)]
    labels = np.arange(400) % 2
    hashes = np.random.default_rng(0).integers(0, 256, (400, 32), dtype=np.uint8)
    before = sources.set_aside_sources(hashes[:390], labels[:390], names[:390], 0.2)
    after = sources.set_aside_sources(hashes, labels, names, 0.2)
    assert (before != after[:390]).sum() <= 20


def test_writers_of_arrays_are_kept_apart_from_the_test_part_on() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 8, 8, 1), dtype=np.uint8)
    labels = np.arange(200) % 4
    writers = np.arange(200, dtype=np.int64) // 10
    given = ImageSet(pixels, labels, tuple("abcd"), sources=writers)
    dataset = imagelet.load_dataset(given)
    writer_of = {image.tobytes(): int(writer) for image, writer in zip(pixels, writers, strict=True)}
    parts = [
        {writer_of[image.tobytes()] for image in dataset.read(part).images} for part in ("train", "test")
    ]
    assert [len(part) for part in parts] == [16, 4]
    assert not parts[0] & parts[1]
    assert any("whole sources, about a fifth of the images" in told for told in dataset.understood)
    assert any(
        "the test images have 4 sources, the training images 16 others" in t for t in dataset.understood
    )
    assert split(dataset.train, 0.25, 0).method == "stratified 0.25 by source"
