"""A trained run with its page."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagelet import paths
from imagelet.experiment.runner import run_experiment
from imagelet.report import write_report
from imagelet.runs.definition import Experiment
from imagelet.runs.run import Run
from imagelet.training.recipe import Recipe
from tests.conftest import blank_pictures
from tests.report.pages import Page

NETWORK = "conv(4, 3x3, same) relu pool(2) flatten dense(classes) softmax"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module", autouse=True)
def _blank_pictures() -> Iterator[None]:
    with blank_pictures():
        yield


def train(folder: Path, name: str, dataset: str = "digits", **changes: object) -> Run:
    """Train a small network on the digits for two epochs, or on other data."""
    settings = {"network": NETWORK, "recipe": Recipe(epochs=2, learning_rate=0.02), **changes}
    for _ in run_experiment(Experiment(dataset=dataset, **settings), name=name, folder=folder):
        pass
    return Run(folder / name)


@pytest.fixture
def train_run(tmp_path: Path) -> Callable[..., Run]:
    """Return a function that trains a small network under a name, on the digits or other data."""
    return lambda name, dataset="digits", **changes: train(tmp_path / "runs", name, dataset, **changes)


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    with blank_pictures(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "SYSTEM_DATA", folder / "none")
        run = train(folder, "small")
        write_report(run)
    return run.folder


@pytest.fixture
def trained(_trained: Path, tmp_path: Path) -> Run:
    """Return a finished run that the test may change; its page is written, the test images were not read."""
    return Run(Path(shutil.copytree(_trained, tmp_path / "runs" / "small")))


@pytest.fixture
def page(_trained: Path) -> Page:
    """Return the page of that run."""
    return Page((_trained / "report.html").read_text("utf-8"))


@pytest.fixture
def hostile_folder(tmp_path: Path) -> Path:
    """Return a folder of pictures whose classes are called what no class should be called."""
    generator = np.random.default_rng(0)
    for place, name in enumerate((HOSTILE, 'a&b"c')):
        folder = tmp_path / "pictures" / name
        folder.mkdir(parents=True)
        for number in range(60):
            pixels = generator.integers(0, 120, (8, 8), dtype=np.uint8)
            pixels[:, 4 * place : 4 * place + 4] += 90
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "pictures"
