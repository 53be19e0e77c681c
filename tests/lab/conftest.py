"""A lab to ask in this process, and pictures to show it."""

import asyncio
import base64
import io
import shutil
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from PIL import Image, ImageDraw

from imagelet.experiment.runner import run_experiment
from imagelet.lab.http import state
from imagelet.lab.http.app import create_app
from imagelet.lab.services.decoding import Decoder
from imagelet.lab.settings import Settings
from imagelet.runs.definition import Experiment
from imagelet.training.recipe import Recipe
from tests.conftest import blank_pictures

ADDRESS = "http://127.0.0.1:8765"
T = TypeVar("T")
NETWORK = "conv(4, 3x3, same) relu pool(2) flatten dense(classes) softmax"


def in_a_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Carry a coroutine out in an event loop and a thread of its own, whatever goes on in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


class Lab:
    """A lab's server, asked as a browser's page asks; each request has an event loop of its own.

    Attributes:
        app: the server.
        state: what its routes work with.
        settings: what it was told.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.app = create_app(settings)
        self.state = self.app.state.lab

    def ask(self, method: str, path: str, body: Any = None, **named: Any) -> httpx.Response:
        """Send a request; ``body`` goes as JSON, ``named`` to httpx as it is."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=60) as client:
                return await client.request(method, path, json=body, **named)

        return in_a_loop(asked())

    def get(self, path: str, **named: Any) -> httpx.Response:
        """Ask for something."""
        return self.ask("GET", path, **named)

    def post(self, path: str, body: Any = None, **named: Any) -> httpx.Response:
        """Send something."""
        return self.ask("POST", path, body, **named)

    def close(self) -> None:
        """End it, as the server's own end does."""
        self.state.close()


@pytest.fixture(scope="module", autouse=True)
def _blank_pictures() -> Iterator[None]:
    with blank_pictures():
        yield


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    """Return a decoder that all labs of the tests share: to start a worker takes half a second."""
    shared = Decoder()
    yield shared
    shared.close()


class Shared:
    """A decoder that stays open when a lab is closed."""

    def __init__(self, decoder: Decoder) -> None:
        self.start, self.open = decoder.start, decoder.open

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture(autouse=True)
def _shared_decoder(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "Decoder", lambda: Shared(decoder))


@pytest.fixture
def open_lab(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Return a function that opens a lab; its runs lie in ``tmp_path / "runs"``, nothing is trained."""
    opened = []

    def make(**named: Any) -> Lab:
        opened.append(Lab(Settings(**{"runs": tmp_path / "runs", "training": False, **named})))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that no test may change: a small network on the digits."""
    folder = tmp_path_factory.mktemp("trained")
    recipe = Recipe(epochs=2, learning_rate=0.02)
    experiment = Experiment(dataset="digits", network=NETWORK, recipe=recipe)
    with blank_pictures():
        for _ in run_experiment(experiment, name="small", folder=folder):
            pass
    return folder / "small"


@pytest.fixture
def small_run(trained_run: Path, tmp_path: Path) -> Path:
    """Return the folder of such a run among the lab's runs. The test may change it."""
    return Path(shutil.copytree(trained_run, tmp_path / "runs" / "small"))


@pytest.fixture
def lab(open_lab: Callable[..., Lab]) -> Lab:
    """Return a lab without runs."""
    return open_lab()


def drawing(side: int = 280) -> Image.Image:
    """Return a 7 in black on white."""
    image = Image.new("L", (side, side), 255)
    points = [(x * side // 280, y * side // 280) for x, y in ((80, 60), (200, 60), (120, 220))]
    ImageDraw.Draw(image).line(points, fill=0, width=max(1, side * 22 // 280))
    return image


def png(image: Image.Image) -> str:
    """Return an image as a PNG file's content in base64."""
    content = io.BytesIO()
    image.save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


@pytest.fixture(scope="session")
def seven() -> str:
    """Return a drawn 7 as a PNG file's content in base64."""
    return png(drawing())
