"""A person's own loss and augmentation: called in every step, recorded by name and source, never imported.

A run keeps the qualified name of each and the SHA-256 of its source. Nothing imports code because a file
names it, so who resumes or reproduces the run passes the functions again, and they must have the same source.
What a function takes from around it, a closure's values or a module's, is not looked at.
"""

import hashlib
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

from imagelet.errors import TrainingError, UsageError
from imagelet.messages import Message

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits float32 (n, classes), labels int64 (n,)) → the loss to go down, one float that has a gradient."""

Augment = Callable[[Tensor], Tensor]
"""Network input float32 (n, channels, height, width) → the same images changed, in the same shape."""


@dataclass(frozen=True)
class OwnFunctions:
    """The functions that a person passes.

    Attributes:
        loss: in place of cross-entropy, which ``label_smoothing`` and the like shape; the loss of outliers is
            added to it. The figures of the epochs are cross-entropy all the same.
        augmentation: after the recipe's own changes, on normalized images. What it draws from torch's default
            generator is a function of seed, epoch and step, so that a resumed run draws the same.

    Raises:
        UsageError: something that cannot be called.
    """

    loss: Loss | None = None
    augmentation: Augment | None = None

    def __post_init__(self) -> None:
        for kind, function in self._given().items():
            if not callable(function):
                raise UsageError(
                    "{kind} is a function; this is of the type {type}",
                    kind=kind,
                    type=type(function).__name__,
                )

    def to_json(self) -> dict[str, dict[str, str]]:
        """Return what a run keeps of them: for each its ``name`` and the ``sha256`` of its source."""
        return {
            kind: {"name": _name(function), "sha256": _source_sha256(function)}
            for kind, function in self._given().items()
        }

    def check(self, kept: Mapping[str, Mapping[str, str]], run: str) -> None:
        """Raise unless these are the functions that a run was trained with.

        Args:
            kept: what :meth:`to_json` returned then.
            run: its name.

        Raises:
            UsageError: one is missing, is too many, or has another source.
        """
        given = self.to_json()
        for kind in [field.name for field in fields(self)]:
            before, now = kept.get(kind), given.get(kind)
            if before == now:
                continue
            if before is None:
                raise UsageError(
                    "the run '{run}' was trained without an own {kind}", "leave it out", run=run, kind=kind
                )
            values = {"run": run, "kind": kind, "function": before["name"]}
            if now is None:
                raise UsageError(
                    "the run '{run}' was trained with an own {kind}, {function}, which no file may import",
                    "pass it again in Python: {kind}={short}",
                    short=before["name"].rpartition(".")[2],
                    **values,
                )
            raise UsageError(
                "the {kind} is not {function} as the run '{run}' was trained with: name or source differ",
                "bring back the source, or train a new run",
                **values,
            )

    def _given(self) -> dict[str, Any]:
        return {
            field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None
        }


NONE = OwnFunctions()


def own_loss(function: Loss, logits: Tensor, labels: Tensor) -> Tensor:
    """Return what a person's loss makes of logits (n, classes) and labels (n,).

    Raises:
        TrainingError: no single float that has a gradient.
    """
    loss = function(logits, labels)
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
        raise TrainingError(
            "the loss {name} returned {given}, not one number that depends on the logits",
            "for example: torch.nn.functional.cross_entropy(logits, labels)",
            name=_name(function),
            given=_described(loss),
        )
    return loss.reshape(())


def own_augmentation(function: Augment, images: Tensor) -> Tensor:
    """Return what a person's augmentation makes of images (n, channels, height, width).

    Raises:
        TrainingError: no images of the same shape and type.
    """
    changed = function(images)
    if not isinstance(changed, Tensor) or changed.shape != images.shape or changed.dtype != images.dtype:
        raise TrainingError(
            "the augmentation {name} returned {given}, not {expected}",
            "it takes a batch of images and returns as many of the same size",
            name=_name(function),
            given=_described(changed),
            expected=_described(images),
        )
    return changed


def _described(value: object) -> Message:
    if not isinstance(value, Tensor):
        return Message("something of the type {type}", type=type(value).__name__)
    kind = str(value.dtype).removeprefix("torch.")
    return Message("a tensor of {shape}, {kind}", shape=tuple(value.shape), kind=kind)


def _code(function: Any) -> Any:
    """Return the function or class whose source says what is done."""
    function = getattr(function, "func", function)  # of functools.partial
    return function if inspect.isroutine(function) or inspect.isclass(function) else type(function)


def _name(function: Any) -> str:
    code = _code(function)
    return f"{getattr(code, '__module__', '?')}.{getattr(code, '__qualname__', repr(code))}"


def _source_sha256(function: Any) -> str:
    """Return the SHA-256 of a function's source; of one without source, of its name."""
    try:
        source = textwrap.dedent(inspect.getsource(_code(function)))
    except (OSError, TypeError):
        source = _name(function)
    return hashlib.sha256(source.encode()).hexdigest()
