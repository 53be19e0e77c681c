"""Copies: images with equal pixels, in whatever files they came.

A copy that is learned from and then tested shows nothing, and two copies in a test say no more than one. So
copies stay on one side of every split, and the interval of an accuracy counts each picture once.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

DIGEST_BYTES = hashlib.sha256().digest_size
WORTH_SAYING = 0.01  # of the images: more copies than that are mentioned

_READ_AT_ONCE = 1 << 24  # bytes; bounds the memory that a memory-mapped file takes
_HASHED_AT_ONCE = 1 << 16  # rows, of which each is an object of its own


def originals(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return for each image the index of the first one with the same pixels: its own where there is none.

    Equal are images with the same SHA-256. It is computed only of those that share a hash of 64 bits, so that
    a set without copies costs little more than reading it once.

    Args:
        images: uint8 (n, ...), all of one shape; may be memory-mapped.

    Returns:
        int64 (n,). Two images are copies of each other where it is the same number.
    """
    hashes = _hashes(images)  # (n,)
    found = np.arange(len(images), dtype=np.int64)
    order = np.argsort(hashes)
    alike = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]])
    candidates = np.unique(order[np.concatenate([alike, alike + 1])])  # in their order
    first: dict[bytes, int] = {}
    for index in candidates.tolist():
        found[index] = first.setdefault(hashlib.sha256(images[index].tobytes()).digest(), index)
    return found


def first_of_each(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each image the index of the first one of its group, as :func:`originals` does.

    Args:
        groups: int64 (n,), the same number for images with the same pixels.
    """
    own = np.arange(len(groups), dtype=np.int64)
    if (np.diff(groups) > 0).all():
        return own
    if (groups <= own).all() and groups.min() >= 0 and (groups[groups] == groups).all():
        return groups  # these are the indices already
    _, first, places = np.unique(groups, return_index=True, return_inverse=True)
    return first[places]


def are_copies(images: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which of ``images`` (n, ...) have the same pixels as one of ``others``: bool (n,)."""
    if images.shape[1:] != others.shape[1:]:
        return np.zeros(len(images), bool)
    hashes, hashes_of_others = _hashes(images), _hashes(others)
    candidates = np.flatnonzero(np.isin(hashes, hashes_of_others))
    known = {
        hashlib.sha256(others[index].tobytes()).digest()
        for index in np.flatnonzero(np.isin(hashes_of_others, hashes[candidates]))
    }
    found = np.zeros(len(images), bool)
    for index in candidates:
        found[index] = hashlib.sha256(images[index].tobytes()).digest() in known
    return found


def digests(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the SHA-256 of each image's pixels, uint8 (n, 32); ``images`` are uint8 (n, ...)."""
    found = np.empty((len(images), DIGEST_BYTES), np.uint8)
    for index, image in enumerate(images):
        found[index] = np.frombuffer(hashlib.sha256(image.tobytes()).digest(), np.uint8)
    return found


def digest(picture: NDArray[np.uint8]) -> bytes:
    """Return the SHA-256 of a picture's shape and pixels (height, width, channels)."""
    content = hashlib.sha256(repr(picture.shape).encode())
    content.update(np.ascontiguousarray(picture).data)
    return content.digest()


def with_copies(chosen: NDArray[np.int64], originals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the images ``chosen`` (m,), each of which is an original, and after each of them its copies."""
    further = np.flatnonzero(originals != np.arange(len(originals)))  # the copies, few as a rule
    if not len(further):
        return chosen
    places = np.full(len(originals), -1, np.int64)
    places[chosen] = np.arange(len(chosen))
    behind = places[originals[further]]
    further, behind = further[behind >= 0], behind[behind >= 0]
    order = np.argsort(behind, kind="stable")
    return np.insert(chosen, behind[order] + 1, further[order])


def set_aside_by_rank(
    digests: NDArray[np.uint8], labels: NDArray[np.int64], fraction: float
) -> NDArray[np.bool_]:
    """Choose about ``fraction`` of each class by the rank of the contents' hashes.

    Args:
        digests: uint8 (n, bytes), the same for the same content.
        labels: int64 (n,).
        fraction: between 0 and 1.

    Returns:
        bool (n,), True where chosen. Equal contents are chosen together, and those that stand in several
        classes not at all: no answer could be right for them. Of a class with two or more different contents
        of its own at least one is chosen and one left; of a class with one none is chosen.
    """
    rows = np.ascontiguousarray(digests).view(f"V{digests.shape[1]}")[:, 0]
    _, contents = np.unique(rows, return_inverse=True)  # (n,), in the order of the hashes
    kinds = int(labels.max(initial=0)) + 1
    in_classes = np.bincount(np.unique(contents * kinds + labels) // kinds)
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        found, places, counts = np.unique(contents[members], return_inverse=True, return_counts=True)
        candidates = np.flatnonzero(in_classes[found] == 1)
        if len(candidates) == len(found):
            candidates = candidates[:-1]  # one is always left
        copies = counts[candidates]
        taken = np.cumsum(copies) - copies  # before each
        enough = np.flatnonzero((taken > 0) & (taken + copies / 2 > fraction * len(members)))
        picked = np.zeros(len(found), bool)
        picked[candidates[: enough[0] if len(enough) else None]] = True
        chosen[members] = picked[places]
    return chosen


def _hashes(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return a number for each row of an array (n,), the same for equal rows and hardly ever for others.

    It is Python's own hash, which differs from process to process: no file can be made to collide.
    """
    size = int(np.prod(images.shape[1:]))
    rows = min(_HASHED_AT_ONCE, max(1, _READ_AT_ONCE // max(1, size)))
    hashes = np.empty(len(images), np.int64)
    for start in range(0, len(images), rows):
        part = np.ascontiguousarray(images[start : start + rows])
        contents = part.reshape(len(part), -1).view(f"V{size}")[:, 0].tolist()  # the bytes of each row
        hashes[start : start + len(part)] = list(map(hash, contents))
    return hashes
