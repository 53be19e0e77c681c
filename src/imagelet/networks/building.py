"""From a name or network text to a network with its initial weights: the one place that builds one.

A `Network` is a plain ``nn.Sequential`` of named layers (``conv1``, ``relu1``, ``pool1``, …, ``softmax``)
that remembers its text, so that the same can be built again. A closing softmax is one of its layers, for
summary, pictures and export, but ``forward`` stops before it: training and calibration need the logits.
"""

import contextlib
import copy
import hashlib
import importlib
import inspect
import math
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from imagelet.errors import NetworkTextError, UsageError
from imagelet.messages import Message
from imagelet.networks.layer_kind import INITIAL_WEIGHTS, Layer, Shape, named, written_shape
from imagelet.networks.modules import run_fused
from imagelet.networks.summary import checked_input, infer_shapes
from imagelet.networks.text import parse, to_text
from imagelet.networks.torch_layers import layer_of
from imagelet.networks.watching import plain_strides
from imagelet.networks.zoo import Builder, NamedNetwork, find_network, networks, reference_of
from imagelet.paths import import_allowed

CONTRACT = "a builder takes (channels, size, classes) and returns a module from images to logits"


class Network(nn.Sequential):
    """A network: named layers, and what it takes to build it again.

    Attributes:
        text: canonical network text, or the name of its builder; with input shape and classes it builds the
            same layers.
        name: its name among the networks, or its builder's; empty for a network from text.
        input_shape: (height, width, channels).
        classes: how many logits it gives.
        layers: the layers of its text, one for each child; empty for one that a builder made.
        given: whether its weights were given with it, so that no seed draws them again.
        source_sha256: of the file with the code of an imported builder; None without.
        memory_format: how its maps lie in memory.
    """

    memory_format: ClassVar[torch.memory_format] = torch.channels_last
    given = False
    source_sha256: str | None = None

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


class OwnNetwork(Network):
    """A person's own module as a network: its weights and layers have the module's own names.

    Args:
        module: from images (n, channels, height, width) to logits (n, classes).
        text: where its code is, as :func:`imagelet.networks.zoo.reference_of` writes it.
        name: what it is called.
        input_shape: (height, width, channels).
        classes: how many logits it gives.
    """

    memory_format: ClassVar[torch.memory_format] = torch.contiguous_format  # for modules that use view
    own: nn.Module

    def __init__(self, module: nn.Module, *, text: str, name: str, input_shape: Shape, classes: int) -> None:
        super().__init__(OrderedDict(), text=text, name=name, input_shape=input_shape, classes=classes)
        # One and the same dictionaries: what is moved, loaded or trained here is so in the module.
        self._parameters, self._buffers = module._parameters, module._buffers
        self._modules = module._modules  # type: ignore[assignment]  # a child may be None
        self._non_persistent_buffers_set = module._non_persistent_buffers_set
        self.__dict__["own"] = module  # not one of the children

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (n, classes) of float images (n, channels, height, width)."""
        logits: Tensor = self.own(plain_strides(images))
        return logits

    def train(self, mode: bool = True) -> Self:
        """Let the module train, or evaluate, in its own way."""
        self.training = mode
        self.own.train(mode)
        return self

    def state_dict(self, *args: Any, **named: Any) -> Any:
        """Return the module's own."""
        return self.own.state_dict(*args, **named)

    def load_state_dict(self, *args: Any, **named: Any) -> Any:
        """Load the module's own."""
        return self.own.load_state_dict(*args, **named)

    def get_submodule(self, target: str) -> nn.Module:
        """Return the module's own."""
        return self.own.get_submodule(target)


def build(
    text_or_name: Any,
    input_shape: Sequence[int] = (28, 28, 1),
    classes: int = 10,
    initial_weights: str = "glorot",
    seed: int = 0,
    *,
    allow_import: bool | None = True,
) -> Network:
    """Return a new network, on the CPU, in float32, ready to train.

    Args:
        text_or_name: network text, a registered network's name, or ``package.module:function``, where the
            function takes (channels, size, classes) and returns a module from images to logits;
            ``package.module:Class()`` takes nothing. Also such a function itself, or a module, of which the
            network is a copy that begins with its weights.
        input_shape: (height, width, channels) in pixels.
        classes: how many logits it shall give.
        initial_weights: ``"glorot"`` (Keras's default), ``"he"`` or ``"torch"``, for a network from text; a
            builder chooses its own.
        seed: of the initial weights; the same seed gives the same bytes. torch's own random state is as it
            was afterwards.
        allow_import: whether ``package.module:function`` may be imported. False where the text comes from a
            file that someone else may have made; None: as the environment's IMAGELET_ALLOW_IMPORT says.

    Raises:
        NetworkTextError: text that cannot be read or does not fit.
        UnknownNameError: a single word that names no network.
        UsageError: an impossible input shape, unknown initial weights, or a builder that cannot be imported
            or breaks its contract.
    """
    shape = checked_input(input_shape, classes)
    if isinstance(text_or_name, nn.Module):
        return _given(text_or_name, shape, classes)
    if not isinstance(text_or_name, str):
        text = reference_of(text_or_name)
        known = NamedNetwork(text.rpartition(":")[2], text, shape, "given", builder=text_or_name)
    else:
        known = find_network(text_or_name)
    if known.builder is not None:
        allowed = import_allowed() if allow_import is None else allow_import
        return _from_builder(known, known.builder, shape, classes, seed, allowed)
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
                "if you trust it: --allow-import, or IMAGELET_ALLOW_IMPORT=1 for all commands; in Python "
                "allow_import=True, or pass the network itself: network=…"
            )
            raise UsageError(message, hint)
        builder = import_builder(builder)
    made: Any = builder
    if known.text.endswith("()"):  # a class, or a function, that takes nothing
        builder = _without_arguments(made)
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
    network = _as_network(built, known.text, known.name, shape, classes)
    network.source_sha256 = None if known.name in networks else source_sha256(made)
    return network


def _given(module: nn.Module, shape: Shape, classes: int) -> Network:
    """Return a copy of a module as a network, with the weights that it has."""
    try:
        copied = copy.deepcopy(module).cpu().float()
    except Exception as error:  # whatever someone else's module raises
        raise UsageError(
            "a {type} cannot be copied: {error}",
            hint="pass a function (channels, size, classes) that makes it",
            type=type(module).__name__,
            error=error,
        ) from error
    if isinstance(copied, Network):
        if (tuple(copied.input_shape), copied.classes) != (shape, classes):
            raise UsageError(
                "this network takes {given} and knows {count} classes; the data has {shape} and {classes}",
                hint="build it for the data: imagelet.build(text, input_shape, classes)",
                given=written_shape(copied.input_shape),
                count=copied.classes,
                shape=written_shape(shape),
                classes=classes,
            )
        network = copied
    else:
        network = _as_network(copied, reference_of(module), type(module).__name__, shape, classes)
        network.source_sha256 = source_sha256(type(module))
    network.given = True
    return network


def _as_network(built: Any, text: str, name: str, shape: Shape, classes: int) -> Network:
    """Return what a builder made, or a person gave, as a network.

    Raises:
        UsageError: it is no module from images to logits.
    """
    _check_contract(name, built, shape, classes)
    if isinstance(built, nn.Sequential) and type(built).forward is nn.Sequential.forward:
        children = OrderedDict(built.named_children())
        return Network(children, text=text, name=name, input_shape=shape, classes=classes)
    return OwnNetwork(built, text=text, name=name, input_shape=shape, classes=classes)


def _without_arguments(make: Callable[[], Any]) -> Builder:
    return lambda *_: make()


def source_sha256(code: Any) -> str | None:
    """Return the SHA-256 of the file that a function or class is from; None where it is from none."""
    try:
        return hashlib.sha256(Path(inspect.getfile(code)).read_bytes()).hexdigest()
    except (TypeError, OSError):
        return None


def import_builder(reference: str) -> Builder:
    """Return the function that ``package.module:function`` names, or the class of ``package.module:Class()``.

    Modules are looked for in the folder that the program was started in, too.

    Raises:
        UsageError: the module cannot be imported, or has no such function.
    """
    module_name, _, function_name = reference.removesuffix("()").partition(":")
    try:
        with _folder_here():
            module = importlib.import_module(module_name)
    except Exception as error:  # whatever someone else's module raises while it is imported
        values = {"module": module_name, "name": reference, "error": error}
        message = Message("cannot import '{module}' for the network '{name}': {error}", **values)
        raise UsageError(message, hint="is it installed, or in the folder you are in?") from error
    function: Any = module
    for name in function_name.split("."):
        function = getattr(function, name, None)
    if not callable(function):
        message = Message(
            "the module '{module}' has no function '{function}'", module=module_name, function=function_name
        )
        raise UsageError(message, hint="write package.module:function, or pass the network: network=…")
    builder: Builder = function
    return builder


@contextlib.contextmanager
def _folder_here() -> Iterator[None]:
    """Look for modules in the current folder, after all others."""
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)


def _check_contract(name: str, built: object, shape: Shape, classes: int) -> None:
    """Refuse what is no network: see `NamedNetwork.builder`."""
    if not isinstance(built, nn.Module):
        values: dict[str, Any] = {"name": name, "type": type(built).__name__}
        message = Message("the builder '{name}' returned a {type}, not an nn.Module", **values)
        raise UsageError(message, hint=CONTRACT)
    if isinstance(built, nn.Sequential) and type(built).forward is nn.Sequential.forward:
        if any(isinstance(child, nn.Softmax) for child in list(built)[:-1]):
            message = Message("the builder '{name}' put a softmax before the last layer", name=name)
            raise UsageError(message, hint=CONTRACT)
        if len(set(built)) < len(built):
            message = Message("the builder '{name}' put one and the same layer in two places", name=name)
            raise UsageError(message, hint=CONTRACT)
    output = _check_output(name, built, shape, classes)
    own = type(built).forward is not nn.Sequential.forward  # a sequence leaves a closing softmax out itself
    if own and classes > 1 and bool((output >= 0).all() and torch.allclose(output.sum(dim=1), torch.ones(2))):
        raise UsageError(
            "the network of '{name}' gives probabilities, not logits",
            hint="leave its softmax out: training and calibration need the logits",
            name=name,
        )
    strange = next((key for key, kept in built.state_dict().items() if not _can_be_stored(kept)), None)
    if strange is not None:
        raise UsageError(
            "the network of '{name}' keeps '{key}', which is no tensor of numbers that a file can hold",
            hint="keep float32, whole numbers or bool as buffers",
            name=name,
            key=strange,
        )


def _can_be_stored(kept: object) -> bool:
    types = (torch.float32, torch.int64, torch.int32, torch.uint8, torch.bool)
    return isinstance(kept, Tensor) and kept.dtype in types


def _check_output(name: str, built: nn.Module, shape: Shape, classes: int) -> Tensor:
    """Return what a module makes of two black images, which must be logits: (2, classes)."""
    height, width, channels = shape
    training = built.training
    try:
        with torch.no_grad():
            output = built.eval()(torch.zeros(2, channels, height, width))
    except Exception as error:  # whatever someone else's layers raise
        values: dict[str, Any] = {"name": name, "shape": written_shape(shape), "error": error}
        message = Message("the network of '{name}' fails on an image of {shape}: {error}", **values)
        raise UsageError(message, hint=CONTRACT) from error
    built.train(training)
    given = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if not isinstance(output, Tensor) or given != (2, classes):
        values = {"name": name, "given": given, "classes": classes}
        message = Message("the network of '{name}' makes {given} of two images, not (2, {classes})", **values)
        raise UsageError(message, hint=CONTRACT)
    return output


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
