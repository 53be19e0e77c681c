"""Lanes: fixed parts of a batch, whose gradients are computed alone and added up in a fixed order.

The rounding of a sum depends on its order. So that any number of processes and threads gives the same bytes,
a batch is always divided into the same lanes, each lane is computed by one thread, and the lanes are added in
pairs, these in pairs again: ((0 + 1) + (2 + 3)) + …. A process adds up its own lanes, which are a branch of
this tree, and every process adds the rest of the tree itself, of what it gathered from the others.

Batch normalisation takes the statistics of its lane. The running statistics move by the mean over the lanes.
"""

import contextlib
import copy
import queue
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from imagelet.device import default_generator, generator, sum_type, using_threads
from imagelet.networks import Network
from imagelet.networks.building import OwnNetwork
from imagelet.training.distributed import Group
from imagelet.training.division import lane_sizes
from imagelet.training.own_functions import NONE
from imagelet.training.passes import (
    DROPOUT,
    Batch,
    Counted,
    Known,
    Part,
    dropout_from,
    forward_backward,
    known_of,
)
from imagelet.training.profiling import NoProfile, Profile
from imagelet.training.setup import TrainingSetup
from imagelet.training.state import State
from imagelet.training.workers import ALONE, Workers, workers

Compute = Callable[[np.ndarray, Tensor], Counted | None]
"""(indices (n,), their pixels (n, height, width, channels)) → what the batch reached; its gradients are in
the network then. None: a person has ended the training in the first process meanwhile."""


class Replica(NamedTuple):
    """A copy of the network that shares its weights, and has gradients and running statistics of its own."""

    network: Network
    parameters: list[nn.Parameter]
    buffers: list[Tensor]
    dropouts: list[nn.Module]


def replica_of(network: Network) -> Replica:
    """Return a copy of the network over the same memory of the weights."""
    shared = {id(one): nn.Parameter(one.detach(), one.requires_grad) for one in network.parameters()}
    copied: Network = copy.deepcopy(network, shared)
    dropouts = [one for one in copied.modules() if getattr(getattr(one, "layer", None), "random", False)]
    return Replica(copied, list(copied.parameters()), list(copied.buffers()), dropouts)


@dataclass(frozen=True)
class Lane:
    """A lane's part of the batch, its number, and whether it is computed while no other is."""

    part: Part | None
    number: int
    alone: bool


class Lanes:
    """Computes the lanes of this process, and adds up all lanes of the group.

    Args:
        setup: of the training.
        state: its network gets the gradients and running statistics.
        known: of the training images.
        profile: is told where the time goes; the lanes are computed one after the other then.
        team: the threads that compute.
    """

    def __init__(
        self,
        setup: TrainingSetup,
        state: State,
        known: Known,
        profile: Profile,
        team: Workers,
    ) -> None:
        self._setup, self._state, self._known, self._profile, self._team = setup, state, known, profile, team
        self._parameters, self._buffers = list(state.network.parameters()), list(state.network.buffers())
        self._replicas: queue.SimpleQueue[Replica] = queue.SimpleQueue()
        for _ in range(team.threads):
            self._replicas.put(replica_of(state.network))
        # Whether the network draws from torch's own generator, which all threads share; its first lanes tell.
        self._draws: bool | None = None

    def __call__(self, chosen: np.ndarray, pixels: Tensor) -> Counted | None:
        """Compute a step's gradients; see `Compute`."""
        setup, state = self._setup, self._state
        size = setup.recipe.batch_size
        images = min(size, len(setup.training) - state.step * size)
        lanes = list(self._lanes(chosen, pixels, images))
        self._profile.mark("loading")
        computed = list(self._team.map(self._lane, lanes, alone=self._draws is not False))
        results = [result for result, _ in computed]
        total = across(setup.group, [*_summed(results), _told(setup, state)])
        self._profile.mark("backward")
        return None if _heed(setup, state, total.pop()) else self._set(total, images, computed[0][1])

    def _lanes(self, chosen: np.ndarray, pixels: Tensor, images: int) -> Iterator[Lane]:
        """Yield the lanes of this process, of which ``chosen`` (n,) are the images."""
        group, state = self._setup.group, self._state
        each = self._setup.lanes // group.world
        sizes = lane_sizes(images, self._setup.lanes)
        start = 0
        for number in range(group.rank * each, (group.rank + 1) * each):
            rows = slice(start, start + sizes[number])
            start = rows.stop
            position = (state.epoch, state.step, number)
            part = None
            if sizes[number]:
                part = self._known.part(chosen[rows], pixels[rows], position, sizes[number] / images)
            yield Lane(part, number, self._draws is not False)

    def _lane(self, lane: Lane) -> tuple[list[Tensor], Batch | None]:
        """Return a lane's gradients, changes of the running statistics and counts, and its images."""
        if lane.part is None:
            return self._nothing(), None
        replica = self._replicas.get()
        try:
            self._prepare(replica, lane.part)
            dropout = self._noticed(lane.part) if lane.alone else contextlib.nullcontext()
            counted = forward_backward(self._setup, replica.network, lane.part, self._profile, dropout)
            return self._result(replica, lane, counted), counted.batch
        finally:
            self._replicas.put(replica)

    @torch.no_grad()
    def _prepare(self, replica: Replica, part: Part) -> None:
        """Let a replica be as the network is before the step."""
        replica.network.train()
        for mine, real in zip(replica.network.modules(), self._state.network.modules(), strict=True):
            mine.training = real.training
        for parameter, original in zip(replica.parameters, self._parameters, strict=True):
            parameter.requires_grad_(original.requires_grad)
            parameter.grad = None
        for buffer, current in zip(replica.buffers, self._buffers, strict=True):
            buffer.copy_(current)
        setup = self._setup
        if replica.dropouts and setup.device.type == "cpu":
            random = generator(setup.device, setup.seed, DROPOUT, *part.position)
            for layer in replica.dropouts:
                layer.generator = random  # type: ignore[assignment]  # of this lane alone

    @contextlib.contextmanager
    def _noticed(self, part: Part) -> Iterator[None]:
        """Let what draws from torch's own generator draw what belongs to the lane, and notice if it does."""
        source = default_generator(self._setup.device)
        with dropout_from(self._setup, part.position):
            before = source.get_state()
            yield
            drew = not torch.equal(before, source.get_state())
        self._draws = bool(self._draws or drew or must_be_alone(self._setup, self._state, self._profile))

    def _learning(self) -> list[int]:
        """Return the numbers of the parameters that learn in this step."""
        return [number for number, one in enumerate(self._parameters) if one.requires_grad]

    def _nothing(self) -> list[Tensor]:
        """Return what a lane without images adds, each tensor in the layout in which all lanes give it."""
        parameters = [torch.zeros_like(self._parameters[number]) for number in self._learning()]
        buffers = [torch.zeros_like(buffer) for buffer in self._buffers]
        device = self._setup.device
        counts = [torch.zeros((), dtype=kind, device=device) for kind in (sum_type(device), torch.int64)]
        there = torch.zeros(len(parameters), dtype=torch.int32, device=device)
        return [*parameters, *buffers, *counts, there]

    @torch.no_grad()
    def _result(self, replica: Replica, lane: Lane, counted: Counted) -> list[Tensor]:
        assert lane.part is not None
        result = self._nothing()
        learning = self._learning()
        for place, number in enumerate(learning):
            gradient = replica.parameters[number].grad
            if gradient is not None:
                aligned = gradient.stride() == result[place].stride()
                result[place] = gradient if aligned else result[place].copy_(gradient)
                result[-1][place] = 1
            replica.parameters[number].grad = None
        for place, (mine, before) in enumerate(zip(replica.buffers, self._buffers, strict=True)):
            change = result[len(learning) + place]
            if mine.is_floating_point():  # what does not move, infinity too, has to stay as it is
                change.copy_(torch.where(mine == before, 0.0, (mine - before) * lane.part.fraction))
            elif lane.number == 0:
                change.copy_(mine)
        result[-3].copy_(counted.loss)
        result[-2].copy_(counted.correct)
        return result

    @torch.no_grad()
    def _set(self, total: list[Tensor], images: int, batch: Batch | None) -> Counted:
        """Give the network its gradients and its running statistics; return the counts."""
        *tensors, loss, correct, there = total
        learning = self._learning()
        for place, (number, lanes) in enumerate(zip(learning, there.tolist(), strict=True)):
            self._parameters[number].grad = tensors[place] if lanes else None
        for buffer, change in zip(self._buffers, tensors[len(learning) :], strict=True):
            if buffer.is_floating_point():
                buffer.add_(change)
            else:
                buffer.copy_(change)
        return Counted(loss, correct, images, batch or Batch.none(loss))


def _told(setup: TrainingSetup, state: State) -> Tensor:
    """Return what this process tells the others beside its gradients."""
    first = setup.group.is_first
    told = [setup.group.stop_wanted, first and state.ended, first * state.learning_rate_factor]
    return torch.tensor(told, dtype=sum_type(setup.device), device=setup.device)


def _heed(setup: TrainingSetup, state: State, told: Tensor) -> bool:
    """Do what was told; return whether a person has ended the training."""
    if setup.group.world == 1:
        return False
    wanted, ended, factor = told.tolist()
    setup.group.stop = wanted > 0
    state.learning_rate_factor = factor
    state.ended = ended > 0
    return state.ended


def has_ended(setup: TrainingSetup, state: State) -> bool:
    """Say whether a person has ended the training by now, in the first process of a group."""
    if setup.group.world == 1:
        return state.ended
    return _heed(setup, state, *across(setup.group, [_told(setup, state)]))


def must_be_alone(setup: TrainingSetup, state: State, profile: Profile) -> bool:
    """Say whether lanes are computed one after the other whatever the network draws.

    Code of a person's own need not bear several threads, a profile measures one thing at a time, and another
    device has its own way of doing things at once.
    """
    own = isinstance(state.network, OwnNetwork) or setup.own != NONE
    return own or setup.device.type != "cpu" or not isinstance(profile, NoProfile)


def rounding_of(setup: TrainingSetup) -> contextlib.AbstractContextManager[None]:
    """Let sums in the block be those of one thread where lanes promise the same for any number of threads."""
    return using_threads(1) if setup.lanes else contextlib.nullcontext()


@contextlib.contextmanager
def workers_for(setup: TrainingSetup, state: State, profile: Profile) -> Iterator[Workers]:
    """Yield the threads that compute the lanes of this process: as many as torch would compute with."""
    if not setup.lanes:
        yield ALONE
        return
    alone = must_be_alone(setup, state, profile)
    threads = 1 if alone else min(setup.lanes // setup.group.world, torch.get_num_threads())
    with workers(threads) as team:
        yield team


def step_computer(setup: TrainingSetup, state: State, profile: Profile, team: Workers) -> Compute:
    """Return what computes a step's gradients: of lanes, or of the whole batch at once."""
    known = known_of(setup)
    if setup.lanes:
        return Lanes(setup, state, known, profile, team)

    def compute(chosen: np.ndarray, pixels: Tensor) -> Counted:
        position = (state.epoch, state.step)
        part = known.part(chosen, pixels, position)
        profile.mark("loading")
        return forward_backward(setup, state.network, part, profile, dropout_from(setup, position))

    return compute


def across(group: Group, mine: list[Tensor]) -> list[Tensor]:
    """Return the sums over all processes of their tensors, added up in pairs in the order of the ranks."""
    if group.world == 1:
        return mine
    return _summed([_unpacked(each, mine) for each in group.gather(_packed(mine))])


def _summed(lists: Sequence[list[Tensor]]) -> list[Tensor]:
    """Return the sums of lists of tensors, a power of two many, in pairs; the first ones are changed."""
    while len(lists) > 1:
        for first, second in zip(lists[::2], lists[1::2], strict=True):
            torch._foreach_add_(first, second)
        lists = lists[::2]
    return lists[0]


def _order(tensors: Sequence[Tensor]) -> list[int]:
    """Return the order of tensors in one block of bytes, in which each starts at a place of its type."""
    return sorted(range(len(tensors)), key=lambda number: -tensors[number].element_size())


def _packed(tensors: Sequence[Tensor]) -> Tensor:
    """Return dense tensors as one block, uint8 (bytes,)."""
    flat = [tensors[number].as_strided((tensors[number].numel(),), (1,)) for number in _order(tensors)]
    return torch.cat([each.view(torch.uint8) for each in flat])


def _unpacked(block: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors of a block, each with type, shape and layout of that in ``like``."""
    unpacked, start = list(like), 0
    for number in _order(like):
        tensor = like[number]
        stop = start + tensor.numel() * tensor.element_size()
        unpacked[number] = block[start:stop].view(tensor.dtype).as_strided(tensor.size(), tensor.stride())
        start = stop
    return unpacked
