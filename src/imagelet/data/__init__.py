"""Datasets: images with labels, found, downloaded, read, checked and split. NumPy only.

The registry of datasets is ``imagelet.data.known.datasets``.
"""

from imagelet.data.datasets import found_files, get_dataset_files, load_dataset, place_of
from imagelet.data.imageset import Dataset, DatasetCard, ImageSet
from imagelet.data.known import KnownDataset
from imagelet.data.layouts import FoundFile
from imagelet.data.splits import Split, split

__all__ = [
    "Dataset",
    "DatasetCard",
    "FoundFile",
    "ImageSet",
    "KnownDataset",
    "Split",
    "found_files",
    "get_dataset_files",
    "load_dataset",
    "place_of",
    "split",
]
