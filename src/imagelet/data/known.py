"""The registry of datasets, and what a registered name stands for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from imagelet.data.download import RemoteFile
from imagelet.data.imageset import Dataset, DatasetCard
from imagelet.data.layouts import Layout
from imagelet.errors import UnknownNameError
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

    @property
    def download(self) -> tuple[RemoteFile, ...]:
        """The files that are downloaded; none where nothing is, or no two public sources agree on a hash."""
        files = self.layouts[0].files if self.layouts else ()
        return files if all(file.can_be_downloaded for file in files) else ()


class Datasets(Registry[KnownDataset]):
    """The datasets by name, and families of them: what follows a family's colon says which one is meant."""

    def __init__(self) -> None:
        super().__init__(Message("dataset"), LISTING, home="imagelet.data.official")
        self._families: dict[str, Callable[[str], KnownDataset]] = {}

    def add_family(self, name: str, member: Callable[[str], KnownDataset]) -> None:
        """Register a family: ``member`` returns the dataset for what follows ``name:``.

        ``member`` raises UnknownNameError where there is no such dataset.
        """
        self._families[name] = member

    def is_of_family(self, name: str) -> bool:
        """Return whether ``name`` begins as those of a family do; perhaps there is no such dataset."""
        family, colon, _ = name.partition(":")
        self._fill()
        return bool(colon) and family in self._families

    def get(self, name: str) -> KnownDataset:
        """Return the dataset called ``name``, perhaps one of a family: ``quickdraw:cat,dog``."""
        if not self.is_of_family(name):
            return super().get(name)
        family, _, which = name.partition(":")
        return self._families[family](which)

    def __contains__(self, name: object) -> bool:
        if not (isinstance(name, str) and self.is_of_family(name)):
            return super().__contains__(name)
        try:
            self.get(name)
        except UnknownNameError:
            return False
        return True


datasets = Datasets()
