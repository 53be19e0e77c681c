"""The state of a training: network, optimizer, moving average, figures; all that a checkpoint holds."""

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import BaseModel, Field, model_validator
from torch import Tensor, nn

from imagelet.device import sum_type
from imagelet.errors import CheckpointError
from imagelet.networks import Network
from imagelet.training.checkpoint import Checkpoint
from imagelet.training.freezing import frozen_modules
from imagelet.training.history import EpochFigures
from imagelet.training.optimizers import learning_rate, optimizers
from imagelet.training.recipe import Recipe


class ExponentialMovingAverage:
    """A copy of a network whose weights and running statistics are averages over the optimizer steps.

    The decay rises from 0.1 to ``decay`` over the first steps, min(decay, (1 + t) / (10 + t)), so that the
    average does not hold on to the initial weights (TensorFlow's ExponentialMovingAverage with
    ``num_updates``).

    Args:
        network: is copied.
        decay: what each step keeps of the average, 0 to below 1.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Average in the weights that ``network`` has after optimizer step ``step``, counted from 0."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        averages, current = self.network.state_dict(), network.state_dict()
        floating = [name for name in averages if averages[name].is_floating_point()]
        torch._foreach_lerp_([averages[n] for n in floating], [current[n] for n in floating], weight)
        for name in averages.keys() - set(floating):
            averages[name].copy_(current[name])


def make_optimizer(network: nn.Sequential, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over the network's trainable parameters.

    Weight decay applies to weights only, never to biases or to the scales of a normalization: these have one
    axis, weights have two or more. Each parameter group has, besides PyTorch's own keys,

    ===============  ======================================================================
    ``max_lr``       its highest learning rate, to which the schedule is applied
    ``first_layer``  its parameters are the first layer's, which is frozen early
    ``frozen``       its parameters are those of frozen layers
    ``use_muon``     Muon updates it
    ===============  ======================================================================
    """
    optimizer = optimizers.get(recipe.optimizer)
    first = (
        set(next(network.children(), nn.Identity()).parameters())
        if recipe.freeze_first_layer_at < 1
        else set()
    )
    if all(parameter in first for parameter in network.parameters()):
        first = set()  # nothing would be trained once it is frozen
    frozen = {one for module in frozen_modules(network, recipe) for one in module.parameters(recurse=False)}
    alike: dict[tuple[bool, bool, bool, bool], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            use_muon = optimizer.only_convolutions and _is_convolutional(parameter)
            key = (parameter in frozen, parameter in first, use_muon, parameter.ndim > 1)
            alike.setdefault(key, []).append(parameter)
    groups: list[dict[str, Any]] = []
    for (is_frozen, in_first, use_muon, is_weight), parameters in alike.items():
        by_adamw = optimizer.only_convolutions and not use_muon
        highest = recipe.adamw_learning_rate if by_adamw else recipe.learning_rate
        groups.append(
            {
                "params": parameters,
                "lr": highest,
                "weight_decay": recipe.weight_decay if is_weight and not use_muon else 0.0,
                "max_lr": highest,
                "first_layer": in_first,
                "frozen": is_frozen,
                "use_muon": use_muon,
            }
        )
    return optimizer.make(groups, **{name: getattr(recipe, name) for name in optimizer.constants})


def has_convolutions(network: nn.Module) -> bool:
    """Say whether a network has weights of convolutions to be trained."""
    return any(one.requires_grad and _is_convolutional(one) for one in network.parameters())


def _is_convolutional(parameter: nn.Parameter) -> bool:
    return parameter.ndim > 2


def set_learning_rates(
    optimizer: torch.optim.Optimizer, recipe: Recipe, progress: float, factor: float = 1.0
) -> None:
    """Set the learning rates of the step that comes when ``progress`` (0 to 1) of all steps are done.

    Where the recipe freezes the first layer early, its learning rate falls to 0 in a straight line as well;
    then its gradient is not computed any more, and nor is that of frozen layers while they are held.

    Args:
        optimizer: what :func:`make_optimizer` returned.
        recipe: its schedule.
        progress: the fraction of the steps that are done.
        factor: every learning rate is multiplied by it.
    """
    highest = recipe.learning_rate
    scheduled = learning_rate(recipe.schedule, highest, recipe.warmup, progress) / highest
    frozen_at = recipe.freeze_first_layer_at
    for group in optimizer.param_groups:
        fraction = scheduled
        if group["first_layer"]:
            fraction = min(fraction, max(0.0, 1 - progress / frozen_at)) if frozen_at else 0.0
        if group["frozen"] and progress < recipe.freeze_until:
            fraction = 0.0
        if group["first_layer"] or group["frozen"]:
            for parameter in group["params"]:
                parameter.requires_grad_(fraction > 0)
        group["lr"] = group["max_lr"] * fraction * factor


@dataclass(frozen=True)
class ManualChange:
    """A change that a person made while the training ran: its experiment alone gives other weights.

    Attributes:
        epoch: the epoch that was running, counted from 1.
        step: the steps of it that were done.
        change: what was changed, a few words: ``learning rate × 0.5``.
    """

    epoch: int
    step: int
    change: str


@dataclass
class State:
    """Where a training stands.

    Attributes:
        network: the network that is trained.
        optimizer: with its own state.
        ema: the moving average of the weights, where the recipe has one.
        loss_sum: float64, the sum of the losses of this epoch's images.
        correct: int64, how many of this epoch's images were predicted correctly.
        images_done: how many images of this epoch were trained on.
        epoch: the epochs that are done.
        step: the steps that are done in the running epoch.
        history: the figures of the epochs that are done.
        best_weights: the state dict of the best epoch so far; empty until an epoch is done.
        best_epoch: its number, counted from 1; 0 until an epoch is done.
        learning_rate_factor: the recipe's learning rates are multiplied by it.
        ended: a person ended the training; the loop takes no further step.
        manual_changes: what persons changed, in that order.
    """

    network: Network
    optimizer: torch.optim.Optimizer
    ema: ExponentialMovingAverage | None
    loss_sum: Tensor
    correct: Tensor
    images_done: int = 0
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
        network.to(device, memory_format=network.memory_format)  # type: ignore[call-overload]
        return cls(
            network=network,
            optimizer=make_optimizer(network, recipe),
            ema=ExponentialMovingAverage(network, recipe.ema_decay) if recipe.ema_decay else None,
            loss_sum=torch.zeros((), dtype=sum_type(device), device=device),
            correct=torch.zeros((), dtype=torch.int64, device=device),
        )

    def steps_done(self, steps: int) -> int:
        """Return the optimizer steps done since the beginning, with ``steps`` in an epoch."""
        return self.epoch * steps + self.step

    def count_step(self, loss: Tensor, correct: Tensor, images: int) -> None:
        """Add a step: the sum of its images' losses, and how many of them were predicted correctly."""
        self.loss_sum += loss
        self.correct += correct
        self.images_done += images
        self.step += 1

    def evaluated_network(self) -> nn.Module:
        """Return the network that is evaluated: that of the moving average where the recipe has one."""
        return self.ema.network if self.ema else self.network

    def end_epoch(self, figures: EpochFigures) -> bool:
        """Record an epoch's figures; keep its weights and return true if they are the best so far.

        The best epoch has the highest validation accuracy, the balanced one where that was measured, among
        equals the lowest validation loss; without validation images it is the last.
        """
        best = self.best_epoch == 0 or _rank(figures) > _rank(self.history[self.best_epoch - 1])
        self.history.append(figures)
        if best:
            weights = self.evaluated_network().state_dict()
            self.best_weights = {name: tensor.detach().clone() for name, tensor in weights.items()}
            self.best_epoch = figures.epoch
        self.epoch += 1
        self.step = self.images_done = 0
        self.loss_sum.zero_()
        self.correct.zero_()
        return best

    def change_learning_rate(self, factor: float) -> None:
        """Multiply the recipe's learning rates by ``factor`` (above 0) from the next step on."""
        self.learning_rate_factor = factor
        self.record_change(f"learning rate × {factor:g}")

    def end(self) -> None:
        """End the training after the epochs that are done, at least one; the running epoch does not count."""
        if not self.best_epoch:
            raise ValueError("a training can be ended once an epoch is done")
        self.ended = True
        self.record_change("ended")

    def record_change(self, change: str) -> None:
        """Record that a person changes something now."""
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
        if self.ema:
            tensors |= {f"ema.{name}": t for name, t in self.ema.network.state_dict().items()}
        tensors |= {"sum.loss": self.loss_sum, "sum.correct": self.correct}
        facts: dict[str, Any] = {name: getattr(self, name) for name in _Facts.model_fields}
        facts["history"] = [dataclasses.asdict(figures) for figures in self.history]
        facts["manual_changes"] = [dataclasses.asdict(change) for change in self.manual_changes]
        return Checkpoint(tensors, facts)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Become the state that :meth:`checkpoint` returned.

        Raises:
            CheckpointError: it is of another network or recipe, or holds what no state can; this state is of
                no use then.
        """
        groups: dict[str, dict[str, Tensor]] = {"best": {}, "optimizer": {}, "network": {}, "ema": {}}
        for name, tensor in checkpoint.tensors.items():
            group, _, rest = name.partition(".")
            groups.setdefault(group, {})[rest] = tensor
        try:
            facts = _Facts.model_validate(checkpoint.facts)
            self._restore_tensors(groups)
        except (RuntimeError, ValueError, LookupError, TypeError) as error:
            raise CheckpointError("a checkpoint is of another training") from error
        for name in _Facts.model_fields:
            setattr(self, name, getattr(facts, name))

    def _restore_tensors(self, groups: dict[str, dict[str, Tensor]]) -> None:
        device = self.loss_sum.device
        self.network.load_state_dict(groups["network"])
        if self.ema:
            self.ema.network.load_state_dict(groups["ema"])
        restore_optimizer(self.optimizer, groups["optimizer"])
        shapes = {name: tensor.shape for name, tensor in groups["best"].items()}
        if shapes and shapes != {name: tensor.shape for name, tensor in groups["network"].items()}:
            raise ValueError("the best epoch's weights are of another network")
        self.best_weights = {name: tensor.to(device) for name, tensor in groups["best"].items()}
        self.loss_sum.copy_(groups["sum"]["loss"])
        self.correct.copy_(groups["sum"]["correct"])


class _Facts(BaseModel):
    """What a checkpoint holds beside its tensors, with types and ranges."""

    epoch: int = Field(ge=0)
    step: int = Field(ge=0)
    images_done: int = Field(ge=0)
    best_epoch: int = Field(ge=0)
    history: list[EpochFigures]
    learning_rate_factor: float = Field(gt=0, allow_inf_nan=False)
    ended: bool
    manual_changes: list[ManualChange]

    @model_validator(mode="after")
    def _fit(self) -> "_Facts":
        if not self.best_epoch <= self.epoch == len(self.history):
            raise ValueError("the epochs do not fit")
        return self


def _rank(figures: EpochFigures) -> tuple[float, float]:
    """Return what is highest in the best epoch; without validation images, it is the epoch's number."""
    if figures.val_accuracy is None or figures.val_loss is None:
        return float(figures.epoch), 0.0
    balanced = figures.val_balanced_accuracy
    return figures.val_accuracy if balanced is None else balanced, -figures.val_loss


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as named tensors: ``"<index of the parameter>.<name>"``.

    Raises:
        TypeError: it keeps something else, which no checkpoint could hold.
    """
    tensors = {}
    for index, kept in optimizer.state_dict()["state"].items():
        for name, value in kept.items():
            if not isinstance(value, Tensor):
                raise TypeError(f"the optimizer keeps {name} = {value!r}; checkpoints hold tensors only")
            tensors[f"{index}.{name}"] = value
    return tensors


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give the optimizer the state that :func:`optimizer_tensors` returned.

    Each tensor takes the memory layout of its parameter: fused steps walk through both in one go.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition(".")
        parameter = parameters[int(index)]
        if tensor.dim() and tensor.shape != parameter.shape:
            raise ValueError("the optimizer's state is of another network")
        if tensor.shape == parameter.shape:
            tensor = torch.empty_like(parameter, requires_grad=False).copy_(tensor)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
