"""Checkpoints: the state of a training in one file, which is complete or absent.

A file starts with the SHA-256 of the rest, 64 hexadecimal digits and a line feed. The rest is safetensors:
the tensors, and the facts as JSON in its header. The last two checkpoints are kept, so that a damaged one
costs a few steps, not the training.
"""

import hashlib
import json
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
from torch import Tensor

from imagelet import atomic_files
from imagelet.errors import CheckpointError
from imagelet.messages import Message, message_of
from imagelet.networks.modules import stored

KEPT = 2
SUFFIX = ".checkpoint"
UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    MemoryError,
    safetensors.SafetensorError,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        tensors: named tensors on the CPU.
        facts: plain data, whose fields the caller knows.
    """

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]


def save_checkpoint(folder: Path, number: int, checkpoint: Checkpoint) -> Path:
    """Write ``checkpoint`` under ``number`` (the optimizer steps done) and remove all but the last two.

    Raises:
        OSError: the folder cannot be written, or the disk is full; earlier checkpoints are still there.
    """
    content = safetensors.torch.save(stored(checkpoint.tensors), {"facts": json.dumps(checkpoint.facts)})
    path = folder / f"{number:09d}{SUFFIX}"
    with atomic_files.replacing(path) as file:
        file.write(hashlib.sha256(content).hexdigest().encode() + b"\n")
        file.write(content)
    for old in saved_checkpoints(folder)[:-KEPT]:
        _remove(old)
    return path


def saved_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoint files of ``folder``, oldest first; none if it does not exist."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def read_checkpoint(path: Path) -> Checkpoint:
    """Return the checkpoint in ``path``.

    Raises:
        CheckpointError: it cannot be read: it is damaged, no checkpoint, no file, or the disk fails.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError(Message("it is not a file"))
        content = path.read_bytes()
        digest, body = content[:64], content[65:]
        if hashlib.sha256(body).hexdigest().encode() != digest:
            raise ValueError(Message("its content does not match its SHA-256"))
        header_length = int.from_bytes(body[:8], "little")
        header = json.loads(body[8 : 8 + header_length])
        facts = json.loads(header["__metadata__"]["facts"])
        return Checkpoint(safetensors.torch.load(body), facts)
    except UNREADABLE as error:
        raise CheckpointError(
            "{file} cannot be read: {problem}", file=path, problem=message_of(error) or type(error).__name__
        ) from error


def restore_newest(folder: Path, restore: Callable[[Checkpoint], T]) -> tuple[T | None, list[str]]:
    """Return what ``restore`` makes of the newest usable checkpoint, and a sentence about each newer one.

    Those are removed then, so that they are not taken for the newest later. Without any checkpoint it is
    None: the training then starts from the beginning.

    Args:
        folder: with the checkpoints; it may be absent.
        restore: raises CheckpointError for a checkpoint that does not fit.

    Raises:
        CheckpointError: there are checkpoints, and none can be used.
    """
    warnings: list[str] = []
    paths = saved_checkpoints(folder)
    for path in reversed(paths):
        try:
            restored = restore(read_checkpoint(path))
        except CheckpointError as error:
            warnings.append(
                Message("{problem}; resuming from the checkpoint before it", problem=error.message)
            )
            continue
        for unusable in paths[paths.index(path) + 1 :]:
            _remove(unusable)
        return restored, warnings
    if paths:
        raise CheckpointError(
            "all {count} checkpoints in {folder} are damaged",
            hint="train again; imagelet train takes the settings of experiment.toml",
            count=len(paths),
            folder=folder,
        )
    return None, warnings


def _remove(path: Path) -> None:
    """Remove a checkpoint, or what lies in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_checkpoints(folder: Path) -> None:
    """Remove the folder with all its checkpoints, if there is one."""
    shutil.rmtree(folder, ignore_errors=True)
