"""Damaged models of Keras and bare weights: archives, HDF5 files, settings, links to elsewhere."""

import io
import json
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np
import safetensors.numpy

from benchmarks.reliability.files import in_folder
from benchmarks.reliability.fuzzing import Case, Fuzzer, WrongAnswerError
from benchmarks.reliability.mutation import mutated, mutated_json

SHAPE, CLASSES = (8, 8, 1), 3
NETWORK = "conv(4, 3x3, same) relu batchnorm pool(2) flatten dense(classes) softmax"
BOMB = 2**40  # values that a dataset announces


def _settings(random: Random) -> dict[str, Any]:
    """Return what ``config.json`` holds of a small model: a chain, or a graph with a sum."""
    shape = {"batch_shape": [None, *SHAPE], "name": "input"}
    conv = {"filters": 4, "kernel_size": [3, 3], "padding": "same", "activation": "relu"}
    listed: list[tuple[str, dict[str, Any]]] = [
        ("InputLayer", shape),
        ("Conv2D", conv),
        ("BatchNormalization", {"epsilon": 0.001, "momentum": 0.99}),
        ("MaxPooling2D", {"pool_size": [2, 2]}),
        ("Flatten", {}),
        ("Dense", {"units": CLASSES, "activation": "softmax"}),
    ]
    if random.random() < 0.3:
        more = ("Lambda", "Dropout", "Rescaling", "Reshape", "ZeroPadding2D", "Own", "SeparableConv2D")
        listed.insert(random.randrange(1, 6), (random.choice(more), {"rate": 0.5, "scale": 0.1}))
    is_graph = random.random() < 0.5
    layers: list[dict[str, Any]] = []
    for number, (kind, settings) in enumerate(listed):
        name = settings.get("name", f"layer_{number}")
        before = layers[-1]["name"] if layers else None
        history = {"class_name": "__keras_tensor__", "config": {"keras_history": [before, 0, 0]}}
        nodes = [{"args": [history], "kwargs": {}}] if before else []
        entry = {
            "class_name": kind,
            "module": "keras.layers",
            "config": {**settings, "name": name},
            "name": name,
        }
        layers.append(entry | ({"inbound_nodes": nodes} if is_graph else {}))
    ends = {"input_layers": [["input", 0, 0]], "output_layers": [[layers[-1]["name"], 0, 0]]}
    config = {"name": "model", "layers": layers, **(ends if is_graph else {})}
    return {"class_name": "Functional" if is_graph else "Sequential", "config": config}


def _arrays() -> dict[str, list[np.ndarray]]:
    generator = np.random.default_rng(0)
    shapes: dict[str, list[tuple[int, ...]]] = {
        "conv2d": [(3, 3, 1, 4), (4,)],
        "batch_normalization": [(4,)] * 4,
        "dense": [(64, CLASSES), (CLASSES,)],
    }
    return {
        name: [generator.uniform(0.1, 1, size).astype(np.float32) for size in sizes]
        for name, sizes in shapes.items()
    }


def _write(random: Random, group: Any, name: str, array: np.ndarray) -> None:
    """Write a weight as Keras does, or as it never would."""
    action = random.random()
    how: dict[str, Any] = random.choice(({}, {}, {"compression": "gzip"}, {"fletcher32": True}))
    if action < 0.97:
        group.create_dataset(name, data=array, **how)
    elif action < 0.974:
        group.create_dataset(name, (BOMB,), np.float32, chunks=(1024,))
    elif action < 0.978:
        group.create_dataset(name, data=np.array([b"a"] * 3, object), dtype=h5py.special_dtype(vlen=bytes))
    elif action < 0.982:
        group[name] = h5py.ExternalLink("/etc/passwd", "/")
    elif action < 0.986:
        group[name] = h5py.SoftLink("/")
    elif action < 0.99:
        layout = h5py.VirtualLayout(array.shape, np.float32)
        layout[:] = h5py.VirtualSource("/etc/hostname", "x", array.shape)
        group.create_virtual_dataset(name, layout)
    elif action < 0.995:
        group.create_dataset(name, array.shape, np.float32, external=[("/etc/hostname", 0, array.nbytes)])
    else:
        group.create_dataset(
            name, data=random.choice((array * np.inf, array.astype(np.int64), array[..., :1]))
        )


def _keras(random: Random, settings: str) -> bytes:
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        for layer, arrays in _arrays().items():
            group = file.create_group(f"layers/{layer}/vars")
            for number, array in enumerate(arrays):
                _write(random, group, str(number), array)
    stored = weights.getvalue()
    content = io.BytesIO()
    how = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    kept = random.choice((0, 0, 512))
    damaged = stored[:kept] + mutated(random, stored[kept:]) if random.random() < 0.4 else stored
    members = {
        "metadata.json": b"{}",
        "config.json": settings.encode("utf-8", "replace"),
        "model.weights.h5": bytes(2**27) if random.random() < 0.01 else damaged,
    }
    with zipfile.ZipFile(content, "w") as archive:
        for name, member in members.items():
            archive.writestr(zipfile.ZipInfo(name), member, how)  # without the time: equal seeds, equal files
    return content.getvalue()


def _legacy(random: Random, settings: str) -> bytes:
    content = io.BytesIO()
    encoded = settings.encode("utf-8", "replace").replace(b"\0", b"")
    names = {"conv2d": "layer_1", "batch_normalization": "layer_2", "dense": "layer_5"}
    with h5py.File(content, "w") as file:
        file.attrs["model_config"] = random.choice((encoded.decode(), encoded[:60_000]))
        for layer, arrays in _arrays().items():
            group = file.create_group(f"model_weights/{names[layer]}")
            listed = [f"{names[layer]}/{number}" for number in range(len(arrays))]
            group.attrs["weight_names"] = [name.encode() for name in listed]
            inner = group.create_group(names[layer])
            for number, array in enumerate(arrays):
                _write(random, inner, str(number), array)
    whole = content.getvalue()
    kept = random.choice((0, 512, 2048))
    return whole[:kept] + mutated(random, whole[kept:]) if random.random() < 0.5 else whole


def _safetensors(random: Random) -> bytes:
    arrays = _arrays()
    names = ("weight", "bias", "running_mean", "running_var")
    tensors = {
        f"{number}.{names[at]}": np.ascontiguousarray(array.T)
        for number, layer in enumerate(arrays.values())
        for at, array in enumerate(layer)
    }
    return mutated(random, safetensors.numpy.save(tensors))


def _case(random: Random, number: int) -> Case:
    settings = _settings(random)
    text = mutated_json(random, settings) if random.random() < 0.6 else json.dumps(settings)
    if number % 5 == 4:
        files = {"weights.safetensors": _safetensors(random)}
    elif number % 5 >= 2:
        files = {"model.h5": _legacy(random, text)}
    else:
        files = {"model.keras": _keras(random, text)}
    name, content = next(iter(files.items()))
    if random.random() < 0.2:
        files = {name: mutated(random, content)}
    return Case(files, partial(in_folder, partial(_import, files), files))


def _import(files: Mapping[str, bytes], folder: Path) -> None:
    """Make a classifier of the file, and let it predict."""
    from imagelet.interop.importing import import_model

    name = next(iter(files))
    network = NETWORK if name.endswith(".safetensors") else None
    stated = {"classes": "a,b,c", "scale": 255.0, "input_shape": SHAPE}
    imported = import_model(folder / name, network, **stated)  # type: ignore[arg-type]
    images = np.zeros((2, *imported.classifier.input_shape), np.uint8)
    if imported.classifier.predict_proba(images).shape != (2, CLASSES):
        raise WrongAnswerError("a classifier of another shape came in")


FUZZERS = (Fuzzer("keras", "models of Keras and bare weights", 2_000, _case),)
