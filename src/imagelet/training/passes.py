"""A forward and backward pass over a batch, or over a part of it: from pixels to gradients."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from imagelet.device import default_generator, generator, seed_of, sum_type
from imagelet.networks import Network
from imagelet.training.augmentation import augment, divergence_from_uniform, make_outliers, mirrored_in
from imagelet.training.balancing import balanced_weights
from imagelet.training.own_functions import own_augmentation, own_loss
from imagelet.training.profiling import Profile
from imagelet.training.setup import TrainingSetup

OUTLIER_WEIGHT = 0.3  # of an outlier's loss beside that of an image with a class
ORDER, AUGMENTATION, DROPOUT, MIRRORING, OWN_AUGMENTATION = range(5)  # independent streams of random numbers


@dataclass(frozen=True)
class Part:
    """Images that go through the network together: a batch, or a lane of one.

    Attributes:
        pixels: uint8 (n, height, width, channels).
        targets: int64 (n,), their labels.
        mirrored: bool (n,), which of them are mirrored; None: none.
        weights: float32 (n,), how much each counts in the loss; None: all alike.
        position: (epoch, step), of a lane also its number: with the seed, what random numbers depend on.
        fraction: which part of the batch they are, above 0 to 1.
    """

    pixels: Tensor
    targets: Tensor
    mirrored: Tensor | None
    weights: Tensor | None
    position: tuple[int, ...]
    fraction: float = 1.0


@dataclass(frozen=True)
class Known:
    """What is known of every training image beside its pixels, on the device.

    Attributes:
        labels: int64 (images,).
        weights: float32 (images,), how much each counts in the loss; None: all alike.
        mirrored_first: bool (images,), which the first epoch mirrors; None: none is ever mirrored.
    """

    labels: Tensor
    weights: Tensor | None
    mirrored_first: Tensor | None

    def part(
        self, chosen: np.ndarray, pixels: Tensor, position: tuple[int, ...], fraction: float = 1.0
    ) -> Part:
        """Return the images ``chosen`` (n,), of which these are the pixels, as a part of a batch."""
        indices = torch.from_numpy(chosen).to(self.labels.device)  # (n,)
        mirrored = None
        if self.mirrored_first is not None:
            mirrored = mirrored_in(position[0], self.mirrored_first[indices])
        weights = None if self.weights is None else self.weights[indices]
        return Part(pixels, self.labels[indices], mirrored, weights, position, fraction)


class Batch(NamedTuple):
    """What an optimizer step learned from.

    Attributes:
        images: (n, channels, height, width), as the network got them: normalized and augmented.
        targets: int64 (n,), their labels.
        logits: (n, classes), before the step.
        loss: their mean loss, before the step and without label smoothing.

    In lanes these are the first lane's images of this process.
    """

    images: Tensor
    targets: Tensor
    logits: Tensor
    loss: Tensor

    @classmethod
    def none(cls, like: Tensor) -> "Batch":
        """Return what a process without images in a small last batch has, on the device of ``like``."""
        nothing = like.new_zeros(0, dtype=torch.float32)
        return cls(nothing, nothing.long(), nothing, nothing)


class Counted(NamedTuple):
    """What a pass, or several together, reached on the images that have a class.

    Attributes:
        loss: the sum of their losses, without smoothing, as in validation.
        correct: int64, how many were predicted correctly.
        images: how many there are.
        batch: the images, as the network got them.
    """

    loss: Tensor
    correct: Tensor
    images: int
    batch: Batch


def autocast(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """Let ``device`` multiply in ``precision`` within the block: bfloat16, or float32 as usual."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == torch.bfloat16)


@contextlib.contextmanager
def seeded_dropout(device: torch.device, seed: int) -> Iterator[None]:
    """Let dropout draw from ``seed`` within the block; afterwards the device's generator is as before.

    ``torch.manual_seed`` would seed every device, and on a machine without CUDA store each call for later.
    """
    generator = default_generator(device)
    before = generator.get_state()
    generator.manual_seed(seed)
    try:
        yield
    finally:
        generator.set_state(before)


def dropout_from(setup: TrainingSetup, position: tuple[int, ...]) -> AbstractContextManager[None]:
    """Let dropout draw what belongs to a position within the block."""
    return seeded_dropout(setup.device, seed_of(setup.seed, DROPOUT, *position))


def forward_backward(
    setup: TrainingSetup,
    network: Network,
    part: Part,
    profile: Profile,
    dropout: AbstractContextManager[None],
) -> Counted:
    """Add to the gradients of ``network`` those of a part's loss, by its fraction of the batch.

    Args:
        setup: of the training.
        network: in training mode.
        part: the images.
        profile: is told where the time goes.
        dropout: lets dropout draw what belongs to the part's position.
    """
    recipe, targets = setup.recipe, part.targets
    images = setup.normalization.apply(part.pixels)  # (n, channels, height, width)
    random = generator(setup.device, setup.seed, AUGMENTATION, *part.position)
    images = augment(images, recipe, random, mirrored=part.mirrored)
    images = _own_augmented(setup, images, part.position)
    if recipe.outlier_share:
        count = round(recipe.outlier_share * len(images))
        outliers = make_outliers(images, targets, count, random, setup.turned)
        images = torch.cat([images, outliers])  # (n + count, channels, height, width)
    profile.mark("augmentation")

    with dropout, autocast(setup.device, setup.precision):
        all_logits = profile.forward(network, images).float()  # (n + count, classes)
    profile.mark("forward")
    logits, outlier_logits = all_logits[: len(targets)], all_logits[len(targets) :]
    loss = _loss(setup, logits, targets, part.weights)
    if len(outlier_logits):
        penalty = divergence_from_uniform(outlier_logits)
        loss = loss + OUTLIER_WEIGHT * recipe.outlier_share * penalty
    if part.fraction < 1:
        loss = loss * part.fraction
    profile.mark("loss")
    loss.backward()  # type: ignore[no-untyped-call]
    profile.mark("backward")

    plain_loss = F.cross_entropy(logits.detach(), targets)  # without smoothing, as in validation
    loss_sum = plain_loss.to(sum_type(setup.device)) * len(targets)
    correct = (logits.detach().argmax(1) == targets).sum()
    batch = Batch(images[: len(targets)], targets, logits.detach(), plain_loss)
    counted = Counted(loss_sum, correct, len(targets), batch)
    profile.mark("counting")
    return counted


def _own_augmented(setup: TrainingSetup, images: Tensor, position: tuple[int, ...]) -> Tensor:
    """Return a batch as a person's own augmentation changes it at (epoch, step), if there is one."""
    if setup.own.augmentation is None:
        return images
    with seeded_dropout(setup.device, seed_of(setup.seed, OWN_AUGMENTATION, *position)):
        return own_augmentation(setup.own.augmentation, images)


def _loss(setup: TrainingSetup, logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """Return the loss of a batch, the mean over its images; a person's own is what that returns.

    The weighted losses are divided by their number, as in Keras, not by the sum of their weights, as
    PyTorch's ``weight`` does: a batch without images of a rare class would count for more then.
    """
    if setup.own.loss is not None:
        return own_loss(setup.own.loss, logits, targets)
    label_smoothing = setup.recipe.label_smoothing
    if weights is None:
        return F.cross_entropy(logits, targets, label_smoothing=label_smoothing)
    losses = F.cross_entropy(logits, targets, label_smoothing=label_smoothing, reduction="none")  # (n,)
    return (weights * losses).mean()


def known_of(setup: TrainingSetup) -> Known:
    """Return what is known of a training's images beside their pixels."""
    labels = torch.tensor(setup.training.labels, device=setup.device)  # (images,)
    return Known(labels, _weights(setup), _mirrored_first(setup))


def _weights(setup: TrainingSetup) -> Tensor | None:
    """Return the weight of each training image in the loss, (images,); None: all have the same.

    It is the image's own times its class's. Where the sampling is balanced already nothing is left for
    classes' weights to do.
    """
    weights = setup.weights
    if setup.recipe.class_weights != "none" and setup.recipe.sampling != "balanced":
        labels = setup.training.labels
        of_classes = balanced_weights(labels, len(setup.training.classes))[labels]
        weights = of_classes if weights is None else weights * of_classes
    return None if weights is None else torch.from_numpy(weights).to(setup.device)


def _mirrored_first(setup: TrainingSetup) -> Tensor | None:
    """Return which training images (n,) the first epoch mirrors, about half; None: none is ever mirrored."""
    if not (setup.flips and setup.recipe.flip):
        return None
    chance = np.random.default_rng([setup.seed, MIRRORING]).random(len(setup.training))
    return torch.from_numpy(chance < 0.5).to(setup.device)
