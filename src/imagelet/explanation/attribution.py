"""Which pixels of an image speak for a class, and which against it: four methods, one answer each.

All of them ask about one logit of the network for the image itself, before calibration; a classifier with
test-time augmentation answers from more than this. None of them says why: they show where a change would be
felt.

Integrated gradients and occlusion compare with an image of one colour in which there is nothing to see: the
median of the border, channel by channel. Around MNIST's digits and Fashion-MNIST's clothes this is black;
around a photo's object it is the ground that it lies on. Pixels of just this colour count as nothing.
"""

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imagelet.classifier.classifier import Classifier
from imagelet.errors import UsageError
from imagelet.explanation.activations import is_convolution
from imagelet.messages import Message
from imagelet.networks import Network
from imagelet.networks.layer_kind import INPUT, LayerRun
from imagelet.networks.torch_layers import layer_of
from imagelet.networks.watching import layers_run
from imagelet.networks.window import Sliding
from imagelet.preprocessing.geometry import Placement, whole
from imagelet.preprocessing.picture import border
from imagelet.registry import unknown

METHODS = {
    "saliency": "how strongly each pixel's value moves the logit, up or down: the gradient's size, the"
    " largest of the channels (Simonyan, Vedaldi and Zisserman 2013, arXiv 1312.6034)",
    "integrated-gradients": "how much of the logit comes from each pixel, for and against, on the way from a"
    " ground of one colour to the image (Sundararajan, Taly and Yan 2017, arXiv 1703.01365)",
    "grad-cam": "where a convolution finds what speaks for the class, as coarse as its maps"
    " (Selvaraju and others 2017, arXiv 1610.02391)",
    "occlusion": "how far the logit falls, or rises, when a small square around the pixel is hidden"
    " (Zeiler and Fergus 2014, arXiv 1311.2901)",
}
"""What each method shows, and its source."""

NO_CONVOLUTION = Message("grad-cam: the network has no convolution")
"""What is said where ``grad-cam`` is left out."""

SIGNED = frozenset({"integrated-gradients", "occlusion"})
"""The methods that tell for and against apart; the others' values are 0 or above."""

STEPS = 50  # points on the way from the ground to the image: the sum is right to about 1 %
WINDOW = 6  # hidden squares that fit along the shorter side
SMALLEST_WINDOW = 2  # pixels
PIXELS_AT_ONCE = 2**18  # of all images that go through the network together


@dataclass(frozen=True)
class Attribution:
    """How much each pixel of an image counts for a class.

    Attributes:
        method: a name in ``METHODS``.
        class_index: the class, counted from 0.
        class_name: its name.
        probability: what the classifier gives it, calibrated, with its test-time augmentation.
        layer: the convolution that was looked at; None for other methods than ``grad-cam``.
        values: float32 (height, width), in logits for integrated gradients (as a sum) and occlusion. Above 0
            speaks for the class, below 0 against it; never below 0 where the method is not signed.
    """

    method: str
    class_index: int
    class_name: str
    probability: float
    layer: str | None
    values: NDArray[np.float32] = field(repr=False, compare=False)

    @property
    def signed(self) -> bool:
        """Whether the values tell for and against apart."""
        return self.method in SIGNED

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them, the values as rows of numbers."""
        return {
            "method": self.method,
            "class": self.class_index,
            "name": self.class_name,
            "probability": self.probability,
            "layer": self.layer,
            "values": self.values.tolist(),
        }


def attribute(
    classifier: Classifier,
    image: NDArray[np.uint8],
    method: str,
    target: int | str | None = None,
    layer: str | None = None,
) -> Attribution:
    """Return what speaks for a class in an image, pixel by pixel.

    The network is copied, so nothing is left behind in it and other threads may use it meanwhile.

    Args:
        classifier: whose network it is.
        image: uint8 (height, width, channels), framed as the network takes it.
        method: a name in ``METHODS``.
        target: the class's name or index; the classifier's answer by default.
        layer: for ``grad-cam``, a convolution's name; the last one by default. Other methods take none.

    Raises:
        UnknownNameError: an unknown method, class name or layer.
        UsageError: a class index out of range, or ``grad-cam`` without a convolution.
        ValueError: an image of another type or shape.
    """
    if method not in METHODS:
        known = Message("methods are {names}", names=", ".join(METHODS))
        raise unknown(Message("method"), method, METHODS, known)
    probabilities = classifier.predict_proba(image[np.newaxis])[0]  # (classes,)
    index = int(probabilities.argmax()) if target is None else class_of(classifier.classes, target)
    chosen = None
    with torch.inference_mode(False), torch.enable_grad():
        network = copy.deepcopy(classifier.network).eval().requires_grad_(False)
        inputs = classifier.prepare(image[np.newaxis])  # (1, channels, height, width)
        if method == "grad-cam":
            chosen = convolution_of(network, layer)
            values = grad_cam(network, inputs, index, chosen)
        elif method == "saliency":
            values = _saliency(network, inputs, index)
        else:
            compare = _integrated_gradients if method == "integrated-gradients" else _occlusion
            values = compare(network, inputs, classifier.prepare(ground_of(image)[np.newaxis]), index)
    pixels = values.detach().cpu().float().numpy()
    probability = float(probabilities[index])
    return Attribution(method, index, classifier.classes[index], probability, chosen, pixels)


def methods_for(network: Network) -> tuple[str, ...]:
    """Return the methods that a network allows: without a convolution all but ``grad-cam``."""
    convolves = any(is_convolution(module) for module in network.modules())
    return tuple(name for name in METHODS if convolves or name != "grad-cam")


def ground_of(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image of the same shape (height, width, channels), all in the median colour of its border."""
    colour = np.median(border(image), axis=0).round().astype(np.uint8)
    return np.broadcast_to(colour, image.shape)


def class_of(classes: tuple[str, ...], target: int | str) -> int:
    """Return the index of the class with this name or index; a name goes before a number.

    Raises:
        UnknownNameError: no class has the name.
        UsageError: an index out of range.
    """
    if isinstance(target, str) and target in classes:
        return classes.index(target)
    names = ", ".join([*classes[:12], *(["…"] if len(classes) > 12 else [])])
    known = Message("classes are {names}", names=names)
    if isinstance(target, str) and not target.removeprefix("-").isdecimal():
        raise unknown(Message("class"), target, classes, known)
    if not 0 <= int(target) < len(classes):
        values = {"number": int(target), "last": len(classes) - 1}
        message = Message("there is no class {number}: the classifier's are numbered 0 to {last}", **values)
        raise UsageError(message, hint=known)
    return int(target)


def convolution_of(network: Network, layer: str | None) -> str:
    """Return the name of the convolution that is asked for, or of the last one.

    Raises:
        UnknownNameError: the network has no such layer.
        UsageError: the layer is no convolution, or the network has none.
    """
    modules = dict(network.named_modules())
    convolutions = [name for name, module in modules.items() if is_convolution(module)]
    if not convolutions:
        others = ", ".join(name for name in METHODS if name != "grad-cam")
        message = Message("grad-cam looks at a convolution, and '{network}' has none", network=network.text)
        raise UsageError(message, hint="take another method: {names}", names=others)
    known = Message("convolutions are {names}", names=", ".join(convolutions))
    if layer is not None and (not layer or layer not in modules):
        raise unknown(Message("layer"), layer, convolutions, known)
    if layer is not None and layer not in convolutions:
        raise UsageError(
            "the layer '{layer}' is no convolution, which grad-cam looks at", hint=known, layer=layer
        )
    return layer or convolutions[-1]


def _saliency(network: Network, inputs: Tensor, target: int) -> Tensor:
    """Return (height, width): the gradient's size, the largest of the channels, as Simonyan has it."""
    from captum.attr import Saliency

    slopes: Tensor = Saliency(network).attribute(inputs.requires_grad_(), target=target)
    return slopes[0].amax(dim=0)


def _integrated_gradients(network: Network, inputs: Tensor, ground: Tensor, target: int) -> Tensor:
    """Return (height, width), which add up to the logit of the image less that of the ground."""
    from captum.attr import IntegratedGradients

    at_once = _at_once(inputs)
    parts: Tensor = IntegratedGradients(network).attribute(
        inputs, ground, target=target, n_steps=STEPS, internal_batch_size=at_once if at_once < STEPS else None
    )
    return parts[0].sum(dim=0)


def _occlusion(network: Network, inputs: Tensor, ground: Tensor, target: int) -> Tensor:
    """Return (height, width): by how much the logit falls when the pixel is hidden, the windows' mean.

    The windows overlap by half, so that an edge that lies between two of them shows as well.
    """
    from captum.attr import Occlusion

    channels, *sides = inputs.shape[1:]
    side = max(SMALLEST_WINDOW, round(min(sides) / WINDOW))
    window = tuple(min(side, length) for length in sides)
    strides = tuple(max(1, length // 2) for length in window)
    falls: Tensor = Occlusion(network).attribute(
        inputs,
        (channels, *window),
        (channels, *strides),
        ground,
        target=target,
        perturbations_per_eval=_at_once(inputs),
    )
    return falls[0, 0]  # the channels are hidden together


def _at_once(inputs: Tensor) -> int:
    """Return how many images of this size go through the network together."""
    return max(1, PIXELS_AT_ONCE // (inputs.shape[2] * inputs.shape[3]))


def grad_cam(network: Network, inputs: Tensor, target: int, layer: str) -> Tensor:
    """Return how much each place speaks for a class: the maps' sum, each by its mean gradient, from 0 up.

    The maps are taken behind the normalisation and activation that belong to the convolution, as the paper
    does: the raw sums have an offset that normalisation takes away, which drowns what the maps show. Where a
    network pools before it normalises, the gradient is taken behind all of these, and the maps as if there
    were no pooling, so that they stay as fine as the convolution's. A map's cells lie where the pixels lie
    that they see; merely stretched over the image they would lie elsewhere wherever convolutions go without
    padding.

    Args:
        network: set to evaluation.
        inputs: float32 (1, channels, height, width), the network's input.
        target: the class's index.
        layer: the name of a convolution in the network.

    Returns:
        float32 (height, width) of the image.
    """
    from captum.attr import LayerActivation, LayerGradientXActivation

    with torch.no_grad():
        runs = {ran.name: ran for ran in layers_run(network, inputs)}
    first, kept, last = _belonging(runs, layer)
    maps = LayerActivation(network, network.get_submodule(first)).attribute(inputs)
    for module in kept:
        maps = module(maps)  # (1, filters, rows, columns)
    gradient = LayerGradientXActivation(network, network.get_submodule(last), multiply_by_inputs=False)
    slopes = gradient.attribute(inputs, target)
    weights = slopes.mean(dim=(2, 3), keepdim=True)  # (1, filters, 1, 1)
    cells = torch.relu((weights * maps).sum(dim=1))[0].detach().cpu().numpy()  # (rows, columns)
    height, width = inputs.shape[2:]
    placement = _cells(runs, layer, (height, width))
    if placement is None:
        placement = Placement.of((slice(0, height), slice(0, width)), at=whole(cells))
    room = 1 + int(max(height, width) / min(placement.pixel_height, placement.pixel_width))
    wider = np.pad(cells, room, mode="edge")  # the outermost cells see as far as the edge
    placement = Placement(-room, -room, 1, 1).within(placement)
    return torch.from_numpy(placement.onto(wider, height, width))


def _belonging(runs: dict[str, LayerRun], layer: str) -> tuple[str, list[nn.Module], str]:
    """Return where a convolution's maps are taken, what they go through, and where the gradient is taken.

    Maps go through the normalisation and the activation that belong to the convolution; pooling between is
    left out, so that they stay as fine as they are. At the end of a residual block they are taken from its
    sum. Without an activation both are taken at the convolution itself.
    """
    first, name = layer, layer
    kept: list[nn.Module] = []
    while True:
        after = next((ran for ran in runs.values() if name in ran.sources), None)
        kind = None if after is None else layer_of(after.module)
        if after is None or kind is None or after.output.dim() != 4:
            break
        if kind.family == "activation":
            return first, [*kept, after.module], after.name
        if kind.nested and after.output.shape == runs[layer].output.shape:
            first, kept = after.name, []
        elif kind.family == "normalization":
            kept.append(after.module)
        elif not (kind.family == "dropout" or (kind.family == "pooling" and isinstance(kind, Sliding))):
            break
        name = after.name
    return (first, [], first) if layer in runs else (layer, [], layer)


def _cells(runs: dict[str, LayerRun], layer: str, size: tuple[int, int]) -> Placement | None:
    """Return where a convolution's cells lie in the image: each in the middle of the pixels that it sees.

    None where the convolution is inside a layer of a builder's own, or one before it works in an unknown way.
    """
    # of each layer the sides of its maps; in pixels the first cell's centre, and how far the next one is
    seen: dict[str, tuple[tuple[int, ...], list[float], list[float]]] = {
        INPUT: (size, [0.5, 0.5], [1.0, 1.0])
    }
    for ran in runs.values():
        if ran.sources[0] not in seen:
            continue
        sides, centres, steps = seen[ran.sources[0]]
        kind = layer_of(ran.module)
        if isinstance(kind, Sliding):
            windows = kind.sides((*sides, 1))
            centres = [
                centre + step * ((side.span - 1) / 2 - side.rim[0])
                for centre, step, side in zip(centres, steps, windows, strict=True)
            ]
            steps = [step * side.stride for step, side in zip(steps, windows, strict=True)]
        elif tuple(ran.output.shape[2:]) != sides:
            continue
        seen[ran.name] = (tuple(ran.output.shape[2:]), centres, steps)
    if layer not in seen:
        return None
    _, centres, steps = seen[layer]
    return Placement(*(centre - step / 2 for centre, step in zip(centres, steps, strict=True)), *steps)
