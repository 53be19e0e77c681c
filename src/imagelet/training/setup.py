"""What a training depends on: images, recipe, normalization, seed, device."""

from dataclasses import dataclass

import torch

from imagelet.data.imageset import ImageSet, Turned
from imagelet.preprocessing.normalization import Normalization
from imagelet.training.recipe import Recipe


@dataclass(frozen=True)
class TrainingSetup:
    """All that a training depends on: equal setups give equal weights.

    Attributes:
        training: the images to learn from.
        validation: the images that choose the best epoch; None: the last epoch is taken.
        recipe: how to train.
        normalization: how pixels become network input.
        flips: whether a mirrored image keeps its class.
        seed: any whole number from 0.
        device: where to compute.
        precision: float32 or bfloat16, the type of the multiplications.
        turned: which images belong to no class once they are turned; used as outliers.
    """

    training: ImageSet
    validation: ImageSet | None
    recipe: Recipe
    normalization: Normalization
    flips: bool
    seed: int
    device: torch.device
    precision: torch.dtype
    turned: tuple[Turned, ...] = ()

    @property
    def steps(self) -> int:
        """Optimizer steps in an epoch. A last batch of one image is left out: it has no batch statistics."""
        whole_batches, rest = divmod(len(self.training), self.recipe.batch_size)
        return max(1, whole_batches + (rest > 1))
