"""Where the time of a training goes: by phase of the loop, and by layer of the network.

Layers that are carried out together (see `imagelet.networks.fusion`) are timed together: what is measured
is the training as it is without a profile, down to the last bit of its weights.
"""

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from imagelet.device import Timer
from imagelet.networks import Network, summarize
from imagelet.networks.fusion import fused_layers

PHASES = {
    "gathering": "order of the images; a batch's pixels, labels",
    "augmentation": "pixels to numbers; mirrored, shifted, turned",
    "forward": "from images to logits",
    "loss": "how wrong the logits are",
    "backward": "from the loss to every weight's gradient",
    "optimizer": "the step of the weights, and their average",
    "counting": "loss and accuracy so far; the best weights",
    "validation": "the validation images, after each epoch",
    "outside": "checkpoints, and showing how far it is",
}


@dataclass
class LayerTimes:
    """What layers that are carried out together took, all optimizer steps added up.

    Attributes:
        layers: their names, ``("conv1", "relu1")``.
        multiply_adds: multiplications with weights in the forward pass of one image.
        forward_seconds: from their input to their output.
        backward_seconds: from the gradient of their output to those of their weights and of their input.
        image_passes: how often an image's multiply-adds were carried out: once forward, once backward for the
            gradient of the weights, and once for that of the input, which a first layer does without.
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
        """Billions of multiplications and additions with weights a second; 0 without weights."""
        operations = 2 * self.multiply_adds * self.image_passes
        return operations / self.seconds / 1e9 if self.seconds else 0.0


class Profile:
    """Seconds of one sitting of a training; the loop tells where it is.

    On a GPU every time that is taken waits until the device has done all that was asked of it: a profile
    slows the training there, and what would have been done at once is done one after the other.

    Attributes:
        phases: seconds of each of `PHASES`; they add up to the whole training.
        steps: optimizer steps.
        images: images that the network was trained on, each as often as it was seen.
    """

    def __init__(self) -> None:
        self.phases = dict.fromkeys(PHASES, 0.0)
        self.steps = 0
        self.images = 0
        self._network: Network | None = None
        self._times: dict[tuple[str, ...], LayerTimes] = {}
        self._timer = Timer(torch.device("cpu"))
        self._marked = 0.0  # when a phase ended last
        self._going_back: LayerTimes | None = None  # the layers whose gradients are being worked out
        self._since = 0.0  # when that began

    @property
    def seconds(self) -> float:
        """Seconds of all phases."""
        return sum(self.phases.values())

    def share(self, seconds: float) -> float:
        """Return which share of the training ``seconds`` are, 0 to 1."""
        return seconds / self.seconds if self.seconds else 0.0

    def begin(self, network: Network, device: torch.device) -> None:
        """Take the time from now on."""
        self._network = network
        self._timer = Timer(device)
        self._marked = 0.0

    def mark(self, phase: str) -> None:
        """Note that ``phase``, one of `PHASES`, ends here: it gets the time since the last mark."""
        now = self._timer.seconds()
        self.phases[phase] += now - self._marked
        self._marked = now
        self._ends_going_back(now)

    def forward(self, network: Network, images: Tensor) -> Tensor:
        """Return ``network(images)``, logits (n, classes), and take the time of each step."""
        self.steps += 1
        self.images += len(images)
        for names, layers in fused_layers(network.named_children()):
            times = self._times.setdefault(names, LayerTimes(names))
            went_in, needed = images.grad_fn, images.requires_grad
            begun = self._timer.seconds()
            images = layers(images)
            times.forward_seconds += self._timer.seconds() - begun
            learns = any(_learns(network.get_submodule(name)) for name in names)
            times.image_passes += len(images) * (1 + needed + learns)
            # A layer that passes its input on as it is, as dropout may, has no gradient of its own.
            if images.grad_fn is not went_in:
                images.register_hook(functools.partial(self._goes_back, times))  # type: ignore[no-untyped-call]
        return images

    def _goes_back(self, times: LayerTimes, _: Tensor) -> None:
        """Note that the gradient of these layers' output has come; autograd calls this."""
        now = self._timer.seconds()
        self._ends_going_back(now)
        self._going_back, self._since = times, now

    def _ends_going_back(self, now: float) -> None:
        if self._going_back is not None:
            self._going_back.backward_seconds += now - self._since
            self._going_back = None

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
    """Takes no time: a training that nobody asks about pays for a few calls that do nothing."""

    def begin(self, network: Network, device: torch.device) -> None:
        """Do nothing."""

    def mark(self, phase: str) -> None:
        """Do nothing."""

    def forward(self, network: Network, images: Tensor) -> Tensor:
        """Return ``network(images)``."""
        logits: Tensor = network(images)
        return logits


def _learns(layer: torch.nn.Module) -> bool:
    """Say whether the gradient of the layer's weights is worked out."""
    return any(parameter.requires_grad and parameter.ndim > 1 for parameter in layer.parameters())
