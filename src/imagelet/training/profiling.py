"""Where the time of a training goes: by phase of the loop, and by layer of the network.

Layers that are computed together (see `imagelet.networks.modules`) are timed together: a profile measures the
training as it is without one, and its weights are the same to the last bit.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from imagelet.device import Timer
from imagelet.networks import Network, summarize
from imagelet.networks.building import OwnNetwork
from imagelet.networks.modules import FusedLayers, fused_layers

PHASES = {
    "loading": "a batch's pixels and labels",
    "augmentation": "normalization and random changes",
    "forward": "from images to logits",
    "loss": "from logits and labels to the loss",
    "backward": "from the loss to the gradients",
    "optimizer": "the update of the weights, and their average",
    "counting": "loss and accuracy so far; the best weights",
    "validation": "the validation images, after each epoch",
    "outside": "checkpoints, and showing the progress",
}


@dataclass
class LayerTimes:
    """The time of layers that are computed together, over all optimizer steps.

    Attributes:
        layers: their names, ``("conv1", "relu1")``.
        multiply_adds: multiplications with weights in the forward pass of one image.
        forward_seconds: from their input to their output.
        backward_seconds: from the gradient of their output to those of their weights and of their input.
        image_passes: how often an image's multiply-adds were computed: once forward, once for the gradient
            of the weights, and once for the gradient of the input, which the first layer does not need.
    """

    layers: tuple[str, ...]
    multiply_adds: int = 0
    forward_seconds: float = 0.0
    backward_seconds: float = 0.0
    image_passes: int = 0

    @property
    def seconds(self) -> float:
        """Seconds forward and backward."""
        return self.forward_seconds + self.backward_seconds

    @property
    def gflop_per_second(self) -> float:
        """Billions of multiplications and additions with weights per second; 0 without weights."""
        operations = 2 * self.multiply_adds * self.image_passes
        return operations / self.seconds / 1e9 if self.seconds else 0.0


class Profile:
    """The times of a training, from where it was started or resumed; the loop marks its phases.

    On a GPU every measurement waits until the device has finished: a profile makes the training slower there,
    because work that would overlap is done one after the other.

    Attributes:
        phases: seconds of each of `PHASES`; together they are the whole training.
        steps: optimizer steps.
        images: images that the network was trained on, counted in every epoch.
    """

    def __init__(self) -> None:
        self.phases = dict.fromkeys(PHASES, 0.0)
        self.steps = 0
        self.images = 0
        self._network: Network | None = None
        self._times: dict[tuple[str, ...], LayerTimes] = {}
        self._timer = Timer(torch.device("cpu"))
        self._marked = 0.0  # when the last phase ended
        self._backward: LayerTimes | None = None  # the layers whose gradients are being computed
        self._backward_start = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of all phases."""
        return sum(self.phases.values())

    def fraction(self, seconds: float) -> float:
        """Return the fraction of the training, 0 to 1, that ``seconds`` are."""
        return seconds / self.seconds if self.seconds else 0.0

    def start(self, network: Network, device: torch.device) -> None:
        """Measure from now on."""
        self._network = network
        self._timer = Timer(device)
        self._marked = 0.0

    def mark(self, phase: str) -> None:
        """End ``phase``, one of `PHASES`: it gets the time since the last mark."""
        now = self._timer.seconds()
        self.phases[phase] += now - self._marked
        self._marked = now
        self.steps += phase == "optimizer"
        self._end_backward(now)

    def forward(self, network: Network, images: Tensor) -> Tensor:
        """Return ``network(images)``, logits (n, classes), and measure its layers."""
        self.images += len(images)
        own = isinstance(network, OwnNetwork)  # it is timed as a whole
        parts: Iterable[FusedLayers] = [((network.name,), network)]
        for names, layers in parts if own else fused_layers(network.named_children()):
            times = self._times.setdefault(names, LayerTimes(names))
            input_gradient, needed = images.grad_fn, images.requires_grad
            start = self._timer.seconds()
            images = layers(images)
            times.forward_seconds += self._timer.seconds() - start
            learns = _learns(network) if own else any(_learns(network.get_submodule(name)) for name in names)
            times.image_passes += len(images) * (1 + needed + learns)
            # A layer that passes its input on as it is, as dropout may, has no gradient of its own.
            if images.grad_fn is not input_gradient:
                images.register_hook(functools.partial(self._start_backward, times))  # type: ignore[no-untyped-call]
        return images

    def _start_backward(self, times: LayerTimes, _: Tensor) -> None:
        """Start the time of these layers' gradients; autograd calls this when their output's is computed."""
        now = self._timer.seconds()
        self._end_backward(now)
        self._backward, self._backward_start = times, now

    def _end_backward(self, now: float) -> None:
        if self._backward is not None:
            self._backward.backward_seconds += now - self._backward_start
            self._backward = None

    def layers(self) -> list[LayerTimes]:
        """Return the layers' times in the network's order."""
        if self._network is None:
            return []
        summary = summarize(self._network)
        for times in self._times.values():
            times.multiply_adds = sum(summary.multiply_adds_in(name) for name in times.layers)
        return list(self._times.values())

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        return {
            "steps": self.steps,
            "images": self.images,
            "phases": [{"phase": name, "seconds": seconds} for name, seconds in self.phases.items()],
            "layers": [
                {
                    "layers": list(times.layers),
                    "forward_seconds": times.forward_seconds,
                    "backward_seconds": times.backward_seconds,
                    "multiply_adds": times.multiply_adds,
                }
                for times in self.layers()
            ],
        }


class NoProfile(Profile):
    """Measures nothing: a training without a profile costs a few calls that do nothing."""

    def start(self, network: Network, device: torch.device) -> None:
        """Do nothing."""

    def mark(self, phase: str) -> None:
        """Do nothing."""

    def forward(self, network: Network, images: Tensor) -> Tensor:
        """Return ``network(images)``."""
        logits: Tensor = network(images)
        return logits


def _learns(layer: torch.nn.Module) -> bool:
    """Say whether the gradient of the layer's weights is computed."""
    return any(parameter.requires_grad and parameter.ndim > 1 for parameter in layer.parameters())
