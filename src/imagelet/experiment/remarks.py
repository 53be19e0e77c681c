"""What is said of a split before a training: copies and sources on both of its sides."""

from collections.abc import Iterator

import numpy as np

from imagelet.data.copies import WORTH_SAYING, are_copies
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.sources import describe_sides
from imagelet.data.splits import COURSE, Split
from imagelet.messages import Message


def remarks_on_split(
    dataset: Dataset, frozen: Split, validation: ImageSet | None, training: ImageSet
) -> list[Message]:
    """Return sentences on copies, and on sources where they are known.

    Args:
        dataset: whose training images are split.
        frozen: the split.
        validation: the images that choose the epoch; None: there are none.
        training: the images that are learned from.
    """
    on_copies = _on_copies(dataset.train, frozen, validation, training)
    return [*on_copies, *_on_sources(dataset.train, frozen)]


def _on_sources(images: ImageSet, frozen: Split) -> list[Message]:
    """Return whether each source of the training images is on one side of their split, where that is known.

    The split of the course does not ask.
    """
    if images.sources is None or not len(frozen.validation) or frozen.method == COURSE:
        return []
    learned, held_out = images.sources[frozen.train], images.sources[frozen.validation]
    return [describe_sides("validation", learned, held_out, images.labels[frozen.validation], images.classes)]


def _on_copies(
    images: ImageSet, frozen: Split, validation: ImageSet | None, training: ImageSet
) -> Iterator[Message]:
    """Yield a sentence on many copies, and one on validation images that are copies of training images.

    A split that is drawn here keeps copies together; that of the course and a dataset's own need not.
    """
    count = int((images.originals != np.arange(len(images))).sum())
    if count > WORTH_SAYING * len(images):
        yield Message(
            "{count:,} of {total:,} images are copies of others: copies stay on one side of every split, and "
            "the interval of an accuracy counts each picture once.",
            count=count,
            total=len(images),
        )
    if validation is None or (len(frozen.validation) and frozen.method != COURSE):
        return
    shared = int(are_copies(validation.images, training.images).sum())
    if shared:
        yield Message(
            "{count:,} of {total:,} validation images are copies of training images: the validation accuracy "
            "is too high by what is learned by heart.",
            count=shared,
            total=len(validation),
        )
