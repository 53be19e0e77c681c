"""Sources: who drew, wrote or photographed the images; where that is known, each is on one side of a split.

A hand that was learned from is easier to read, and so are pictures of one camera, one light, one afternoon:
an accuracy on others of the same source says little of a new one. Sources that share a copy of an image are
taken as one.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagelet.data.copies import set_aside_by_rank
from imagelet.messages import Message

MOST_SET_ASIDE = 0.5  # of the images: where there are few sources, each may hold many


def numbered(names: Sequence[str]) -> NDArray[np.int64]:
    """Return a number (n,) for each image's source; one without a name is a source of its own."""
    own = [name or f"\0{index}" for index, name in enumerate(names)]  # no text holds a zero
    return np.unique(own, return_inverse=True)[1].astype(np.int64)


def grouped(sources: NDArray[np.int64], originals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number (n,) for each image, from 0: one for a source, and for sources that share a copy.

    Args:
        sources: int64 (n,), equal for images from one source.
        originals: int64 (n,), the index of the first image with the same pixels.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names, numbers = np.unique(sources, return_inverse=True)
    shared = coo_array((np.ones(len(numbers), bool), (numbers, numbers[originals])), (len(names), len(names)))
    _, joined = connected_components(shared, directed=False)
    groups: NDArray[np.int64] = joined[numbers].astype(np.int64)
    return groups


def share_of_groups(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    fraction: float,
    order: Sequence[int] | NDArray[np.int64],
    classes: int,
) -> NDArray[np.bool_]:
    """Choose whole groups of images with about a ``fraction`` of each class: bool (n,), True where chosen.

    In the given order, each group is chosen that brings the classes' numbers nearer to that and leaves an
    image of each of its classes. For a class of which none is chosen then, the group with it is that fits
    best, as long as no more than half of all images are.

    Args:
        labels: int64 (n,).
        groups: int64 (n,), numbers from 0.
        fraction: between 0 and 1.
        order: of the groups.
        classes: how many there are.
    """
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    left = np.bincount(labels, minlength=classes)
    wanted = fraction * left  # (classes,), still to be chosen
    chosen = np.zeros(len(labels), bool)

    def distance(group: int, most: float) -> float:
        """Return how far from the wanted numbers one more group leads; infinity where it cannot be chosen."""
        its = np.bincount(labels[members[group]], minlength=classes)
        possible = (left > its)[its > 0].all() and chosen.sum() + len(members[group]) <= most
        return float(np.abs(wanted - its).sum()) if possible else np.inf

    def choose(group: int) -> None:
        its = np.bincount(labels[members[group]], minlength=classes)
        left[:] -= its
        wanted[:] -= its
        chosen[members[group]] = True

    for group in order:
        if distance(group, most=len(labels)) < np.abs(wanted).sum():
            choose(group)
    for label in np.unique(labels):
        if chosen[labels == label].any():
            continue
        having = [group for group in order if (labels[members[group]] == label).any()]
        distances = [distance(group, MOST_SET_ASIDE * len(labels)) for group in having]
        if min(distances) < np.inf:
            choose(having[int(np.argmin(distances))])
    return chosen


def set_aside_sources(
    digests: NDArray[np.uint8], labels: NDArray[np.int64], names: Sequence[str], fraction: float
) -> NDArray[np.bool_]:
    """Choose whole sources with about ``fraction`` of each class, in an order that their names decide.

    Adding images moves few from one side to the other. Of a class that whole sources cannot divide, images
    are chosen as :func:`~imagelet.data.copies.set_aside_by_rank` does.

    Args:
        digests: uint8 (n, bytes), the same for the same content.
        labels: int64 (n,).
        names: of the sources (n,), empty where nobody said: then an image is a source of its own.
        fraction: between 0 and 1.

    Returns:
        bool (n,), True where chosen.
    """
    rows = np.ascontiguousarray(digests).view(f"V{digests.shape[1]}")[:, 0]
    _, first, contents = np.unique(rows, return_index=True, return_inverse=True)
    kinds = int(labels.max(initial=0)) + 1
    groups = grouped(numbered(names), first[contents])
    ambiguous = np.bincount(np.unique(contents * kinds + labels) // kinds) > 1  # in several classes
    hashes = {name: hashlib.sha256(name.encode("utf-8", "replace")).digest() for name in set(names)}
    ranks: dict[int, tuple[bool, bytes]] = {}  # of the groups: what has no right answer comes last
    unclear = np.unique(groups[ambiguous[contents]])
    for index, group in enumerate(groups.tolist()):
        own = hashes[names[index]] if names[index] else digests[index].tobytes()
        ranks[group] = min(ranks.get(group, (True, own)), (group in unclear, own))
    chosen = share_of_groups(labels, groups, fraction, sorted(ranks, key=lambda one: ranks[one]), kinds)
    lacking = [label for label in np.unique(labels) if not chosen[labels == label].any()]
    if lacking:
        chosen |= set_aside_by_rank(digests, labels, fraction) & np.isin(labels, lacking)
    return chosen


def describe_sides(
    part: str,
    learned: NDArray[np.int64],
    held_out: NDArray[np.int64],
    labels: NDArray[np.int64],
    classes: Sequence[str],
) -> Message:
    """Return whether each source is on one side, and of which classes not.

    Args:
        part: what is held out, ``test`` or ``validation``.
        learned: int64 (n,), the sources of the images that are learned from.
        held_out: int64 (m,), those of the others.
        labels: int64 (m,), of the others.
        classes: the class names.
    """
    shared = np.isin(held_out, learned)
    if not shared.any():
        values = {"count": len(np.unique(held_out)), "rest": len(np.unique(learned))}
        if part == "test":
            return Message(
                "No source is on both sides: the test images have {count:,} sources, the training images "
                "{rest:,} others.",
                **values,
            )
        return Message(
            "No source is on both sides: the validation images have {count:,} sources, those that are "
            "learned from {rest:,} others.",
            **values,
        )
    found = np.unique(labels[shared])
    names: str = Message("every class")
    if len(found) < len(np.unique(labels)):
        names = ", ".join(f"'{classes[label]}'" for label in found)
    if part == "test":
        return Message(
            "There are too few sources to keep each on one side: test images of {names} have sources that "
            "are learned from, too, and their accuracy says little of new sources.",
            names=names,
        )
    return Message(
        "There are too few sources to keep each on one side: validation images of {names} have sources that "
        "are learned from, too, and their accuracy says little of new sources.",
        names=names,
    )
