"""A lab to ask in this process."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagelet.experiment.once import train_once
from imagelet.experiment.repeats import plan, record
from imagelet.experiment.runner import run_experiment
from imagelet.experiment.tuning.tune import tune_to_end
from imagelet.http.decoder import Decoder
from imagelet.lab.http import state
from imagelet.lab.http.app import create_app
from imagelet.lab.settings import Settings
from imagelet.runs.definition import Experiment, describe
from imagelet.training.recipe import Recipe
from tests.conftest import blank_pictures
from tests.servers import Asked, Shared, drawing, png

NETWORK = "conv(4, 3x3, same) relu pool(2) flatten dense(classes) softmax"


class Lab(Asked):
    """A lab's server.

    Attributes:
        state: what its routes work with.
        settings: what it was told.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(create_app(settings))
        self.settings = settings
        self.state = self.app.state.lab

    def close(self) -> None:
        """End it, as the server's own end does."""
        self.state.close()


@pytest.fixture(scope="module", autouse=True)
def _blank_pictures() -> Iterator[None]:
    with blank_pictures():
        yield


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


@pytest.fixture(scope="session")
def trained_groups(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that no test may change: two of three seeds, one of two folds, and a study."""
    pytest.importorskip("optuna")
    folder = tmp_path_factory.mktemp("groups")
    quick = {"epochs": 1, "batch_size": 64, "optimizer": "adamw", "learning_rate": 0.004}
    experiment = describe("digits", "softmax", "default", quick, limit=300)
    seeds = plan(experiment, seeds=[0, 1, 2], folder=folder)
    folds = plan(experiment, folds=2, folder=folder)
    for series, parts in ((seeds, seeds.parts[:2]), (folds, folds.parts[1:])):
        record(series)
        for part in parts:
            for _ in train_once(part.task):
                pass
    space = folder / "space.toml"
    space.write_text("[recipe]\nlearning_rate = { low = 0.0001, high = 0.1, log = true }\n")
    search = Experiment(**{**vars(experiment), "recipe": Recipe(**{**vars(experiment.recipe), "epochs": 2})})
    tune_to_end(search, space=space, minutes=60.0, trials=2, name="study", folder=folder)
    return folder


@pytest.fixture
def small_run(trained_run: Path, tmp_path: Path) -> Path:
    """Return the folder of such a run among the lab's runs. The test may change it."""
    return Path(shutil.copytree(trained_run, tmp_path / "runs" / "small"))


@pytest.fixture
def lab(open_lab: Callable[..., Lab]) -> Lab:
    """Return a lab without runs."""
    return open_lab()


@pytest.fixture(scope="session")
def seven() -> str:
    """Return a drawn 7 as a PNG file's content in base64."""
    return png(drawing())
