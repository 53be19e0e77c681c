"""Sums over lanes and processes: the order is a binary tree's, whoever adds, and whatever travels when."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from imagelet.training.distributed import Group, Round
from imagelet.training.sums import Layout, Reducer, across, summed


class Meeting:
    """Lets threads be the processes of a group: what each gives waits until all have given theirs."""

    def __init__(self, world: int) -> None:
        self.world, self.rounds, self._change = world, {}, threading.Condition()  # type: ignore[var-annotated]

    def give(self, number: int, rank: int, tensor: Tensor) -> Round:
        with self._change:
            given = self.rounds.setdefault(number, {})
            given[rank] = tensor.clone()
            self._change.notify_all()

        def wait() -> list[Tensor]:
            with self._change:
                assert self._change.wait_for(lambda: len(given) == self.world, timeout=20)
            return [given[rank].clone() for rank in range(self.world)]

        return wait


class Thread(Group):
    def __init__(self, meeting: Meeting, rank: int) -> None:
        super().__init__()
        self.rank, self.world, self._meeting, self.rounds = rank, meeting.world, meeting, 0

    def begin_gather(self, tensor: Tensor) -> Round:
        self.rounds += 1
        return self._meeting.give(self.rounds, self.rank, tensor)

    def begin_exchange(self, pieces: Tensor) -> Round:
        all_of_all = self.begin_gather(pieces)
        return lambda: [each[self.rank] for each in all_of_all()]


def in_group(world: int, work: Callable[[Group], Any]) -> list[Any]:
    """Return what ``work(group)`` returns in each process of a group."""
    meeting, results = Meeting(world), [None] * world
    groups = [Thread(meeting, rank) for rank in range(world)]

    def run(group: Group) -> None:
        results[group.rank] = work(group)

    threads = [threading.Thread(target=run, args=[group]) for group in groups]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def tensors(seed: int) -> list[Tensor]:
    """Return tensors of several types and layouts, of very different sizes so that the order shows."""
    drawn = torch.Generator().manual_seed(seed)
    scale = 10.0 ** (seed % 5)
    images = scale * torch.randn(3, 4, 5, 2, generator=drawn)
    return [
        (scale * torch.randn(3, generator=drawn)).bfloat16(),
        torch.tensor(seed == 3),
        images.to(memory_format=torch.channels_last),
        torch.tensor([2**40 + seed, -1]),
        scale * torch.randn(2, 3, generator=drawn, dtype=torch.float64),
        torch.empty(0),
        scale * torch.randn((), generator=drawn),
    ]


def tree(lanes: list[Tensor]) -> Tensor:
    """Return the sum by its definition."""
    if len(lanes) == 1:
        return lanes[0]
    half = len(lanes) // 2
    return tree(lanes[:half]) + tree(lanes[half:])


@pytest.mark.parametrize("world", [1, 2, 4, 8])
def test_sums_are_those_of_a_binary_tree_whichever_process_adds_them(world):
    each = 8 // world
    expected = [tree(list(lanes)) for lanes in zip(*map(tensors, range(8)), strict=True)]
    plain = [sum(lanes) for lanes in zip(*map(tensors, range(8)), strict=True)]
    assert not torch.equal(plain[2], expected[2])

    def work(group: Group) -> list[Tensor]:
        mine = range(group.rank * each, (group.rank + 1) * each)
        return across(group, summed([tensors(lane) for lane in mine]))

    for sums in in_group(world, work):
        for got, wanted in zip(sums, expected, strict=True):
            assert torch.equal(got, wanted)
            assert got.dtype == wanted.dtype
            assert got.stride() == wanted.stride()


@pytest.mark.parametrize("pieces", [1, 2, 3, 64])
def test_tensors_of_any_type_and_layout_travel_in_pieces(pieces):
    given = tensors(3)
    layout = Layout(given, pieces)
    packed = layout.packed(given)
    assert packed.shape[0] == pieces
    for got, wanted in zip(layout.unpacked(list(packed)), given, strict=True):
        assert torch.equal(got, wanted)
        assert got.dtype == wanted.dtype
        assert got.stride() == wanted.stride()


@pytest.mark.parametrize("world", [1, 2, 4])
def test_buckets_leave_in_their_order_whichever_lane_gives_first(world):
    """A process begins a bucket when its lanes have given it, and all begin in one order."""
    buckets = [[2, 0], [1]]
    orders = [
        [(0, 1), (1, 1), (1, 0), (0, 2), (0, 0), (1, 2)],
        [(1, 0), (1, 2), (0, 0), (0, 2), (0, 1), (1, 1)],
    ]

    def work(group: Group) -> tuple[dict[int, Tensor], int]:
        reducer = Reducer(group, 2, buckets)
        begun = 0
        for lane, number in orders[group.rank % 2]:
            if (lane, number) == orders[group.rank % 2][-1]:
                begun = getattr(group, "rounds", 0)
            reducer.give(lane, number, torch.tensor([1.0 * number, lane + 2 * group.rank]))
        return reducer.sums(), begun

    results = in_group(world, work)
    lanes = 2 * world
    for sums, _ in results:
        assert {number: tensor.tolist() for number, tensor in sums.items()} == {
            number: [1.0 * number * lanes, sum(range(lanes))] for number in (0, 1, 2)
        }
    assert [begun for _, begun in results][:2] == [0, 1][:world]  # the second began its first bucket early
