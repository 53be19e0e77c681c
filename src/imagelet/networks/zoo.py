"""The named networks, each a line of network text. Nothing here imports torch.

>>> networks.get("softmax").text
'flatten dense(classes) softmax'
"""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from imagelet.errors import UsageError
from imagelet.messages import Message
from imagelet.networks import airbench
from imagelet.networks.layer_kind import Layer, Shape, named, place_layers
from imagelet.networks.text import is_layer, parse
from imagelet.registry import Registry

MNIST_SHAPE = (28, 28, 1)
CIFAR_SHAPE = (32, 32, 3)

Builder = Callable[[int, int | tuple[int, int], int], Any]
Layers = Callable[[int, int | tuple[int, int], int], list[tuple[str, Layer]]]


@dataclass(frozen=True)
class NamedNetwork:
    """A network with a name.

    Args:
        name: what is typed.
        text: its canonical network text; of a network that text cannot say, its name again.
        input_shape: (height, width, channels) that it was made for; most take others too.
        note: where it comes from and what it is good for, one line.
        builder: for a network that text cannot say: a function of (channels, size, classes) that returns a
            ``torch.nn.Sequential`` of named layers, or where to import it: ``"package.module:function"``.
            ``size`` is the side of square images, else (height, width).
        layers: the named layers that a builder's network has, a function of the same; None where only torch
            knows them.
    """

    name: str
    text: str
    input_shape: Shape
    note: str
    builder: Builder | str | None = None
    layers: Layers | None = None

    def named_layers(self, input_shape: Shape, classes: int = 10) -> list[tuple[str, Layer]] | None:
        """Return its layers by their names; None where only its builder knows them."""
        if self.layers is not None:
            height, width, channels = input_shape
            return self.layers(channels, (height, width), classes)
        if self.builder is not None:
            return None
        return [(name, layer.settled(classes)) for name, layer in named(parse(self.text))]

    @property
    def parameters(self) -> int | None:
        """How many it has for its input shape and ten classes; None: only building it would tell."""
        layers = self.named_layers(self.input_shape)
        if layers is None:
            return None
        return sum(placed.parameters for placed in place_layers(layers, self.input_shape))


networks: Registry[NamedNetwork] = Registry(Message("network"), listing="imagelet networks")


def find_network(text_or_name: str) -> NamedNetwork:
    """Return the network that a person means: a registered one, a builder to import, or network text.

    Network text comes back without a name. It is not parsed here, and a builder is not imported.

    Raises:
        UnknownNameError: a single word that is no network's name and no layer.
    """
    given = text_or_name.strip()
    if not re.search(r"[\s(]", given):  # layers are no name: no plugin is asked for one
        for name in (given, given.lower()):
            if name in networks:
                return networks.get(name)
    if is_imported(given):
        return NamedNetwork(given, given, MNIST_SHAPE, "imported", builder=given)
    one_word = re.fullmatch(r"[\w.-]{1,100}", given)
    if one_word and not is_layer(given):
        return networks.get(given)
    return NamedNetwork("", text_or_name, MNIST_SHAPE, "network text")


def is_imported(text: str) -> bool:
    """Say whether a network's text names code: ``package.module:function``, or ``package.module:Class()``."""
    return re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_<][\w.<>]*(\(\))?", text.strip()) is not None


def is_network(value: Any) -> bool:
    """Say whether a value can stand for a network: a text, a module or a builder."""
    return isinstance(value, str) or hasattr(value, "state_dict") or callable(value)


def reference_of(network: Any) -> str:
    """Return the text that names a network.

    Args:
        network: text or a name, as it is; a network that has a text; a module, named by its class as
            ``package.module:Class()``; or a builder, as ``package.module:function``.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(network, str):
        return network
    if isinstance(text := getattr(network, "text", None), str) and hasattr(network, "input_shape"):
        return text
    if hasattr(network, "state_dict") and not isinstance(network, type):
        made = type(network)
        return f"{made.__module__}:{made.__qualname__}()"
    if callable(network):
        name = getattr(network, "__qualname__", type(network).__qualname__)
        return f"{getattr(network, '__module__', type(network).__module__)}:{name}"
    raise UsageError(
        "a network is its text or name, a builder or an nn.Module; this is of the type {type}",
        hint="imagelet networks lists the names",
        type=type(network).__name__,
    )


def _named(name: str, text: str, note: str, input_shape: Shape = MNIST_SHAPE) -> None:
    networks.add(name, NamedNetwork(name, text, input_shape, note))


_named(
    "small-cnn",
    "conv(32, 3x3, same) batchnorm relu conv(32, 3x3, same) batchnorm relu pool(2)"
    " conv(64, 3x3, same) batchnorm relu conv(64, 3x3, same) batchnorm relu pool(2)"
    " conv(128, 3x3, same) batchnorm relu global_average dense(classes) softmax",
    "the default: small, learns quickly, takes any image of 8 or more pixels a side",
)
_named("softmax", "flatten dense(classes) softmax", "course: softmax regression, about 92 % on MNIST")
_named(
    "mlp-1024",
    "flatten dense(1024) relu dropout(0.3) dense(1024) relu dropout(0.3) dense(1024) relu dropout(0.3)"
    " dense(512) relu dense(classes) softmax",
    "course: four hidden layers with dropout, 98.39 % on MNIST",
)
_named(
    "cnn-3",
    "conv(32, 3x3, same) relu pool(2, same) dropout(0.3) conv(64, 3x3, same) relu pool(2, same) dropout(0.3)"
    " conv(128, 3x3, same) relu pool(2, same) flatten dense(128) relu dense(classes) softmax",
    "course: three convolutions, 99.10 % on MNIST",
)
_named(
    "basic-cnn",
    "conv(32, 3x3, same) relu conv(32, 3x3, same) relu pool(2) dropout(0.5)"
    " conv(64, 3x3, same) relu conv(64, 3x3, same) relu pool(2) dropout(0.5)"
    " flatten dense(512) relu dropout(0.5) dense(classes) softmax",
    "course: two pairs of convolutions, 98.45 % on MNIST after one epoch",
)
_named(
    "mlp-512",
    "flatten dense(512) relu dense(classes) softmax",
    "course: one hidden layer, 92.24 % on MNIST with plain SGD",
)
_named(
    "cnn-1",
    "conv(32, 3x3, same) relu pool(2) flatten dense(128) relu dense(classes) softmax",
    "course: one convolution, 94.33 % on MNIST's validation images with plain SGD",
)
_named(
    "fashion-cnn",
    "conv(32, 3x3, same) relu pool(2) flatten dense(128) relu dropout(0.3) dense(classes) softmax",
    "course: one convolution with dropout, 91.91 % on Fashion-MNIST's validation images",
)
_named(
    "cifar-cnn",
    "conv(32, 3x3, same) relu conv(64, 3x3, same) relu pool(2) flatten dense(128) relu dropout(0.3)"
    " dense(64) relu dropout(0.2) dense(classes) softmax",
    "course: two convolutions on colour, 67.07 % on CIFAR-10's validation images",
    input_shape=CIFAR_SHAPE,
)
_named(
    "convnet",
    "conv(32, 3x3) relu pool(2) conv(64, 3x3) relu pool(2) conv(64, 3x3) relu"
    " flatten dense(64) relu dense(classes) softmax",
    "course: three convolutions without padding, 99.16 % on MNIST",
)
_named(
    "deep-cnn",
    "conv(64, 3x3, same) relu conv(64, 3x3, same) relu pool(2) conv(128, 3x3, same) relu conv(256, 3x3) relu"
    " pool(2) flatten dense(512) relu dropout(0.5) dense(256) relu dropout(0.5) dense(classes) softmax",
    "course: four convolutions, 99.42 % on MNIST",
)
_named(
    "lenet-5",
    "conv(6, 5x5, same) tanh average_pool(2) conv(16, 5x5) tanh average_pool(2)"
    " flatten dense(120) tanh dense(84) tanh dense(classes) softmax",
    "LeCun 1998, in the usual modern form: average pooling without weights, every map connected, softmax",
)
_named(
    "fast",
    "conv(32, 5x5, stride=3) batchnorm relu conv(64, 3x3) pool(2) batchnorm relu"
    " conv(128, 3x3) batchnorm relu flatten dense(classes) softmax",
    "three convolutions, the first of which leaves a ninth of the work: MNIST in seconds",
)
_named(
    "fast-mnist",
    "conv(48, 3x3, same) pool(2) batchnorm relu conv(96, 3x3, same) pool(2) batchnorm relu"
    " conv(192, 3x3, same) pool(2) batchnorm relu flatten dense(classes) softmax",
    "three convolutions, each pooled before it is normalised: MNIST at its best in minutes",
)


def _resnet(depth: int, note: str) -> None:
    """Add a network of He and others 2015 for CIFAR-10: three stages, each of (depth − 2) / 6 blocks.

    Where a stage halves the map and doubles the filters, the shortcut is a projection, their option B.
    """
    blocks = []
    for filters in (16, 32, 64):
        for block in range((depth - 2) // 6):
            stride = ", stride=2" if filters > 16 and not block else ""
            layers = (
                f"conv({filters}, 3x3, same{stride}, bias=no) batchnorm relu "
                f"conv({filters}, 3x3, same, bias=no) batchnorm"
            )
            blocks.append(f"residual({layers}) relu")
    first, last = "conv(16, 3x3, same, bias=no) batchnorm relu", "global_average dense(classes) softmax"
    _named(f"resnet-{depth}", " ".join([first, *blocks, last]), note, CIFAR_SHAPE)


_resnet(8, "three residual blocks in the manner of He and others 2015: takes any small image")
_resnet(20, "nine residual blocks: He and others 2015, 91.25 % on CIFAR-10 there")


def _built(name: str, note: str, input_shape: Shape, builder: Builder, widths: Sequence[int]) -> None:
    layers = functools.partial(airbench.layers, widths)
    networks.add(name, NamedNetwork(name, name, input_shape, note, builder, layers))


_built(
    "fast-narrow",
    "whitening and six convolutions of 32 to 128 filters",
    MNIST_SHAPE,
    airbench.fast_narrow,
    airbench.NARROW,
)
_built(
    "fast-wide",
    "the same with 64 to 256 filters: CIFAR-10 at 94 % in minutes",
    CIFAR_SHAPE,
    airbench.fast_wide,
    airbench.WIDE,
)
