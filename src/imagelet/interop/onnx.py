"""A classifier as ONNX: framed uint8 images in, calibrated probabilities out, and whether they are sure.

The graph is written layer by layer from the network's text and weights; nothing is traced. Normalization,
test-time augmentation and temperature are part of it. The file's metadata holds the class names, the framing
and the threshold.

====================  =======  ==================================  ====================================
input or output       type     shape                               values
====================  =======  ==================================  ====================================
``images``            uint8    (n, height, width, channels)        0 to 255, framed for the network
``probabilities``     float32  (n, classes)                        calibrated, rows of sum 1
``sure``              bool     (n,)                                the largest is at least the threshold, and
                                                                   the image not unlike the training images
====================  =======  ==================================  ====================================

Where framing is inside, too (:mod:`imagelet.interop.onnx_framing`), ``pictures`` are the input, uint8 (n, any
height, any width, 3), and ``framed`` is a third output: the images that the network got. No picture of one
colour is sure then.
"""

import json
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagelet import atomic_files
from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import ImageSet
from imagelet.errors import DataError, ImageletError, UsageError
from imagelet.interop.onnx_framing import add_framing, check_offered
from imagelet.metrics.comparison import PairedDifference, compare_predictions
from imagelet.networks.layer_kind import layers_to_onnx
from imagelet.networks.numpy_network import nested_weights, plain_layers
from imagelet.networks.onnx_graph import OnnxGraph
from imagelet.preprocessing.framing import Framing, frame
from imagelet.preprocessing.test_time_augmentation import VIEWS
from imagelet.runs.learner import Learner, find_learner
from imagelet.runs.provenance import provenance_of

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

OPSET = 17  # of ONNX's operators: runtimes since 2022 know it
IR_VERSION = 8  # of the file, which came with that opset
LARGEST_DIFFERENCE = 1e-4  # of probabilities, between ours and the runtime's
LARGEST_MEAN_DIFFERENCE = 1.0  # grey levels, between a picture framed by us and by the runtime
SIZES_TO_FRAME = ((1, 1), (17, 23), (28, 28), (32, 32), (40, 500), (300, 200), (480, 640), (1237, 911))
IMAGES_AT_ONCE = 500
IMAGES_WITHOUT_VALIDATION = 500
CALIBRATION_IMAGES = 1000
TIMED = 50


@dataclass(frozen=True)
class Quantized:
    """What 8-bit whole numbers cost and save.

    Attributes:
        bytes_before: the size of the same file with float32 weights.
        accuracy_before, accuracy_after: on the validation images, 0 to 1.
        difference: of the two, paired.
        milliseconds_before, milliseconds_after: for one image, the median of several, on this machine.
    """

    bytes_before: int
    accuracy_before: float
    accuracy_after: float
    difference: PairedDifference
    milliseconds_before: float
    milliseconds_after: float


@dataclass(frozen=True)
class Framed:
    """How framing inside a file compares with ours.

    Attributes:
        pictures: on how many, of many sizes.
        mean_difference: in grey levels, the largest mean of any picture.
    """

    pictures: int
    mean_difference: float


@dataclass(frozen=True)
class OnnxFile:
    """What was written.

    Attributes:
        file: where.
        bytes: its size.
        opset: of ONNX's operators.
        checked_on: what the runtime was compared with us on: ``validation`` images, ``training`` images, or
            ``random`` pixels where neither are available.
        images: how many of these.
        largest_difference: of any probability there; before it is quantized.
        quantized: what 8-bit whole numbers cost; None where the weights are float32.
        framed: how framing inside the file compares with ours; None where it is not inside.
    """

    file: Path
    bytes: int
    opset: int
    checked_on: str
    images: int
    largest_difference: float
    quantized: Quantized | None = None
    framed: Framed | None = None


def export_onnx(
    run_or_file: Any, path: str | Path, *, int8: bool = False, pictures: bool = False
) -> OnnxFile:
    """Write a classifier as an ONNX file, once onnxruntime has given our probabilities.

    Args:
        run_or_file: as :func:`imagelet.runs.learner.find_learner` takes it.
        path: the file; it appears whole or not at all.
        int8: quantize statically: weights and activations become 8-bit whole numbers, whose scales are fitted
            on training images.
        pictures: the file takes pictures of any size, and frames them itself.

    Raises:
        RunError: there is no such classifier.
        UsageError: onnx or onnxruntime is not installed, a layer cannot be written as ONNX, the runtime's
            probabilities differ by more than 1e-4, the framing is none that only resizes, or what the runtime
            frames differs by more than 1 grey level in the mean of a picture.
        DataError: to quantize, training and validation images are needed, and are not available.
    """
    learner = find_learner(run_or_file)
    classifier = learner.load()
    learner = replace(learner, loaded=classifier)
    if pictures:
        check_offered(classifier.framing)
    content = onnx_model(classifier).SerializeToString()
    checked_on, images = images_to_check(learner)
    difference = float(np.abs(run_onnx(content, images) - classifier.predict_proba(images)).max())
    if difference > LARGEST_DIFFERENCE:
        raise UsageError(
            "onnxruntime's probabilities differ from ours by up to {difference:.2g}; nothing is written",
            difference=difference,
        )
    quantized = None
    if int8:
        before, (content, validation) = content, _quantized_for(learner, content)
        quantized = _compare(before, content, validation)
    framed = None
    if pictures:
        content = with_framing(content, classifier.framing)
        framed = _compare_framing(content, classifier.framing)
    atomic_files.write_bytes(Path(path), content)
    return OnnxFile(Path(path), len(content), OPSET, checked_on, len(images), difference, quantized, framed)


def with_framing(content: bytes, framing: Framing) -> bytes:
    """Return a model of framed images as one that takes pictures and frames them itself."""
    import onnx
    from onnx import TensorProto, compose, helper

    graph = OnnxGraph()
    with graph.inside("framing"):
        framed, blank = add_framing(graph, framing)
    before = _model(
        graph,
        [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", "any height", "any width", 3])],
        {framed: helper.make_tensor_value_info("framed", TensorProto.UINT8, ["n", *framing.shape])}
        | {blank: helper.make_tensor_value_info("blank", TensorProto.BOOL, ["n"])},
    )
    after = onnx.load_from_string(content)
    names = ["probabilities", "sure", "framed", "blank"]
    both = compose.merge_models(before, after, io_map=[("framed", "images")], outputs=names)
    reached = next(node for node in both.graph.node if node.output[0] == "sure")
    reached.output[0] = reached.name = "reached"
    both.graph.node.append(helper.make_node("Not", ["blank"], ["shown"], "shown"))
    both.graph.node.append(helper.make_node("And", ["reached", "shown"], ["sure"], "sure"))
    outputs = {value.name: value for value in both.graph.output}
    del both.graph.output[:]
    both.graph.output.extend(outputs[name] for name in names[:-1])
    both.producer_name, both.producer_version = after.producer_name, after.producer_version
    onnx.checker.check_model(both, full_check=True)
    made: bytes = both.SerializeToString()
    return made


def _compare_framing(content: bytes, framing: Framing) -> Framed:
    """Return how a model frames pictures of many sizes, compared with us.

    Raises:
        UsageError: it differs by more than ``LARGEST_MEAN_DIFFERENCE``.
    """
    session, differences = _session(content), []
    generator = np.random.default_rng(0)
    for height, width in SIZES_TO_FRAME:
        coarse = generator.integers(0, 256, (5, 7, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
        grain = generator.integers(-20, 21, smooth.shape)
        picture = np.clip(smooth + grain, 0, 255).astype(np.uint8)
        (theirs,) = session.run(["framed"], {"pictures": picture[np.newaxis]})
        differences.append(float(np.abs(theirs[0].astype(int) - frame(picture, framing)).mean()))
    if max(differences) > LARGEST_MEAN_DIFFERENCE:
        raise UsageError(
            "what onnxruntime frames differs from ours by up to {difference:.2g} grey levels in the mean; "
            "nothing is written",
            difference=max(differences),
        )
    return Framed(len(differences), max(differences))


def images_to_check(learner: Learner) -> tuple[str, NDArray[np.uint8]]:
    """Return the best images that are available, uint8 (n, height, width, channels), and what they are."""
    try:
        learned = provenance_of(learner).open()
        if learned.validation is not None:
            return "validation", learned.validation.images.images
        return "training", learned.dataset.train.images[:IMAGES_WITHOUT_VALIDATION]
    except ImageletError:
        shape = (IMAGES_WITHOUT_VALIDATION, *learner.load().input_shape)
        return "random", np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _quantized_for(learner: Learner, content: bytes) -> tuple[bytes, ImageSet]:
    """Return a model in 8-bit numbers, fitted on training images, and the validation images."""
    learned = provenance_of(learner).open()
    if learned.validation is None:
        raise DataError(
            "'{name}' has no validation images, by which to say what 8-bit numbers cost",
            hint="name a run that was trained with --validation 0.1, or leave --int8 out",
            name=learner.name,
        )
    fitted_on = learned.dataset.train.take(learned.training_indices[:CALIBRATION_IMAGES])
    return quantize(content, fitted_on.images), learned.validation.images


def run_onnx(content: bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probabilities (n, classes) that onnxruntime computes with a model.

    Raises:
        UsageError: onnxruntime is not installed.
    """
    session = _session(content)
    starts = range(0, max(len(images), 1), IMAGES_AT_ONCE)
    batches = [np.ascontiguousarray(images[start : start + IMAGES_AT_ONCE]) for start in starts]
    made = [session.run(["probabilities"], {"images": batch})[0] for batch in batches]
    probabilities: NDArray[np.float32] = np.concatenate(made)
    return probabilities


def _session(content: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise _not_installed("onnxruntime") from error
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def quantize(content: bytes, images: NDArray[np.uint8]) -> bytes:
    """Return a model with 8-bit weights and activations, their scales fitted on ``images`` (n, h, w, c).

    Weights use 7 of the 8 bits (onnxruntime's ``reduce_range``): where a processor has AVX2 without VNNI, the
    sum of two products of 8 bits would overflow.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Batches(CalibrationDataReader):  # type: ignore[misc]
        remaining = iter(np.array_split(images, -(-len(images) // IMAGES_AT_ONCE)))

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            batch = next(self.remaining, None)
            return None if batch is None else {"images": np.ascontiguousarray(batch)}

    with tempfile.TemporaryDirectory() as folder:
        prepared, written = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(onnx.load_from_string(content), prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            written,
            Batches(),
            op_types_to_quantize=["Conv", "Gemm"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return written.read_bytes()


def _compare(before: bytes, after: bytes, images: ImageSet) -> Quantized:
    first, second = (
        run_onnx(content, images.images).argmax(axis=1) == images.labels for content in (before, after)
    )
    return Quantized(
        bytes_before=len(before),
        accuracy_before=float(first.mean()),
        accuracy_after=float(second.mean()),
        difference=compare_predictions(first, second),
        milliseconds_before=_milliseconds(before, images.images[:1]),
        milliseconds_after=_milliseconds(after, images.images[:1]),
    )


def _milliseconds(content: bytes, image: NDArray[np.uint8]) -> float:
    """Return how long one image takes, in milliseconds: the median of several."""
    session, seconds = _session(content), []
    for _ in range(TIMED):
        start = time.perf_counter()
        session.run(["probabilities"], {"images": image})
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


def onnx_model(classifier: Classifier) -> "ModelProto":
    """Return a classifier as a model of ONNX, checked by its checker.

    Raises:
        UsageError: onnx is not installed, or a layer cannot be written as ONNX.
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError as error:
        raise _not_installed("onnx") from error
    graph = OnnxGraph()
    logits = _logits(classifier, graph)
    scaled = graph.add("Div", logits, graph.number(classifier.calibration.temperature))
    probabilities = graph.add("Softmax", scaled, axis=1)
    sure = _sure(classifier, graph, logits, probabilities)
    classes = len(classifier.classes)
    model = _model(
        graph,
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", *classifier.input_shape])],
        {probabilities: helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", classes])}
        | {sure: helper.make_tensor_value_info("sure", TensorProto.BOOL, ["n"])},
    )
    helper.set_model_props(model, _metadata(classifier))
    onnx.checker.check_model(model, full_check=True)
    return model


def _model(
    graph: OnnxGraph, inputs: list["ValueInfoProto"], outputs: dict[str, "ValueInfoProto"]
) -> "ModelProto":
    """Return a graph as a model.

    Args:
        graph: its nodes and constants.
        inputs: what it takes.
        outputs: what it gives, by the names of the nodes' outputs.
    """
    from onnx import helper, numpy_helper

    ends = {name: value.name for name, value in outputs.items()}  # names that people type
    nodes = [
        helper.make_node(node.operation, node.inputs, [node.output], node.output, **node.attributes)
        for node in graph.nodes
    ]
    nodes += [helper.make_node("Identity", [name], [end], end) for name, end in ends.items()]
    constants = [numpy_helper.from_array(array, name) for name, array in graph.constants.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "imagelet", inputs, list(outputs.values()), constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="imagelet",
    )
    model.producer_version = version("imagelet")
    return model


def _metadata(classifier: Classifier) -> dict[str, str]:
    facts: dict[str, Any] = {
        "classes": list(classifier.classes),
        "framing": classifier.framing.to_json(),
        "threshold": classifier.calibration.threshold,
        "temperature": classifier.calibration.temperature,
        "lowest_logits": classifier.calibration.lowest_logits,
        "network": classifier.network_text,
        "test_time_augmentation": classifier.test_time_augmentation,
    }
    return {name: json.dumps(value, ensure_ascii=False) for name, value in facts.items()}


def _sure(classifier: Classifier, graph: OnnxGraph, logits: str, probabilities: str) -> str:
    """Add the nodes that say which predictions are sure."""
    calibration = classifier.calibration
    largest = graph.add("ReduceMax", probabilities, axes=[1], keepdims=0)
    likely = graph.add("GreaterOrEqual", largest, graph.number(calibration.threshold))
    if calibration.lowest_logits is None:
        return likely
    lowest = graph.constant(np.array(calibration.lowest_logits, np.float32), "lowest_logits")
    lowest_of_each = graph.add("Gather", lowest, graph.add("ArgMax", logits, axis=1, keepdims=0))
    highest = graph.add("ReduceMax", logits, axes=[1], keepdims=0)
    return graph.add("And", likely, graph.add("GreaterOrEqual", highest, lowest_of_each))


def _logits(classifier: Classifier, graph: OnnxGraph) -> str:
    """Add all nodes from the images to the logits, averaged over the views."""
    text, shape, classes = classifier.network_text, classifier.input_shape, len(classifier.classes)
    layers = plain_layers(text, shape, classes, "to_onnx")
    if layers is None:
        raise UsageError("the network '{network}' has layers that cannot be written as ONNX", network=text)
    tensors = {name: tensor.cpu().numpy() for name, tensor in classifier.network.state_dict().items()}
    views = VIEWS[classifier.test_time_augmentation]
    value = _views(graph, _normalized(classifier, graph), classifier)
    logits = layers_to_onnx(layers, graph, nested_weights(tensors), value, shape)
    if len(views) > 1:
        apart = graph.constant(np.array([len(views), -1, classes], np.int64), "views")
        weights = np.array([view.weight for view in views], np.float32).reshape(-1, 1, 1)
        weighted = graph.add("Mul", graph.add("Reshape", logits, apart), graph.constant(weights, "weights"))
        axes = graph.constant(np.array([0], np.int64), "axes")
        logits = graph.add("ReduceSum", weighted, axes, keepdims=0)
    return logits


def _normalized(classifier: Classifier, graph: OnnxGraph) -> str:
    """Add the nodes from uint8 images (n, height, width, channels) to network input."""
    mean, std = (np.array(values) for values in vars(classifier.normalization).values())
    floats = graph.add("Cast", "images", to=1)  # float32
    scaled = graph.add("Mul", floats, graph.constant((1 / (255 * std)).astype(np.float32), "scale"))
    shifted = graph.add("Add", scaled, graph.constant((-mean / std).astype(np.float32), "offset"))
    return graph.add("Transpose", shifted, perm=[0, 3, 1, 2])


def _views(graph: OnnxGraph, images: str, classifier: Classifier) -> str:
    """Add the nodes that put all views of the images behind one another."""

    def whole(*values: int) -> str:
        return graph.constant(np.array(values, np.int64), "numbers")

    height, width, _ = classifier.input_shape
    shown = []
    for view in VIEWS[classifier.test_time_augmentation]:
        seen = images
        if view.shift:
            first = 1 - view.shift
            wider = graph.add("Pad", images, whole(0, 0, 1, 1, 0, 0, 1, 1), mode="edge")
            ends = whole(first + height, first + width)
            seen = graph.add("Slice", wider, whole(first, first), ends, whole(2, 3))
        if view.mirrored:
            seen = graph.add("Slice", seen, whole(-1), whole(-(2**31)), whole(3), whole(-1))
        shown.append(seen)
    return graph.add("Concat", *shown, axis=0) if len(shown) > 1 else shown[0]


def _not_installed(package: str) -> UsageError:
    return UsageError(
        "ONNX needs the package {package}, which is not installed",
        hint="pip install 'imagelet[onnx]'",
        package=package,
    )
