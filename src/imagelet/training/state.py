"""The state of a training: what a checkpoint holds, and nothing else."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from imagelet.device import sum_type
from imagelet.networks import Network
from imagelet.training.checkpoint import Checkpoint
from imagelet.training.history import EpochFigures
from imagelet.training.optimizers import (
    Average,
    make_optimizer,
    optimizer_tensors,
    restore_optimizer,
)
from imagelet.training.recipe import Recipe


@dataclass(frozen=True)
class ManualChange:
    """What a person did to a training that ran. Its experiment alone does not come to the same again.

    Attributes:
        epoch: in which epoch, counted from 1.
        step: after how many of its steps.
        change: what was done, a few words: ``learning rate × 0.5``.
    """

    epoch: int
    step: int
    change: str


@dataclass
class State:
    """Where a training stands.

    Attributes:
        network: the network that is trained.
        optimizer: with its memory.
        average: the averaged weights, where the recipe wants them.
        loss_sum: float64, the losses of this epoch's images added up.
        right: int64, how many of this epoch's images were right.
        seen: how many images this epoch has seen.
        epoch: whole epochs done.
        step: steps done in the epoch that runs.
        history: the figures of the epochs done.
        best_weights: the state dict of the best epoch so far; empty before the first epoch ended.
        best_epoch: its number, counted from 1; 0 before the first epoch ended.
        learning_rate_factor: what the recipe's step sizes are multiplied by.
        ended: a person ended the training; the loop takes no further step.
        manual_changes: what persons did, in the order in which they did it.
    """

    network: Network
    optimizer: torch.optim.Optimizer
    average: Average | None
    loss_sum: Tensor
    right: Tensor
    seen: int = 0
    epoch: int = 0
    step: int = 0
    history: list[EpochFigures] = field(default_factory=list)
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    best_epoch: int = 0
    learning_rate_factor: float = 1.0
    ended: bool = False
    manual_changes: list[ManualChange] = field(default_factory=list)

    @classmethod
    def new(cls, network: Network, recipe: Recipe, device: torch.device) -> "State":
        """Return the state before the first step. The network is moved to ``device``, channels last."""
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(
            network=network,
            optimizer=make_optimizer(network, recipe),
            average=Average(network, recipe.ema_decay) if recipe.ema_decay else None,
            loss_sum=torch.zeros((), dtype=sum_type(device), device=device),
            right=torch.zeros((), dtype=torch.int64, device=device),
        )

    def steps_done(self, steps: int) -> int:
        """Return the optimizer steps done in all, at ``steps`` an epoch."""
        return self.epoch * steps + self.step

    def count(self, loss: Tensor, right: Tensor) -> None:
        """Add the mean loss of a batch, and which of its images (n,) were right; one more step is done."""
        self.loss_sum += loss.to(self.loss_sum.dtype) * len(right)
        self.right += right.sum()
        self.seen += len(right)
        self.step += 1

    def evaluated_network(self) -> nn.Module:
        """Return the network that counts: the averaged one where there is one."""
        return self.average.network if self.average else self.network

    def end_epoch(self, figures: EpochFigures) -> bool:
        """Note an epoch's figures, keep its weights if they are the best so far, and say whether they are.

        The best epoch has the highest validation accuracy, among equals the lowest validation loss; without
        validation images it is the last.
        """
        best = self.best_epoch == 0 or _merit(figures) > _merit(self.history[self.best_epoch - 1])
        self.history.append(figures)
        if best:
            weights = self.evaluated_network().state_dict()
            self.best_weights = {name: tensor.detach().clone() for name, tensor in weights.items()}
            self.best_epoch = figures.epoch
        self.epoch += 1
        self.step = self.seen = 0
        self.loss_sum.zero_()
        self.right.zero_()
        return best

    def change_learning_rate(self, factor: float) -> None:
        """Multiply the recipe's step sizes by ``factor`` (above 0) from the next step on."""
        self.learning_rate_factor = factor
        self.note(f"learning rate × {factor:g}")

    def end(self) -> None:
        """End the training with the epochs that are done, at least one; the one that runs is left out."""
        if not self.best_epoch:
            raise ValueError("a training can be ended once an epoch is done")
        self.ended = True
        self.note("ended")

    def note(self, change: str) -> None:
        """Note that a person did something now."""
        self.manual_changes.append(ManualChange(self.epoch + 1, self.step, change))

    def epochs_without_better_loss(self) -> int:
        """Return how many epochs ago the validation loss was lowest; 0 without validation images."""
        losses = [figures.val_loss for figures in self.history if figures.val_loss is not None]
        return len(losses) - 1 - losses.index(min(losses)) if losses else 0

    def checkpoint(self) -> Checkpoint:
        """Return all of the state as tensors and plain data."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best_weights.items()}
        tensors |= {f"optimizer.{name}": tensor for name, tensor in optimizer_tensors(self.optimizer).items()}
        if self.average:
            tensors |= {f"average.{name}": t for name, t in self.average.network.state_dict().items()}
        tensors |= {"sum.loss": self.loss_sum, "sum.right": self.right}
        facts: dict[str, Any] = {
            "epoch": self.epoch,
            "step": self.step,
            "seen": self.seen,
            "best_epoch": self.best_epoch,
            "history": [dataclasses.asdict(figures) for figures in self.history],
            "learning_rate_factor": self.learning_rate_factor,
            "ended": self.ended,
            "manual_changes": [dataclasses.asdict(each) for each in self.manual_changes],
        }
        return Checkpoint(tensors, facts)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Become the state that :meth:`checkpoint` returned."""
        device = self.loss_sum.device
        groups: dict[str, dict[str, Tensor]] = {"best": {}, "optimizer": {}, "network": {}, "average": {}}
        for name, tensor in checkpoint.tensors.items():
            group, _, rest = name.partition(".")
            groups.setdefault(group, {})[rest] = tensor
        self.network.load_state_dict(groups["network"])
        if self.average:
            self.average.network.load_state_dict(groups["average"])
        restore_optimizer(self.optimizer, groups["optimizer"])
        self.best_weights = {name: tensor.to(device) for name, tensor in groups["best"].items()}
        self.loss_sum.copy_(groups["sum"]["loss"])
        self.right.copy_(groups["sum"]["right"])
        facts = checkpoint.facts
        self.epoch, self.step, self.seen = facts["epoch"], facts["step"], facts["seen"]
        self.best_epoch = facts["best_epoch"]
        self.history = [EpochFigures(**figures) for figures in facts["history"]]
        self.learning_rate_factor = facts.get("learning_rate_factor", 1.0)  # older checkpoints know no hands
        self.ended = facts.get("ended", False)
        self.manual_changes = [ManualChange(**each) for each in facts.get("manual_changes", [])]


def _merit(figures: EpochFigures) -> tuple[float, float]:
    """Return what the best epoch has most of; without validation images, the later epoch has more."""
    if figures.val_accuracy is None or figures.val_loss is None:
        return float(figures.epoch), 0.0
    return figures.val_accuracy, -figures.val_loss
