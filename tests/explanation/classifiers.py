"""Classifiers for tests of what happens inside: any network, plain pixels, no calibration."""

from imagelet.classifier.classifier import Classifier
from imagelet.metrics.calibration import Calibration
from imagelet.networks import Network
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization


def classifier_of(network: Network, test_time_augmentation: str = "none") -> Classifier:
    """Return a classifier with this network; its classes are called 0, 1, 2, …"""
    channels = network.input_shape[2]
    return Classifier(
        network,
        tuple(str(place) for place in range(network.classes)),
        Framing("fit", *network.input_shape),
        Normalization((0.4,) * channels, (0.3,) * channels),
        Calibration(1.0, 0.5),
        {},
        test_time_augmentation,
    )
