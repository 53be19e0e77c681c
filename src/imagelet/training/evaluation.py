"""What a network reaches on images, computed by any number of threads and processes, each image once."""

import functools
import operator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imagelet.data.imageset import ImageSet
from imagelet.device import sum_type
from imagelet.preprocessing.normalization import Normalization
from imagelet.training.batches import batch_reader
from imagelet.training.distributed import SINGLE, Group
from imagelet.training.passes import autocast
from imagelet.training.workers import ALONE, Workers

MOST_MISREAD = 24  # images that are named after an evaluation
EVALUATION_BATCH = 1000  # images: keeps every core busy and fits into a laptop's memory


class Misread(NamedTuple):
    """An image that a network takes for another class.

    Attributes:
        image: uint8 (height, width, channels).
        label: its class, counted from 0.
        predicted: the class that the network takes it for.
    """

    image: np.ndarray
    label: int
    predicted: int


class Evaluated(NamedTuple):
    """What a network reaches on images.

    Attributes:
        loss: mean cross-entropy, in nats.
        accuracy: from 0 to 1.
        balanced_accuracy: the mean of the classes' recalls, from 0 to 1.
        misread: the first few of the images that it misreads, of those that this process computed.
    """

    loss: float
    accuracy: float
    balanced_accuracy: float
    misread: tuple[Misread, ...]


def evaluate(
    network: nn.Module,
    images: ImageSet,
    normalization: Normalization,
    device: torch.device,
    precision: torch.dtype,
    group: Group = SINGLE,
    team: Workers = ALONE,
) -> Evaluated:
    """Return what ``network`` reaches on ``images``.

    The images form the same batches whoever computes them. Processes take turns; their sums, float64 and
    whole numbers, are added up in the order of the batches.

    Args:
        network: from images (n, channels, height, width) to logits (n, classes).
        images: with their labels.
        normalization: how pixels become network input.
        device: where to compute.
        precision: float32 or bfloat16, the type of the multiplications.
        group: the processes among which the batches are dealt out; each has the same network.
        team: the threads of this process that compute them.
    """
    labels = torch.tensor(images.labels, device=device)  # (images,)
    starts = range(0, len(images), EVALUATION_BATCH)
    mine = range(group.rank, len(starts), group.world)
    losses = torch.zeros(len(starts), dtype=sum_type(device), device=device)
    correct = torch.zeros(len(images.classes), dtype=sum_type(device), device=device)  # whole numbers
    misread: list[Misread] = []
    network.eval()

    def one(read: tuple[np.ndarray, Tensor]) -> tuple[np.ndarray, Tensor, Tensor, Tensor]:
        """Return a batch (n,), the sum of its losses, its labels (n,) and predicted classes (n,)."""
        with torch.inference_mode(), autocast(device, precision):
            logits = network(normalization.apply(read[1])).float()  # (n, classes)
            targets = labels[torch.from_numpy(read[0]).to(device)]  # (n,)
            loss = F.cross_entropy(logits, targets, reduction="sum")
            return read[0], loss, targets, logits.argmax(1)

    batches = (np.arange(starts[n], min(starts[n] + EVALUATION_BATCH, len(images))) for n in mine)
    with batch_reader(images, device) as read:
        for number, (batch, loss, targets, predicted) in zip(mine, team.map(one, read(batches)), strict=True):
            losses[number] = loss
            correct.index_add_(0, targets, (predicted == targets).to(correct.dtype))
            if len(misread) < MOST_MISREAD:
                wrong = (predicted != targets).nonzero()[: MOST_MISREAD - len(misread), 0]
                shown = images.take(batch[wrong.cpu().numpy()]).images
                misread += map(Misread, shown, targets[wrong].tolist(), predicted[wrong].tolist())
    sums = functools.reduce(operator.add, group.gather(torch.cat([losses, correct]).cpu().double()))
    return _figures(images, sums[: len(starts)].tolist(), sums[len(starts) :].numpy(), misread)


def _figures(images: ImageSet, losses: list[float], correct: np.ndarray, misread: list[Misread]) -> Evaluated:
    """Return the figures of the sums of each batch's losses, and of the correct predictions by class."""
    counts = images.counts()  # (classes,)
    there = counts > 0
    loss = functools.reduce(operator.add, losses, 0.0) / len(images)  # in the order of the batches
    recalls = correct[there] / counts[there]
    return Evaluated(loss, int(correct.sum()) / len(images), float(recalls.mean()), tuple(misread))
