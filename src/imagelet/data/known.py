"""The registry of datasets, and what a registered name stands for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from imagelet.data.imageset import Dataset, DatasetCard
from imagelet.data.layouts import Layout
from imagelet.messages import Message
from imagelet.registry import Registry

LISTING = "imagelet data list"


@dataclass(frozen=True)
class KnownDataset:
    """What a name stands for.

    Args:
        card: what the dataset is.
        images: part → how many images the official part has.
        layouts: how its files may lie, the one that is downloaded first; empty where it needs no files.
        load: opens a dataset that needs no files.
        file: tells where a dataset that needs no files comes from.

    Raises:
        ValueError: it has both layouts and a function that opens it, or neither.
    """

    card: DatasetCard
    images: dict[str, int]
    layouts: tuple[Layout, ...] = ()
    load: Callable[[], Dataset] | None = None
    file: Callable[[], Path | None] = field(default=lambda: None)

    def __post_init__(self) -> None:
        if bool(self.layouts) == bool(self.load):
            raise ValueError(
                f"the dataset '{self.card.name}' needs either layouts or a function that opens it"
            )


datasets: Registry[KnownDataset] = Registry(Message("dataset"), LISTING, home="imagelet.data.official")
