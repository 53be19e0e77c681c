import threading

import numpy as np
import pytest
import torch

from imagelet.data import ImageSet
from imagelet.data.on_disk import ImagesOnDisk, as_array
from imagelet.training import batches
from imagelet.training.batches import AHEAD, batch_reader

CPU = torch.device("cpu")
ORDER = np.random.default_rng(0).permutation(40)
BATCHES = [ORDER[start : start + 6] for start in range(0, 40, 6)]


@pytest.fixture(params=[False, True], ids=["memory", "store"])
def images(request) -> ImageSet:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1), np.uint8)
    wrapped = as_array(ImagesOnDisk(pixels)) if request.param else pixels
    return ImageSet(wrapped, np.arange(40) % 2, ("a", "b"))


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "read-ahead" in thread.name]


def test_batches_come_whole_and_in_their_order(images):
    with batch_reader(images, CPU) as read:
        for _ in range(2):
            got = list(read(BATCHES))
            assert [chosen.tolist() for chosen, _ in got] == [chosen.tolist() for chosen in BATCHES]
            for chosen, pixels in got:
                assert np.array_equal(pixels.numpy(), np.asarray(images.images)[chosen])
    assert not threads()


def test_the_thread_ends_when_the_training_raises(images):
    def training():
        with batch_reader(images, CPU) as read:
            for _ in read(BATCHES):
                raise KeyError

    with pytest.raises(KeyError):
        training()
    assert not threads()


def test_a_failure_to_read_is_raised_where_the_batch_is_wanted(images, monkeypatch):
    def fail(*_):
        def load(chosen):
            if ORDER[7] in chosen:
                raise OSError("the disk fails")
            return torch.zeros(len(chosen))

        return load

    monkeypatch.setattr(batches, "batch_loader", fail)
    with batch_reader(images, CPU) as read:
        reading = read(BATCHES)
        next(reading)
        with pytest.raises(OSError, match="the disk fails"):
            next(reading)
    assert not threads()


def test_a_store_is_read_no_further_ahead_than_two_batches():
    images = ImageSet(
        as_array(ImagesOnDisk(np.zeros((40, 2, 2, 1), np.uint8))), np.arange(40) % 2, ("a", "b")
    )
    asked: list[int] = []

    def wanted():
        for number, chosen in enumerate(BATCHES):
            asked.append(number)
            yield chosen

    with batch_reader(images, CPU) as read:
        for number, _ in enumerate(read(wanted())):
            assert len(asked) <= number + 1 + AHEAD
