"""The pickles of CIFAR's Python form, read without Python's unpickler.

A pickle is a program for a machine with a stack and a memo. This one knows the few instructions that such a
file needs. It calls nothing, and puts descriptions in the place of arrays. It takes no more memory than the
file's own bytes and instructions need, whatever lengths and indices they name.
(https://docs.python.org/3/library/pickletools.html)
"""

import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.messages import Message

MOST_INSTRUCTIONS = 1 << 19  # CIFAR-100's training images take 200,000, in the wordiest protocol 400,000


class RefusedError(ValueError):
    """A pickle asks for something that no CIFAR file needs."""


def read_pickle(content: bytes) -> Any:
    """Return what a pickled batch holds: dicts, lists, tuples, text, bytes, whole numbers, `PickledArray`.

    Text that Python 2 wrote is bytes.

    Raises:
        RefusedError: it asks for something that no CIFAR file needs.
        ValueError: it is not a whole pickle.
    """
    machine = _Machine(len(content))
    try:
        for number, (opcode, value, _) in enumerate(pickletools.genops(content)):
            if number == MOST_INSTRUCTIONS:
                raise RefusedError(Message("has more than {most:,} instructions", most=MOST_INSTRUCTIONS))
            if opcode.name == "FRAME" and value > len(content):  # type: ignore[operator]
                raise ValueError("the frame is longer than the file")
            machine.execute(opcode.name, value)
        return machine.pop()
    except RefusedError:
        raise
    except Exception as error:  # damaged pickles raise almost anything
        raise ValueError(Message("is not a whole pickle ({error})", error=type(error).__name__)) from error


@dataclass
class PickledArray:
    """What a pickle says of an array; nothing is believed before ``read``."""

    state: tuple[Any, ...] = ()  # shape, kind, order, content

    def read(self) -> NDArray[np.uint8]:
        """Return the array; raise ValueError unless it is one of bytes, described truly."""
        shape, kind, columns_first, content = self.state if len(self.state) == 4 else (None,) * 4
        if not isinstance(kind, _Kind) or kind.code not in ("u1", b"u1") or columns_first not in (False, "C"):
            raise ValueError(Message("holds an array that is not of plain bytes"))
        if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError(Message("holds an array without a shape"))
        if not isinstance(content, bytes | bytearray) or len(content) != math.prod(shape):
            raise ValueError(Message("holds an array whose shape is not its length"))
        return np.frombuffer(content, np.uint8).reshape(shape)


@dataclass
class _Kind:
    """What a pickle says of an array's type; of bytes no more than the code is needed."""

    code: Any


@dataclass(frozen=True)
class _Name:
    """A function or class that a pickle names; it stands for itself and can do nothing."""

    text: str


_ADMITTED = {
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.numeric._frombuffer",
    "_codecs.encode",
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"}
_TEXTS = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_BYTES = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_TEXTS_OF_PYTHON_2 = {"STRING", "BINSTRING", "SHORT_BINSTRING"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass
class _Machine:
    """The stack and the memo; ``length`` is the file's, in bytes."""

    length: int
    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    encoded: int = 0

    def execute(self, name: str, value: Any) -> None:
        """Execute the instruction ``name``; ``value`` is its argument."""
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _NUMBERS or name in _TEXTS or name in _BYTES:
            self.stack.append(value)
        elif name in _TEXTS_OF_PYTHON_2:
            self.stack.append(value.encode("latin-1"))
        elif name in _TUPLES:
            self.stack.append(tuple(self.pop_several(_TUPLES[name])))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[value] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[value])
        elif name in _WITHOUT_VALUE:
            _WITHOUT_VALUE[name](self)
        elif name == "GLOBAL":
            self.stack.append(_admitted(value.replace(" ", ".", 1)))
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise RefusedError(Message("has the instruction {name}, which no CIFAR file needs", name=name))

    def pop(self) -> Any:
        return self.stack.pop()

    def pop_several(self, number: int) -> list[Any]:
        if number > len(self.stack):
            raise IndexError
        items = self.stack[len(self.stack) - number :]
        del self.stack[len(self.stack) - number :]
        return items

    def pop_marked(self) -> list[Any]:
        return self.pop_several(len(self.stack) - self.marks.pop())

    def mark(self) -> None:
        self.marks.append(len(self.stack))

    def memoize(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise TypeError
        target.extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or not all(type(key) in (str, bytes) for key in items[::2]):
            raise TypeError
        target.update(zip(items[::2], items[1::2], strict=True))

    def make_dict(self) -> None:
        items = self.pop_marked()
        self.stack.append({})
        self.set_items(items)

    def name(self) -> None:
        module, name = self.pop_several(2)
        if type(module) is not str or type(name) is not str:
            raise TypeError
        self.stack.append(_admitted(f"{module}.{name}"))

    def call(self) -> None:
        """Put what a call of an admitted name describes in its place."""
        named, values = self.pop_several(2)
        if not isinstance(named, _Name) or type(values) is not tuple:
            raise TypeError
        match named.text.rpartition(".")[2], values:
            case "encode", (str(text), "latin1" | b"latin1"):
                self.encoded += len(text)
                if self.encoded > self.length:  # one text may be named many times
                    raise RefusedError(Message("encodes more text than it holds"))
                self.stack.append(
                    text.encode("latin-1")
                )  # bytes that a newer Python wrote in an older protocol
            case "encode", _:
                raise RefusedError(Message("encodes something that no CIFAR file does"))
            case "dtype", (code, *_):
                self.stack.append(_Kind(code))
            case "_frombuffer", (content, kind, shape, order):
                self.stack.append(PickledArray((shape, kind, order, content)))
            case "ndarray" | "_reconstruct", _:
                self.stack.append(PickledArray())
            case _:
                raise TypeError

    def build(self) -> None:
        """Give an array its state; what is said of a kind of bytes beyond its code says nothing."""
        state, target = self.pop(), self.stack[-1]
        if isinstance(target, PickledArray) and type(state) is tuple:
            target.state = state[1:]  # without the version
        elif not isinstance(target, _Kind):
            raise RefusedError(Message("sets an attribute, which no CIFAR file does"))


_WITHOUT_VALUE: dict[str, Callable[[_Machine], None]] = {
    "MARK": _Machine.mark,
    "MEMOIZE": _Machine.memoize,
    "TUPLE": lambda machine: machine.stack.append(tuple(machine.pop_marked())),
    "LIST": lambda machine: machine.stack.append(machine.pop_marked()),
    "DICT": _Machine.make_dict,
    "APPEND": lambda machine: machine.append(machine.pop_several(1)),
    "APPENDS": lambda machine: machine.append(machine.pop_marked()),
    "SETITEM": lambda machine: machine.set_items(machine.pop_several(2)),
    "SETITEMS": lambda machine: machine.set_items(machine.pop_marked()),
    "STACK_GLOBAL": _Machine.name,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.build,
}


def _admitted(text: str) -> _Name:
    admitted = text.replace("numpy._core.", "numpy.core.")
    if admitted not in _ADMITTED:
        shown = text[:80] if text.isprintable() else ascii(text[:80])
        raise RefusedError(Message("asks for {name}, which no CIFAR file needs", name=shown))
    return _Name(admitted)
