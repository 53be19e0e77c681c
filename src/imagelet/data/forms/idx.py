"""IDX files under any usual name: MNIST's, EMNIST's, KMNIST's, with dots or dashes, packed or not."""

from pathlib import Path

from imagelet import paths
from imagelet.data.forms.form import Contents, Form, forms, paired
from imagelet.data.idx import is_idx, read_idx, rows_of_idx
from imagelet.errors import DataError
from imagelet.messages import Message

MOST_FILES = 1_000  # of a folder, that are looked at


def recognises(path: Path) -> bool:
    """Say whether a file is of the form IDX, or a folder holds such files and no subfolders of pictures."""
    if path.is_file():
        return "idx" in path.name.lower() and is_idx(path)
    return path.is_dir() and bool(_files(path))


def read(path: Path) -> Contents:
    """Return the parts, by the files' names; of a file, those whose names begin alike."""
    folder = path if path.is_dir() else path.parent
    files = {file.name: file for file in _files(folder)}
    families = {_family(name) for name in files}
    if path.is_file():
        files = {name: file for name, file in files.items() if _family(name) == _family(path.name)}
    elif len(families) > 1:
        raise DataError(
            "{folder} holds several datasets: {names}",
            hint="name one file of those that you mean: imagelet train {example}",
            folder=folder,
            names=", ".join(sorted(families)),
            example=paths.typed(next(iter(files.values()))),
        )
    return paired(
        files,
        str(folder),
        load=lambda name: read_idx(files[name]),
        rows=lambda name: rows_of_idx(files[name]),
        file=lambda name: files[name],
    )


def _files(folder: Path) -> list[Path]:
    names = sorted(path for path in folder.iterdir() if "idx" in path.name.lower())[:MOST_FILES]
    return [path for path in names if path.is_file() and is_idx(path)]


def _family(name: str) -> str:
    """Return what stands before the part's name: ``emnist-letters`` of ``emnist-letters-train-images…``."""
    lower = name.lower()
    ends = [lower.find(word) for word in ("train", "test", "t10k", "val") if word in lower]
    return lower[: min(ends)].strip("-_.") if ends else lower


forms.add(
    "idx",
    Form(
        "idx",
        Message("IDX files, as MNIST's"),
        Message("train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-…; with dots or dashes, .gz or not"),
        recognises,
        read,
    ),
)
