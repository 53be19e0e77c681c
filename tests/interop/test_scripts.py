"""Scripts for Keras and PyTorch run, have our parameters, and with our weights give our logits."""

import dataclasses
import os
import runpy
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imagelet.course.lessons import trainings
from imagelet.data.imageset import ImageSet
from imagelet.data.saving import save_parts
from imagelet.data.splits import split
from imagelet.errors import NetworkTextError, UsageError
from imagelet.interop.scripted import ScriptedTraining, of_network
from imagelet.interop.scripts import Script, write_script
from imagelet.networks import Network, build, networks
from imagelet.networks.layers import KINDS
from imagelet.networks.other_libraries import FRAMEWORKS
from imagelet.preprocessing.normalization import Normalization
from imagelet.training.optimizers import SCHEDULES, learning_rate, optimizers
from imagelet.training.recipes import recipes
from tests.contracts.test_every_layer import CLASSES, SHAPE, drawn

SAME = 1e-4  # of logits
OTHERS = (  # what arguments do that the kinds' own tests leave out
    "conv(4, 3x5, same, stride=2)",
    "conv(4, 2x2, same) conv(4, 4x3, same, stride=1x2)",
    "conv(4, 3x3, padding=1x2, stride=2)",
    "conv(4, 3x3, same, dilation=2)",
    "conv(6, 3x3, groups=3, bias=no)",
    "depthwise(3x3, same, stride=2, multiplier=2)",
    "depthwise(3x3, padding=1, bias=no)",
    "pool(3, same, stride=2) relu pool(2, same)",
    "pool(2, stride=1)",
    "average_pool(2x3, stride=2)",
    "conv(4, 3x3) flatten batchnorm relu dropout(0.5) dense(6, bias=no) tanh",
    "batchnorm(momentum=0.99, epsilon=0.001) silu",
    "residual(conv(3, 3x3, same) residual(conv(5, 3x3, same, stride=2) relu) conv(7, 1x1)) relu",
    "flatten dense(5) residual(dense(8) gelu dense(5)) residual(dense(9))",
    "global_max",
)
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in Keras
framework = pytest.mark.parametrize("framework", FRAMEWORKS)


@pytest.fixture(scope="module")
def keras() -> Any:
    """Return Keras with the backend torch; its own warnings are not ours."""
    os.environ["KERAS_BACKEND"] = "torch"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("keras")


def trained(network: Network, **others: Any) -> ScriptedTraining:
    """Return the training of a network whose weights are carried."""
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    facts = {"recipe": recipes.get("keras"), "weights": weights, "registered": False, "dataset": "toy"}
    shape, channels = network.input_shape, network.input_shape[2]
    normalization = Normalization((0.3,) * channels, (0.5,) * channels)
    facts |= {"normalization": normalization, **others}
    return ScriptedTraining("toy", network.text, shape, network.classes, **facts)


def images_of(shape: tuple[int, ...], number: int, classes: int) -> ImageSet:
    generator = np.random.default_rng(number)
    images = generator.integers(0, 256, (number, *shape), dtype=np.uint8)
    return ImageSet(images, np.arange(number) % classes, tuple(f"class {each}" for each in range(classes)))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keras: Any) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a script on small data in a folder of its own, and returns its names."""

    def run_script(script: Script, training: ScriptedTraining) -> dict[str, Any]:
        monkeypatch.chdir(tmp_path)
        parts = {part: images_of(training.input_shape, 40, training.classes) for part in ("train", "test")}
        if training.split[0] == "own":
            parts["validation"] = parts["test"]
        file = Path(f"{training.dataset}.npz")
        file.unlink(missing_ok=True)
        save_parts(parts, file)
        with np.load(file) as data:
            content = dict(data)

        def load_data() -> Any:
            return tuple((content[f"x_{part}"], content[f"y_{part}"]) for part in ("train", "test"))

        for name in ("mnist", "fashion_mnist", "cifar10"):
            monkeypatch.setattr(getattr(keras.datasets, name), "load_data", load_data)
        path = tmp_path / f"{training.name}.py"
        script.save(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return runpy.run_path(str(path))

    return run_script


def logits_of(made: dict[str, Any], images: np.ndarray, keras: Any) -> np.ndarray:
    """Return what the script's model makes of input (n, height, width, channels), before a softmax."""
    model = made["model"]
    if not hasattr(model, "predict_on_batch"):
        with torch.no_grad():
            return model.eval()(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        model = keras.Model(model.inputs, last.input)
    elif hasattr(last, "activation"):
        last.activation = keras.activations.linear
    return model.predict_on_batch(images)


def parameters_of(model: Any) -> int:
    if not hasattr(model, "predict_on_batch"):
        averages = (tensor for name, tensor in model.named_buffers() if "running" in name)
        return sum(tensor.numel() for tensor in (*model.parameters(), *averages))
    return sum(int(np.prod(weight.shape)) for weight in model.weights)


def assert_alike(network: Network, framework: str, run: Any, keras: Any) -> None:
    """Check that a script with the network's weights has its parameters and gives its logits."""
    training = trained(network)
    script = write_script(training, framework)
    made = run(script, training)
    assert parameters_of(made["model"]) == script.parameters == training.parameters
    images = np.random.default_rng(3).normal(size=(6, *network.input_shape)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(logits_of(made, images, keras), expected, atol=SAME, rtol=SAME)


def randomized(text: str) -> Network:
    """Return a network with random numbers everywhere, running averages too."""
    network = build(text, SHAPE, CLASSES, seed=1).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                tensor.normal_(0, 0.3, generator=generator)
                if "running_var" in name:
                    tensor.abs_().add_(0.2)
    return network


@pytest.mark.slow
@framework
class TestWeights:
    @pytest.mark.parametrize("word", tuple(KINDS))
    def test_of_every_kind_of_layer_are_carried(
        self, word: str, framework: str, run: Any, keras: Any
    ) -> None:
        assert_alike(drawn(word), framework, run, keras)

    @pytest.mark.parametrize("layers", OTHERS)
    def test_of_other_arguments_are_carried(self, layers: str, framework: str, run: Any, keras: Any) -> None:
        flat = "" if "flatten" in layers or "global" in layers else "flatten "
        assert_alike(randomized(f"{layers} {flat}dense(classes) softmax"), framework, run, keras)

    @pytest.mark.parametrize("name", tuple(networks))
    def test_of_every_named_network_are_carried(
        self, name: str, framework: str, run: Any, keras: Any
    ) -> None:
        network = build(name, networks.get(name).input_shape, 10, seed=2).eval()
        assert_alike(network, framework, run, keras)


def softmax(**settings: Any) -> ScriptedTraining:
    """Return a short training of the smallest network, with some of the recipe's fields."""
    settings = {"epochs": 2, "batch_size": 10, "flip": False} | settings
    return of_network("flatten dense(classes) softmax", "mnist", "keras", settings, validation="0.5")


@pytest.mark.slow
@framework
class TestTrainings:
    @pytest.mark.parametrize("lesson", trainings(), ids=lambda lesson: lesson.name)
    def test_of_the_course_run_and_print_their_accuracy(
        self, lesson: Any, framework: str, run: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settings = {**lesson.settings, "epochs": 1, "batch_size": 20}
        validation = "0.5" if lesson.validation == "0.1" else lesson.validation
        training = of_network(lesson.network, lesson.dataset, "keras", settings, validation)
        run(write_script(training, framework), training)
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith("test accuracy ")
        assert 0 <= float(last.split()[-1]) <= 1

    @pytest.mark.parametrize("schedule", SCHEDULES)
    @pytest.mark.parametrize("warmup", [0.0, 0.25])
    def test_have_the_recipes_schedule(self, schedule: str, warmup: float, framework: str, run: Any) -> None:
        training = softmax(schedule=schedule, warmup=warmup, epochs=40)
        made, steps = run(write_script(training, framework), training), 40 * 2
        assert (schedule, warmup) == ("constant", 0) or made["steps"] == steps
        for step in range(0, steps, 7):
            expected = learning_rate(schedule, 0.001, warmup, (step + 0.5) / steps)
            if "share" in made:
                rate = 0.001 * made["share"](step)
            elif framework == "pytorch":
                rate = made["optimizer"].param_groups[0]["lr"]
            else:
                rate = made["optimizer"]._learning_rate
                rate = float(rate(step) if callable(rate) else rate)
            assert rate == pytest.approx(expected, abs=0.001 / steps)

    @pytest.mark.parametrize("optimizer", list(optimizers))
    def test_have_the_recipes_optimizer(self, optimizer: str, framework: str, run: Any) -> None:
        training = softmax(optimizer=optimizer, weight_decay=0.01, momentum=0.8, max_gradient_norm=1)
        script = write_script(training, framework)
        made = run(script, training)["optimizer"]
        names = {"momentum": "sgd", "nesterov": "sgd", "muon": "adamw"}
        assert type(made).__name__.lower() == names.get(optimizer, optimizer)
        assert any("AdamW takes its place" in told for told in script.left_out) == (optimizer == "muon")
        if optimizer in ("momentum", "nesterov"):
            momentum = made.momentum if framework == "keras" else made.param_groups[0]["momentum"]
            assert momentum == 0.8

    def test_change_images_as_the_recipe_does(self, framework: str, run: Any) -> None:
        settings = {
            "shift": 2,
            "rotation": 10,
            "scaling": 0.1,
            "label_smoothing": 0.1,
            "normalization": "standardize",
        }
        training = of_network(
            "flatten dense(classes)", "cifar-10", "keras", {**settings, "flip": True, "epochs": 1}, "0.5"
        )
        made = run(write_script(training, framework), training)
        assert abs(float(made["x_train"].mean())) < 1e-3
        if framework == "pytorch":
            images = made["x_train"][:20]
            changed = made["moved"](images)
            assert changed.shape == images.shape
            assert 0.1 < float((changed - images).abs().mean()) < 1.2  # noise, a pixel or two away
            assert torch.equal(made["flipped"](made["flipped"](images)).sort().values, images.sort().values)

    @pytest.mark.parametrize("validation", ["0", "course", "fold 2 of 3", "own"])
    def test_set_images_aside_as_the_run_did(self, validation: str, framework: str, run: Any) -> None:
        training = dataclasses.replace(softmax(epochs=1), validation=validation, limit=36)
        if validation == "own":
            training = dataclasses.replace(training, registered=False, dataset="toy")
        made = run(write_script(training, framework), training)
        images = images_of((28, 28, 1), 40, 10)
        if validation in ("0", "own"):
            assert len(made["x_train"]) == 36
            return
        frozen = split(images, validation, 0, limit=36)
        for name, indices in (("train", frozen.train), ("val", frozen.validation)):
            assert np.array_equal(np.asarray(made[f"y_{name}"]), images.labels[indices])


EVERY = [(name, "keras") for name in networks] + [("small-cnn", name) for name in recipes]


@framework
@pytest.mark.parametrize(("network", "recipe"), EVERY)
def test_a_script_is_sound_and_laid_out_as_people_do(network: str, recipe: str, framework: str) -> None:
    dataset = "cifar-10" if networks.get(network).input_shape[2] == 3 else "mnist"
    code = write_script(of_network(network, dataset, recipe), framework).code
    checked = [
        ["format", "--diff", "--line-length", "100"],
        ["check", "--select", "E,F,B,UP", "--ignore", "E501"],
    ]
    for words in checked:
        command = [Path(sys.executable).with_name("ruff"), words[0], "--isolated", *words[1:], "-"]
        done = subprocess.run(command, input=code, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_script_of_the_course_fits_on_a_page() -> None:
    for lesson in trainings():
        training = of_network(lesson.network, lesson.dataset, "keras", lesson.settings, lesson.validation)
        code = write_script(training, "keras").code
        assert len(code.splitlines()) <= 60
        assert f"{training.parameters:,} parameters" in code.splitlines()[0]


def test_what_a_recipe_has_and_a_script_has_not_is_said_in_it() -> None:
    script = write_script(of_network("small-cnn", "mnist", "handwriting"), "keras")
    assert {"outlier exposure", "blur", "shear"} <= set(script.left_out)
    for told in script.left_out:
        assert told.split()[0] in script.code.split('"""')[1]


@framework
@pytest.mark.parametrize(
    ("text", "library"),
    [
        ("conv(4, 3x3, stride=2, dilation=2) flatten dense(classes)", "keras"),
        ("pool(4, padding=1) flatten dense(classes)", "keras"),
        ("pool(2, same, stride=1) flatten dense(classes)", "pytorch"),
    ],
)
def test_a_layer_that_a_framework_has_not_is_named_with_its_place(
    text: str, library: str, framework: str
) -> None:
    training = of_network(text, "mnist", "keras")
    if library != framework:
        write_script(training, framework)
        return
    with pytest.raises(NetworkTextError, match=r"(conv|pool) at position 1: (Keras|PyTorch) has no"):
        write_script(training, framework)


def test_another_framework_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'keras'"):
        write_script(softmax(), "kears")


def test_flat_values_whose_order_would_be_lost_are_refused() -> None:
    network = randomized("flatten residual(dense(216)) dense(classes)")
    with pytest.raises(NetworkTextError, match="order of flat values"):
        write_script(trained(network), "pytorch")
