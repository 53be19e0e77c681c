"""Lanes: fixed parts of a batch, whose gradients are computed alone and added up in a fixed order.

The rounding of a sum depends on its order. So that any number of processes and threads gives the same bytes,
a batch is always divided into the same lanes, each lane is computed by one thread, and the lanes are added in
the order that ``sums.py`` keeps.

Batch normalisation takes the statistics of its lane. The running statistics move by the mean over the lanes.
"""

import contextlib
import copy
import functools
import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from imagelet.device import default_generator, generator, sum_type, using_threads
from imagelet.networks import Network
from imagelet.networks.building import OwnNetwork
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
from imagelet.training.sums import BUCKET_BYTES, Reducer, across
from imagelet.training.workers import ALONE, Workers, workers

Compute = Callable[[np.ndarray, Tensor], Counted | None]
"""(indices (n,), their pixels (n, height, width, channels)) → what the batch reached; its gradients are in
the network then. None: a person has ended the training in the first process meanwhile."""


@dataclass(frozen=True)
class Lane:
    """A lane's part of the batch, its place in this process, and whether it is the batch's first."""

    part: Part | None
    place: int
    first: bool


@dataclass
class Replica:
    """A copy of the network that shares its weights, and has gradients and running statistics of its own.

    Attributes:
        lane: that it computes, and
        learned: the numbers of the parameters of which the gradient is there.
    """

    network: Network
    lane: Lane | None = None
    learned: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.modules = list(self.network.modules())
        self.parameters = list(self.network.parameters())
        self.buffers = list(self.network.buffers())
        self.dropouts = [one for one in self.modules if getattr(getattr(one, "layer", None), "random", False)]


def replica_of(network: Network) -> Replica:
    """Return a copy of the network over the same memory of the weights."""
    shared = {id(one): nn.Parameter(one.detach(), one.requires_grad) for one in network.parameters()}
    return Replica(copy.deepcopy(network, shared))


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
        self._modules = list(state.network.modules())
        self._parameters, self._buffers = list(state.network.parameters()), list(state.network.buffers())
        self._replicas: queue.SimpleQueue[Replica] = queue.SimpleQueue()
        for _ in range(team.threads):
            self._replicas.put(self._watched(replica_of(state.network)))
        # Whether the network draws from torch's own generator, which all threads share; its first lanes tell.
        self._draws: bool | None = None
        self._alone = True  # as long as that is not known
        self._learning: list[int] = []  # the numbers of the parameters that learn in this step
        first = len(self._parameters)
        self._rest_numbers = range(first, first + len(self._rest()))
        self._reducer = Reducer(setup.group, 0, [])

    def __call__(self, chosen: np.ndarray, pixels: Tensor) -> Counted | None:
        """Compute a step's gradients; see `Compute`."""
        setup, state = self._setup, self._state
        size = setup.recipe.batch_size
        images = min(size, len(setup.training) - state.step * size)
        self._learning = [number for number, one in enumerate(self._parameters) if one.requires_grad]
        self._reducer = Reducer(setup.group, setup.lanes // setup.group.world, self._buckets())
        self._alone = self._draws is not False
        lanes = list(self._lanes(chosen, pixels, images))
        self._profile.mark("loading")
        batches = list(self._team.map(self._lane, lanes, alone=self._alone))
        sums = self._reducer.sums()
        self._profile.mark("backward")
        *rest, told = (sums.pop(number) for number in self._rest_numbers)
        return None if _heed(setup, state, told) else self._set(sums, rest, images, batches[0])

    def _lanes(self, chosen: np.ndarray, pixels: Tensor, images: int) -> Iterator[Lane]:
        """Yield the lanes of this process, of which ``chosen`` (n,) are the images."""
        group, state = self._setup.group, self._state
        each = self._setup.lanes // group.world
        sizes = lane_sizes(images, self._setup.lanes)
        start = 0
        for place in range(each):
            number = group.rank * each + place
            rows = slice(start, start + sizes[number])
            start = rows.stop
            position = (state.epoch, state.step, number)
            part = None
            if sizes[number]:
                part = self._known.part(chosen[rows], pixels[rows], position, sizes[number] / images)
            yield Lane(part, place, number == 0)

    def _buckets(self) -> list[list[int]]:
        """Return the numbers of what a lane gives, in buckets: gradients in the order of the backward pass.

        Parameters have their own numbers, and what `_rest` names follows them, in the last bucket.
        """
        buckets: list[list[int]] = [[]]
        size = 0
        for number in reversed(self._learning):
            if size >= BUCKET_BYTES:
                buckets.append([])
                size = 0
            buckets[-1].append(number)
            size += self._parameters[number].nbytes
        if size >= BUCKET_BYTES:
            buckets.append([])
        buckets[-1] += self._rest_numbers
        return buckets

    def _lane(self, lane: Lane) -> Batch | None:
        """Compute a lane and give what it has to be added up; return its images."""
        if lane.part is None:
            self._give(lane, self._rest(), set())
            return None
        replica = self._replicas.get()
        try:
            self._prepare(replica, lane, lane.part)
            dropout = self._noticed(lane.part) if self._alone else contextlib.nullcontext()
            counted = forward_backward(self._setup, replica.network, lane.part, self._profile, dropout)
            self._give_rest(replica, lane, lane.part, counted)
            return counted.batch
        finally:
            replica.lane = None
            self._replicas.put(replica)

    def _watched(self, replica: Replica) -> Replica:
        """Let each gradient of a replica be given as soon as it is there."""
        for number, parameter in enumerate(replica.parameters):
            learns = parameter.requires_grad
            parameter.requires_grad_(True)  # one that is frozen has no hooks
            give = functools.partial(self._give_gradient, replica, number)
            parameter.register_post_accumulate_grad_hook(give)  # type: ignore[no-untyped-call]
            parameter.requires_grad_(learns)
        return replica

    def _give_gradient(self, replica: Replica, number: int, parameter: Tensor) -> None:
        gradient, like = parameter.grad, self._parameters[number]
        assert gradient is not None
        assert replica.lane is not None
        parameter.grad = None
        if gradient.stride() != like.stride():
            gradient = torch.empty_like(like).copy_(gradient)
        replica.learned.add(number)
        self._reducer.give(replica.lane.place, number, gradient)

    @torch.no_grad()
    def _prepare(self, replica: Replica, lane: Lane, part: Part) -> None:
        """Let a replica be as the network is before the step."""
        replica.lane, replica.learned = lane, set()
        for mine, real in zip(replica.modules, self._modules, strict=True):
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

    def _rest(self) -> list[Tensor]:
        """Return what a lane gives beside gradients, as one without images has it.

        Changes of the running statistics, the sum of the losses, the number of correct predictions, of how
        many parameters there is a gradient, each 0 or 1, and what the process tells the others.
        """
        device = self._setup.device
        counts = [torch.zeros((), dtype=kind, device=device) for kind in (sum_type(device), torch.int64)]
        there = torch.zeros(len(self._learning), dtype=torch.int32, device=device)
        told = torch.zeros(3, dtype=sum_type(device), device=device)
        return [*(torch.zeros_like(buffer) for buffer in self._buffers), *counts, there, told]

    def _give(self, lane: Lane, rest: list[Tensor], learned: set[int]) -> None:
        """Give what a lane has beside the gradients it gave: zeros for other parameters, and the rest."""
        for number in self._learning:
            if number not in learned:
                self._reducer.give(lane.place, number, torch.zeros_like(self._parameters[number]))
        if lane.place == 0:
            rest[-1] = _told(self._setup, self._state)
        for number, tensor in zip(self._rest_numbers, rest, strict=True):
            self._reducer.give(lane.place, number, tensor)

    @torch.no_grad()
    def _give_rest(self, replica: Replica, lane: Lane, part: Part, counted: Counted) -> None:
        rest = self._rest()
        for change, mine, before in zip(rest, replica.buffers, self._buffers, strict=False):
            if mine.is_floating_point():  # what does not move, infinity too, has to stay as it is
                change.copy_(torch.where(mine == before, 0.0, (mine - before) * part.fraction))
            elif lane.first:
                change.copy_(mine)
        *_, loss, correct, there, _ = rest
        loss.copy_(counted.loss)
        correct.copy_(counted.correct)
        there.copy_(torch.tensor([number in replica.learned for number in self._learning]))
        self._give(lane, rest, replica.learned)

    @torch.no_grad()
    def _set(
        self, gradients: dict[int, Tensor], rest: list[Tensor], images: int, batch: Batch | None
    ) -> Counted:
        """Give the network its gradients and its running statistics; return the counts."""
        *changes, loss, correct, there = rest
        for number, lanes in zip(self._learning, there.tolist(), strict=True):
            self._parameters[number].grad = gradients[number] if lanes else None
        for buffer, change in zip(self._buffers, changes, strict=True):
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
