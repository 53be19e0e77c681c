"""A classifier as one page of HTML: it draws, photographs, classifies and shows, without network or server.

The page holds the weights in half precision, the network as the nodes that
:mod:`imagelet.networks.onnx_graph` lists, framing, normalization, test-time augmentation, calibration,
the card with its figures, and a script that computes it all. A policy in the page lets nothing
else run and nothing be fetched or sent.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet import atomic_files
from imagelet.classifier.classifier import Classifier
from imagelet.errors import RunError, UsageError
from imagelet.html_repr import write_percent
from imagelet.interop.onnx import images_to_check
from imagelet.interop.page_script import join_modules
from imagelet.messages import LANGUAGES, Message, translate
from imagelet.metrics.classification import wilson_interval
from imagelet.networks.layer_kind import layers_to_onnx, place_layers
from imagelet.networks.numpy_network import nested_weights, plain_layers
from imagelet.networks.onnx_graph import OnnxGraph, OnnxNode
from imagelet.preprocessing.test_time_augmentation import VIEWS
from imagelet.progress import Progress, silent
from imagelet.runs.learner import Learner, find_learner

IMAGE = "image"  # the name of the network's input
SCRIPTS = {  # the framings that each of the page's scripts has
    "handwriting.js": ("handwriting",),
    "object.js": ("object",),
    "picture.js": ("fit", "crop", "half-crop", "stretch"),
}
DRAWN = "handwriting"  # the framing of what people draw: the pad comes first
OPERATIONS = frozenset(  # of ONNX, that the page's script computes
    (
        *("Add", "AveragePool", "BatchNormalization", "Conv", "Div", "Erf", "Flatten", "Gemm"),
        *("GlobalAveragePool", "GlobalMaxPool", "MaxPool", "Mul", "Relu", "Sigmoid", "Tanh", "Transpose"),
    )
)
OF_TWO = frozenset(("Add", "Div", "Mul"))  # a constant among their inputs is one number
LARGEST_HALF = float(np.finfo(np.float16).max)
IMAGES_TO_CHECK = 1000
IMAGES_AT_ONCE = 100

Array = NDArray[Any]


@dataclass(frozen=True)
class PageFile:
    """What was written.

    Attributes:
        file: where.
        bytes: its size.
        script_bytes: the size of the script in it.
        checked_on: on which images the weights in half precision were compared with those of the classifier:
            ``validation`` or ``training`` images, or ``random`` pixels where neither are available.
        images: how many of these.
        same: how many of them get the same predicted class.
        largest_difference: of any probability there.
    """

    file: Path
    bytes: int
    script_bytes: int
    checked_on: str
    images: int
    same: int
    largest_difference: float


def export_page(run_or_file: Any, path: str | Path, *, progress: Progress = silent) -> PageFile:
    """Write a classifier as one page of HTML.

    Args:
        run_or_file: as :func:`imagelet.runs.learner.find_learner` takes it.
        path: the file; it appears whole or not at all.
        progress: is told how many images the weights were checked on.

    Raises:
        RunError: there is no such classifier.
        UsageError: the page's script cannot compute a layer, or does not know the framing.
    """
    learner = find_learner(run_or_file)
    classifier = learner.load()
    learner = replace(learner, loaded=classifier)
    script = page_script(classifier.framing.kind)
    content = page_html(learner, script).encode()
    checked_on, images = images_to_check(learner)
    same, difference = _compare(classifier, images[:IMAGES_TO_CHECK], progress)
    atomic_files.write_bytes(Path(path), content)
    return PageFile(
        Path(path),
        len(content),
        len(script.encode()),
        checked_on,
        len(images[:IMAGES_TO_CHECK]),
        same,
        difference,
    )


def page_script(framing: str) -> str:
    """Return the script of the page of a classifier with this framing.

    Raises:
        UsageError: the framing is a plugin's.
    """
    entry = next((script for script, kinds in SCRIPTS.items() if framing in kinds), None)
    if entry is None:
        raise UsageError("the framing '{name}' cannot be done in a page", hint="--to onnx", name=framing)
    modules = dict(_modules(resources.files("imagelet.interop") / "page_static" / "js"))
    script = join_modules(modules, entry)
    assert "</" not in script  # which would end it
    return script


def _modules(folder: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and text of each module in a folder."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _modules(entry, f"{above}{entry.name}/")
        elif entry.name.endswith(".js"):
            yield above + entry.name, entry.read_text("utf-8")


def page_html(learner: Learner, script: str) -> str:
    """Return the page of a classifier.

    Raises:
        UsageError: the page's script cannot compute a layer.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("imagelet.interop", "page_static"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    classifier = learner.load()
    facts, weights = page_facts(classifier)
    static = resources.files("imagelet.interop") / "page_static"
    style = (static / "page.css").read_text("utf-8")
    facts["texts"] = texts = {
        language: json.loads((static / "texts" / f"{language}.json").read_text("utf-8"))
        for language in LANGUAGES
    }
    return environment.get_template("page.html").render(
        name=learner.name,
        texts=texts["en"],
        is_drawn=classifier.framing.kind == DRAWN,
        cards={language: _card(learner, language) for language in LANGUAGES},
        facts=_inside_script(facts),
        weights=base64.b64encode(weights).decode(),
        script=script,
        style=style,
        script_hash=_hash_of(script),
        style_hash=_hash_of(style),
        version=version("imagelet"),
    )


def page_facts(classifier: Classifier) -> tuple[dict[str, Any], bytes]:
    """Return what the page's script needs to know of a classifier, as plain data, and its weights.

    Raises:
        UsageError: the page's script cannot compute a layer.
    """
    network, weights = _network(classifier)
    layers = network.pop("layers")
    mean, std = (np.array(values) for values in vars(classifier.normalization).values())
    facts = {
        "classes": list(classifier.classes),
        "framing": classifier.framing.to_json(),
        "normalization": {"scale": (1 / (255 * std)).tolist(), "offset": (-mean / std).tolist()},
        "views": [view._asdict() for view in VIEWS[classifier.test_time_augmentation]],
        "temperature": classifier.calibration.temperature,
        "threshold": classifier.calibration.threshold,
        "lowestLogits": classifier.calibration.lowest_logits,
        "network": network,
        "layers": layers,
    }
    return facts, weights


def _network(classifier: Classifier) -> tuple[dict[str, Any], bytes]:
    """Return the network's nodes, constants and layers, and the bytes that the constants are parts of."""
    text, shape = classifier.network_text, classifier.input_shape
    layers = plain_layers(text, shape, len(classifier.classes), "to_onnx")
    if layers is None:
        raise UsageError("the network '{network}' cannot be computed in a page", network=text)
    graph = OnnxGraph()
    output = layers_to_onnx(layers, graph, nested_weights(_tensors(classifier)), IMAGE, shape)
    for node in graph.nodes:
        _check(node, graph, text)
    constants, content = _stored(graph)
    last = {node.output.rpartition("/")[0]: node.output for node in graph.nodes}  # layer → what it makes
    placed = [place for place in place_layers(layers, shape) if place.name in last]
    network = {
        "input": IMAGE,
        "output": output,
        "nodes": [vars(node) for node in graph.nodes],
        "constants": constants,
        "layers": [
            {"name": place.name, "output": last[place.name], "shape": place.output_shape} for place in placed
        ],
    }
    return network, content


def _tensors(classifier: Classifier) -> dict[str, Array]:
    """Return the network's tensors by name, as the page holds them."""
    tensors = {name: tensor.cpu().numpy() for name, tensor in classifier.network.state_dict().items()}
    return {name: halved(array) for name, array in tensors.items()}


def halved(array: Array) -> Array:
    """Return weights rounded to half precision where they fit; biases and running averages as they are."""
    fits = array.ndim > 1 and array.dtype.kind == "f" and bool((np.abs(array) <= LARGEST_HALF).all())
    return array.astype(np.float16).astype(np.float32) if fits else array


def _check(node: OnnxNode, graph: OnnxGraph, text: str) -> None:
    sizes = [graph.constants[name].size for name in node.inputs if name in graph.constants]
    if node.operation not in OPERATIONS or (node.operation in OF_TWO and any(size > 1 for size in sizes)):
        raise UsageError(
            "the layer '{layer}' of the network '{network}' cannot be computed in a page",
            hint="--to onnx",
            layer=node.output.rpartition("/")[0],
            network=text,
        )


def _stored(graph: OnnxGraph) -> tuple[dict[str, Any], bytes]:
    """Return where each constant lies among the bytes, and the bytes; a single number is written out."""
    constants: dict[str, Any] = {}
    content = bytearray()
    for name, array in graph.constants.items():
        if array.size == 1:
            constants[name] = {"shape": array.shape, "values": array.ravel().tolist()}
            continue
        is_half = np.array_equal(halved(array), array) and array.ndim > 1
        constants[name] = {
            "shape": array.shape,
            "type": "half" if is_half else "single",
            "start": len(content),
        }
        content += array.astype("<f2" if is_half else "<f4").tobytes()
    return constants, bytes(content)


def _card(learner: Learner, language: str) -> list[dict[str, Any]]:
    """Return what is to be known of a classifier in a language, row by row; what is not known is left out."""
    classifier = learner.load()
    training = classifier.training
    network = Message("network")
    rows: dict[str, object] = {
        **_accuracies(learner),
        Message("dataset"): Path(str(training.get("dataset", ""))).name,  # where it lies is nobody's business
        Message("training images"): _counted(training.get("training_images")),
        Message("seed"): training.get("seed"),
        Message("sure from"): f"{write_percent(classifier.calibration.threshold)} %",
        network: classifier.network_text,
        Message("processor"): _processor(learner),
    }
    return [
        {
            "name": translate(name, language),
            "value": translate(value, language) if isinstance(value, Message) else str(value),
            "is_code": name == network,
        }
        for name, value in rows.items()
        if value not in (None, "")
    ]


def _accuracies(learner: Learner) -> dict[str, object]:
    """Return the accuracies that are known: of a run those of its figures, else what the file tells."""
    try:
        metrics = learner.run.metrics if learner.run and not learner.given else {}
    except RunError:  # a damaged run hides nothing of the classifier
        metrics = {}
    names = {"test": Message("test accuracy"), "validation": Message("validation accuracy")}
    known = {name: metrics[part] for part, name in names.items() if metrics.get(part)}
    match learner.load().training:
        case {"validation_accuracy": float(share), "validation_images": int(images)} if not known:
            if 0 <= share <= 1 <= images:
                interval = wilson_interval(round(share * images), images)
                known = {names["validation"]: {"accuracy": share, "interval": interval, "images": images}}
    return {name: _accuracy(figures) for name, figures in known.items()}


def _accuracy(figures: dict[str, Any]) -> Message:
    low, high = map(write_percent, figures["interval"])
    return Message(
        "{accuracy} % (95 % interval {low} to {high} %, {images})",
        accuracy=write_percent(figures["accuracy"]),
        low=low,
        high=high,
        images=Message("{count:,} images", count=figures["images"]),
    )


def _counted(number: object) -> str | None:
    return f"{number:,}" if isinstance(number, int) else None


def _processor(learner: Learner) -> str | None:
    try:
        return learner.run.environment.get("processor") if learner.run else None
    except RunError:
        return None


def _inside_script(facts: dict[str, Any]) -> str:
    """Return plain data as JSON that no text in it can end the element of."""
    written = json.dumps(facts, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return written.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _hash_of(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _compare(classifier: Classifier, images: Array, progress: Progress) -> tuple[int, float]:
    """Return how many images get the same class by weights in half precision, and the largest difference."""
    import torch

    from imagelet.networks import build

    network = build(classifier.network_text, classifier.input_shape, len(classifier.classes))
    network.load_state_dict(
        {name: torch.from_numpy(array.copy()) for name, array in _tensors(classifier).items()}
    )
    half = Classifier(**vars(classifier) | {"network": network})
    same, difference = 0, 0.0
    for start in range(0, len(images), IMAGES_AT_ONCE):
        batch = images[start : start + IMAGES_AT_ONCE]
        one, other = classifier.predict_proba(batch), half.predict_proba(batch)
        same += int((one.argmax(axis=1) == other.argmax(axis=1)).sum())
        difference = max(difference, float(np.abs(one - other).max()))
        progress(start + len(batch), len(images))
    return same, difference
