"""The classifier's file: safetensors, with everything but the weights as JSON in its header.

A file may come from anywhere, so nothing in it is trusted: sizes are limited before anything is read, every
field is checked, the network is built from its text (never imported) and is never larger than the file, and
names, types and shapes of the tensors must be those of that network. Pickle is never used.

The header holds no times, and its keys are sorted: equal trainings give equal bytes.

Weights are float32 or float16. Those of the classifiers that come with the package are float16, packed as
uint8 (bytes,), which makes the package smaller.
"""

import json
import math
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from imagelet.errors import ClassifierFileError, UsageError, packages_needed
from imagelet.messages import Message, message_of
from imagelet.metrics.calibration import Calibration
from imagelet.networks import find_network, infer_shapes
from imagelet.networks.layer_kind import Shape
from imagelet.networks.numpy_network import NumpyNetwork, plain_layers, tensor_shapes
from imagelet.networks.summary import MOST_PARAMETERS
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization
from imagelet.preprocessing.test_time_augmentation import TEST_TIME_AUGMENTATIONS

if TYPE_CHECKING:
    from imagelet.networks import Network

FORMAT = 1
KEY = "imagelet"  # of the facts in the safetensors header
LARGEST_HEADER = 2**23  # bytes; room for the longest network text and MOST_CLASSES long names
LARGEST_FILE = 4 * MOST_PARAMETERS + LARGEST_HEADER  # bytes; every network that can be trained fits
MOST_CLASSES = 10_000
LONGEST_REASON = 300  # letters of a file's content that an error repeats
FIELDS = (
    "calibration",
    "classes",
    "format",
    "framing",
    "network",
    "normalization",
    "test_time_augmentation",
    "training",
    "versions",
)
DTYPES = {  # how weights, counters of batch normalisation, and what else a module keeps may be stored
    "float32": ("F32", "F16"),
    "int64": ("I64",),
    "int32": ("I32",),
    "uint8": ("U8",),
    "bool": ("BOOL",),
}
RAW_DEFLATE = -zlib.MAX_WBITS  # without header and checksum
MOST_MEMORY = 9  # zlib's level with the fewest tables
SMALLEST_WEIGHT = 1  # byte: of a packed one
LARGEST_HALF = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Content:
    """The content of a classifier's file."""

    network: "Network | NumpyNetwork"
    classes: tuple[str, ...]
    framing: Framing
    normalization: Normalization
    calibration: Calibration
    training: dict[str, Any]
    test_time_augmentation: str


def to_bytes(content: Content, *, half: bool = False) -> bytes:
    """Return a classifier's file; ``half``: with float16 weights."""
    from importlib.metadata import version

    facts = {
        "format": FORMAT,
        "network": {"text": content.network.text, "input_shape": list(content.network.input_shape)},
        "classes": list(content.classes),
        "framing": content.framing.to_json(),
        "normalization": content.normalization.to_json(),
        "calibration": content.calibration.to_json(),
        "training": content.training,
        "versions": {name: version(name) for name in ("imagelet", "torch") if find_spec(name)},
        "test_time_augmentation": content.test_time_augmentation,
    }
    header = json.dumps(facts, sort_keys=True, ensure_ascii=False, allow_nan=False)
    weights = {
        name: array.astype(np.float16) if half and _fits_half(array) else np.asarray(array, order="C")
        for name, array in _arrays(content.network).items()
    }
    content_of_file: bytes = safetensors.numpy.save(weights, {KEY: header})
    return content_of_file


def packed(content: bytes) -> bytes:
    """Return a classifier's file with the same weights, the float16 ones packed.

    Args:
        content: what :func:`to_bytes` returns.
    """
    metadata = read_header(content)["__metadata__"]
    weights = {
        name: _packed(array) if array.dtype == np.float16 else array
        for name, array in safetensors.numpy.load(content).items()
    }
    content_of_file: bytes = safetensors.numpy.save(weights, metadata)
    return content_of_file


def with_calibration(content: bytes, calibration: Calibration) -> bytes:
    """Return a classifier's file with another calibration; its weights stay as they are, byte for byte.

    Args:
        content: what :func:`to_bytes` or :func:`packed` returns.
        calibration: the other one.
    """
    header = read_header(content)
    facts = {**_facts(header), "calibration": calibration.to_json()}
    written = json.dumps(facts, sort_keys=True, ensure_ascii=False, allow_nan=False)
    changed = json.dumps(
        {**header, "__metadata__": {KEY: written}}, separators=(",", ":"), ensure_ascii=False
    )
    aligned = changed.encode() + b" " * (-len(changed.encode()) % 8)  # as safetensors writes it
    body = content[8 + int.from_bytes(content[:8], "little") :]
    return len(aligned).to_bytes(8, "little") + aligned + body


def _packed(array: NDArray[np.float16]) -> NDArray[np.uint8]:
    """Return the numbers packed, uint8 (bytes,): all low bytes, the rows' means, the compressed high bytes.

    The bits are turned left by one. The low byte of a number, its sign and the end of its fraction, is noise.
    The high byte, exponent and beginning of the fraction, has some six bits of entropy; its row's mean is
    subtracted from it. Repetitions are chance, so that Huffman's codes alone pack best.
    """
    bits = array.view(np.uint16).reshape(_rows(array.shape), -1)
    turned = bits << 1 | bits >> 15
    high = (turned >> 8).astype(np.uint8)
    means = high.mean(axis=1).round().astype(np.uint8)
    packer = zlib.compressobj(9, zlib.DEFLATED, RAW_DEFLATE, MOST_MEMORY, zlib.Z_HUFFMAN_ONLY)
    compressed = packer.compress((high - means[:, np.newaxis]).tobytes()) + packer.flush()
    low = (turned & 255).astype(np.uint8).reshape(-1)
    return np.concatenate([low, means, np.frombuffer(compressed, np.uint8)])


def _unpacked(array: NDArray[np.uint8], shape: Shape) -> NDArray[np.float16]:
    """Return the numbers of which :func:`_packed` returned the bytes, never more than the shape has.

    Raises:
        ValueError: there are fewer or more, or they are damaged.
    """
    count, rows = math.prod(shape), _rows(shape)
    low, means, compressed = np.split(array, [count, count + rows])
    unpacker = zlib.decompressobj(RAW_DEFLATE)
    try:
        high = np.frombuffer(unpacker.decompress(compressed.tobytes(), count + 1), np.uint8)
    except zlib.error as error:
        raise ValueError(Message("its packed weights are damaged")) from error
    if len(means) != rows or len(high) != count or not unpacker.eof or unpacker.unused_data:
        raise ValueError(Message("its packed weights are damaged"))
    high = (high.reshape(rows, -1) + means[:, np.newaxis]).reshape(-1)
    turned = low | high.astype(np.uint16) << 8
    return (turned >> 1 | turned << 15).view(np.float16).reshape(shape)


def _rows(shape: Shape) -> int:
    return shape[0] if shape else 1


def _arrays(network: "Network | NumpyNetwork") -> Mapping[str, NDArray[Any]]:
    """Return the tensors of a network by their names."""
    if isinstance(network, NumpyNetwork):
        return network.weights
    return {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}


def _fits_half(array: NDArray[Any]) -> bool:
    """Say whether a tensor's numbers stay finite in half precision."""
    return array.dtype.kind == "f" and bool((np.abs(array) <= LARGEST_HALF).all())


def read(path: Path, allow_import: bool | None = None, given: Any = None) -> Content:
    """Return the content of a classifier's file, the network with its weights.

    Args:
        path: the file.
        allow_import: import the network if its text is ``package.module:function``: that runs its code. None:
            as the environment says.
        given: the network, a module or a builder, of which a copy gets the weights; None: by its text.

    Raises:
        ClassifierFileError: one line that begins with the file's name.
    """
    try:
        raw = read_bytes(path)
    except ValueError as error:
        raise _refusal(str(path), error) from error
    return content_of(raw, str(path), allow_import, given)


def content_of(raw: bytes, origin: str, allow_import: bool | None = None, given: Any = None) -> Content:
    """Return what :func:`read` does, of a file's bytes; ``origin`` is what errors call them."""
    try:
        header = read_header(raw)
        content = _content(_facts(header), raw, header, allow_import, given)
        _warn_if_changed(origin, content)
    except (UsageError, ClassifierFileError) as error:
        raise _refusal(origin, error, error.hint) from error
    except (
        ValueError,
        TypeError,
        ArithmeticError,  # a whole number that no float can hold
        RuntimeError,  # torch's, and JSON that is nested too deeply
        safetensors.SafetensorError,
    ) as error:
        raise _refusal(origin, error) from error
    return content


def _warn_if_changed(origin: str, content: Content) -> None:
    """Say so where the code of the network is not what it was at the training."""
    before = content.training.get("network_source_sha256")
    now = getattr(content.network, "source_sha256", None)
    if before is not None and now is not None and before != now:
        warnings.warn(
            Message(
                "the code of the network '{network}' has changed since {file} was trained: its predictions "
                "may be others",
                network=content.network.text,
                file=Path(origin).name,
            ),
            stacklevel=5,
        )


def _refusal(origin: str, error: Exception, hint: str = "") -> ClassifierFileError:
    """Return the error that refuses a file; what it repeats from the file is short and on one line."""
    reason = message_of(error)
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        reason = "".join(letter if letter.isprintable() else " " for letter in reason[:LONGEST_REASON])
    return ClassifierFileError(
        "{path} is no classifier that can be used: {reason}", hint, path=origin, reason=reason
    )


def read_bytes(path: Path) -> bytes:
    """Return the content of a file that is no larger than a classifier can be.

    Raises:
        ValueError: it is larger, or cannot be read.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise ValueError(Message("it is not a file"))
        if size > LARGEST_FILE:
            raise ValueError(
                Message(
                    "it has {count:,} bytes, more than the {most:,} of the largest one",
                    count=size,
                    most=LARGEST_FILE,
                )
            )
        return path.read_bytes()
    except OSError as error:
        raise ValueError(Message("it cannot be read ({error})", error=error.strerror)) from error


def read_header(raw: bytes) -> dict[str, Any]:
    """Return the safetensors header; its length is checked before it is parsed.

    Raises:
        ValueError: it is none.
    """
    length = int.from_bytes(raw[:8], "little")
    if length > min(LARGEST_HEADER, len(raw) - 8):
        raise ValueError(Message("it is not a safetensors file, or it is cut off"))
    return _parsed(raw[8 : 8 + length])


def _parsed(text: bytes | str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ValueError(Message("its header is not JSON")) from error
    if not isinstance(content, dict):
        raise ValueError(Message("its header is not a JSON object"))
    return content


def _facts(header: Mapping[str, Any]) -> dict[str, Any]:
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict) or not isinstance(metadata.get(KEY), str):
        raise ValueError(Message("its header says nothing of imagelet"))
    facts = _parsed(metadata[KEY])
    if facts.get("format") != FORMAT:
        raise ValueError(Message("its format is not {format}; a newer imagelet may read it", format=FORMAT))
    if set(facts) != set(FIELDS):
        raise ValueError(Message("its header must hold {fields}, and nothing else", fields=", ".join(FIELDS)))
    return facts


def _content(
    facts: Mapping[str, Any], raw: bytes, header: Mapping[str, Any], allow_import: bool | None, given: Any
) -> Content:
    """Return the content of a file with these ``facts``."""
    classes = _classes(facts["classes"])
    framing = Framing.from_json(facts["framing"])
    normalization = Normalization.from_json(facts["normalization"])
    if len(normalization.mean) != framing.channels:
        raise ValueError(Message("its normalization does not have the framing's channels"))
    for name in ("training", "versions"):
        if not isinstance(facts[name], dict):
            raise ValueError(Message("its {field} field is not an object", field=name))
    if facts["test_time_augmentation"] not in TEST_TIME_AUGMENTATIONS:
        names = ", ".join(TEST_TIME_AUGMENTATIONS)
        raise ValueError(Message("its test-time augmentation is none of {names}", names=names))
    calibration = Calibration.from_json(facts["calibration"])
    if calibration.lowest_logits is not None and len(calibration.lowest_logits) != len(classes):
        raise ValueError(Message("its calibration does not have a lowest logit for each class"))
    return Content(
        network=_network(facts["network"], framing, len(classes), raw, header, allow_import, given),
        classes=classes,
        framing=framing,
        normalization=normalization,
        calibration=calibration,
        training=facts["training"],
        test_time_augmentation=facts["test_time_augmentation"],
    )


def _classes(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(Message("its class names are not a list of texts"))
    if not 2 <= len(names) <= MOST_CLASSES or len(set(names)) != len(names):
        raise ValueError(Message("its class names are not 2 to {most:,} different ones", most=MOST_CLASSES))
    return tuple(names)


def _network(
    facts: Any,
    framing: Framing,
    classes: int,
    raw: bytes,
    header: Mapping[str, Any],
    allow_import: bool | None,
    given: Any,
) -> "Network | NumpyNetwork":
    """Return the network of the file with its weights; torch is needed only for layers of its own.

    Its size is checked before memory is allocated.
    """
    if not isinstance(facts, dict) or set(facts) != {"text", "input_shape"}:
        raise ValueError(Message("its network is not a text and an input shape"))
    text, shape = facts["text"], facts["input_shape"]
    if not isinstance(text, str) or shape != list(framing.shape):
        raise ValueError(Message("its network does not have the framing's input shape"))
    if given is not None:
        return _from_torch(given, framing, classes, raw, header, allow_import)
    named = find_network(text)
    if named.builder is None:
        parameters = sum(layer.parameters for layer in infer_shapes(named.text, framing.shape, classes))
        if parameters * SMALLEST_WEIGHT > len(raw):
            raise ValueError(
                Message(
                    "its network has {count:,} parameters, more than a file of its size holds",
                    count=parameters,
                )
            )
    layers = plain_layers(text, framing.shape, classes)
    if layers is None:
        return _from_torch(text, framing, classes, raw, header, allow_import)
    shapes = tensor_shapes(layers, framing.shape)
    expected = {name: ("float32" if size else "int64", size) for name, size in shapes.items()}
    return NumpyNetwork(text, framing.shape, classes, _weights(raw, header, expected))


def _from_torch(
    network_or_text: Any,
    framing: Framing,
    classes: int,
    raw: bytes,
    header: Mapping[str, Any],
    allow_import: bool | None,
) -> "Network":
    """Return a network whose layers only torch knows, with the weights of the file."""
    with packages_needed():
        import torch

        from imagelet.networks import build

    network = build(network_or_text, input_shape=framing.shape, classes=classes, allow_import=allow_import)
    expected = {
        name: (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape))
        for name, tensor in network.state_dict().items()
    }
    weights = _weights(raw, header, expected)
    network.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    return network


def _weights(
    raw: bytes, header: Mapping[str, Any], expected: Mapping[str, tuple[str, Shape]]
) -> dict[str, NDArray[Any]]:
    """Return the weights of the file; names, types and shapes must be the network's.

    Args:
        raw: the file.
        header: of safetensors.
        expected: name → type as NumPy writes it, and shape.
    """
    stored = {name: entry for name, entry in header.items() if name != "__metadata__"}
    if set(stored) != set(expected):
        differing = min(set(stored) ^ set(expected))
        raise ValueError(
            Message("its weights are not the network's: '{name}' is in one of them only", name=differing[:80])
        )
    packed_shapes: dict[str, Shape] = {}
    for name, (dtype, shape) in expected.items():
        entry = stored[name]
        declared = (entry.get("dtype"), entry.get("shape")) if isinstance(entry, dict) else (None, None)
        is_row = isinstance(declared[1], list) and len(declared[1]) == 1
        if dtype == "float32" and declared[0] == "U8" and is_row:
            packed_shapes[name] = shape
        elif declared[0] not in DTYPES.get(dtype, ()) or declared[1] != list(shape):
            raise ValueError(
                Message("its weights '{name}' do not have the network's type and shape", name=name)
            )
    loaded: dict[str, NDArray[Any]] = safetensors.numpy.load(raw)
    weights = {
        name: _unpacked(array, packed_shapes[name]) if name in packed_shapes else array
        for name, array in loaded.items()
    }
    for name, array in weights.items():
        if not math.isfinite(float(np.abs(array).sum(dtype=np.float64))):
            raise ValueError(Message("its weights '{name}' are not finite", name=name))
    return weights
