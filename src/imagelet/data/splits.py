"""Splits: which images are learned from and which are for validation, frozen in a file.

A split is made once, by seed, and kept as indices with the fingerprint of the images that they point into,
so that it can be gone back to, and cannot be used on other data unnoticed.

Copies stay together: what is drawn are different images, and the copies of each go with it. Where there are
none, a split is scikit-learn's to the index. The split of the course's notes is so in any case.

Where it is known who wrote each image, all images of one source stay together, too, as long as every class is
on both sides: a hand that was learned from is easier to read.
"""

import base64
import dataclasses
import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet import atomic_files
from imagelet.data.copies import with_copies
from imagelet.data.imageset import ImageSet
from imagelet.data.sources import grouped, share_of_groups
from imagelet.data.stratified import Sides, shuffled_split, stratified_split
from imagelet.errors import DataError, SettingError

LARGEST = 512 * 1024**2  # bytes: packed indices of some ninety million images
LARGEST_LISTED = 64 * 1024**2  # bytes, without those that are packed
MOST_LISTED = 1_000_000  # indices that are written as a list of numbers, 1, 2, 3; more are packed
MOST_SIGNS = 64  # brackets and quotation marks
PACKED = "int32:"  # before base64 of little-endian numbers
COURSE = "course"
COURSE_SHARE = 0.2
COURSE_SEED = 9
BY_SOURCE = " by source"

_FOLD = re.compile(r"fold (\d{1,4}) of (\d{1,4})")


@dataclass(frozen=True, eq=False)
class Split:
    """Two disjoint sets of images, by index.

    Args:
        train: int64 (n,), the images to learn from, in order.
        validation: int64 (m,), the images to choose by, in order; may be empty.
        method: how it was made: "course", "stratified 0.2", "fold 2 of 5", "all" (no validation), and
            "… by source" where no source is on both sides.
        seed: what it was made with.
        data_sha256: the fingerprint of the images that the indices point into.

    Raises:
        DataError: an index is negative or stands twice, or there is nothing to learn from.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    method: str
    seed: int
    data_sha256: str

    def __post_init__(self) -> None:
        for part in (self.train, self.validation):
            if part.dtype != np.int64 or part.ndim != 1:
                raise DataError(
                    "a split's indices are {type} of {axes} dimensions; int64 (n,) is needed",
                    type=part.dtype,
                    axes=part.ndim,
                )
        if not len(self.train):
            raise DataError("the split leaves no image to learn from")
        together = np.concatenate([self.train, self.validation])
        if together.min() < 0 or not _are_different(together):
            raise DataError("the split names an image twice, or one below 0")

    def check(self, images: ImageSet) -> None:
        """Raise unless ``images`` are those that the split was made of.

        Raises:
            DataError: a pixel, a label, a class name or the number of images is another one.
        """
        last = max(part.max() for part in (self.train, self.validation) if len(part))
        if images.fingerprint() != self.data_sha256 or last >= len(images):
            raise DataError(
                "the {count} images are not those that the split was made of: the data has changed since "
                "(SHA-256 {before}, then {now})",
                hint="bring the data back as it was, or start a new run",
                count=len(images),
                before=self.data_sha256[:12],
                now=images.fingerprint()[:12],
            )

    def save(self, path: Path) -> None:
        """Write the split as JSON, whole or not at all; very many indices as base64 of int32 numbers."""
        content = {
            "method": self.method,
            "seed": self.seed,
            "data_sha256": self.data_sha256,
            "train": _written(self.train),
            "validation": _written(self.validation),
        }
        atomic_files.write_text(path, json.dumps(content) + "\n")  # indices on one line, not one line each

    @classmethod
    def load(cls, path: Path) -> "Split":
        """Return the split that ``save`` wrote.

        Raises:
            DataError: the file is missing or is not such a split.
        """
        try:
            content = json.loads(_read(path))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError("the split '{file}' cannot be read ({error})", file=path, error=error) from error
        try:
            return cls(**_fields(content))
        except (ValueError, OverflowError, DataError) as error:
            raise DataError("'{file}' does not hold a split: {error}", file=path, error=error) from error


def split(images: ImageSet, validation: float | str, seed: int, limit: int = 0) -> Split:
    """Divide ``images`` into a training and a validation part.

    Args:
        images: what to divide.
        validation: the fraction for validation, from 0 (none) to below 1, stratified by class; "course" for
            scikit-learn's ``train_test_split(test_size=0.2, random_state=9)``, whatever the seed; or a fold,
            as :func:`fold` writes it: the folds of a seed have no image in common and hold all together.
            Copies count once and stay on one side, and so do the images of one source where sources are
            known, except in "course".
        seed: for the choice, from 0 to 2**32 - 1.
        limit: how many of the images to use, drawn by the seed; 0 for all.

    Raises:
        SettingError: another value for ``validation``, or a limit above the number of images.
        DataError: a class with too few images, or fewer validation images than classes.
    """
    if not limit:
        return _divide(images, validation, seed)
    if limit > len(images):
        raise SettingError(
            "limit = {limit} is more than the {count} training images", limit=limit, count=len(images)
        )
    drawn = np.random.default_rng([seed, len(images)]).permutation(len(images))
    chosen = np.sort(drawn[:limit])
    part = _divide(images.take(chosen), validation, seed)
    return dataclasses.replace(
        part,
        train=chosen[part.train],
        validation=chosen[part.validation],
        data_sha256=images.fingerprint(),
    )


def _divide(images: ImageSet, validation: float | str, seed: int) -> Split:
    fraction = validation_fraction(validation)
    everything = np.arange(len(images), dtype=np.int64)
    if fraction == 0:
        return Split(everything, everything[:0], "all", seed, images.fingerprint())
    if validation == COURSE:
        return _course(images)
    different = np.flatnonzero(images.originals == everything)  # one of each group of copies
    labels = images.labels[different]
    counts = np.bincount(labels, minlength=len(images.classes))
    if which := read_fold(validation):
        method = str(validation)
        _check_folds(dict(zip(images.classes, counts.tolist(), strict=True)), which[1])
        by_source = _fold_of_sources(images, *which, seed)
    else:
        method = f"stratified {fraction:g}"
        _check_classes(images, counts, fraction)
        by_source = _share_of_sources(images, fraction, seed)
    if by_source:
        return Split(*by_source, f"{method}{BY_SOURCE}", seed, images.fingerprint())
    train, rest = _fold(labels, *which, seed) if which else stratified_split(labels, fraction, seed)
    chosen, held_out = (with_copies(different[part], images.originals) for part in (train, rest))
    return Split(chosen, held_out, method, seed, images.fingerprint())


def _course(images: ImageSet) -> Split:
    if len(images) < 2:
        raise DataError("{count} image cannot be split; at least 2 are needed", count=len(images))
    train, rest = shuffled_split(len(images), COURSE_SHARE, COURSE_SEED)
    return Split(train, rest, COURSE, COURSE_SEED, images.fingerprint())


def fold(number: int, folds: int) -> str:
    """Return how ``validation`` names a fold: ``fold 2 of 5``; counted from 1.

    Raises:
        SettingError: fewer than 2 folds, or one that is not there.
    """
    if folds < 2:
        raise SettingError(
            "a number of {folds} folds is not allowed: each is answered by what learned from the "
            "others, so there are at least 2",
            hint="5 and 10 are usual",
            folds=folds,
        )
    if not 1 <= number <= folds:
        raise SettingError(
            "there is no fold {number} of {folds}; they are counted from 1", number=number, folds=folds
        )
    return f"fold {number} of {folds}"


def read_fold(validation: float | str) -> tuple[int, int] | None:
    """Return (number, folds) where ``validation`` names a fold as :func:`fold` does, else None.

    Raises:
        SettingError: it names one that cannot be.
    """
    match = _FOLD.fullmatch(str(validation))
    if match is None:
        return None
    number, folds = int(match[1]), int(match[2])
    fold(number, folds)
    return number, folds


def validation_fraction(validation: float | str) -> float:
    """Return which fraction of the images ``split`` sets aside, from 0 to below 1.

    Raises:
        SettingError: neither such a fraction, nor "course", nor a fold.
    """
    if validation == COURSE:
        return COURSE_SHARE
    if which := read_fold(validation):
        return 1 / which[1]
    try:
        fraction = float(validation)
    except ValueError:
        fraction = -1.0
    if not 0 <= fraction < 1:
        raise SettingError(
            "validation '{fraction}' is not allowed: a fraction from 0 to below 1, or '{word}'",
            hint="--validation 0.2",
            fraction=validation,
            word=COURSE,
        )
    return fraction


def _fold(labels: NDArray[np.int64], number: int, folds: int, seed: int) -> Sides:
    """Return the images outside of a fold and in it, in order: scikit-learn's StratifiedKFold, shuffled.

    ``labels`` (n,) are those of the different images.
    """
    from sklearn.model_selection import StratifiedKFold

    dealt = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)
    train, rest = list(dealt)[number - 1]
    return train, rest


def _fold_of_sources(images: ImageSet, number: int, folds: int, seed: int) -> Sides | None:
    """Return what :func:`_fold` does, with whole sources: scikit-learn's StratifiedGroupKFold, shuffled.

    None where no sources are known, or a fold would lack a class.
    """
    groups = _groups(images)
    if groups is None or groups.max() + 1 < folds:
        return None
    from sklearn.model_selection import StratifiedGroupKFold

    dealt = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    sides = list(dealt.split(images.labels, images.labels, groups))
    if not all(_have_every_class(images, *side) for side in sides):
        return None
    train, rest = sides[number - 1]
    return train, rest


def _share_of_sources(images: ImageSet, fraction: float, seed: int) -> Sides | None:
    """Return two sides, in order, the second of whole sources with about a ``fraction`` of each class.

    In an order drawn by the seed, as :func:`~imagelet.data.sources.share_of_groups` chooses. None where no
    sources are known, or a side would lack a class.
    """
    groups = _groups(images)
    if groups is None:
        return None
    order = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    chosen = share_of_groups(images.labels, groups, fraction, order, len(images.classes))
    sides = np.flatnonzero(~chosen), np.flatnonzero(chosen)
    return sides if _have_every_class(images, *sides) else None


def _groups(images: ImageSet) -> NDArray[np.int64] | None:
    """Return a number (n,) for the source of each image; None where no sources are known."""
    if images.sources is None or not len(images):
        return None
    return grouped(images.sources, images.originals)


def _have_every_class(images: ImageSet, *sides: NDArray[np.int64]) -> bool:
    """Return whether each side has an image of every class that there is."""
    there = images.counts() > 0
    return all((np.bincount(images.labels[side], minlength=len(there)) > 0)[there].all() for side in sides)


def _check_folds(counts: Mapping[str, int], folds: int) -> None:
    """Raise where a class has fewer different images, by ``counts``, than there are folds."""
    count, name = min(((count, name) for name, count in counts.items() if count), default=(0, ""))
    if count < folds:
        raise DataError(
            "the class '{name}' has {count} image, too few for {folds} folds: each fold needs one of "
            "every class"
            if count == 1
            else "the class '{name}' has {count} images, too few for {folds} folds: each fold needs one of "
            "every class",
            hint="choose fewer folds, or add images of it; copies count once",
            name=name,
            count=count,
            folds=folds,
        )


def _check_classes(images: ImageSet, counts: NDArray[np.int64], fraction: float) -> None:
    """Raise where scikit-learn could not put at least one image of each class on each side.

    ``counts`` (classes,) are the numbers of different images.
    """
    for name, count, with_their_copies in zip(images.classes, counts, images.counts(), strict=True):
        if count == 1:
            raise DataError(
                "the class '{name}' has 1 image; at least 2 are needed to set some aside for validation"
                if with_their_copies == 1
                else "the class '{name}' has 1 image and copies of it; at least 2 different ones are needed "
                "to set some aside for validation",
                hint="add images of it, or type --validation 0",
                name=name,
            )
    classes, total = np.count_nonzero(counts), int(counts.sum())
    held_back = int(np.ceil(fraction * total))  # as scikit-learn rounds
    if min(held_back, total - held_back) < classes:
        raise DataError(
            "a validation fraction of {fraction:g} divides {count} images into {train} and {validation}; "
            "each side needs at least {classes}, one a class",
            hint="add images, or choose another fraction: --validation 0.5, or 0 for none",
            fraction=fraction,
            count=total,
            train=total - held_back,
            validation=held_back,
            classes=classes,
        )


def _are_different(indices: NDArray[np.int64]) -> bool:
    """Say whether no index from 0 on stands twice."""
    last = int(indices.max())
    if last > 16 * len(indices) + MOST_LISTED:  # a mask would take more memory than it is worth
        return len(np.unique(indices)) == len(indices)
    seen = np.zeros(last + 1, bool)
    seen[indices] = True
    return int(seen.sum()) == len(indices)


def _read(path: Path) -> bytes:
    """Return a file that is small enough, and of a shape that takes little memory."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    listed = len(content) <= LARGEST_LISTED or content.count(b",") <= MOST_LISTED + MOST_SIGNS
    many = len(content) > LARGEST or any(content.count(sign) > MOST_SIGNS for sign in (b"[", b"{", b'"'))
    if many or not listed:
        raise ValueError("it holds more than two lists of indices")
    return content


def _fields(content: Any) -> dict[str, Any]:
    types = {"method": str, "seed": int, "data_sha256": str}
    if not isinstance(content, dict) or set(content) != {*types, "train", "validation"}:
        raise ValueError(f"it must hold exactly {', '.join(types)}, train, validation")
    for name, kind in types.items():
        if type(content[name]) is not kind:
            raise ValueError(f"its {name} is not a {kind.__name__}")
    for name in ("train", "validation"):
        content[name] = _indices(content[name], name)
    return content


def _written(indices: NDArray[np.int64]) -> list[int] | str:
    """Return indices as JSON holds them: a list, or of very many their int32 numbers in base64."""
    if len(indices) <= MOST_LISTED or indices.max() >= 2**31:
        listed: list[int] = indices.tolist()
        return listed
    return PACKED + base64.b64encode(indices.astype("<i4").tobytes()).decode()


def _indices(written: Any, name: str) -> NDArray[np.int64]:
    """Return the indices that :func:`_written` wrote."""
    if isinstance(written, str) and written.startswith(PACKED):
        content = base64.b64decode(written.removeprefix(PACKED), validate=True)
        return np.frombuffer(content, "<i4").astype(np.int64)
    if type(written) is not list or not all(type(index) is int for index in written):
        raise ValueError(f"its {name} is not a list of whole numbers")
    return np.array(written, dtype=np.int64)
