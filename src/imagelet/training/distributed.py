"""The processes of one training: who they are, and what they tell each other.

Every process runs the same program with the same settings. They speak in rounds: each gives a tensor and
gets those of all. One process alone is a group, too, `SINGLE`: it asks nobody and imports nothing for it. How
several find and watch each other is in ``joining.py``.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from imagelet.errors import TrainingError
from imagelet.messages import Message

SETTINGS = Message("the settings")

Round = Callable[[], list[Tensor]]
"""What waits for the others of a round: it returns what each gave, in the order of their ranks."""


class Group:
    """The processes that compute one training together; this class is of one that is alone.

    Attributes:
        rank: the number of this process, from 0 to ``world`` - 1. The first keeps the run's folder.
        world: how many processes there are.
    """

    rank: int = 0
    world: int = 1

    def __init__(self) -> None:
        self.stop_wanted = False
        self.stop = False

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and shows what happens."""
        return self.rank == 0

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """Return the tensor of every process, in the order of their ranks; all have one shape and type.

        Raises:
            TrainingError: another process has failed, or is lost.
        """
        return self.begin_gather(tensor)()

    def begin_gather(self, tensor: Tensor) -> Round:
        """Begin `gather`, and return what waits for the tensors. All processes begin rounds in one order.

        Raises:
            TrainingError: as :meth:`gather`, here or while it waits.
        """
        return lambda: [tensor]

    def begin_exchange(self, pieces: Tensor) -> Round:
        """Begin to give each process its piece, and return what waits for those that are given to this one.

        Args:
            pieces: (world, n); row k is for process k.

        Raises:
            TrainingError: as :meth:`gather`, here or while it waits.
        """
        return lambda: list(pieces)

    def gather_text(self, text: str) -> list[str]:
        """Return the text of every process, in the order of their ranks."""
        data = text.encode()
        lengths = [int(each) for each in self.gather(torch.tensor([len(data)]))]
        padded = torch.zeros(max(lengths), dtype=torch.uint8)
        padded[: len(data)] = torch.tensor(list(data), dtype=torch.uint8)
        texts = zip(self.gather(padded), lengths, strict=True)
        return [bytes(each[:length].tolist()).decode() for each, length in texts]

    def agree(self, text: str, what: Message = SETTINGS) -> None:
        """Return if every process has the same text: its settings, its data's fingerprint.

        Args:
            text: of this process; not empty.
            what: it is, for people.

        Raises:
            TrainingError: one has another, in every process alike.
        """
        digest = hashlib.sha256(text.encode()).digest()
        digests = self.gather(torch.tensor(list(digest), dtype=torch.uint8))  # world × (32,)
        others = [rank for rank, other in enumerate(digests) if not torch.equal(other, digests[0])]
        if others:
            raise TrainingError(
                "the processes of this training differ in {what}: process {other} of {world} does not have "
                "what process 0 has",
                "start all of them with the same command and the same data",
                what=what,
                other=others[0],
                world=self.world,
            )

    def barrier(self) -> None:
        """Return once every process is here.

        Raises:
            TrainingError: as :meth:`gather`.
        """
        self.gather(torch.zeros(1, dtype=torch.uint8))

    def request_stop(self) -> None:
        """Ask for the end of the training after this step, in every process.

        ``stop`` becomes true in all of them at the same step: alone at once, in a group a step later.
        """
        self.stop_wanted = True
        self.stop = self.stop or self.world == 1

    def first_text(self, text: str) -> str:
        """Return the text of the first process; what the others pass does not matter."""
        return self.gather_text(text if self.rank == 0 else "")[0]

    @contextlib.contextmanager
    def first_alone(self) -> Iterator[None]:
        """Let the others not matter to the first process in the block: the training is over, and it saves."""
        yield

    @contextlib.contextmanager
    def first_goes_ahead(self) -> Iterator[None]:
        """Let the first process go through the block before the others do, however long it takes.

        So it alone downloads and converts what the others then find in the cache. It must not gather within.

        Raises:
            TrainingError: the first process has failed there, or is lost.
        """
        yield


SINGLE = Group()
