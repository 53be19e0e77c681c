"""What a training process tells the process that started it: a line of JSON for each event."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from imagelet import errors
from imagelet.errors import ImageletError, RunError
from imagelet.messages import Message
from imagelet.runs.run import Run
from imagelet.training.history import EpochFigures


@dataclass(frozen=True)
class Reading:
    """Data is read: ``done`` of ``total``; the total is None where it is not known."""

    done: int
    total: int | None


@dataclass(frozen=True)
class Started:
    """A run folder was made, or a run is resumed; the attributes are those of ``RunStarted``."""

    run: Run
    resumed_at: tuple[int, int] | None
    warnings: tuple[Message, ...]


@dataclass(frozen=True)
class Steps:
    """So many of all steps of the training are done."""

    done: int
    total: int


@dataclass(frozen=True)
class Epoch:
    """An epoch ended; the attributes are those of ``EpochEnded``."""

    figures: EpochFigures
    best: bool
    seconds: float
    images_per_second: float


@dataclass(frozen=True)
class StoppedEarly:
    """The training ended before its last epoch, as its recipe says."""


@dataclass(frozen=True)
class Warned:
    """Something was warned of."""

    message: Message


@dataclass(frozen=True)
class Done:
    """The run is finished."""

    run: Run


@dataclass(frozen=True)
class Failed:
    """Nothing more comes of it; what was saved is resumed when the same is asked for again."""

    error: ImageletError


@dataclass(frozen=True)
class Interrupted:
    """It was asked to end, and has saved its state."""


ChildEvent = Reading | Started | Steps | Epoch | StoppedEarly | Warned | Done | Failed | Interrupted
_KINDS = {kind.__name__: kind for kind in ChildEvent.__args__}


def encode(event: ChildEvent) -> bytes:
    """Return an event as a line."""
    fields = {name: _plain(value) for name, value in vars(event).items()}
    return json.dumps({"event": type(event).__name__, **fields}).encode() + b"\n"


def decode(line: bytes) -> ChildEvent:
    """Return the event of a line.

    Raises:
        ValueError: the line is none of :func:`encode`.
    """
    try:
        content = json.loads(line)
        fields = {name: _value(name, value) for name, value in content.items() if name != "event"}
        event: ChildEvent = _KINDS[content["event"]](**fields)
        return event
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError("no event of a training process") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Run):
        return str(value.folder)
    if isinstance(value, Message):
        return value.to_json()
    if isinstance(value, EpochFigures):
        return asdict(value)
    if isinstance(value, ImageletError):
        return {
            "class": type(value).__name__,
            "message": value.message.to_json(),
            "hint": value.hint.to_json(),
        }
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _value(name: str, value: Any) -> Any:
    match name:
        case "run":
            return Run(Path(value))
        case "figures":
            return EpochFigures(**value)
        case "message":
            return Message.from_json(value)
        case "warnings":
            return tuple(Message.from_json(item) for item in value)
        case "resumed_at":
            return value and tuple(value)
        case "error":
            return _error(value)
    return value


def _error(content: Mapping[str, Any]) -> ImageletError:
    kind = getattr(errors, content["class"], RunError)
    message, hint = (Message.from_json(content[name]) for name in ("message", "hint"))
    error: ImageletError = kind(message, hint)
    return error


def sentence_about(error: BaseException) -> ImageletError:
    """Return any error as one that a user can act on."""
    if isinstance(error, ImageletError):
        return error
    if isinstance(error, OSError) and error.strerror:
        where = Message("{file}: {problem}", file=error.filename or "", problem=error.strerror)
        return RunError(where if error.filename else error.strerror)
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        return RunError(
            "there is not enough memory for so many trainings at a time", hint="let fewer run: --parallel 1"
        )
    return RunError(
        "something unexpected went wrong: {reason}",
        hint="run again with --parallel 1 --debug to see the traceback",
        reason=f"{type(error).__name__}: {' '.join(str(error).split())}",
    )
