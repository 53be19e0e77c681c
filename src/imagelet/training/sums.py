"""Sums over lanes and processes in a fixed order: pairs, these in pairs again, ((0 + 1) + (2 + 3)) + ….

A process adds up its own lanes, which are a branch of this tree. Two processes then give each other what they
have. Where there are more, each gets one piece of the vectors of all, adds it up, and gives the sum to all:
about 8 bytes a parameter reach a process, however many there are, and the order is still that of the ranks.
(A reduce-scatter and an all-gather, as in Thakur, Rabenseifner and Gropp, "Optimization of collective
communication operations in MPICH", 2005; but pieces go to their process directly, so that the order stays.)
"""

import threading
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from imagelet.training.distributed import Group

BUCKET_BYTES = 2**20  # of gradients that go on their way together, at least
ALIGNED = 8  # bytes of the largest type


def across(group: Group, mine: list[Tensor]) -> list[Tensor]:
    """Return the sums over all processes of their tensors, added up in pairs in the order of the ranks.

    Args:
        group: of the processes; a power of two many.
        mine: dense tensors of any types; the others have as many of the same shapes, types and strides.
    """
    return begin_across(group, mine)()


def begin_across(group: Group, mine: list[Tensor]) -> Callable[[], list[Tensor]]:
    """Begin `across`, and return what waits for the sums. All processes begin and end in the same order."""
    if group.world == 1:
        return lambda: mine
    if group.world == 2:  # the vector of the other is as much as two halves, and comes in one turn
        layout = Layout(mine, 1)
        gathered = group.begin_gather(layout.packed(mine)[0])
        return lambda: layout.unpacked([layout.summed(gathered())])
    pieces = Layout(mine, group.world)
    exchanged = group.begin_exchange(pieces.packed(mine))
    return lambda: pieces.unpacked(group.gather(pieces.summed(exchanged())))


class Layout:
    """How tensors lie in pieces of bytes: in each a part of every type's elements, the largest types first.

    Args:
        like: dense tensors.
        pieces: how many.
    """

    def __init__(self, like: Sequence[Tensor], pieces: int) -> None:
        self._like = like
        kinds = sorted({each.dtype for each in like}, key=lambda kind: (-kind.itemsize, str(kind)))
        self._numbers = {kind: [n for n, each in enumerate(like) if each.dtype == kind] for kind in kinds}
        self._slices: dict[torch.dtype, slice] = {}
        stop = 0
        for kind, numbers in self._numbers.items():
            elements = -(-sum(like[number].numel() for number in numbers) // pieces)
            self._slices[kind] = slice(stop, stop + elements * kind.itemsize)
            stop += elements * kind.itemsize
        self._shape = pieces, stop + -stop % ALIGNED

    def packed(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return tensors like those of the layout as pieces, uint8 (pieces, bytes)."""
        packed = torch.empty(self._shape, dtype=torch.uint8, device=tensors[0].device)
        pieces = len(packed)
        for kind, numbers in self._numbers.items():
            flat = [_flat(tensors[number]) for number in numbers]
            if pieces == 1:
                torch.cat(flat, out=packed[0, self._slices[kind]].view(kind))
                continue
            flat.append(flat[0].new_zeros(-sum(map(len, flat)) % pieces))
            packed[:, self._slices[kind]] = torch.cat(flat).view(pieces, -1).view(torch.uint8)
        return packed

    def summed(self, pieces: Sequence[Tensor]) -> Tensor:
        """Return the sum of the same piece of several processes, uint8 (bytes,); the first is changed."""
        summed([[piece[place].view(kind) for kind, place in self._slices.items()] for piece in pieces])
        return pieces[0]

    def unpacked(self, pieces: Sequence[Tensor]) -> list[Tensor]:
        """Return the tensors of all pieces, each with type, shape and strides of that in the layout."""
        unpacked = list(self._like)
        for kind, numbers in self._numbers.items():
            parts = [piece[self._slices[kind]].view(kind) for piece in pieces]
            flat = parts[0] if len(parts) == 1 else torch.cat(parts)
            start = 0
            for number in numbers:
                like = self._like[number]
                one = flat[start : start + like.numel()]
                unpacked[number] = one.as_strided(like.size(), like.stride(), one.storage_offset())
                start += like.numel()
        return unpacked


def _flat(tensor: Tensor) -> Tensor:
    """Return the elements of a dense tensor in the order of its memory."""
    return tensor.as_strided((tensor.numel(),), (1,))


def summed(lists: Sequence[list[Tensor]]) -> list[Tensor]:
    """Return the sums of lists of tensors, a power of two many, in pairs; the first ones are changed."""
    while len(lists) > 1:
        for first, second in zip(lists[::2], lists[1::2], strict=True):
            torch._foreach_add_(first, second)
        lists = lists[::2]
    return lists[0]


class Reducer:
    """Adds up what the lanes of a step give, and what the other processes have, while lanes still compute.

    As in PyTorch's DistributedDataParallel, tensors travel in buckets: each once all lanes of a process have
    given what is in it, so gradients of the last layers travel while those of the first are computed. Buckets
    go in their order, which is the same in all processes, whichever lane is ready first.

    Args:
        group: of the processes.
        lanes: of this process.
        buckets: the numbers of the tensors in each; every number once.
    """

    def __init__(self, group: Group, lanes: int, buckets: Sequence[Sequence[int]]) -> None:
        self._group, self._buckets = group, buckets
        self._given: list[dict[int, Tensor]] = [{} for _ in range(lanes)]
        self._missing = [lanes * len(bucket) for bucket in buckets]
        self._bucket_of = {number: place for place, bucket in enumerate(buckets) for number in bucket}
        self._begun: list[Callable[[], list[Tensor]]] = []
        self._lock = threading.Lock()

    def give(self, lane: int, number: int, tensor: Tensor) -> None:
        """Take a tensor of a lane, dense, in the same strides from all; it may be changed."""
        with self._lock:
            self._given[lane][number] = tensor
            self._missing[self._bucket_of[number]] -= 1
            while len(self._begun) < len(self._buckets) and not self._missing[len(self._begun)]:
                bucket = self._buckets[len(self._begun)]
                mine = summed([[given.pop(each) for each in bucket] for given in self._given])
                self._begun.append(begin_across(self._group, mine))

    def sums(self) -> dict[int, Tensor]:
        """Return the sums by their numbers, once all are there."""
        return {
            number: tensor
            for bucket, wait in zip(self._buckets, self._begun, strict=True)
            for number, tensor in zip(bucket, wait(), strict=True)
        }
