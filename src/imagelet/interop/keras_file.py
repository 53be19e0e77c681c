"""Keras's model files as plain data: layers with settings, inputs and weights, in the order of the file.

``.keras`` is a zip archive with ``config.json`` and ``model.weights.h5``; an ``.h5`` file holds both in one.
They are read with zipfile, json and h5py. Nothing in them is executed: no class that a file names is looked
up, no function is made, and pickles are not read. What a file announces is compared with its size before.
(Keras 3, ``keras.src.saving.saving_lib`` and ``keras.src.legacy.saving.legacy_h5_format``.)
"""

import io
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet.classifier.file import LARGEST_FILE
from imagelet.data.hdf5 import MAGIC, check_array, check_heaps, first_line, item_at
from imagelet.data.idx import DEFLATE_RATIO
from imagelet.errors import ClassifierFileError, ImageletError, UsageError
from imagelet.messages import Message, message_of
from imagelet.networks.other_libraries import KerasSettings

LARGEST_CONFIG = 2**22  # bytes
MOST_LAYERS = 2_000
DEEPEST = 4  # models in models
MOST_WEIGHTS = 16  # of one layer
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
ROOTS = ("layers", "_layer_checkpoint_dependencies")  # of weights: Keras 3, TensorFlow 2.13 to 2.15
CHAINS, GRAPHS = ("Sequential",), ("Functional", "Model")
UNREADABLE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, LookupError, ArithmeticError),
    *(RuntimeError, NotImplementedError, MemoryError, zipfile.BadZipFile, zlib.error),
)

Arrays = list[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class KerasLayer:
    """One layer of a file.

    Attributes:
        name: unique in its model.
        kind: Keras's class.
        place: what errors call it.
        settings: its settings, unchecked.
        inputs: the names of the layers whose outputs it takes.
        arrays: its weights in Keras's order, float32.
    """

    name: str
    kind: str
    place: Message
    settings: Mapping[str, Any]
    inputs: tuple[str, ...]
    arrays: Arrays = field(default_factory=list)

    @property
    def given(self) -> KerasSettings:
        """Its settings, each checked when it is asked for."""
        return KerasSettings(self.place, self.settings)

    def refusal(self, problem: str) -> UsageError:
        """Return the error that names the layer and says what is wrong with it."""
        return self.given.refusal(problem)


@dataclass(frozen=True, eq=False)
class KerasModel:
    """A model as its file has it.

    Attributes:
        layers: in the order of the file; the layers of models inside it stand in their place.
        output: the name of the last one.
        input_shape: of one image or row, without the batch; None where the file does not say.
    """

    layers: tuple[KerasLayer, ...]
    output: str
    input_shape: tuple[int, ...] | None


def is_hdf5(path: Path) -> bool:
    """Say whether a file is HDF5."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_model(path: Path) -> KerasModel:
    """Return the model of a ``.keras`` or ``.h5`` file.

    Raises:
        ClassifierFileError: it is damaged, too large, or holds no model of Keras.
        UsageError: h5py is not installed; a layer runs code of its own, or has several inputs or outputs.
    """
    with readable(path):
        if is_hdf5(path):
            with opened(path) as file:
                content = _parsed(_text_attribute(file, "model_config"))
                return _Reader(_legacy_weights(file, path.stat().st_size)).model(content)
        with zipfile.ZipFile(path) as archive:
            content = _parsed(_member(archive, CONFIG, LARGEST_CONFIG))
            weights = _member(archive, WEIGHTS, LARGEST_FILE)
        with opened(weights) as file:
            return _Reader(_weights(file, len(weights))).model(content)
    raise AssertionError


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Let whatever damaged content raises be one sentence about the file."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(Message("it is larger than {most:,} bytes", most=LARGEST_FILE))
        yield
    except ImageletError:
        raise
    except UNREADABLE as error:
        reason = message_of(error) if isinstance(error, ValueError) else first_line(error)
        raise ClassifierFileError(
            "{file} is no model of Keras that can be read: {reason}",
            file=path,
            reason=reason if isinstance(reason, Message) else printable(str(reason), 160),
        ) from error


@contextmanager
def opened(file: Path | bytes) -> Iterator[Any]:
    """Open an HDF5 file, or its content, to read.

    Raises:
        UsageError: h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise UsageError(
            "models of Keras are read with h5py, which is not installed",
            hint="pip install 'imagelet[formats]'",
        ) from error
    check_heaps(file)
    with h5py.File(file if isinstance(file, Path) else io.BytesIO(file), "r") as content:
        yield content


def printable(text: str, most: int = 40) -> str:
    """Return a text of a file as an error can repeat it: short, and in one line."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:most])


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Return a member of a zip archive, no larger than ``most`` bytes."""
    if name not in archive.namelist():
        raise ValueError(Message("it has no {name}", name=name))
    member = archive.getinfo(name)
    if member.file_size > min(most, DEFLATE_RATIO * max(member.compress_size, 1) + 1024):
        raise ValueError(Message("it announces more than it can hold"))
    with archive.open(member) as file:
        return file.read(most)


def _parsed(content: bytes | str) -> dict[str, Any]:
    if len(content) > LARGEST_CONFIG:
        raise ValueError(Message("its settings are too long"))
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(Message("its settings are not JSON")) from error
    if not isinstance(parsed, dict):
        raise ValueError(Message("its settings are not JSON"))
    return parsed


def _text_attribute(file: Any, name: str) -> bytes | str:
    """Return an attribute that is one text."""
    import h5py

    if name.encode() not in [entry.encode() for entry in file.attrs]:
        raise ValueError(Message("it holds weights alone; name their network: --network TEXT"))
    kind = h5py.h5a.open(file.id, name.encode()).get_type()
    if not isinstance(kind, h5py.h5t.TypeStringID):
        raise ValueError(Message("its settings are not JSON"))
    value = file.attrs[name]
    if not isinstance(value, bytes | str):
        raise ValueError(Message("its settings are not JSON"))
    return value


# -- weights -------------------------------------------------------------------------------------------------

Weights = Callable[[tuple[str, ...], tuple[str, ...]], Arrays]
"""The weights of a layer, by the names and by the unique kinds of the models around it and of itself."""


def snake(kind: str) -> str:
    """Return how files call a class, as ``keras.src.utils.naming`` does: ``conv2d`` for ``Conv2D``."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", kind))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def counted(kind: str, seen: Counter[str]) -> str:
    """Return how files call the next layer of a class: ``conv2d``, then ``conv2d_1``."""
    name = snake(kind)
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}_{seen[name] - 1}"


def variables(file: Any, path: str, size: int) -> Arrays:
    """Return the weights under a path of a ``.weights.h5`` file, in order; none where there are none."""
    try:
        group = item_at(file, f"{path}/vars")
    except ValueError:
        return []
    if len(group) > MOST_WEIGHTS:
        raise ValueError(Message("'{path}' has over {most} weights", path=path[:80], most=MOST_WEIGHTS))
    return [_array(item_at(group, str(number)), size) for number in range(len(group))]


def root_of(file: Any) -> str:
    """Return where a ``.weights.h5`` file has its layers."""
    return next((root for root in ROOTS if root in file), ROOTS[0])


def _weights(file: Any, size: int) -> Weights:
    def read(_: tuple[str, ...], kinds: tuple[str, ...]) -> Arrays:
        root = root_of(file)
        return variables(file, "/".join(f"{root}/{kind}" for kind in kinds), size)

    return read


def _legacy_weights(file: Any, size: int) -> Weights:
    group = item_at(file, "model_weights")

    def read(names: tuple[str, ...], _: tuple[str, ...]) -> Arrays:
        if names[0] not in group:
            return []
        layer = item_at(group, names[0])
        stored = layer.attrs.get_id("weight_names") if "weight_names" in layer.attrs else None
        if stored is None or stored.shape == (0,):
            return []
        if (
            len(stored.shape) != 1
            or stored.shape[0] > MOST_WEIGHTS * MOST_LAYERS
            or stored.dtype.kind not in "SO"
        ):
            raise ValueError(Message("the names of its weights are damaged"))
        listed = [
            name.decode() if isinstance(name, bytes) else str(name) for name in layer.attrs["weight_names"]
        ]
        own = [name for name in listed if len(names) == 1 or f"/{names[-1]}/" in f"/{name}"]
        return [_array(item_at(layer, name), size) for name in own]

    return read


def _array(dataset: Any, size: int) -> NDArray[np.float32]:
    """Return a dataset of finite numbers as float32."""
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(Message("a weight is no array"))
    check_array(dataset, size, kinds="f" if dataset.dtype.kind != "i" else "i")
    array = np.asarray(dataset[()], np.float32)
    if not np.isfinite(array).all():
        raise ValueError(Message("its weights are not finite"))
    return array


# -- layers --------------------------------------------------------------------------------------------------


class _Reader:
    """The layers of a model, and of those inside it, as they are found."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.layers: list[KerasLayer] = []
        self.names: set[str] = set()
        self.input_shape: tuple[int, ...] | None = None

    def model(self, content: Mapping[str, Any]) -> KerasModel:
        """Return a whole model."""
        output = self.part(content, "", (), ())
        if not self.layers:
            raise ValueError(Message("it has no layers"))
        return KerasModel(tuple(self.layers), output, self.input_shape)

    def part(
        self, content: Mapping[str, Any], source: str, names: tuple[str, ...], kinds: tuple[str, ...]
    ) -> str:
        """Add the layers of a model, or of one inside a model; return the name of the last.

        Args:
            content: class and settings of the model.
            source: the layer before it; empty for the whole model.
            names: the models around it, and itself.
            kinds: the same as files call them.
        """
        kind, settings = content.get("class_name"), content.get("config")
        if kind not in (*CHAINS, *GRAPHS):
            raise UsageError(
                "a model of the class '{kind}' cannot be read: it is code of its own",
                hint="Sequential and functional models can",
                kind=printable(str(kind)),
            )
        listed = settings if isinstance(settings, list) else _dictionary(settings).get("layers")
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise ValueError(Message("its settings hold no list of layers"))
        if len(names) > DEEPEST:
            raise ValueError(Message("its models lie in each other too deep"))
        if isinstance(settings, dict) and self.input_shape is None:
            self.input_shape = _shape(settings.get("build_input_shape"))
        seen: Counter[str] = Counter()
        last = source
        renamed: dict[str, str] = {}
        for entry in listed:
            inputs = None if kind in CHAINS else _inputs(entry)
            taken = (last,) if inputs is None else tuple(renamed.get(name, name) for name in inputs)
            taken = tuple(filter(None, taken)) or ((source,) if source else ())
            last = self.layer(entry, taken, names, kinds, seen)
            renamed[str(entry.get("name") or _dictionary(entry.get("config")).get("name"))] = last
        if kind in CHAINS:
            return last
        outputs = _histories(_dictionary(settings).get("output_layers"))
        if len(outputs) != 1 or outputs[0] not in renamed:
            raise UsageError("the model has several outputs, of which a classifier has one")
        return renamed[outputs[0]]

    def layer(
        self,
        entry: Mapping[str, Any],
        inputs: tuple[str, ...],
        names: tuple[str, ...],
        kinds: tuple[str, ...],
        seen: Counter[str],
    ) -> str:
        """Add a layer, or the layers of a model; return the name of the last."""
        kind, settings = entry.get("class_name"), _dictionary(entry.get("config"))
        own = str(entry.get("name") or settings.get("name") or kind)
        number = len(self.layers) + 1
        if number > MOST_LAYERS:
            raise ValueError(Message("it has over {most} layers", most=MOST_LAYERS))
        if not isinstance(kind, str):
            raise ValueError(Message("layer {number} has no class", number=number))
        unique = counted(kind, seen)
        if kind in (*CHAINS, *GRAPHS):
            if len(inputs) > 1:
                raise UsageError("the model '{name}' has several inputs", name=printable(own))
            source = inputs[0] if inputs else ""
            return self.part(entry, source, (*names, own), (*kinds, unique))
        name = "/".join((*names, own))
        told = {"number": number, "name": printable(own), "kind": printable(kind)}
        place = Message("layer {number}, '{name}' ({kind})", **told)
        _refuse_code(entry, KerasSettings(place, settings))
        if name in self.names:
            raise ValueError(Message("two of its layers have one name"))
        self.names.add(name)
        shape = _shape(settings.get("batch_shape") or settings.get("batch_input_shape"))
        if self.input_shape is None and shape is not None:
            self.input_shape = shape
        arrays = self.weights((*names, own), (*kinds, unique))
        self.layers.append(KerasLayer(name, kind, place, settings, inputs, arrays))
        return name


def _refuse_code(entry: Mapping[str, Any], given: KerasSettings) -> None:
    """Raise for a layer that a file cannot describe without code."""
    registered, module = entry.get("registered_name"), entry.get("module")
    if entry.get("class_name") in ("Lambda", "TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
        raise given.refusal(Message("it runs code of its own, and nothing in a file is executed"))
    own = isinstance(registered, str) and ">" in registered and not registered.startswith("Keras>")
    if own or (isinstance(module, str) and module.partition(".")[0] not in ("keras", "tf_keras", "builtins")):
        raise given.refusal(Message("it is a class of its own, whose code is not in the file"))


def _dictionary(content: Any) -> dict[str, Any]:
    return content if isinstance(content, dict) else {}


def _shape(content: Any) -> tuple[int, ...] | None:
    """Return a shape without the batch."""
    if not isinstance(content, list) or not 2 <= len(content) <= 4:
        return None
    sides = content[1:]
    return tuple(sides) if all(type(side) is int and 0 < side < 10**7 for side in sides) else None


def _inputs(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the layers whose outputs a functional model's layer takes."""
    nodes = entry.get("inbound_nodes")
    if not isinstance(nodes, list) or not nodes:
        return ()
    if len(nodes) > 1:
        name = printable(str(entry.get("name")))
        raise UsageError(
            "the layer '{name}' is used in several places, which network text cannot say", name=name
        )
    return _histories(nodes[0])


def _histories(content: Any) -> tuple[str, ...]:
    """Return the names of layers in whatever lists and dictionaries Keras writes around them.

    A tensor is ``{"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}`` or, in older
    files and for outputs, ``[name, 0, 0]``, perhaps with settings behind it.
    """
    found: list[str] = []
    waiting = [content]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, dict):
            history = _dictionary(item.get("config")).get("keras_history")
            waiting[:0] = [history] if item.get("class_name") == "__keras_tensor__" else list(item.values())
        elif isinstance(item, list) and len(item) in (3, 4) and isinstance(item[0], str):
            if all(type(number) is int for number in item[1:3]):
                found.append(item[0])
        elif isinstance(item, list):
            waiting[:0] = item
        if len(found) + len(waiting) > MOST_LAYERS:
            raise ValueError(Message("it has over {most} layers", most=MOST_LAYERS))
    return tuple(found)
