"""A classifier whose answers can be worked out by hand; trainings that end without pictures."""

from collections.abc import Callable, Iterator

import pytest
import torch

from imagelet.classifier.classifier import Classifier
from imagelet.metrics.calibration import Calibration
from imagelet.networks import build
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization
from tests.conftest import blank_pictures


@pytest.fixture(scope="module", autouse=True)
def _blank_pictures() -> Iterator[None]:
    with blank_pictures():
        yield


@pytest.fixture
def by_brightness() -> Callable[[Framing], Classifier]:
    """Return a function that makes a classifier: by their mean, images are dark, grey or light."""

    def make(framing: Framing) -> Classifier:
        pixels = framing.height * framing.width
        network = build("flatten dense(classes)", framing.shape, classes=3)
        weight = torch.tensor([-10.0, 0.0, 10.0])[:, None].expand(3, pixels) / pixels
        network.load_state_dict({"dense1.weight": weight, "dense1.bias": torch.tensor([0.0, 5.0, 0.0])})
        return Classifier(
            network=network,
            classes=("dark", "grey", "light"),
            framing=framing,
            normalization=Normalization((0.5,), (0.5,)),
            calibration=Calibration(temperature=1.0, threshold=0.9),
            training={},
        )

    return make
