"""The settings of a lab: where its runs are, which classifiers there are, and its limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imagelet.http.settings import ServerSettings

CLASS_WAITING = 100  # requests: a whole class may press the same button at the same moment


@dataclass(frozen=True)
class Settings(ServerSettings):
    """The settings of a lab, beside those of every server.

    Attributes:
        runs: the folder with the runs; need not exist.
        others: classifiers that are neither runs nor shipped: the names that they go by, and their files.
        first: the classifier that is loaded before the first request.
        reached: the address by which others in the network reach a lab that is open for a class.
        pupil_token: what the pupils of a class show, who may do less; None: the lab is not open for a class.
        training: whether jobs may be started; False where nothing may be trained, as in a test.
        at_once: requests that compute at the same time; each of them on one core.
        waiting: requests that may wait for their turn to compute.
        queued: jobs that may wait.
    """

    runs: Path
    others: Mapping[str, Path] = field(default_factory=dict)
    first: str | None = None
    reached: str = ""
    pupil_token: str | None = field(default=None, repr=False)
    training: bool = True
    at_once: int = 2
    waiting: int = 16
    queued: int = 20

    @property
    def most_waiting(self) -> int:
        """How many requests may wait for their turn; of a class more than of one person."""
        return max(self.waiting, CLASS_WAITING) if self.pupil_token else self.waiting

    @property
    def pupils_address(self) -> str:
        """The pupils' link, where the lab is open for a class."""
        return f"{self.reached or self.address}?token={self.pupil_token}"
