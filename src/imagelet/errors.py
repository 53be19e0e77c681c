"""Every error that imagelet raises on purpose.

    ImageletError                 a message (what was given, what is allowed) and a hint (what to type next)
    ├── UsageError                the request itself is wrong; exit code 2
    │   ├── UnknownNameError      a name that no registry holds
    │   ├── NetworkTextError      network text that cannot be built, with the position of the mistake
    │   ├── MissingPackageError   a package that is needed and not installed
    │   └── SettingError          a recipe's or experiment's field with a value that is not allowed
    ├── DataError                 a dataset that is missing, damaged or unusable
    │   └── DownloadError         no mirror gave the file
    ├── PictureError              one picture that cannot be read
    ├── ClassifierFileError       a file that is not a classifier, or a damaged one
    ├── RunError                  a run folder that is missing, incomplete or in use
    │   └── UnknownRunError       a name or path at which there is no run; exit code 2
    ├── ConflictError             a request that does not fit how things stand: a run in training, a name used
    ├── BusyError                 too much is under way; later the same request may be granted
    ├── JobStoreError             the lab's store of trainings: damaged, or of another version
    ├── TrainingError             training cannot go on
    │   └── CheckpointError       no checkpoint that can be read
    └── RequirementMissedError    a figure below what was required; exit code 3

Ctrl-C is Python's own KeyboardInterrupt; the command line turns it into exit code 130.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imagelet.messages import Message


class ImageletError(Exception):
    """An error that a user can act on.

    Args:
        message: what was given and what is allowed, one sentence: a template, the key of its translations.
        hint: what to type or do next, a template, too; empty where the message says it all.
        **values: what the places of both templates stand for.
    """

    exit_code = 1

    def __init__(self, message: str, /, hint: str = "", **values: Any) -> None:
        self.message = Message(message, **values)
        self.hint = Message(hint, **values)
        super().__init__(self.message)

    @property
    def code(self) -> str:
        """What a program tells errors apart by: ``unknown_name`` for an :class:`UnknownNameError`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__.removesuffix("Error")).lower()

    @property
    def sentence(self) -> Message:
        """The message, with the hint in brackets."""
        if not self.hint:
            return self.message
        return Message("{message} ({hint})", message=self.message, hint=self.hint)

    def __str__(self) -> str:
        return str(self.sentence)


class UsageError(ImageletError):
    """The request itself is wrong: nothing was read, written or changed."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that no registry holds."""


class NetworkTextError(UsageError):
    """Network text that cannot be parsed or built.

    Args:
        message: what is wrong, with the layer and its position in words; a template.
        hint: what would be right; a template.
        text: the network text.
        position: where the mistake begins, counted from 1, for the caret under the text; a value of the
            templates, too.
        **values: the other values.
    """

    def __init__(
        self, message: str, /, hint: str = "", *, text: str = "", position: int = 1, **values: Any
    ) -> None:
        super().__init__(message, hint, position=position, **values)
        self.text = text
        self.position = position


class MissingPackageError(UsageError, ImportError):
    """A package that is needed is not installed: a light installation has few."""


@contextmanager
def packages_needed() -> Iterator[None]:
    """Let a package that the block imports and that is not installed be an error that a user can act on.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "imagelet"):
            raise
        raise MissingPackageError(
            "this needs the package {package}, which is not installed",
            "pip install imagelet",
            package=package,
        ) from error


class SettingError(UsageError):
    """A recipe's or an experiment's field has a value that is not allowed."""


class DataError(ImageletError):
    """A dataset that is missing, damaged or unusable."""


class DownloadError(DataError):
    """No mirror gave the file, or what it gave is not the official file."""


class PictureError(ImageletError):
    """One picture that cannot be read."""


class ClassifierFileError(ImageletError):
    """A file that is not a classifier, or is a damaged one."""


class RunError(ImageletError):
    """A run folder that is missing, incomplete or in use."""


class UnknownRunError(RunError):
    """There is no run of that name, or at that path."""

    exit_code = 2


class ConflictError(ImageletError):
    """A request that does not fit how things stand: a run in training, a name used."""


class BusyError(ImageletError):
    """Too much is under way; later the same request may be granted."""


class JobStoreError(ImageletError):
    """The lab's store of trainings is damaged, cannot be used, or is of another version."""


class TrainingError(ImageletError):
    """Training cannot go on."""


class CheckpointError(TrainingError):
    """No checkpoint that can be read."""


class RequirementMissedError(ImageletError):
    """A figure came out below what was required."""

    exit_code = 3
