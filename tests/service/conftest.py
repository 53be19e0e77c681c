"""A service to ask in this process."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from imagelet.classifier.classifier import Classifier
from imagelet.http.decoder import Decoder
from imagelet.runs.store import shipped_classifiers
from imagelet.service import state
from imagelet.service.app import create_app
from imagelet.service.settings import Settings
from tests.servers import Asked, Shared, drawing, png_file


class Served(Asked):
    """A service's server.

    Attributes:
        state: what its routes work with.
    """

    def __init__(self, settings: Settings, classifier: Classifier, note: Any = None) -> None:
        super().__init__(create_app(settings, classifier, note))
        self.state = self.app.state.service

    def close(self) -> None:
        """End it, as the server's own end does."""
        self.state.close()


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    """Return the shipped classifier of digits."""
    return Classifier.load(shipped_classifiers()["mnist"])


@pytest.fixture(scope="session")
def framing_decoder(classifier: Classifier) -> Iterator[Decoder]:
    """Return a decoder that frames digits, which all services of the tests share."""
    shared = Decoder(framing=classifier.framing)
    yield shared
    shared.close()


@pytest.fixture(autouse=True)
def _shared_decoder(framing_decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "Decoder", lambda framing: Shared(framing_decoder))
    monkeypatch.setattr(state, "MOST_PICTURES", 1)  # that are computed before a service opens,
    monkeypatch.setattr(state, "BATCH", 2)  # and before it is ready


@pytest.fixture
def open_service(classifier: Classifier) -> Iterator[Callable[..., Served]]:
    """Return a function that opens a service of the digits."""
    opened = []

    def make(note: Any = None, **named: Any) -> Served:
        opened.append(Served(Settings(**{"name": "mnist", **named}), classifier, note))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def service(open_service: Callable[..., Served]) -> Served:
    """Return a service."""
    return open_service()


@pytest.fixture(scope="session")
def seven() -> bytes:
    """Return a drawn 7 as a PNG file's content."""
    return png_file(drawing())
