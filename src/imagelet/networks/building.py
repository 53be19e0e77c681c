"""From a name or network text to a network with its initial weights: the one place that builds one.

A `Network` is a plain ``nn.Sequential`` of named layers (``conv1``, ``relu1``, ``pool1``, …, ``softmax``)
that remembers its text, so that the same can be built again. A closing softmax is one of its layers, for
summary, pictures and export, but ``forward`` stops before it: training and calibration need the logits.
"""

import importlib
import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from imagelet.errors import NetworkTextError, UsageError
from imagelet.messages import Message
from imagelet.networks.layer_kind import INITIAL_WEIGHTS, Layer, Shape, named, written_shape
from imagelet.networks.modules import run_fused
from imagelet.networks.summary import checked_input, infer_shapes
from imagelet.networks.text import parse, to_text
from imagelet.networks.torch_layers import layer_of
from imagelet.networks.zoo import Builder, NamedNetwork, find_network, networks

CONTRACT = "a builder takes (channels, size, classes) and returns an nn.Sequential that ends in logits"


class Network(nn.Sequential):
    """A network: named layers, and what it takes to build it again.

    Attributes:
        text: canonical network text, or the name of its builder; with input shape and classes it builds the
            same layers.
        name: its name among the networks, or its builder's; empty for a network from text.
        input_shape: (height, width, channels).
        classes: how many logits it gives.
        layers: the layers of its text, one for each child; empty for one that a builder made.
    """

    def __init__(
        self,
        children: "OrderedDict[str, nn.Module]",
        *,
        text: str,
        name: str,
        input_shape: Shape,
        classes: int,
        layers: tuple[Layer, ...] = (),
    ) -> None:
        super().__init__(children)
        self.text = text
        self.name = name
        self.input_shape = input_shape
        self.classes = classes
        self.layers = layers

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (n, classes) of float images (n, channels, height, width)."""
        return run_fused(self.named_children(), images)

    def __getitem__(self, place: int | slice) -> nn.Module:
        """Return the layer at ``place``, or an ``nn.Sequential`` of several: a part has no text."""
        if isinstance(place, slice):
            return nn.Sequential(OrderedDict(list(self.named_children())[place]))
        return list(self.children())[place]


def build(
    text_or_name: str,
    input_shape: Sequence[int] = (28, 28, 1),
    classes: int = 10,
    initial_weights: str = "glorot",
    seed: int = 0,
    *,
    allow_import: bool = True,
) -> Network:
    """Return a new network, on the CPU, in float32, ready to train.

    Args:
        text_or_name: network text, a registered network's name, or ``package.module:function``, where the
            function takes (channels, size, classes) and returns an ``nn.Sequential`` of named layers.
        input_shape: (height, width, channels) in pixels.
        classes: how many logits it shall give.
        initial_weights: ``"glorot"`` (Keras's default), ``"he"`` or ``"torch"``, for a network from text; a
            builder chooses its own.
        seed: of the initial weights; the same seed gives the same bytes. torch's own random state is as it
            was afterwards.
        allow_import: whether ``package.module:function`` may be imported. False where the text comes from a
            file that someone else may have made.

    Raises:
        NetworkTextError: text that cannot be read or does not fit.
        UnknownNameError: a single word that names no network.
        UsageError: an impossible input shape, unknown initial weights, or a builder that cannot be imported
            or breaks its contract.
    """
    known = find_network(text_or_name)
    shape = checked_input(input_shape, classes)
    if known.builder is not None:
        return _from_builder(known, known.builder, shape, classes, seed, allow_import)
    network = _from_text(known, shape, classes)
    draw_weights(network, initial_weights, seed)
    return network


def _from_text(known: NamedNetwork, shape: Shape, classes: int) -> Network:
    try:
        placed = infer_shapes(known.text, shape, classes)
    except NetworkTextError as error:
        if not known.name:
            raise
        message = Message(
            "the network '{name}' does not fit: {problem}", name=known.name, problem=error.message
        )
        raise NetworkTextError(message, error.hint, text=error.text, position=error.position) from None
    layers = parse(known.text)
    shapes = {layer.name: layer.input_shape for layer in placed}
    children = OrderedDict(
        (name, layer.settled(classes).build(shapes[name])) for name, layer in named(layers)
    )
    return Network(
        children, text=to_text(layers), name=known.name, input_shape=shape, classes=classes, layers=layers
    )


def _from_builder(
    known: NamedNetwork, builder: Builder | str, shape: Shape, classes: int, seed: int, allow_import: bool
) -> Network:
    if isinstance(builder, str):
        if not allow_import and known.name not in networks:
            message = Message("the network '{name}' would run code from outside imagelet", name=builder)
            hint = Message(
                "if you trust it: --allow-import, in Python allow_import=True; or register it as a plugin"
            )
            raise UsageError(message, hint)
        builder = import_builder(builder)
    height, width, channels = shape
    size = height if height == width else (height, width)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            built = builder(channels, size, classes)
    except Exception as error:  # whatever someone else's function raises
        values = {"name": known.name, "shape": written_shape(shape), "classes": classes, "error": error}
        message = Message("the builder '{name}' fails for {shape} and {classes} classes: {error}", **values)
        raise UsageError(message, hint=CONTRACT) from error
    _check_contract(known.name, built, shape, classes)
    children = OrderedDict(built.named_children())
    return Network(children, text=known.text, name=known.name, input_shape=shape, classes=classes)


def import_builder(reference: str) -> Builder:
    """Return the function that ``package.module:function`` names.

    Raises:
        UsageError: the module cannot be imported, or has no such function.
    """
    module_name, _, function_name = reference.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever someone else's module raises while it is imported
        values = {"module": module_name, "name": reference, "error": error}
        message = Message("cannot import '{module}' for the network '{name}': {error}", **values)
        raise UsageError(message, hint="is it installed, or in the folder you are in?") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        message = Message(
            "the module '{module}' has no function '{function}'", module=module_name, function=function_name
        )
        raise UsageError(message, hint="write package.module:function")
    builder: Builder = function
    return builder


def _check_contract(name: str, built: object, shape: Shape, classes: int) -> None:
    """Refuse what is no network: see `NamedNetwork.builder`."""
    if not isinstance(built, nn.Sequential) or type(built).forward is not nn.Sequential.forward:
        values: dict[str, Any] = {"name": name, "type": type(built).__name__}
        message = Message("the builder '{name}' returned a {type}, not a plain nn.Sequential", **values)
        raise UsageError(message, hint=CONTRACT)
    if any(isinstance(child, nn.Softmax) for child in list(built)[:-1]):
        raise UsageError("the builder '{name}' put a softmax before the last layer", hint=CONTRACT, name=name)
    if len(set(built)) < len(built):
        raise UsageError(
            "the builder '{name}' put one and the same layer in two places", hint=CONTRACT, name=name
        )
    height, width, channels = shape
    training = built.training
    try:
        with torch.no_grad():
            output = built.eval()(torch.zeros(2, channels, height, width))
    except Exception as error:  # whatever someone else's layers raise
        values = {"name": name, "shape": written_shape(shape), "error": error}
        message = Message("the network of '{name}' fails on an image of {shape}: {error}", **values)
        raise UsageError(message, hint=CONTRACT) from error
    built.train(training)
    given = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if given != (2, classes):
        values = {"name": name, "given": given, "classes": classes}
        message = Message("the network of '{name}' makes {given} of two images, not (2, {classes})", **values)
        raise UsageError(message, hint=CONTRACT)


def draw_weights(network: nn.Module, initial_weights: str = "glorot", seed: int = 0) -> None:
    """Set the weights and biases of every layer in ``network`` whose kind has fans, in order.

    ==========  =====================================================  =====================  ===============
    name        weights                                                biases                 source
    ==========  =====================================================  =====================  ===============
    ``glorot``  uniform in ±√(6 / (inputs + outputs))                  0                      Keras's default
    ``he``      normal with standard deviation √(2 / inputs)           0                      Kaiming He 2015
    ``torch``   uniform in ±1 / √inputs                                the same as weights    torch's default
    ==========  =====================================================  =====================  ===============

    Inputs and outputs are a layer's fans: kernel height × kernel width × channels for a convolution. For a
    depthwise one Keras counts all input channels as inputs and the multiplier as outputs, and so does
    ``glorot``; the two others count the one channel that a filter sees.

    Args:
        network: on the CPU; batch normalisation is left as it is (scale 1, shift 0).
        initial_weights: ``"glorot"``, ``"he"`` or ``"torch"``.
        seed: the same seed gives the same bytes.

    Raises:
        UsageError: another name.
    """
    if initial_weights not in INITIAL_WEIGHTS:
        values: dict[str, Any] = {"name": initial_weights, "names": ", ".join(INITIAL_WEIGHTS)}
        raise UsageError("unknown initial weights '{name}'", hint="one of {names}", **values)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if (fans := fans_of(module)) is not None:
                _draw(module, initial_weights, sum(fans), generator)


def fans_of(module: nn.Module) -> tuple[int, int] | None:
    """Return the inputs and outputs of one number of the layer's output, as Keras counts them.

    None: it is a layer without weights that are drawn. Source: ``keras.initializers.compute_fans`` on kernels
    of (height, width, in, out), for depthwise ones (height, width, channels, multiplier).
    """
    weight = getattr(module, "weight", None)
    return layer_of(module).fans(tuple(weight.shape)) if isinstance(weight, Tensor) else None


def _draw(module: Any, initial_weights: str, fans: int, generator: torch.Generator) -> None:
    """Draw a layer's weights, then its biases."""
    inputs = module.weight[0].numel()
    bound = math.sqrt(6 / fans) if initial_weights == "glorot" else 1 / math.sqrt(inputs)
    if initial_weights == "he":
        module.weight.normal_(0, math.sqrt(2 / inputs), generator=generator)
    else:
        module.weight.uniform_(-bound, bound, generator=generator)
    if module.bias is not None and initial_weights == "torch":
        module.bias.uniform_(-bound, bound, generator=generator)
    elif module.bias is not None:
        module.bias.zero_()
