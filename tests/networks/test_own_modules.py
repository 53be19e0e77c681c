"""A person's own module: trained, saved, loaded and looked into like any other network."""

import copy
import importlib
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

import imagelet
from imagelet.classifier.classifier import Classifier
from imagelet.cli import main
from imagelet.errors import ClassifierFileError, RunError, UsageError
from imagelet.experiment.reproduce import run_again
from imagelet.explanation.activations import layer_activations
from imagelet.explanation.embeddings import embeddings
from imagelet.explanation.unit_trace import trace_unit
from imagelet.networks.building import OwnNetwork, build
from imagelet.networks.watching import plain_strides
from imagelet.training.loop import Step
from tests.conftest import blank_pictures, make_images

SHAPE, CLASSES = (10, 10, 1), 10
QUICK: dict[str, Any] = {"recipe": "keras", "batch_size": 20}

SOURCE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, channels=1, size=10, classes=10):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.layers = nn.Sequential(nn.Conv2d(channels, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True))
        self.drop = nn.Dropout(0.25)
        self.head = nn.Linear(6 * (size - 2) ** 2, classes)
        self.tied = self.head.weight
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, images):
        maps = self.layers(images) * self.scale
        return self.head(self.drop(maps.view(len(maps), -1)))

def make(channels, size, classes):
    return Net(channels, size, classes)
"""


@pytest.fixture(autouse=True)
def _blank() -> Iterator[None]:
    with blank_pictures():
        yield


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Return the module ``own_net``, which lies in the current folder and is on no path."""
    (tmp_path / "own_net.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        module = importlib.import_module("own_net")
    yield module
    sys.modules.pop("own_net", None)


@pytest.fixture
def arrays() -> tuple[np.ndarray, np.ndarray]:
    return make_images(120, 10, 1, seed=1)


def drawn(count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *SHAPE), dtype=np.uint8)


def test_a_copy_is_trained_and_the_module_is_as_it_was(code: ModuleType, arrays: Any) -> None:
    net = code.Net()
    before = copy.deepcopy(net.state_dict())
    finished = imagelet.train(*arrays, net, epochs=2, **QUICK)
    assert all(torch.equal(before[name], kept) for name, kept in net.state_dict().items())
    trained = finished.classifier.network
    assert isinstance(trained, OwnNetwork)
    assert list(trained.state_dict()) == list(before)
    assert not torch.equal(trained.state_dict()["head.weight"], before["head.weight"])
    assert finished.run.experiment["network"] == "own_net:Net()"
    assert imagelet.evaluate(finished).metrics.images == 20


def test_its_first_weights_are_those_that_it_had(code: ModuleType, arrays: Any) -> None:
    net = code.Net()
    network = build(net, SHAPE, CLASSES)
    net.eval()
    images = torch.rand(4, 1, 10, 10)
    assert torch.equal(network.eval()(images), net(images))


def test_the_file_holds_the_modules_own_names_and_no_code(code: ModuleType, arrays: Any) -> None:
    finished = imagelet.train(*arrays, code.Net(), epochs=1, **QUICK)
    weights = safetensors.torch.load_file(finished.run.classifier_file)
    elsewhere = code.Net()
    elsewhere.load_state_dict(weights)
    elsewhere.eval()
    images = drawn()
    with torch.inference_mode():
        expected = elsewhere(plain_strides(finished.classifier.prepare(images))).numpy()
    np.testing.assert_array_equal(finished.classifier.logits(images), expected)


def test_it_is_loaded_where_the_module_is_given_again(code: ModuleType, arrays: Any) -> None:
    finished = imagelet.train(*arrays, code.Net(), epochs=1, **QUICK)
    images, run = drawn(), finished.run
    with pytest.raises(ClassifierFileError, match="own_net:Net\\(\\)' would run code") as refused:
        imagelet.load(run)
    for word in ("--allow-import", "IMAGELET_ALLOW_IMPORT=1", "allow_import=True", "network="):
        assert word in refused.value.hint
    for loaded in (
        imagelet.load(run, network=code.Net()),
        imagelet.load(run, network=code.make),
        imagelet.load(run, allow_import=True),
    ):
        np.testing.assert_array_equal(loaded.logits(images), finished.classifier.logits(images))
        assert imagelet.evaluate(loaded).dataset == run.experiment["dataset"]
    assert [test["images"] for test in run.test_evaluations] == [20, 20, 20]  # a loaded one knows its run
    with pytest.raises(ClassifierFileError, match="its weights are not the network's"):
        imagelet.load(run, network=nn.Sequential(nn.Flatten(), nn.Linear(100, 10)))


def test_the_environment_allows_it_for_everything(
    code: ModuleType, arrays: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = imagelet.train(*arrays, code.make, epochs=1, **QUICK).run
    assert run.experiment["network"] == "own_net:make"
    with pytest.raises(ClassifierFileError):
        imagelet.evaluate(run)
    assert imagelet.evaluate(run, allow_import=True).metrics.images == 20
    monkeypatch.setenv("IMAGELET_ALLOW_IMPORT", "1")
    assert imagelet.evaluate(run).test_evaluations == 2
    assert imagelet.explain(run.folder, "test:3").neighbours


def test_code_that_changed_since_is_told(code: ModuleType, arrays: Any, tmp_path: Path) -> None:
    run = imagelet.train(*arrays, code.make, epochs=1, **QUICK).run
    with warnings.catch_warnings():
        imagelet.load(run, allow_import=True)
    with (tmp_path / "own_net.py").open("a") as file:
        file.write("# another line\n")
    with pytest.warns(
        UserWarning, match="own_net:make' has changed since classifier.safetensors was trained"
    ):
        imagelet.load(run, allow_import=True)


@pytest.mark.parametrize("epochs_done", [0, 1])
def test_a_resumed_training_ends_as_one_without_interruption(
    code: ModuleType, arrays: Any, epochs_done: int
) -> None:
    net = code.Net()
    straight = imagelet.train(*arrays, net, epochs=2, name="straight", **QUICK)
    images = imagelet.load_dataset(*arrays)
    experiment = imagelet.describe(images, net, "keras", {"epochs": 2, "batch_size": 20})
    events = imagelet.run_experiment(experiment, network=net, name="stopped")
    steps = 5 if epochs_done else 2
    while steps:
        steps -= isinstance(next(events), Step)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as stopped:
        list(events)
    assert "network=…" in str(stopped.value.args[1])
    with pytest.raises(UsageError, match="would run code"):
        imagelet.resume("stopped")
    with torch.no_grad():
        net.head.weight.zero_()  # what the training had begun with is in the run
    resumed = imagelet.resume("stopped", network=net)
    first, second = (end.classifier.network.state_dict() for end in (straight, resumed))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_no_seed_draws_again_is_not_reproduced(code: ModuleType, arrays: Any) -> None:
    run = imagelet.train(*arrays, code.Net(), epochs=1, **QUICK).run
    with pytest.raises(RunError, match="began with the weights of a module"):
        next(run_again(run, allow_import=True))


def test_its_parts_are_shown_by_their_names(code: ModuleType, arrays: Any) -> None:
    classifier = imagelet.train(*arrays, code.Net(), epochs=1, **QUICK).classifier
    image = drawn(1)[0]
    layers = {layer.name: layer for layer in layer_activations(classifier, image)}
    assert list(layers) == ["layers.0", "layers.1", "layers.2", "layers", "drop", "head"]
    convolved = torch.nn.functional.conv2d(
        classifier.prepare(image[np.newaxis]),
        classifier.network.state_dict()["layers.0.weight"],
        classifier.network.state_dict()["layers.0.bias"],
    )
    np.testing.assert_allclose(layers["layers.0"].values, convolved[0].permute(1, 2, 0), atol=1e-5)
    assert layers["layers.1"].values.min() < 0 == layers["layers.2"].values.min()  # relu wrote over it later
    assert layers["layers.1"].sources == ("layers.0",)
    assert layers["drop"].sources == ("unnamed",)  # scaled and flattened in between
    np.testing.assert_allclose(layers["head"].values, classifier.logits(image)[0], atol=1e-5)
    trace = trace_unit(classifier, image, "layers.0", (2, 3, 4))
    assert trace.result == pytest.approx(float(layers["layers.0"].values[2, 3, 4]), abs=1e-5)
    with pytest.raises(UsageError, match="cannot be taken apart"):
        trace_unit(classifier, image, "drop", (5,))


def test_its_embedding_is_what_its_last_dense_layer_gets(code: ModuleType, arrays: Any) -> None:
    classifier = imagelet.train(*arrays, code.Net(), epochs=1, **QUICK).classifier
    images = drawn(4)
    state = classifier.network.state_dict()
    logits = embeddings(classifier, images) @ state["head.weight"].numpy().T + state["head.bias"].numpy()
    np.testing.assert_allclose(logits, classifier.logits(images), atol=1e-4)


def test_it_is_explained(code: ModuleType, arrays: Any) -> None:
    finished = imagelet.train(*arrays, code.Net(), epochs=1, **QUICK)
    found = imagelet.explain(finished, arrays[0][0], neighbours=2)
    assert {one.method for one in found.attributions} == {
        *("saliency", "integrated-gradients", "grad-cam", "occlusion"),
    }
    assert len(found.neighbours) == 2
    assert imagelet.explain(finished.classifier, "test:1", neighbours=0).prediction


def test_its_summary_counts_every_parameter_once(code: ModuleType) -> None:
    summary = imagelet.summarize(code.Net(), SHAPE)
    assert summary.layers[0].name == "layers.0"
    assert summary.layers[-1].shape == (10,)
    assert summary.total == 1 + (6 * 9 + 6) + 4 * 6 + (6 * 64 * 10 + 10)
    assert summary.total - 1 == sum(row.parameters for row in summary.layers)  # the scale has no layer


class Returns(nn.Module):
    """Returns what it is told to."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        super().__init__()
        self.make, self.layer = make, nn.Linear(1, 1)

    def forward(self, images: torch.Tensor) -> Any:
        return self.make(len(images))


class KeepsText(nn.Linear):
    def get_extra_state(self) -> str:
        return "a text"

    def set_extra_state(self, state: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Returns(lambda n: torch.zeros(n, 3)), r"makes \(2, 3\) of two images, not \(2, 10\)"),
        (Returns(lambda n: (torch.zeros(n, 10),)), "makes tuple of two images"),
        (Returns(lambda n: torch.full((n, 10), 0.1)), "gives probabilities, not logits"),
        (nn.Conv2d(3, 10, 3), "fails on an image of 10x10x1"),
        (nn.Sequential(nn.Flatten(), KeepsText(100, 10)), "keeps '1._extra_state'"),
    ],
)
def test_what_is_no_network_is_refused(module: nn.Module, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        build(module, SHAPE, CLASSES)
    assert caught.value.hint


def test_probabilities_of_a_sequence_are_its_logits() -> None:
    layers = nn.Sequential(nn.Flatten(), nn.Linear(100, 10), nn.Softmax(dim=1))
    images = torch.rand(3, 1, 10, 10)
    torch.testing.assert_close(build(layers, SHAPE, CLASSES)(images), layers[:2](images))


def test_a_network_of_another_size_says_so() -> None:
    with pytest.raises(UsageError, match="takes 28x28x1 and knows 10 classes; the data has 10x10x1"):
        build(imagelet.build("softmax"), SHAPE, CLASSES)


class TestCommandLine:
    """``--network own_net:make`` from the current folder: what is printed then works when it is typed."""

    @pytest.fixture
    def data(self, arrays: Any, tmp_path: Path) -> str:
        np.savez(tmp_path / "bars.npz", x_train=arrays[0], y_train=arrays[1])
        return "bars.npz"

    def test_hints_work_when_they_are_typed(
        self, code: ModuleType, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["train", data, "--network", "own_net:make", "--epochs", "1", "--runs", "runs"]
        assert main(words) == 0
        printed = capsys.readouterr()
        assert "imagelet predict will refuse" not in printed.err
        (hint,) = [line for line in printed.err.splitlines() if "imagelet evaluate" in line]
        typed = hint.partition("imagelet ")[2].partition(" evaluates")[0].split()
        assert "--allow-import" in typed
        refused = [word for word in typed if word != "--allow-import"]
        assert main(refused) == 1
        assert "--allow-import" in capsys.readouterr().err
        assert main(typed) == 0
        assert "IMAGELET_ALLOW_IMPORT" not in os.environ
        run = refused[-1]
        for command in (
            ["predict", run, "test.png", "--allow-import"],
            ["explain", run, "test:0", "--out", "inside", "--neighbours", "0", "--allow-import"],
            ["compare", run, run, "--allow-import"],
        ):
            from PIL import Image

            Image.fromarray(drawn(1)[0, ..., 0]).save(tmp_path / "test.png")
            code_of_exit = main(command)
            assert code_of_exit == (2 if command[0] == "compare" else 0), capsys.readouterr().err

    def test_a_class_without_arguments_is_a_network(self, code: ModuleType, data: str) -> None:
        words = ["train", data, "--network", "own_net:Net()", "--epochs", "1", "--runs", "runs"]
        assert main(words) == 0


def test_a_classifier_in_memory_is_evaluated_and_explained(code: ModuleType, arrays: Any) -> None:
    classifier = imagelet.train(*arrays, code.Net(), epochs=1, **QUICK).classifier
    assert isinstance(classifier, Classifier)
    assert imagelet.evaluate(classifier, *make_images(40, 10, 1, seed=2)).metrics.images == 40
