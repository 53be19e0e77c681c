"""What there is to see of a training now and then: filters, weights, misread images, a step's batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imagelet.explanation.activations import filters as kernels_of
from imagelet.explanation.activations import is_convolution
from imagelet.lab.services.encoding import image, numbers
from imagelet.networks import Network
from imagelet.networks.layer_kind import own_layer
from imagelet.networks.torch_layers import layer_of
from imagelet.training.loop import EpochEnded, Step
from imagelet.training.state import State

MOST_FILTERS = 64
MOST_NUMBERS = 20_000  # of filters
MOST_LAYERS = 16  # whose weights are counted
MOST_WEIGHTS = 100_000  # of a layer; of more, every second, third, …
BINS = 41  # odd: one of them is around 0
MOST_OF_A_BATCH = 32  # images


def filters(state: State) -> dict[str, Any] | None:
    """Return the filters of the layer that gets the pixels; None where that layer has none to draw."""
    first = _first_filters(state.network)
    if first is None:
        return None
    layer, kernels = first
    family = layer_of(state.network.get_submodule(layer)).family
    return {"layer": layer, "family": family, "epoch": state.epoch, "step": state.step, **numbers(kernels)}


def weights(state: State) -> dict[str, Any]:
    """Return how the weights of each layer are spread: ``counts`` in equal bins from ``-limit`` to ``limit``.

    Biases, and the scales and shifts of normalizations, are no weights here.
    """
    named = [(name, one) for name, one in state.network.named_parameters() if one.ndim > 1]
    layers = [_spread(name.rpartition(".")[0], one.detach()) for name, one in named[:MOST_LAYERS]]
    return {"epoch": state.epoch, "step": state.step, "layers": layers}


def misread(event: EpochEnded, classes: Sequence[str]) -> dict[str, Any]:
    """Return some validation images that the network takes for another class after an epoch."""
    rows = [
        {"label": classes[one.label], "predicted": classes[one.predicted], "image": image(one.image)}
        for one in event.misread
    ]
    return {"epoch": event.figures.epoch, "images": rows}


def batch(event: Step, classes: Sequence[str]) -> dict[str, Any]:
    """Return what a step learned from: its loss, and the first images as the network got them.

    The lowest number of the batch is drawn black and the highest white, in each channel.
    """
    targets, logits = event.batch.targets, event.batch.logits
    pixels = event.batch.images[:MOST_OF_A_BATCH].detach().float().cpu()  # (n, channels, height, width)
    low, high = (end(pixels, dim=(0, 2, 3), keepdim=True) for end in (torch.amin, torch.amax))
    shown = ((pixels - low) / (high - low).clamp_min(1e-12) * 255).round().to(torch.uint8)
    likely = logits.float().softmax(1).cpu()  # (n, classes)
    rows = [
        {
            "label": classes[int(targets[row])],
            "predicted": classes[int(likely[row].argmax())],
            "probability": round(float(likely[row, int(targets[row])]), 4),
            "image": image(shown[row].permute(1, 2, 0).numpy()),
        }
        for row in range(len(shown))
    ]
    return {
        "epoch": event.state.epoch + 1,
        "step": event.state.step,
        "count": len(targets),
        "loss": float(event.batch.loss),
        "correct": int((logits.argmax(1) == targets).sum()),
        "images": rows,
    }


def _spread(layer: str, values: torch.Tensor) -> dict[str, Any]:
    flat = values.flatten()
    flat = flat[:: max(1, -(-flat.numel() // MOST_WEIGHTS))].float().cpu().nan_to_num(0.0, 1e30, -1e30)
    limit = max(float(flat.abs().max()), 1e-12)
    return {
        "layer": layer,
        "count": values.numel(),
        "limit": limit,
        "counts": torch.histc(flat, BINS, -limit, limit).int().tolist(),
    }


def _first_filters(network: Network) -> tuple[str, NDArray[np.float32]] | None:
    """Return the name of the layer that gets the pixels, and its weights as pictures.

    A convolution's filters, or a dense layer's units after flatten, as many as an event holds: float32
    (filters, height, width, channels). None where the first such layer is neither.
    """
    flat = False
    for name, module in network.named_children():
        layer: Any = module
        family = layer_of(module).family
        if is_convolution(module):
            weights = kernels_of(network, name)
        elif family == "dense" and flat and layer.in_features == np.prod(network.input_shape):
            rows = layer.weight.detach().float().cpu().numpy()  # (units, height·width·channels)
            weights = rows.reshape(-1, *network.input_shape)  # (units, height, width, channels)
        elif family == "dense":
            return None
        else:
            flat = flat or own_layer(module).family == "reshape"  # in our order
            continue
        return name, weights[: min(MOST_FILTERS, max(1, MOST_NUMBERS // weights[0].size))]
    return None
