"""A network broken on purpose: maps switched off, biases left out, noise on the weights; and images moved.

What changes when a part is missing shows what it was for (an ablation study).

Source: Morcos, Barrett, Rabinowitz and Botvinick, "On the importance of single directions for
generalization", 2018, for single units switched off.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imagelet.classifier.classifier import Classifier
from imagelet.errors import UsageError
from imagelet.explanation.activations import find_layer

SEED = 0  # of the noise: the same strength gives the same weights


@dataclass(frozen=True)
class Ablation:
    """What is changed in one layer; by itself nothing.

    Attributes:
        layer: its name; None: no layer is changed.
        maps: the indices of its maps, or of its values, that become 0.
        biases: whether the layer keeps its biases.
        noise: standard deviation of what is added to its weights, as a multiple of the weights' own.
    """

    layer: str | None = None
    maps: tuple[int, ...] = ()
    biases: bool = True
    noise: float = 0.0


@dataclass(frozen=True)
class Movement:
    """How an image is moved before the network gets it; by itself not at all.

    Attributes:
        degrees: that it is turned about its centre, counterclockwise.
        right: pixels.
        down: pixels.
    """

    degrees: float = 0.0
    right: float = 0.0
    down: float = 0.0


def ablated(classifier: Classifier, ablation: Ablation) -> Classifier:
    """Return the classifier with a changed copy of its network, or itself where nothing is changed.

    Raises:
        UnknownNameError: there is no such layer.
    """
    if ablation.layer is None or ablation == Ablation(ablation.layer):
        return classifier
    network = copy.deepcopy(classifier.network)
    layer = find_layer(network, ablation.layer)
    with torch.no_grad():
        _change_weights(layer, ablation)
    if ablation.maps:
        layer.register_forward_hook(_without(ablation))
    return Classifier(**vars(classifier) | {"network": network})


def has_weights(layer: nn.Module) -> bool:
    """Say whether a layer has weights that noise can be added to."""
    return any(_is_weight(name) for name, _ in layer.named_parameters())


def has_biases(layer: nn.Module) -> bool:
    """Say whether a layer has biases."""
    return any(not _is_weight(name) for name, _ in layer.named_parameters())


def moved(images: NDArray[np.uint8], movement: Movement) -> NDArray[np.uint8]:
    """Return images, uint8 (n, height, width, channels), all moved alike.

    What comes in from outside is as the nearest pixel of the border; between pixels it is interpolated.
    """
    if movement == Movement():
        return images
    turn = np.deg2rad(movement.degrees)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = (np.array(images.shape[1:3]) - 1) / 2
    offset = middle - matrix @ (middle + np.array([movement.down, movement.right]))
    planes = np.moveaxis(images, 3, 1).reshape(-1, *images.shape[1:3]).astype(np.float32)
    planes = np.stack(
        [scipy.ndimage.affine_transform(plane, matrix, offset, order=1, mode="nearest") for plane in planes]
    )
    turned = planes.reshape(len(images), images.shape[3], *images.shape[1:3])  # (n, channels, height, width)
    return np.moveaxis(turned, 1, 3).round().clip(0, 255).astype(np.uint8)


def _change_weights(layer: nn.Module, ablation: Ablation) -> None:
    generator = torch.Generator().manual_seed(SEED)
    for name, parameter in layer.named_parameters():
        if not _is_weight(name) and not ablation.biases:
            parameter.zero_()
        elif _is_weight(name) and ablation.noise:
            spread = parameter.std(correction=0) if parameter.numel() > 1 else parameter.abs()
            drawn = torch.randn(parameter.shape, generator=generator).to(parameter.device)
            parameter.add_(ablation.noise * spread * drawn)


def _is_weight(name: str) -> bool:
    return not name.endswith("bias")


def _without(ablation: Ablation) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    """Return the hook that makes maps 0.

    Raises:
        UsageError: when it is called, there are fewer maps.
    """

    def switch_off(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        count = output.shape[1]  # (n, maps, …)
        if max(ablation.maps) >= count:
            raise UsageError(
                "there is no map {map}: layer '{layer}' has {count}, counted from 0",
                hint="name maps that are there",
                map=max(ablation.maps),
                layer=ablation.layer,
                count=count,
            )
        changed = output.clone()
        changed[:, list(ablation.maps)] = 0
        return changed

    return switch_off
