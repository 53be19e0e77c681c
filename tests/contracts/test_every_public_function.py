"""Every public function takes what the others return and what a person has; all else gets our sentence.

A function, or a kind of argument, that is new and left out here fails.
"""

import inspect
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

import imagelet
from imagelet.errors import ImageletError
from imagelet.experiment.finalize import Finished
from tests.conftest import blank_pictures, make_images

SIZE, CLASSES = 10, 10
QUICK: dict[str, Any] = {"epochs": 1, "batch_size": 50}
TEXT = "conv(4, 3x3) relu flatten dense(classes)"

FUNCTIONS = {
    name: function
    for name in imagelet.__all__
    if inspect.isfunction(function := getattr(imagelet, name, None))
}


class Small(nn.Module):
    """A module as people write it: named parts, an activation without a name, ``view``."""

    def __init__(self, channels: int = 1, size: int = SIZE, classes: int = CLASSES) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, 4, 3)
        self.activation = nn.ReLU(inplace=True)
        self.dense = nn.Linear(4 * (size - 2) ** 2, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.activation(self.convolution(images))
        return self.dense(torch.tanh(maps).view(len(maps), -1))


def make_small(channels: int, size: int, classes: int) -> nn.Module:
    return Small(channels, size, classes)


@dataclass(frozen=True)
class World:
    """What a person has.

    Attributes:
        folder: for files.
        finished: a training of arrays.
        images: uint8 (n, 10, 10, 1).
        labels: int64 (n,).
    """

    folder: Path
    finished: Finished
    other: Finished
    images: np.ndarray
    labels: np.ndarray


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    images, labels = make_images(100, SIZE, 1, seed=1)
    with pytest.MonkeyPatch.context() as patch, blank_pictures():
        patch.setenv("IMAGELET_HOME", str(folder / "home"))
        patch.setenv("IMAGELET_RUNS", str(folder / "runs"))
        first, second = (
            imagelet.train(images, labels, TEXT, "keras", name=name, seed=seed, validation=0.3, **QUICK)
            for seed, name in enumerate(("first", "second"))
        )
        yield World(folder, first, second, images, labels)


@pytest.fixture(autouse=True)
def _in_the_world(
    world: World, imagelet_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setenv("IMAGELET_HOME", str(world.folder / "home"))
    monkeypatch.setenv("IMAGELET_RUNS", str(world.folder / "runs"))
    monkeypatch.chdir(tmp_path)
    with blank_pictures():
        yield


# -- what a person has ---------------------------------------------------------------------------------------


def picture_folder(world: World) -> Path:
    """Return a folder with one subfolder a class."""
    place = world.folder / "pictures"
    for number, (image, label) in enumerate(zip(world.images, world.labels, strict=True)):
        file = place / str(label) / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(file)
    return place


def table(world: World) -> Path:
    """Return a table that names pictures with their labels."""
    files = sorted(picture_folder(world).glob("*/*.png"))
    path = world.folder / "table.csv"
    path.write_text("path,label\n" + "".join(f"{file},{file.parent.name}\n" for file in files))
    return path


def archive(world: World) -> Path:
    """Return Keras's form of named arrays."""
    path = world.folder / "arrays.npz"
    np.savez(path, x_train=world.images, y_train=world.labels)
    assert zipfile.is_zipfile(path)
    return path


def image_set(world: World) -> imagelet.ImageSet:
    return imagelet.ImageSet.from_arrays(world.images, world.labels)


def tensors(world: World) -> TensorDataset:
    return TensorDataset(torch.tensor(world.images).permute(0, 3, 1, 2) / 255, torch.tensor(world.labels))


class Torchvision(torch.utils.data.Dataset[Any]):
    """Like torchvision's: images of Pillow, labels, and the names of the classes."""

    def __init__(self, world: World) -> None:
        self.world, self.classes = world, [str(number) for number in range(CLASSES)]

    def __len__(self) -> int:
        return len(self.world.images)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        if index >= len(self):
            raise IndexError
        return Image.fromarray(self.world.images[index][..., 0]), int(self.world.labels[index])


class HuggingFace:
    """Like a ``datasets.Dataset`` with an image column and a label column."""

    def __init__(self, world: World) -> None:
        picture, label = type("Image", (), {}), type("ClassLabel", (), {})
        names = [str(number) for number in range(CLASSES)]
        self.features = {"image": picture(), "label": label()}
        self.features["label"].names = names
        self.column_names = ["image", "label"]
        self.info = SimpleNamespace(dataset_name="bars")
        self._rows = Torchvision(world)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return ({"image": image, "label": label} for image, label in self._rows)


DATA: dict[str, Callable[[World], Any]] = {
    "a folder as text": lambda world: str(picture_folder(world)),
    "a folder as Path": picture_folder,
    "a table": table,
    "an archive of arrays": archive,
    "arrays": lambda world: (world.images, world.labels),
    "lists": lambda world: ([*world.images], [int(label) for label in world.labels]),
    "flat floats": lambda world: (world.images.reshape(100, -1) / 255, world.labels),
    "tensors": lambda world: (torch.tensor(world.images), torch.tensor(world.labels)),
    "images of Pillow": lambda world: ([image for image, _ in Torchvision(world)], world.labels),
    "an ImageSet": image_set,
    "a Dataset": lambda world: imagelet.load_dataset(world.images, world.labels),
    "a dict of splits": lambda world: {"train": image_set(world), "test": (world.images, world.labels)},
    "a dict of arrays": lambda world: {"x_train": world.images, "y_train": world.labels},
    "Keras's two pairs": lambda world: ((world.images, world.labels), (world.images, world.labels)),
    "torch's TensorDataset": tensors,
    "torch's Subset": lambda world: Subset(Torchvision(world), range(100)),
    "torch's DataLoader": lambda world: DataLoader(tensors(world), batch_size=7),
    "a dataset of torchvision": Torchvision,
    "a dataset of Hugging Face": HuggingFace,
    "splits of Hugging Face": lambda world: {"train": HuggingFace(world), "test": HuggingFace(world)},
}

LEARNERS: dict[str, Callable[[World], Any]] = {
    "what train returned": lambda world: world.finished,
    "a run": lambda world: world.finished.run,
    "a run's name": lambda _: "first",
    "a run's folder as text": lambda world: str(world.finished.run.folder),
    "a run's folder as Path": lambda world: world.finished.run.folder,
    "a trained classifier": lambda world: world.finished.classifier,
    "a loaded classifier": lambda _: imagelet.load("first"),
    "a classifier's file as text": lambda world: str(world.finished.run.classifier_file),
    "a classifier's file as Path": lambda world: world.finished.run.classifier_file,
}

NETWORKS: dict[str, Callable[[World], Any]] = {
    "text": lambda _: TEXT,
    "a name": lambda _: "softmax",
    "a Network": lambda _: imagelet.build(TEXT, (SIZE, SIZE, 1), CLASSES),
    "a trained network": lambda world: world.finished.classifier.network,
    "a builder": lambda _: make_small,
    "a module": lambda _: Small(),
    "a sequence": lambda _: nn.Sequential(nn.Flatten(), nn.Linear(SIZE * SIZE, CLASSES)),
}

PICTURES: dict[str, Callable[[World], Any]] = {
    "an array": lambda world: world.images[0],
    "a tensor": lambda world: torch.tensor(world.images[0]).permute(2, 0, 1),
    "an image of Pillow": lambda world: Image.fromarray(world.images[0][..., 0]),
    "a file as Path": lambda world: next(picture_folder(world).glob("0/*.png")),
    "a file as text": lambda world: str(next(picture_folder(world).glob("0/*.png"))),
    "a test image by its number": lambda _: "test:0",
}


def unfinished(world: World) -> imagelet.Run:
    """Return a run that was left after its first step."""
    experiment = imagelet.describe(image_set(world), TEXT, "keras", QUICK)
    events = imagelet.run_experiment(experiment)
    run = next(events).run  # type: ignore[union-attr]
    next(events)
    events.close()  # type: ignore[attr-defined]
    return run


RUNS: dict[str, Callable[[World], Any]] = {
    "a run": unfinished,
    "a run's name": lambda world: unfinished(world).name,
    "a run's folder as text": lambda world: str(unfinished(world).folder),
    "a run's folder as Path": lambda world: unfinished(world).folder,
    "an event with its run": lambda world: SimpleNamespace(run=unfinished(world)),
}

FINISHED_RUNS: dict[str, Callable[[World], Any]] = {
    name: kind
    for name, kind in LEARNERS.items()
    if name in ("what train returned", "a loaded classifier") or name.startswith("a run")
}

EXPERIMENTS: dict[str, Callable[[World], Any]] = {
    "an Experiment": lambda world: imagelet.describe(image_set(world), TEXT, "keras", QUICK),
}

Kinds = Mapping[str, Callable[[World], Any]]

# For each function: each argument that has kinds, and a call with one of them that returns a sign of success.
CALLS: dict[str, dict[str, tuple[Kinds, Callable[[World, Any], Any]]]] = {
    "train": {
        "data": (DATA, lambda _, data: imagelet.train(data, TEXT, "keras", **QUICK).run.finished),
        "network": (
            NETWORKS,
            lambda world, network: imagelet.train(world.images, world.labels, network, **QUICK).run.finished,
        ),
    },
    "evaluate": {
        "run_or_file": (LEARNERS, lambda _, given: imagelet.evaluate(given).metrics.images == 20),
        "data": (DATA, lambda world, data: imagelet.evaluate(world.finished, data).metrics.images > 0),
    },
    "compare": {
        "runs": (LEARNERS, lambda world, one: len(imagelet.compare([one, world.other], split="test").pairs)),
    },
    "explain": {
        "run_or_file": (LEARNERS, lambda world, given: imagelet.explain(given, world.images[0]).layers),
        "picture": (PICTURES, lambda world, given: imagelet.explain(world.finished, given).layers),
    },
    "load": {
        "run_or_file": (LEARNERS, lambda world, given: imagelet.load(given).predict(world.images[:2])),
    },
    "load_dataset": {"data": (DATA, lambda _, data: len(imagelet.load_dataset(data).train) > 70)},
    "describe": {
        "dataset": (DATA, lambda _, data: isinstance(imagelet.describe(data).dataset, str)),
        "network": (NETWORKS, lambda _, network: imagelet.describe("digits", network).network),
    },
    "build": {
        "text_or_name": (
            NETWORKS,
            lambda _, network: (
                imagelet.build(network, (SIZE, SIZE, 1), CLASSES)(torch.zeros(2, 1, SIZE, SIZE)).shape
                == (2, CLASSES)
            ),
        ),
    },
    "summarize": {
        "network": (
            {
                **{name: kind for name, kind in NETWORKS.items() if name != "a builder"},
                **{name: LEARNERS[name] for name in ("what train returned", "a loaded classifier")},
            },
            lambda _, network: imagelet.summarize(network, (SIZE, SIZE, 1)).total > 0,
        ),
    },
    "run_experiment": {
        "experiment": (
            EXPERIMENTS,
            lambda _, experiment: isinstance([*imagelet.run_experiment(experiment)][-1], Finished),
        ),
    },
    "resume": {"run": (RUNS, lambda _, run: imagelet.resume(run).run.finished)},
    "continue_training": {
        "run": (
            FINISHED_RUNS,
            lambda world, run: (
                imagelet.continue_training(run, 1).run.experiment["start_from"]
                == str(world.finished.run.folder)
            ),
        ),
    },
    "resume_experiment": {
        "run": (RUNS, lambda _, run: isinstance([*imagelet.resume_experiment(run)][-1], Finished)),
    },
}

EVERY = [
    pytest.param(kinds[kind], call, id=f"{function}-{argument}-{kind}")
    for function, arguments in CALLS.items()
    for argument, (kinds, call) in arguments.items()
    for kind in kinds
]


def test_no_public_function_is_left_out() -> None:
    assert set(CALLS) == set(FUNCTIONS)
    for function, arguments in CALLS.items():
        assert set(arguments) <= set(inspect.signature(FUNCTIONS[function]).parameters)


@pytest.mark.filterwarnings("ignore:.*were learned from")
@pytest.mark.parametrize(("make", "call"), EVERY)
def test_it_takes(world: World, make: Callable[[World], Any], call: Callable[[World, Any], Any]) -> None:
    assert call(world, make(world))


@pytest.mark.parametrize(
    "wrong", [3.5, None, object(), {1, 2}, [], {}, b"bytes", "no-such-thing", np.zeros(3)]
)
@pytest.mark.parametrize(
    ("function", "argument"),
    [(function, argument) for function, arguments in CALLS.items() for argument in arguments],
)
def test_what_does_not_fit_gets_our_sentence(world: World, function: str, argument: str, wrong: Any) -> None:
    if wrong is None and (function, argument) in OPEN:
        pytest.skip("None is the default")
    if isinstance(wrong, str) and function == "describe":
        pytest.skip("names are looked up when the experiment is run")
    _, call = CALLS[function][argument]
    with pytest.raises(ImageletError) as caught:
        call(world, wrong)
    assert str(caught.value)


@pytest.mark.parametrize("threads", [1, "1", "auto"])
def test_how_to_compute_is_an_argument(world: World, threads: Any) -> None:
    where: dict[str, Any] = {"device": "cpu", "precision": "fp32", "threads": threads}
    finished = imagelet.train(world.images, world.labels, TEXT, "keras", **where, **QUICK)
    assert {name: finished.run.experiment[name] for name in where} == {
        **where,
        "threads": threads if threads == "auto" else 1,
    }
    further = imagelet.continue_training(finished, 1, **where)
    assert further.run.environment["threads"] == finished.run.environment["threads"]
    assert imagelet.evaluate(further, device="cpu", threads=threads).metrics.images == 20


OPEN = {("train", "network"), ("evaluate", "data"), ("describe", "network")}


# -- what is printed -----------------------------------------------------------------------------------------


def test_what_functions_return_is_read_at_a_glance(world: World) -> None:
    compared = imagelet.compare([world.finished, world.other], split="test")
    for result in (
        world.finished,
        imagelet.evaluate(world.finished),
        imagelet.evaluate(world.finished).metrics,
        imagelet.explain(world.finished, world.images[0], neighbours=0),
        imagelet.load(world.finished),
        compared,
    ):
        assert len(repr(result)) < 600, repr(result)
        assert repr(result).startswith(f"{type(result).__name__}(")
    assert "'first'" in repr(compared)
