"""MATLAB files (``.mat``): SVHN's ``train_32x32.mat``, EMNIST's structs, USPS's tables, and their like.

Which axis counts the images is told by the labels: the first or the last, whichever is as long as they are
many. Where both are, the file is refused. What is left of an array is height, width and perhaps channels, in
MATLAB's order. Images that are flattened into rows are taken line by line, as USPS has them; those of
EMNIST's struct ``dataset`` column by column, as EMNIST's authors say.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.data.forms.form import Arrays, Contents, Form, assigned, forms, left_out, part_of
from imagelet.data.matlab import Variable, read_variables
from imagelet.errors import DataError
from imagelet.messages import Message, message_of

SUFFIX = ".mat"
EMNIST = "dataset."  # the struct in which its arrays are
WRITERS = "writers"  # what stands beside the labels there


def recognises(path: Path) -> bool:
    """Say whether it is a MATLAB file by its suffix, or a folder with one."""
    if path.is_dir():
        return any(path.glob(f"*{SUFFIX}"))
    return path.suffix.lower() == SUFFIX and path.is_file()


def read(path: Path) -> Contents:
    """Return the parts: by the variables' names, or one file a part as SVHN has them."""
    files, others = _files(path)
    told = tuple(left_out(other.name) for other in others)
    if len(files) == 1:
        (file,) = files.values()
        variables = _variables(file)
        pairs, rest = assigned(variables, str(file))
        used = {_writers(labels) for _, labels in pairs.values()}
        told += tuple(left_out(name) for name in rest if name not in used)
        return Contents({part: _arrays(file, variables, *pair) for part, pair in pairs.items()}, told)
    parts = {}
    for part, file in files.items():
        variables = _variables(file)
        pairs, _ = assigned(variables, str(file))
        parts[part] = _arrays(file, variables, *pairs["train"])  # it does not name its part again
    return Contents(parts, told)


def _files(path: Path) -> tuple[dict[str, Path], list[Path]]:
    """Return the file of each part, and those that are left out."""
    folder = path if path.is_dir() else path.parent
    found = sorted(file for file in folder.glob(f"*{SUFFIX}") if file.is_file())
    by_part = {part: file for file in reversed(found) if (part := _part_of(file))}
    if path.is_file():
        if _part_of(path) != "train":
            return {"train": path}, []
        alike = {part: file for part, file in by_part.items() if _rest_of(file) == _rest_of(path)}
        return alike | {"train": path}, []
    if "train" in by_part:
        return by_part, [file for file in found if file not in by_part.values()]
    if len(found) > 1:
        raise DataError(
            "{folder} holds several MATLAB files: {names}",
            hint="name one of those: imagelet train {example}",
            folder=folder,
            names=", ".join(file.name for file in found[:10]),
            example=found[0],
        )
    return {"train": found[0]}, []


def _words(file: Path) -> list[str]:
    return file.stem.lower().replace("-", "_").split("_")


def _part_of(file: Path) -> str | None:
    return part_of(_words(file))


def _rest_of(file: Path) -> list[str]:
    return [word for word in _words(file) if part_of([word]) is None]


def _variables(file: Path) -> dict[str, Variable]:
    try:
        return read_variables(file)
    except (ValueError, OSError) as error:
        raise DataError(
            "{file} cannot be read: {error}",
            hint="save it in MATLAB with -v7, or as .npz",
            file=file,
            error=message_of(error),
        ) from error


def _arrays(file: Path, variables: Mapping[str, Variable], images: str, labels: str) -> Arrays:
    """Return a part's arrays, unread."""
    read_labels = partial(_labels, file, labels, variables[labels])
    writers = _writers(labels)
    return Arrays(
        images=partial(_images, file, images, variables[images], read_labels),
        labels=read_labels,
        source=f"{file.name}: {images}, {labels}",
        files=(file,),
        sources=partial(_labels, file, writers, variables[writers]) if writers in variables else None,
    )


def _writers(labels: str) -> str:
    """Return the name that EMNIST gives to who wrote the images that ``labels`` belong to."""
    return f"{labels.rpartition('.')[0]}.{WRITERS}"


def _read(file: Path, name: str, variable: Variable) -> NDArray[Any]:
    try:
        return variable.read()
    except (ValueError, OSError) as error:
        raise DataError(
            "{name} in {file} cannot be read: {error}", name=name, file=file, error=message_of(error)
        ) from error


def _labels(file: Path, name: str, variable: Variable) -> NDArray[Any]:
    """Return labels (n,), or one column a class (n, classes) with a one in the image's."""
    array = _read(file, name, variable)
    if array.ndim == 2 and 1 in array.shape:
        return array.reshape(-1)
    if array.ndim == 2 and array.size and not set(np.unique(array[:100].ravel())) - {-1, 0, 1}:
        by_row, by_column = (((array == 1).sum(axis=axis) == 1).all() for axis in (1, 0))
        if by_column and not by_row:  # one row a class, as MATLAB's users write it
            array = array.T
        return np.asarray(array == 1).astype(np.uint8)
    return array


def _images(file: Path, name: str, variable: Variable, labels: Any) -> NDArray[Any]:
    """Return the images, the first axis counting them."""
    count = len(labels())
    array = _read(file, name, variable)
    first, last = (array.ndim > 1 and array.shape[axis] == count for axis in (0, -1))
    if first == last:
        raise DataError(
            "{name} in {file} has the shape {shape}: either axis may count the {count:,} images"
            if first
            else "{name} in {file} has the shape {shape}: neither the first nor the last axis counts the "
            "{count:,} labels",
            hint="save it as .npz with the images first",
            name=name,
            file=file,
            shape=array.shape,
            count=count,
        )
    if last:
        array = np.moveaxis(array, -1, 0)  # (n, height, width, channels), (n, pixels)
    side = int(np.sqrt(array.shape[1]))
    if array.ndim == 2 and name.startswith(EMNIST) and side * side == array.shape[1]:
        array = array.reshape(-1, side, side).transpose(0, 2, 1)  # (n, height, width)
    return np.ascontiguousarray(array)


forms.add(
    "mat",
    Form(
        "mat",
        Message("MATLAB file (.mat)"),
        Message(
            "X and y, as SVHN's train_32x32.mat beside test_32x32.mat; EMNIST's; fea and gnd; -v7 or -v7.3"
        ),
        recognises,
        read,
    ),
)
