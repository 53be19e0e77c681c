"""A network computed with NumPy alone, for prediction where starting torch would take longer than the work.

The kinds of layers say themselves how they compute, see `Layer.compute`. The modules of torch are checked
against it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagelet.errors import packages_needed
from imagelet.networks.layer_kind import Layer, Shape, compute_layers, place_layers
from imagelet.networks.text import parse, to_text
from imagelet.networks.zoo import find_network

if TYPE_CHECKING:
    from imagelet.networks.building import Network

IMAGES_AT_ONCE = 16  # more would only need more memory


class NumpyNetwork:
    """A trained network in evaluation mode.

    Args:
        text: network text, or the name of a network.
        input_shape: (height, width, channels).
        classes: how many logits it gives.
        weights: its tensors by the names that torch gives them: ``conv1.weight``. Of float16 or float32.

    Raises:
        ValueError: its builder does not tell its layers, or one of them has no NumPy form.
    """

    def __init__(
        self, text: str, input_shape: Shape, classes: int, weights: Mapping[str, NDArray[Any]]
    ) -> None:
        layers = plain_layers(text, input_shape, classes)
        if layers is None:
            raise ValueError(f"the network '{text}' can be computed by torch only")
        known = find_network(text)
        self.text = known.text if known.builder else to_text(parse(known.text))
        self.input_shape, self.classes = input_shape, classes
        self.layers = layers
        self.weights = weights
        self._nested = nested_weights(weights)

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits (n, classes) of network input (n, height, width, channels), both float32."""
        parts = [
            compute_layers(self.layers, self._nested, images[start : start + IMAGES_AT_ONCE])
            for start in range(0, len(images), IMAGES_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.classes), np.float32)

    @property
    def multiply_adds(self) -> int:
        """Multiplications with weights, for one image."""
        placed = place_layers(self.layers, self.input_shape)
        return sum(each.layer.multiply_adds(each.input_shape, each.output_shape) for each in placed)

    def to_torch(self) -> "Network":
        """Return the same network as a module of torch, in evaluation mode."""
        with packages_needed():
            import torch

            from imagelet.networks.building import build

        network = build(self.text, self.input_shape, self.classes)
        network.load_state_dict({name: torch.tensor(array) for name, array in self.weights.items()})
        return network.eval()


def plain_layers(
    text: str, input_shape: Shape, classes: int, method: str = "compute"
) -> list[tuple[str, Layer]] | None:
    """Return the named layers of a network up to its logits; None where only its builder or torch knows them.

    Args:
        text: network text, or the name of a network.
        input_shape: (height, width, channels).
        classes: how many logits it gives.
        method: what each layer must have of its own: ``compute`` or ``to_onnx``.

    Raises:
        NetworkTextError: text that cannot be read.
        UnknownNameError: a single word that names no network.
    """
    layers = find_network(text).named_layers(input_shape, classes)
    if layers is None or not all(_has(layer, method) for _, layer in layers):
        return None
    return [(name, layer) for name, layer in layers if not layer.closing]


def tensor_shapes(layers: list[tuple[str, Layer]], input_shape: Shape) -> dict[str, Shape]:
    """Return the shapes of a network's tensors by the names that torch gives them."""
    return {
        f"{placed.name}.{name}": shape
        for placed in place_layers(layers, input_shape)
        for name, shape in placed.layer.tensors(placed.input_shape).items()
    }


def _has(layer: Layer, method: str) -> bool:
    """Say whether a layer, and each layer inside it, has a method of its own."""
    own = getattr(type(layer), method) is not getattr(Layer, method)
    return own and all(_has(inside, method) for inside in getattr(layer, "layers", ()))


def nested_weights(weights: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return tensors named ``residual1.conv1.weight`` as dictionaries inside each other."""
    tree: dict[str, Any] = {}
    for name, tensor in weights.items():
        *layers, last = name.split(".")
        branch = tree
        for layer in layers:
            branch = branch.setdefault(layer, {})
        branch[last] = np.asarray(tensor, np.float32)
    return tree
