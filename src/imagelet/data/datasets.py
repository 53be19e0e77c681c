"""The datasets by name, and ``load_dataset``, which opens one of them or a folder of pictures."""

import contextlib
import dataclasses
import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import paths
from imagelet.data import layouts
from imagelet.data.download import RemoteFile
from imagelet.data.imageset import Dataset, ImageSet, left_on_disk
from imagelet.data.known import LISTING, KnownDataset, datasets
from imagelet.data.layouts import FoundFile
from imagelet.data.store import (
    Content,
    InMemory,
    announce,
    check_in_memory,
    fits_in_memory,
    stored,
)
from imagelet.errors import DataError, SettingError, UnknownNameError, UsageError
from imagelet.messages import Message
from imagelet.preprocessing.file_kind import kind_of_file
from imagelet.preprocessing.framing import Framing
from imagelet.progress import Progress


def load_dataset(
    data: Any,
    labels: Any = None,
    *,
    validation_data: Any = None,
    test_data: Any = None,
    classes: Sequence[str] | None = None,
    shape: tuple[int, ...] | None = None,
    framing_kind: str | None = None,
    framing: Framing | None = None,
    in_memory: InMemory = "auto",
    progress: Progress | None = None,
    skip_bad: bool = False,
) -> Dataset:
    """Open a dataset; its parts are read, and downloaded where they must be, when they are first asked for.

    Args:
        data: a registered name, else a file or folder of a form that ``imagelet data formats`` lists. A path
            with a separator (``./digits``) is never a name. Or what a program holds: arrays or tensors of
            images, (X, y), a dict of splits, an :class:`ImageSet`, a dataset of torch or Hugging Face; a
            :class:`Dataset` comes back as it is.
        labels: of images that come without: (n,) numbers or texts.
        validation_data: labelled images of a program that choose the epoch, such as (X_val, y_val).
        test_data: labelled images to test on; None: those of ``data``, else a fifth of each class.
        classes: for arrays: the class names in their order, which labels name or count from 0.
        shape: the images' (height, width, channels), or without channels; for pictures of a folder or of a
            program. What is not said is chosen by the pictures.
        framing_kind: for a folder: how pictures are framed; "fit" where None.
        framing: for a folder, in place of shape and kind; other data have a shape of their own.
        in_memory: whether images are read into memory. False: they are converted once into a store on
            the disk, in the cache; "auto": they are where they take more than a quarter of the memory.
        progress: is called with what is done and the total: bytes of a download, or pictures of a folder.
        skip_bad: of pictures, leave out what cannot be read; the dataset's ``left_out`` names them.

    Raises:
        UnknownNameError: neither a registered name nor a folder.
        SettingError: ``shape`` or ``framing_kind`` for a registered dataset.
        DataError: the folder or the arrays cannot be used, or IMAGELET_DATA names none.
    """
    check_in_memory(in_memory)
    given = {"labels": labels, "validation": validation_data, "test": test_data, "classes": classes}
    if isinstance(data, Dataset):
        _check_unused(data.card.name, **given, shape=shape, framing_kind=framing_kind)
        return data
    if isinstance(data, str | os.PathLike):
        _check_unused(os.fspath(data), **given)
        options = {"shape": shape, "framing_kind": framing_kind, "framing": framing, "skip_bad": skip_bad}
        return _load_named(data, in_memory, options | {"progress": progress})
    return _of_objects(data, given, shape)


def _of_objects(data: Any, given: dict[str, Any], shape: tuple[int, ...] | None) -> Dataset:
    """Open what a program holds in memory."""
    from imagelet.data.objects import dataset_from

    return dataset_from(data, **given, shape=_whole(shape))


def _whole(shape: tuple[int, ...] | None) -> tuple[int, int, int] | None:
    """Return a shape with its channels, which arrays do not choose.

    Raises:
        SettingError: it has none.
    """
    if shape is None:
        return None
    if len(shape) != 3:
        raise SettingError(
            "the shape {shape} says no channels",
            hint="write height, width and channels (1 grey, 3 colour): (28, 28, 1)",
            shape=shape,
        )
    return shape[0], shape[1], shape[2]


def _check_unused(name: str, **arguments: Any) -> None:
    """Raise where an argument is given that data of this name leaves no room for."""
    public = {"validation": "validation_data", "test": "test_data"}
    if unused := [
        public.get(argument, argument) for argument, value in arguments.items() if value is not None
    ]:
        raise UsageError(
            "{name} goes with arrays; '{data}' says it itself",
            hint="leave it out, or pass images and labels: (X, y)",
            name=unused[0],
            data=name,
        )


def reference_to(dataset: Dataset) -> str:
    """Return what :func:`load_dataset` opens the same data by in any process; arrays are kept for it.

    Raises:
        DataError: a part cannot be read.
        OSError: the cache cannot be written, or the disk is full.
    """
    from imagelet.data.kept import keep

    return dataset.reference if dataset.reference is not None else str(keep(dataset))


def _load_named(data: str | os.PathLike[str], in_memory: InMemory, options: dict[str, Any]) -> Dataset:
    """Open a registered dataset, or a file or folder; ``options`` are those of :func:`load_dataset`."""
    is_as_it_is = options["shape"] is None and options["framing_kind"] is None
    text = os.fspath(data)
    folder = Path(text).expanduser()
    is_path = not isinstance(data, str) or os.sep in text or "/" in text or text in (".", "..", "~")
    if is_path or (text not in datasets and folder.exists()):
        dataset = _open_own(folder, text, in_memory, {**options})
        if is_as_it_is and options["framing"] is None and not options["skip_bad"]:
            dataset.reference = str(folder.resolve())
        return dataset
    try:
        known = datasets.get(text)
    except UnknownNameError as error:
        if datasets.is_of_family(text):  # which says itself what is wrong
            raise
        raise UnknownNameError(
            error.message,
            hint="{command} lists them; your own data is a folder with one subfolder a class, or of a form "
            "that imagelet data formats lists",
            command=LISTING,
        ) from None
    if not is_as_it_is:
        raise SettingError(
            "the dataset '{name}' has a shape and a framing of its own",
            hint="a shape or a framing is for a folder of pictures",
            name=text,
        )
    dataset = _open(known, in_memory, options["progress"])
    dataset.reference = text
    return dataset


def namesake(name_or_folder: str | Path) -> Message | None:
    """Return what is said where a dataset's name is that of a file or folder here, too; None elsewhere.

    The folder in which the dataset's own official files lie is no other.
    """
    text = str(name_or_folder)
    path = Path(text)
    if isinstance(name_or_folder, Path) or text not in datasets or not path.exists():
        return None
    with contextlib.suppress(DataError):
        place = place_of(text)
        if place is not None and place.resolve().is_relative_to(path.resolve()):
            return None
    return Message(
        "'{name}' is the dataset that comes with imagelet; what lies here under that name is typed {typed}",
        name=text,
        typed=paths.typed(f"{os.curdir}{os.sep}{text}"),
    )


def _open_own(path: Path, given: str, in_memory: InMemory, options: dict[str, Any]) -> Dataset:
    """Open a file or folder of a person's own; ``options`` are those of :func:`load_dataset` for pictures."""
    from imagelet.data.forms.form import Form, form_of, open_form
    from imagelet.data.kept import is_kept, open_kept
    from imagelet.data.pictures.dataset import load_folder, load_pictures, parts_of
    from imagelet.data.pictures.table_columns import SUFFIXES
    from imagelet.preprocessing.picture_files import DiskFolder

    if is_kept(path):
        return _placed(open_kept(path), in_memory)
    folder = DiskFolder(path) if path.is_dir() else None
    form = form_of(path, folder)
    if not isinstance(form, Form):
        options["framing_kind"] = options["framing_kind"] or "fit"
        if form is not None:
            return _placed(load_pictures(parts_of(form, path), **options), in_memory)
        if not (path.is_file() and path.suffix.lower() in SUFFIXES):
            _check_folder(path, given)
        return _placed(load_folder(folder or path, **options), in_memory)
    if options["shape"] is not None or options["framing_kind"] is not None:
        raise SettingError(
            "'{given}' holds images, which have a shape of their own",
            hint="a shape or a framing is for a folder of pictures",
            given=given,
        )
    return open_form(path, form, in_memory, options["progress"])


def _placed(dataset: Dataset, in_memory: InMemory) -> Dataset:
    """Return a dataset of pictures whose images are where they are wanted."""
    dataset.parts = {part: partial(_where_wanted, read, in_memory) for part, read in dataset.parts.items()}
    return dataset


def _where_wanted(read: Callable[[], ImageSet], in_memory: InMemory) -> ImageSet:
    """Return a folder's images, which lie in a memory-mapped file of the cache, in memory or left there."""
    images = read()
    if in_memory is True:
        return dataclasses.replace(images, images=np.array(images.images))
    return left_on_disk(images)


def _check_folder(folder: Path, given: str) -> None:
    if folder.is_dir():
        return
    if folder.exists():
        raise _of_no_form(folder, given)
    raise DataError(
        "the folder '{given}' is not there; a folder with one subfolder a class is needed", given=given
    )


def _of_no_form(path: Path, given: str) -> DataError:
    """Return the error about a file that is of no form, with what it looks like and what to do with it."""
    kind = kind_of_file(path)
    if kind is None:
        return DataError(
            "'{given}' is of no form that is read",
            hint="imagelet data formats lists the forms",
            given=given,
        )
    if kind.is_picture:
        return DataError(
            "'{given}' is one picture; to learn from, a folder with one subfolder a class is needed",
            hint="imagelet predict RUN {typed} classifies it",
            given=given,
            typed=paths.typed(given),
        )
    return DataError(
        "'{given}' is of no form that is read: it {looks}",
        hint="{advice}; imagelet data formats lists the forms",
        given=given,
        looks=kind.looks,
        advice=kind.advice,
    )


def place_of(name: str) -> Path | None:
    """Return where the training files of a registered dataset lie; None where they would be downloaded.

    Raises:
        UnknownNameError: the name is not registered.
        DataError: IMAGELET_DATA names a folder that is not there.
    """
    known = datasets.get(name)
    if known.load:
        return known.file()
    located = layouts.find(known.layouts, "train")
    return located[1] if located else None


def found_files(name: str) -> tuple[FoundFile, ...]:
    """Return the files of a registered dataset that are on this computer, each read once for its SHA-256.

    Raises:
        UnknownNameError: the name is not registered.
        DataError: a file cannot be read, or IMAGELET_DATA names a folder that is not there.
    """
    known = datasets.get(name)
    if known.load:
        path = known.file()
        return (layouts.identify(RemoteFile(name, path.name, 0, None), path),) if path else ()
    return layouts.found_files(known.layouts, tuple(known.images))


def get_dataset_files(
    name: str, source_folder: Path | None = None, progress: Progress | None = None
) -> tuple[FoundFile, ...]:
    """Bring a registered dataset to this computer: from a folder into the cache, or from the mirrors.

    What is brought from a folder is read first, which finds damage in a gzip file; an unpacked file of the
    official length must have the official SHA-256, where that is known. Without a folder, what is there
    already is left as it is, except that a file in the cache with another SHA-256 is replaced.

    Args:
        name: a registered name.
        source_folder: the folder that holds the files, or that holds the folder of them.
        progress: is called with the bytes of the current file that are done, and its size.

    Returns:
        The files, as ``found_files`` does.

    Raises:
        UnknownNameError: the name is not registered.
        DataError: the folder lacks a file, or one is damaged; nothing was kept.
        DownloadError: no mirror gave a file, or the cache cannot be written.
    """
    known = datasets.get(name)
    if known.load:
        return found_files(name)
    if source_folder is not None:
        return layouts.keep(known.layouts, tuple(known.images), source_folder, progress)
    return layouts.renew(known.layouts, tuple(known.images), progress)


def _open(known: KnownDataset, in_memory: InMemory, progress: Progress | None) -> Dataset:
    if known.load:
        return known.load()
    located = layouts.find(known.layouts, "train")
    missing = f"to be downloaded to {paths.downloads()}"
    if not known.download:
        missing = f"to be brought: imagelet data get {known.card.name} --from DIR"
    place = str(located[1]) if located else missing
    parts = {part: partial(_read_known, known, part, in_memory, progress) for part in known.images}
    return Dataset(known.card, place, parts)


def _read_known(known: KnownDataset, part: str, in_memory: InMemory, progress: Progress | None) -> ImageSet:
    """Return a part of a registered dataset, from its files or from the store that was made of them."""
    read, framing = partial(layouts.read_part, known.layouts, part, progress), known.card.framing
    size = known.images[part] * (math.prod(framing.shape) if framing else 0)
    if fits_in_memory(size, in_memory):
        return read()
    if layouts.find(known.layouts, part) is None:
        read()  # downloads it
    located = layouts.find(known.layouts, part)
    files = located[0].paths(located[1], part).values() if located else ()

    def content() -> Content:
        announce(in_memory)
        return Content.of(read())

    return stored(f"{part} of {known.card.name}", tuple(files), content, progress).images


def findable(dataset: str) -> str:
    """Return a name as it is, and a file or folder by its whole path: a run must find it from anywhere."""
    folder = Path(dataset).expanduser()
    return str(folder.resolve()) if dataset not in datasets and folder.exists() else dataset
