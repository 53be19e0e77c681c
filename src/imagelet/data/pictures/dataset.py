"""Your own pictures as a dataset: a folder with one subfolder a class, or a table that names pictures.

A folder may have ``train/``, ``val/`` and ``test/``. A picture is opened and framed by the same code that
later opens a person's own picture. Where there is no test part, a fifth of each class is set aside as one,
chosen by the rank of the pixels' SHA-256: copies of a picture fall on one side, whatever their files' formats
are, and adding pictures moves few from one side to the other. Where a table says who or what each picture
comes from, whole sources are set aside.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagelet import paths
from imagelet.data.copies import set_aside_by_rank
from imagelet.data.forms.form import PictureForm, form_of
from imagelet.data.imageset import PARTS, Dataset, DatasetCard, ImageSet, LeftOut
from imagelet.data.pictures.decoding import Decoded, damaged, decode, divide, images_of, known
from imagelet.data.pictures.facts import FACTS, Task
from imagelet.data.pictures.labelled import (
    PIXELS,
    SOURCES,
    LabelledPictures,
    PictureParts,
    describe,
    itself,
)
from imagelet.data.pictures.listing import (
    existing,
    list_labelled_in,
    parts_of_folder,
    unwrapped,
)
from imagelet.data.pictures.looking import readable, require_pictures
from imagelet.data.pictures.shape import choose_framing, framing_of, probable_framing
from imagelet.data.pictures.table import is_table, list_table, parts_of_table
from imagelet.data.pictures.table_columns import SUFFIXES
from imagelet.data.sources import describe_sides, set_aside_sources
from imagelet.errors import DataError
from imagelet.messages import Message
from imagelet.preprocessing.framing import Framing, framings
from imagelet.preprocessing.picture_files import PictureFolder
from imagelet.progress import Progress

TEST_SHARE = 0.2


def load_folder(
    path: str | Path | PictureFolder,
    shape: tuple[int, ...] | None = None,
    framing_kind: str = "fit",
    progress: Progress | None = None,
    framing: Framing | None = None,
    *,
    skip_bad: bool = False,
) -> Dataset:
    """Open a folder of pictures, or a table of them, as :func:`load_pictures` does.

    Args:
        path: a folder with one subfolder a class, or with such subfolders under ``train/``, ``val/`` (or
            ``validation/``) and ``test/``, perhaps listed already; or a table that names pictures, as
            :func:`list_table` takes it.
        shape: as :func:`load_pictures`.
        framing_kind: as :func:`load_pictures`.
        progress: as :func:`load_pictures`.
        framing: as :func:`load_pictures`.
        skip_bad: as :func:`load_pictures`.

    Raises:
        DataError: the folder is missing, has no class subfolders, has an empty class or one class only, its
            parts have other classes, or as :func:`load_pictures`.
        UnknownNameError: as :func:`load_pictures`.
        SettingError: as :func:`load_pictures`.
    """
    if isinstance(path, PictureFolder):
        return load_pictures(parts_of_folder(path), shape, framing_kind, progress, framing, skip_bad=skip_bad)
    place = Path(path).expanduser()
    of_table = place.suffix.lower() in SUFFIXES and place.is_file()
    parts = parts_of_table(place) if of_table else parts_of_folder(existing(place))
    return load_pictures(parts, shape, framing_kind, progress, framing, skip_bad=skip_bad)


def load_pictures(
    listed: PictureParts,
    shape: tuple[int, ...] | None = None,
    framing_kind: str = "fit",
    progress: Progress | None = None,
    framing: Framing | None = None,
    *,
    skip_bad: bool = False,
) -> Dataset:
    """Make a dataset of pictures; each is decoded once, into the cache, when its part is first asked for.

    The training part is decoded at once where that tells the shape, or what is set aside as the test part.

    Args:
        listed: the pictures by part, "train" among them.
        shape: the images' (height, width, channels), perhaps without channels. What is not said is what
            :func:`choose_framing` finds; to find out, the training pictures are decoded at once.
        framing_kind: how a picture becomes an image of that shape; a name that ``framings`` holds.
        progress: is called with how many pictures are done and how many there are.
        framing: says all of it, in place of shape and kind.
        skip_bad: leave out pictures that cannot be read; else they are an error.

    Returns:
        A dataset whose card tells classes and framing.

    Raises:
        DataError: there is one class only, or a picture is damaged (that may be told when the part is read).
        UnknownNameError: ``framing_kind`` is not registered.
        SettingError: the shape is not possible.
    """
    _check_framing(framing_kind, shape)
    left_out: dict[str, LeftOut] = {}
    training, divides = _training_of(listed), "test" not in listed.parts
    decoded = _first_look(training, framing_kind, shape, framing, progress, needs_pixels=divides or skip_bad)
    own = {"train": _Part(training, np.arange(len(training)))}
    if divides or skip_bad:
        own = _divided(training, decoded, left_out, skip_bad=skip_bad, divides=divides)
    learned = own["train"]
    of_values: Sequence[Message] = ()
    if framing is None:
        facts = replace(decoded, facts=decoded.facts[learned.rows])
        framing, of_values = choose_framing(learned.listed, facts, framing_kind, shape or (), progress)
    said = _understood(listed, training, own)
    told = *said, *listed.left_out, *(lost.told for lost in left_out.values()), *of_values
    parts = _readers(own, decoded, framing, progress)
    for part in listed.parts.keys() - own.keys():
        read = partial(_read_readable, partial(left_out.__setitem__, part)) if skip_bad else _read
        parts[part] = partial(read, listed.parts[part], framing, progress)
    card = _card(listed.place, training.classes, framing, said[0])
    return Dataset(card, str(listed.place), _in_order(parts), told, left_out=left_out)


def _in_order(parts: Mapping[str, Callable[[], ImageSet]]) -> dict[str, Callable[[], ImageSet]]:
    return {part: parts[part] for part in PARTS if part in parts}


def _card(place: Path, classes: tuple[str, ...], framing: Framing, understood: Message) -> DatasetCard:
    name = _name_of(place)
    return DatasetCard(
        name=name,
        title=name,
        description=str(understood),
        classes=classes,
        framing=framing,
        flips=False,
        source=str(place),
        licence="that of your own pictures",
    )


class _Part(NamedTuple):
    """Pictures of a part, and where they are among those that were listed to learn from, int64 (n,)."""

    listed: LabelledPictures
    rows: NDArray[np.int64]


def _first_look(
    training: LabelledPictures,
    kind: str,
    shape: tuple[int, ...] | None,
    framing: Framing | None,
    progress: Progress | None,
    *,
    needs_pixels: bool,
) -> Decoded:
    """Find out about pictures what must be known now, and frame them at once where it is clear how.

    Args:
        training: the pictures to learn from, perhaps to test with, too.
        kind: the framing's name.
        shape: the framing's shape as far as it is given.
        framing: the framing, if it is given.
        progress: is called with how many are done and how many there are.
        needs_pixels: whether it must be known which can be decoded and which are copies.
    """
    if framing is not None and not needs_pixels:
        return Decoded(Task(), np.empty(0, FACTS))  # nothing need be known
    if framing is None and (shape is None or len(shape) < 3):
        task = Task(probable_framing(training, kind, shape or ()), digests=needs_pixels, colours=True)
    else:
        task = Task(framing or framing_of(kind, shape or ()), digests=True)
        if not needs_pixels:  # but some may have more than 8 bits, which their headers tell
            there = known(training, replace(task, digests=False), needs_images=False)
            return there or decode(training, Task())
    return decode(training, task, progress if task.framing or task.digests else None, needs_images=False)


def _divided(
    training: LabelledPictures,
    decoded: Decoded,
    left_out: dict[str, LeftOut],
    *,
    skip_bad: bool,
    divides: bool,
) -> dict[str, _Part]:
    """Return the pictures to learn from, and those to test with where they are set aside of them.

    What cannot be read is noted in ``left_out``.
    """
    rows, lost = readable(training, decoded, skip_bad=skip_bad)
    left_out |= {"train": lost} if lost else {}
    kept = training.take(rows) if lost else training
    require_pictures(kept)
    if not divides:
        return {"train": _Part(kept, rows)}
    chosen = _chosen_for_test(kept, decoded.facts["digest"][rows])
    return {
        part: _Part(kept.take(np.flatnonzero(where)), rows[where])
        for part, where in (("train", ~chosen), ("test", chosen))
    }


def _set_aside(training: LabelledPictures, parts: Mapping[str, _Part]) -> tuple[str, tuple[Message, ...]]:
    """Return by what the test part was set aside, and whether each source is on one side."""
    numbers = training.numbered_sources()
    if numbers is None:
        return PIXELS, ()
    learned, held_out = (numbers[parts[part].rows] for part in ("train", "test"))
    told = describe_sides("test", learned, held_out, parts["test"].listed.labels, training.classes)
    return PIXELS if np.isin(held_out, learned).all() else SOURCES, (told,)


def _readers(
    parts: Mapping[str, _Part], decoded: Decoded, framing: Framing, progress: Progress | None
) -> dict[str, Callable[[], ImageSet]]:
    """Return what reads each part; their images may have been decoded together already."""
    images: Sequence[NDArray[np.uint8] | None] = [None] * len(parts)
    is_framed = decoded.images is not None and decoded.task.framing == framing
    if is_framed and all(decoded.facts["readable"][part.rows].all() for part in parts.values()):
        images = divide(decoded, list(parts.values()))
    return {
        name: partial(_read, partial(itself, part.listed), framing, progress, pixels)
        for (name, part), pixels in zip(parts.items(), images, strict=True)
    }


def _check_framing(kind: str, shape: tuple[int, ...] | None) -> None:
    """Refuse a framing that is not possible before anything is read."""
    framings.get(kind)
    if shape is not None:
        framing_of(kind, (*shape, 1) if len(shape) == 2 else shape)


def parts_of(form: PictureForm, path: Path) -> PictureParts:
    """Return what a file or folder of a form holds, by part.

    Raises:
        DataError: it is damaged, can be read in two ways, or there is nothing to learn from.
    """
    opened = form.open(path)
    parts = parts_of_folder(opened) if isinstance(opened, PictureFolder) else opened
    return replace(parts, form=form.title)


def read_labelled(path: str | Path, framing: Framing, progress: Progress | None = None) -> ImageSet:
    """Return all labelled pictures of a folder or a table, to evaluate on: nothing is set aside.

    Of a folder, an archive and their like they are those of the test part where there is one, else those of
    the training part, else all. One class is enough, and a class may be empty.

    Args:
        path: a folder as ``load_folder`` takes it, a CSV file as ``list_table`` does, or of a form of
            pictures that ``imagelet data formats`` lists.
        framing: the classifier's.
        progress: is called with how many pictures are done and how many there are.

    Raises:
        DataError: the folder is missing, has no class subfolders or no pictures; the table is missing or
            wrong; or a picture is damaged.
    """
    return read_listed(list_labelled(path), framing, progress)


def list_readable(
    path: str | Path, *, skip_bad: bool = False
) -> tuple[LabelledPictures, tuple[Message, ...]]:
    """Return the pictures that :func:`read_labelled` reads, and what is said of those that were left out.

    Args:
        path: as for :func:`read_labelled`.
        skip_bad: leave out pictures that cannot be read; else nothing is opened, and they are an error later.

    Raises:
        DataError: the folder is missing, has no class subfolders or no pictures; the table is missing or
            wrong; or no picture can be read.
    """
    listed = list_labelled(path)
    if not skip_bad:
        return listed, ()
    rows, lost = readable(listed, decode(listed, Task(digests=True)), skip_bad=True)
    if lost is None:
        return listed, ()
    if not len(rows):
        raise damaged(listed, range(len(listed)))
    return listed.take(rows), (lost.told,)


def list_labelled(path: str | Path) -> LabelledPictures:
    """Return the pictures of a folder or a table to evaluate on, unopened.

    Raises:
        DataError: the folder or table is missing or wrong, or names no pictures.
    """
    place = Path(path).expanduser()
    form = form_of(place)
    if not isinstance(form, PictureForm):
        return list_table(path) if is_table(path) else list_labelled_in(existing(path))
    opened = form.open(place)
    if isinstance(opened, PictureFolder):
        return list_labelled_in(unwrapped(opened))
    part = next(part for part in ("test", "train", "validation") if part in opened.parts)
    return opened.parts[part]()


def _training_of(listed: PictureParts) -> LabelledPictures:
    """Return the pictures to learn from.

    Raises:
        DataError: there are none, or of one class only.
    """
    if "train" not in listed.parts:
        raise DataError(
            "'{place}' has {parts} but no training part: there is nothing to learn from",
            hint="imagelet evaluate RUN --data {quoted} evaluates on it",
            place=listed.place,
            parts=", ".join(listed.parts),
            quoted=paths.typed(str(listed.place)),
        )
    training = listed.parts["train"]()
    if len(training.classes) < 2:
        raise DataError(
            "'{place}' has one class only, '{name}': two are needed",
            place=listed.place,
            name=training.classes[0],
        )
    return training


def _understood(
    listed: PictureParts, training: LabelledPictures, own: Mapping[str, _Part]
) -> tuple[Message, ...]:
    """Return what is told before training: the form, the parts, the training part, and of sources."""
    set_aside, of_sources = _set_aside(training, own) if "test" in own else (None, ())
    description = describe(own["train"].listed, set_aside)
    if listed.form is not None:
        parts = ", ".join(listed.parts)
        description = Message(
            "{form}; {parts}: {description}", form=listed.form, parts=parts, description=description
        )
    return description, *of_sources


def _name_of(place: Path) -> str:
    """Return a dataset's name: the folder's, or the file's without its suffix."""
    return (place.resolve().name if place.is_dir() else place.stem.removesuffix(".tar")) or str(place)


def _chosen_for_test(listed: LabelledPictures, digests: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which pictures, of which the hashes (n, bytes) are known, are set aside, bool (n,).

    Where it is known who or what they come from, they are all pictures of some sources.
    """
    if listed.sources is None:
        chosen = set_aside_by_rank(digests, listed.labels, TEST_SHARE)
    else:
        chosen = set_aside_sources(digests, listed.labels, listed.sources, TEST_SHARE)
    for label in range(len(listed.classes)):
        members = np.flatnonzero(listed.labels == label)
        if not chosen[members].any():
            contents = {digests[index].tobytes() for index in members}
            raise _too_few(listed, members, len(contents))
    return chosen


def _too_few(listed: LabelledPictures, members: NDArray[np.int64], contents: int) -> DataError:
    """Return the error about a class, of as many different pictures, of which none can be set aside."""
    values: dict[str, Any] = {
        "count": len(members),
        "name": listed.classes[listed.labels[members[0]]],
        "folder": listed.place,
    }
    if len(members) == 1:
        return DataError(
            "the class '{name}' in '{folder}' has one picture only: two different ones are needed, as one is "
            "set aside for testing",
            hint="add pictures, or put your own choice under train/ and test/",
            **values,
        )
    if contents == 1:
        return DataError(
            "the {count:,} pictures of the class '{name}' in '{folder}' are all the same: two different ones "
            "are needed, as one is set aside for testing",
            hint="imagelet data show {first} says what one of them holds",
            first=paths.typed(listed.pictures[members[0]].path),
            **values,
        )
    return DataError(
        "each of the {count:,} pictures of the class '{name}' in '{folder}' is in another class, too",
        hint="take the wrong ones away: imagelet data check {typed} names them",
        **values,
        typed=paths.typed(listed.place),
    )


def _read_readable(
    leave_out: Callable[[LeftOut], None],
    source: Callable[[], LabelledPictures],
    framing: Framing,
    progress: Progress | None,
) -> ImageSet:
    """Return the images of a part that can be read; ``leave_out`` notes the others."""
    listed = source()
    decoded = decode(listed, Task(framing), progress)
    rows, lost = readable(listed, decoded, skip_bad=True)
    if lost is None:
        return _read(source, framing, progress, decoded.images)
    leave_out(lost)
    kept = listed.take(rows)
    (images,) = divide(decoded, [(kept, rows)])
    return _read(partial(itself, kept), framing, progress, images)


def read_listed(listed: LabelledPictures, framing: Framing, progress: Progress | None = None) -> ImageSet:
    """Return pictures as images, from the cache or decoded into it; arguments as :func:`read_labelled`'s.

    Raises:
        DataError: a picture is damaged.
    """
    return _read(partial(itself, listed), framing, progress)


def _read(
    source: Callable[[], LabelledPictures],
    framing: Framing,
    progress: Progress | None,
    images: NDArray[np.uint8] | None = None,
) -> ImageSet:
    """Return the images of a part, which may be decoded already."""
    listed = source()
    if images is None:
        images = images_of(listed, framing, progress)
    return ImageSet(images, listed.labels, listed.classes, sources=listed.numbered_sources())
