"""Models of Keras, and bare weights of a network that a person names, as classifiers.

What becomes of the layers is in ``keras_layers.py``, how files are read in ``keras_file.py``. Class names and
the scaling of pixels are not in such files: a person states them. Else classes are numbered; scaling that is
not stated is an error.
"""

import hashlib
import math
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from imagelet.classifier import file as classifier_file
from imagelet.classifier.classifier import Classifier
from imagelet.data.known import datasets
from imagelet.errors import ClassifierFileError, NetworkTextError, UsageError
from imagelet.interop import keras_file, keras_layers
from imagelet.messages import Message, message_of
from imagelet.metrics.calibration import Calibration
from imagelet.networks.layer_kind import PlacedLayer, Shape, place_layers, written_shape
from imagelet.networks.numpy_network import NumpyNetwork, tensor_shapes
from imagelet.networks.other_libraries import KerasSettings, calls_of, in_keras_order
from imagelet.networks.summary import infer_shapes
from imagelet.networks.text import to_text, with_open_classes
from imagelet.networks.zoo import find_network
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization

FLAT_ORDERS = ("keras", "pytorch")


@dataclass(frozen=True, eq=False)
class Imported:
    """A classifier that came from elsewhere.

    Attributes:
        classifier: the classifier, of whose network nothing but its weights is known.
        parameters: how many the network has, with running averages.
        ignored: what was in the file and is not in the network, a few words each.
        assumed: what nobody has said and was taken, a few words each.
    """

    classifier: Classifier
    parameters: int
    ignored: tuple[str, ...]
    assumed: tuple[str, ...]


def import_model(
    path: str | Path,
    network: str | None = None,
    classes: Sequence[str] | str | None = None,
    scale: float | None = None,
    input_shape: Sequence[int] | None = None,
    flat_order: str | None = None,
) -> Imported:
    """Return the model in a ``.keras``, ``.h5`` or ``.safetensors`` file as a classifier.

    Nothing in the file is executed, and neither Keras nor TensorFlow is needed.

    Args:
        path: a model of Keras; or weights alone, of Keras (``.weights.h5``) or in safetensors.
        network: network text or a network's name, for weights alone.
        classes: their names in the order of the outputs; or a registered dataset's name, whose framing is
            taken, too; None: they are numbered.
        scale: by how much pixels from 0 to 255 were divided before the model took them; None where the
            model begins by scaling them itself.
        input_shape: (height, width, channels), where the model takes rows of values, or for weights alone;
            None: the model's, or that of the named network.
        flat_order: in which order a flattened map has its values, for safetensors: ``keras`` or ``pytorch``;
            None: as the names of the weights suggest.

    Raises:
        ClassifierFileError: the file is damaged, or is neither.
        UsageError: something is not stated, or a layer is not known, which is named with its place.
        NetworkTextError: the layers do not fit together.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError("there is no file {file}", file=path)
    known = datasets.get(classes) if isinstance(classes, str) and classes in datasets else None
    stated = _Stated(_class_names(known.card.classes if known else classes), scale, input_shape)
    assumed: list[str] = []
    made = _made(path, network, stated, flat_order, assumed)
    if not stated.names:
        assumed.append(Message("the classes are called 0 to {last}", last=made.classes - 1))
    framing = known.card.framing if known else None
    if framing is None or framing.shape != made.shape:
        framing = Framing("fit", *made.shape)
    classifier = Classifier(
        network=made.network,  # type: ignore[arg-type]  # torch's is made when it is asked for
        classes=stated.names or tuple(map(str, range(made.classes))),
        framing=framing,
        normalization=made.normalization,
        calibration=Calibration.none(),
        training={"imported": {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}},
    )
    return Imported(classifier, made.parameters, tuple(made.ignored), tuple(assumed))


@dataclass(frozen=True)
class _Stated:
    """What a person says: class names, the divisor of pixels, (height, width, channels)."""

    names: tuple[str, ...]
    scale: float | None
    input_shape: Sequence[int] | None


@dataclass(frozen=True, eq=False)
class _Made:
    network: NumpyNetwork
    shape: tuple[int, int, int]
    normalization: Normalization
    classes: int
    parameters: int
    ignored: Sequence[str]


def _made(
    path: Path, network: str | None, stated: _Stated, flat_order: str | None, assumed: list[str]
) -> _Made:
    """Return the network of a file; what nobody has said is added to ``assumed``."""
    kind = _kind_of(path)
    if kind == "keras" and network is None:
        return _from_keras(path, stated)
    if network is None:
        raise UsageError(
            "{file} holds weights alone: say of which network they are",
            hint="--network TEXT, or a name that imagelet networks lists",
            file=path,
        )
    known = find_network(network)
    height, width, channels = (*(stated.input_shape or known.input_shape), 1)[:3]
    shape, classes = (height, width, channels), len(stated.names) or 10
    layers = known.named_layers(shape, classes)
    if layers is None:
        raise UsageError(
            "the network '{network}' is code of its own, which takes no bare weights", network=network
        )
    if known.builder is None:
        infer_shapes(known.text, shape, classes)
    if kind == "keras":
        weights = _keras_weights(path, layers, shape)
    else:
        weights = _safetensors(path, layers, shape, flat_order, assumed)
    _check_shapes(path, weights, tensor_shapes(layers, shape))
    text = known.text if known.builder else with_open_classes(known.text, classes)
    parameters = sum(placed.parameters for placed in place_layers(layers, shape))
    made = NumpyNetwork(text, shape, classes, weights)
    return _Made(made, shape, _normalization(None, stated.scale, channels), classes, parameters, ())


def _check_shapes(path: Path, weights: Mapping[str, NDArray[Any]], expected: Mapping[str, Shape]) -> None:
    wrong = next((name for name, size in expected.items() if weights[name].shape != size), None)
    if wrong is not None:
        raise ClassifierFileError(
            "{file} does not hold this network's weights: '{name}' is {found}, not {expected}",
            hint="is the network the same, with its input shape and classes?",
            file=path,
            name=wrong,
            found=written_shape(weights[wrong].shape),
            expected=written_shape(expected[wrong]),
        )


def _kind_of(path: Path) -> str:
    """Return ``keras`` for a zip archive or an HDF5 file, ``safetensors`` for that.

    Raises:
        ClassifierFileError: it is neither, or cannot be read.
    """
    try:
        if keras_file.is_hdf5(path) or zipfile.is_zipfile(path):
            return "keras"
        with path.open("rb") as file:
            is_safetensors = file.read(9)[8:] == b"{"  # behind the length of its header, which is JSON
    except OSError as error:
        raise ClassifierFileError(
            "{file} cannot be read ({error})", file=path, error=error.strerror or error
        ) from error
    if not is_safetensors:
        raise ClassifierFileError(
            "{file} is neither a model of Keras nor weights in safetensors",
            hint="imagelet import takes .keras, .h5 and .safetensors",
            file=path,
        )
    return "safetensors"


def _class_names(classes: Sequence[str] | str | None) -> tuple[str, ...]:
    if isinstance(classes, str):
        classes = [name.strip() for name in classes.split(",")]
    names = tuple(map(str, classes or ()))
    if len(set(names)) != len(names) or any(not name for name in names) or len(names) == 1:
        raise UsageError(
            "the class names are not at least two different texts",
            hint="--classes cat,dog,other, or a dataset's name",
        )
    return names


# -- models of Keras -----------------------------------------------------------------------------------------


def _from_keras(path: Path, stated: _Stated) -> _Made:
    names = stated.names
    model = keras_file.read_model(path)
    chain = keras_layers.chain_of(model)
    items = keras_layers.softened(chain.items, len(names) or 2)
    shape = _input_shape(model, chain, stated.input_shape)
    layers = [item.layer for item in items]
    if len(model.input_shape or ()) == 1 and not chain.shape:  # rows of values: the image is flattened first
        flatten = keras_layers.flatten()
        layers, items = [flatten, *layers], [keras_layers.Item(flatten, model.layers[0]), *items]
    text = to_text(layers)
    classes = _outputs(layers, shape)
    if names and len(names) != classes:
        raise UsageError(
            "the model tells {count} classes apart, and {given} names are given",
            hint="--classes names one for each output, in their order",
            count=classes,
            given=len(names),
        )
    placed = infer_shapes(text, shape, classes)
    weights = keras_layers.weights_of(items, shape)
    network = NumpyNetwork(with_open_classes(text, classes), shape, classes, weights)
    normalization = _normalization(chain, stated.scale, shape[2])
    return _Made(
        network, shape, normalization, classes, sum(layer.parameters for layer in placed), chain.ignored
    )


def _outputs(layers: Sequence[Any], shape: Shape) -> int:
    """Return how many values the layers make of an image."""
    for placed in place_layers(((layer.word, layer) for layer in layers), shape):
        output = placed.output_shape
    if len(output) != 1 or output[0] < 2:
        raise UsageError(
            "the model makes {shape} of an image, not one value for each class", shape=written_shape(output)
        )
    return output[0]


def _input_shape(
    model: keras_file.KerasModel, chain: keras_layers.Chain, stated: Sequence[int] | None
) -> tuple[int, int, int]:
    """Return (height, width, channels): what is stated must be as many values as the model takes."""
    own = chain.shape or model.input_shape
    if stated is None and own is not None and len(own) in (2, 3):
        stated = (*own, 1)[:3]
    if stated is None:
        count = own[0] if own else 0
        side = math.isqrt(count)
        raise UsageError(
            "the model takes rows of {count} values: say which images they are",
            hint="--input {side}x{side}x1" if side * side == count else "--input HEIGHTxWIDTHxCHANNELS",
            count=count,
            side=side,
        )
    height, width, channels = (*stated, 1)[:3]
    shape = height, width, channels
    if own is not None and math.prod(own) != math.prod(shape):
        raise UsageError(
            "the model takes {own}, not {given}", own=written_shape(own), given=written_shape(shape)
        )
    if channels not in (1, 3):
        raise UsageError("the model takes images of {count} channels; imagelet's have 1 or 3", count=channels)
    return shape


def _normalization(chain: "keras_layers.Chain | None", scale: float | None, channels: int) -> Normalization:
    """Return what makes of pixels from 0 to 255 what the network takes.

    Pixels are divided by ``scale``, then multiplied and shifted by what the model has at its start.
    """
    scales = chain is not None and chain.scales
    if scale is None and not scales:
        raise UsageError(
            "how pixels were scaled before the model took them is not in the file",
            hint="--scale 255 where they were divided by it; --scale 1 where they were left at 0 to 255",
        )
    divisor = 1.0 if scale is None else scale
    if not (math.isfinite(divisor) and divisor > 0):
        raise UsageError("pixels cannot be divided by {scale}", hint="--scale 255", scale=divisor)
    factor = (chain.scale if chain else np.ones(1)) / divisor * np.ones(channels)
    offset = (chain.offset if chain else np.zeros(1)) * np.ones(channels)
    if not (np.isfinite(factor).all() and np.isfinite(offset).all() and (factor > 0).all()):
        raise UsageError("the model scales pixels by numbers that are not above 0, which is not read")
    std = 1 / (255 * factor)
    return Normalization(tuple((-offset * std).tolist()), tuple(std.tolist()))


# -- weights alone -------------------------------------------------------------------------------------------


def _weighted(layers: Any, shape: Shape) -> list[PlacedLayer]:
    return [placed for placed in place_layers(layers, shape) if placed.layer.tensors(placed.input_shape)]


def _keras_weights(path: Path, layers: Any, shape: Shape) -> dict[str, NDArray[Any]]:
    """Return the weights of a ``.weights.h5`` file, in the order in which Keras would have the layers."""
    placed = {place.name: place for place in _weighted(layers, shape)}
    weights: dict[str, NDArray[Any]] = {}
    seen: Counter[str] = Counter()
    size = path.stat().st_size
    with keras_file.readable(path), keras_file.opened(path) as file:
        root = keras_file.root_of(file)
        for call in in_keras_order(calls_of(layers, shape, "keras")):
            if not call.layer and not call.function.startswith("layers."):
                continue
            name = keras_file.counted(call.function.removeprefix("layers."), seen)
            if call.layer:
                arrays = keras_file.variables(file, f"{root}/{name}", size)
                if not arrays:
                    raise ValueError(Message("'{path}' is missing", path=f"{root}/{name}"))
                given = KerasSettings(call.layer, call.named)
                made = placed[call.layer].layer.weights_from_keras(arrays, given)
                weights |= {f"{call.layer}.{tensor}": array for tensor, array in made.items()}
    return weights


def _safetensors(
    path: Path, layers: Any, shape: Shape, flat_order: str | None, assumed: list[str]
) -> dict[str, NDArray[Any]]:
    """Return weights by imagelet's own names, or by others whose order is that of the layers."""
    try:
        raw = classifier_file.read_bytes(path)
        header = classifier_file.read_header(raw)
        arrays: dict[str, NDArray[Any]] = safetensors.numpy.load(raw)
    except (ValueError, TypeError, KeyError, RecursionError, safetensors.SafetensorError) as error:
        raise ClassifierFileError(
            "{file} is no file of weights that can be read: {reason}",
            file=path,
            reason=keras_file.printable(str(message_of(error)), 160),
        ) from error
    if any(array.dtype.kind not in "fiu" or not np.isfinite(array).all() for array in arrays.values()):
        raise ClassifierFileError("{file} holds weights that are no finite numbers", file=path)
    expected = tensor_shapes(layers, shape)
    counters = {name for name, size in expected.items() if not size}
    if expected.keys() - counters <= arrays.keys():
        named, own = {name: arrays.get(name, np.array(0)) for name in expected}, True
    else:
        named, own = _in_order(path, header, arrays, _weighted(layers, shape)), False
    order = flat_order or ("keras" if own else "pytorch")
    if order not in FLAT_ORDERS:
        raise UsageError(
            "'{given}' is no order of flat values", hint="--flat-order keras, or pytorch", given=order
        )
    if flat_order is None and not own:
        assumed.append(Message("a flattened map has its values channel by channel, as in PyTorch"))
    if order == "pytorch":
        named = _from_pytorch_order(named, layers, shape)
    return {
        name: np.array(array, np.int64 if name in counters else np.float32, order="C")
        for name, array in named.items()
    }


def _in_order(
    path: Path, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], placed: Sequence[PlacedLayer]
) -> dict[str, NDArray[Any]]:
    """Return weights of other names, layer by layer, by the network's own names.

    Names are sorted with their numbers by value; where that does not fit, the order in the file is tried.
    """
    stored = [name for name in header if name in arrays]
    stored.sort(
        key=lambda name: header[name].get("data_offsets", [0]) if isinstance(header[name], dict) else [0]
    )
    for names in (sorted(arrays, key=_natural), stored):
        modules = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
        if len(modules) != len(placed):
            continue
        made: dict[str, NDArray[Any]] = {}
        for module, place in zip(modules, placed, strict=True):
            for tensor, size in place.layer.tensors(place.input_shape).items():
                found = arrays.get(f"{module}.{tensor}".removeprefix("."), None if size else np.array(0))
                if found is not None and found.shape == size:
                    made[f"{place.name}.{tensor}"] = found
        if len(made) == sum(len(place.layer.tensors(place.input_shape)) for place in placed):
            return made
    raise ClassifierFileError(
        "{file} holds the weights of {found} layers, which are not those of the network's {expected}",
        hint="is the network the same, with its input shape and classes?",
        file=path,
        found=len({name.rpartition(".")[0] for name in arrays}),
        expected=len(placed),
    )


def _natural(name: str) -> list[Any]:
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d{1,9})", name)
        if part
    ]


def _from_pytorch_order(
    weights: Mapping[str, NDArray[Any]], layers: Any, shape: Shape
) -> dict[str, NDArray[Any]]:
    """Return weights for imagelet's order of flat values, of weights for PyTorch's."""
    made, order = dict(weights), None
    current = shape
    for name, layer in layers:
        output = layer.output_shape(current)
        if len(current) == 3 and layer.family == "reshape":
            order = np.arange(output[0]).reshape(current[2], *current[:2]).transpose(1, 2, 0).ravel()
        elif order is not None:
            if layer.nested:
                raise NetworkTextError(
                    "PyTorch's order of flat values cannot be kept through a residual block"
                )
            for tensor, size in layer.tensors(current).items():
                if len(size) > 1 or (layer.elementwise and size):
                    made[f"{name}.{tensor}"] = made[f"{name}.{tensor}"][..., order]
            order = order if layer.elementwise or output == current else None
        current = output
    return made
