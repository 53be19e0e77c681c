"""What a training depends on."""

from dataclasses import dataclass

import numpy as np
import torch

from imagelet.data.imageset import ImageSet, Turned
from imagelet.preprocessing.normalization import Normalization
from imagelet.training.distributed import SINGLE, Group
from imagelet.training.division import settled_lanes
from imagelet.training.own_functions import NONE, OwnFunctions
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
        own: a person's own loss and augmentation.
        weights: float32 (n,), how much each training image counts in the loss, beside its class's weight;
            None: all alike. A person's own loss is not weighted.
        group: the processes that compute the training together.
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
    own: OwnFunctions = NONE
    weights: np.ndarray | None = None
    group: Group = SINGLE

    @property
    def steps(self) -> int:
        """Optimizer steps in an epoch. A last batch of one image is left out: it has no batch statistics."""
        whole_batches, rest = divmod(len(self.training), self.recipe.batch_size)
        return max(1, whole_batches + (rest > 1))

    @property
    def lanes(self) -> int:
        """Into how many lanes a batch is divided; 0: it is computed at once."""
        return settled_lanes(self.recipe, self.group.world)
