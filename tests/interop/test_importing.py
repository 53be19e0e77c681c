"""Keras's models and bare weights as classifiers: Keras's own logits, and nothing of the file is executed."""

import io
import json
import os
import re
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from imagelet.classifier.classifier import Classifier
from imagelet.course.lessons import trainings
from imagelet.errors import ClassifierFileError, ImageletError, UsageError
from imagelet.interop.importing import import_model
from imagelet.interop.scripted import of_network
from imagelet.interop.scripts import write_script
from imagelet.networks import build, networks, parse, to_text
from imagelet.networks.layers import KINDS
from imagelet.networks.other_libraries import calls_of
from imagelet.networks.zoo import find_network
from tests.conftest import make_images
from tests.contracts.test_every_layer import CLASSES, SHAPE, text_with
from tests.interop.test_scripts import OTHERS

SAME = 1e-4  # of logits
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in Keras


@pytest.fixture(scope="module")
def keras() -> Any:
    """Return Keras with the backend torch; its own warnings are not ours."""
    os.environ["KERAS_BACKEND"] = "torch"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("keras")


def model_of(text: str, shape: tuple[int, int, int], classes: int, keras: Any) -> Any:
    """Return the model that a script makes of a network, with random numbers everywhere."""
    named = find_network(text).named_layers(shape, classes)
    calls = calls_of(named, shape, "keras")

    def chain(calls: Any, x: Any) -> Any:
        for call in calls:
            if call.block:
                x = keras.layers.add([chain(call.block, x), chain(call.shortcut, x)])
            else:
                make = getattr(keras.layers, call.function.removeprefix("layers."))
                x = make(*call.arguments, **call.named)(x)
        return x

    inputs = keras.Input(shape)
    model = keras.Model(inputs, chain(calls, inputs))
    randomize(model)
    return model


def randomize(model: Any, seed: int = 0) -> None:
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        arrays = [generator.normal(0, 0.15, array.shape) for array in layer.get_weights()]
        if arrays and "BatchNormalization" in type(layer).__name__:
            arrays[-1] = np.abs(arrays[-1]) + 0.2
        layer.set_weights(arrays)


def logits_of(model: Any, images: np.ndarray, keras: Any) -> np.ndarray:
    """Return what a model makes of input, before a softmax."""
    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return keras.Model(model.inputs, last.input).predict_on_batch(images)
    if getattr(last, "activation", None) is keras.activations.softmax:
        last.activation = keras.activations.linear
        made = np.asarray(model(images).detach())
        last.activation = keras.activations.softmax
        return made
    return np.asarray(model(images).detach())


def assert_alike(model: Any, path: Path, keras: Any, **stated: Any) -> Any:
    """Check that a saved model comes in with Keras's logits, through our file; return what came."""
    model.save(path)
    imported = import_model(path, scale=255, **stated)
    imported.classifier.save(path.with_suffix(".safetensors"))
    classifier = Classifier.load(path.with_suffix(".safetensors"))
    images = np.random.default_rng(3).integers(0, 256, (6, *classifier.input_shape), dtype=np.uint8)
    given = images.astype(np.float32) / 255
    given = given.reshape(6, *model.input_shape[1:])
    np.testing.assert_allclose(
        classifier.logits(images), logits_of(model, given, keras), atol=SAME, rtol=SAME
    )
    weights = sum(int(np.prod(weight.shape)) for weight in model.weights)
    assert imported.parameters == weights
    return imported


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
class TestKeras:
    @pytest.mark.parametrize("word", tuple(KINDS))
    def test_every_kind_of_layer_comes_in(self, word: str, suffix: str, keras: Any, tmp_path: Path) -> None:
        text = text_with(word)
        imported = assert_alike(model_of(text, SHAPE, CLASSES, keras), tmp_path / f"m{suffix}", keras)
        assert imported.classifier.network_text == text

    @pytest.mark.parametrize("layers", OTHERS)
    def test_other_arguments_come_in(self, layers: str, suffix: str, keras: Any, tmp_path: Path) -> None:
        flat = "" if "flatten" in layers or "global" in layers else "flatten "
        text = f"{layers} {flat}dense(classes) softmax"
        imported = assert_alike(model_of(text, SHAPE, CLASSES, keras), tmp_path / f"m{suffix}", keras)
        assert imported.classifier.network_text == to_text(parse(text))

    @pytest.mark.parametrize("name", [name for name in networks if networks.get(name).builder is None])
    def test_every_named_network_comes_in(self, name: str, suffix: str, keras: Any, tmp_path: Path) -> None:
        model = model_of(name, networks.get(name).input_shape, 10, keras)
        imported = assert_alike(model, tmp_path / f"m{suffix}", keras, classes="mnist")
        assert imported.classifier.network_text == networks.get(name).text


@pytest.mark.slow
class TestRoundTrip:
    @pytest.mark.parametrize("lesson", trainings(), ids=lambda lesson: lesson.name)
    def test_our_code_trained_by_keras_comes_back(
        self, lesson: Any, keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = {**lesson.settings, "epochs": 1, "batch_size": 20}
        training = of_network(lesson.network, lesson.dataset, "keras", settings, "0")
        code = write_script(training, "keras").code
        images, labels = make_images(40, training.input_shape[0], training.input_shape[2], 1)
        content = (images[..., 0] if training.input_shape[2] == 1 else images), labels
        for name in ("mnist", "fashion_mnist", "cifar10"):
            monkeypatch.setattr(getattr(keras.datasets, name), "load_data", lambda: (content, content))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made: dict[str, Any] = {}
            exec(compile(code, "script", "exec"), made)
        imported = assert_alike(made["model"], tmp_path / "m.keras", keras, classes=lesson.dataset)
        assert imported.classifier.network_text == networks.get(lesson.network).text
        assert imported.parameters == lesson.parameters


@pytest.mark.slow
class TestModels:
    """What people's notebooks have besides the layers of network text."""

    def test_scaling_at_the_start_becomes_the_normalization(self, keras: Any, tmp_path: Path) -> None:
        layers = keras.layers
        normalization = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.04, 0.09, 0.16])
        model = keras.Sequential(
            [
                keras.Input(SHAPE),
                layers.RandomFlip("horizontal"),
                layers.Rescaling(1 / 255),
                normalization,
                layers.SeparableConv2D(5, 3, strides=2, activation="swish"),
                layers.GaussianNoise(0.1),
                layers.Flatten(),
                layers.Dense(3),
            ]
        )
        randomize(model)
        model.save(tmp_path / "m.keras")
        imported = import_model(tmp_path / "m.keras", classes=["a", "b", "c"])
        classifier = imported.classifier
        assert classifier.normalization.mean == pytest.approx((0.4, 0.5, 0.6), abs=1e-6)
        assert classifier.normalization.std == pytest.approx((0.2, 0.3, 0.4), abs=1e-6)
        assert classifier.network_text == (
            "depthwise(3x3, stride=2, bias=no) conv(5, 1x1) silu flatten dense(classes)"
        )
        assert [told.split("(")[1].split(")")[0] for told in imported.ignored] == [
            "RandomFlip",
            "GaussianNoise",
        ]
        images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8)
        expected = np.asarray(model(images.astype(np.float32), training=False).detach())
        np.testing.assert_allclose(classifier.logits(images), expected, atol=SAME)

    def test_adapted_normalization_and_models_in_models_come_in(self, keras: Any, tmp_path: Path) -> None:
        layers = keras.layers
        normalization = layers.Normalization(axis=-1)
        normalization.adapt(np.random.default_rng(0).normal(100, 30, (50, *SHAPE)).astype(np.float32))
        inner = keras.Sequential(
            [keras.Input(SHAPE), layers.Conv2D(4, 3), layers.BatchNormalization(scale=False, center=False)]
        )
        model = keras.Sequential(
            [keras.Input(SHAPE), normalization, inner, layers.Flatten(), layers.Dense(3)]
        )
        inner.layers[0].set_weights([np.full(a.shape, 0.1) for a in inner.layers[0].get_weights()])
        model.save(tmp_path / "m.keras")
        classifier = import_model(tmp_path / "m.keras", scale=1).classifier
        images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8)
        expected = np.asarray(model(images.astype(np.float32)).detach())
        np.testing.assert_allclose(classifier.logits(images), expected, atol=SAME, rtol=SAME)

    def test_rows_of_values_are_images_of_the_size_that_is_stated(self, keras: Any, tmp_path: Path) -> None:
        layers = keras.layers
        model = keras.Sequential([keras.Input((48,)), layers.Dense(7, activation="relu"), layers.Dense(3)])
        randomize(model)
        with pytest.raises(UsageError, match="rows of 48 values"):
            assert_alike(model, tmp_path / "m.keras", keras)
        imported = assert_alike(model, tmp_path / "m.keras", keras, input_shape=(6, 8))
        assert imported.classifier.network_text == "flatten dense(7) relu dense(classes)"
        with pytest.raises(UsageError, match="the model takes 48, not 5x5x1"):
            import_model(tmp_path / "m.keras", scale=255, input_shape=(5, 5, 1))

    def test_one_sigmoid_is_two_classes(self, keras: Any, tmp_path: Path) -> None:
        layers = keras.layers
        model = keras.Sequential(
            [keras.Input((6, 8)), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
        )
        randomize(model)
        model.save(tmp_path / "m.h5")
        classifier = import_model(tmp_path / "m.h5", classes="cat,dog", scale=255).classifier
        images = np.random.default_rng(0).integers(0, 256, (4, 6, 8, 1), dtype=np.uint8)
        expected = np.asarray(model(images[..., 0].astype(np.float32) / 255).detach())
        np.testing.assert_allclose(classifier.predict_proba(images)[:, 1:], expected, atol=SAME)

    @pytest.mark.parametrize("norm", [True, False])
    def test_a_projection_with_bias_and_other_epsilon_is_a_shortcut(
        self, norm: bool, keras: Any, tmp_path: Path
    ) -> None:
        layers = keras.layers
        inputs = keras.Input(SHAPE)
        x = layers.Conv2D(4, 3, padding="same")(inputs)
        passed = layers.Conv2D(6, 1, strides=2)(x)
        passed = layers.BatchNormalization()(passed) if norm else passed
        made = layers.ZeroPadding2D(1)(layers.ReLU()(x))
        made = layers.BatchNormalization()(layers.Conv2D(6, 3, strides=2)(made))
        x = layers.ReLU()(layers.Add()([passed, made]))
        outputs = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x))
        model = keras.Model(inputs, outputs)
        randomize(model)
        model.save(tmp_path / "m.keras")
        classifier = import_model(tmp_path / "m.keras", scale=255).classifier
        images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8)
        expected = logits_of(model, images.astype(np.float32) / 255, keras)
        np.testing.assert_allclose(classifier.logits(images), expected, atol=SAME, rtol=SAME)

    def test_what_is_not_known_is_named_with_its_place(self, keras: Any, tmp_path: Path) -> None:
        layers = keras.layers
        inputs = keras.Input(SHAPE)
        x = layers.Conv2D(4, 3, padding="same", name="first")(inputs)

        class Own(layers.Layer):
            def call(self, x: Any) -> Any:
                return x

        refused = {
            "layer 3, 'odd' (LayerNormalization): network text has no such layer": layers.LayerNormalization(
                name="odd"
            ),
            "layer 3, 'odd' (Lambda): it runs code of its own": layers.Lambda(lambda x: x, name="odd"),
            "layer 3, 'odd' (Own): it is a class of its own": Own(name="odd"),
            "layer 3, 'odd' (Dense): the activation 'elu' is not known": layers.Dense(3, "elu", name="odd"),
            "layer 3, 'odd' (ReLU): max_value=6.0 cannot be read": layers.ReLU(6.0, name="odd"),
        }
        for sentence, layer in refused.items():
            y = layers.Dense(3)(layers.Flatten()(layer(x)))
            for suffix in (".keras", ".h5"):
                path = tmp_path / f"m{suffix}"
                keras.Model(inputs, y).save(path)
                with pytest.raises(UsageError, match=re.escape(sentence) if suffix == ".keras" else "odd"):
                    import_model(path, scale=255)
        joined = layers.Dense(3)(layers.Flatten()(layers.Concatenate(name="odd")([x, x])))
        keras.Model(inputs, joined).save(tmp_path / "m.keras")
        with pytest.raises(UsageError, match="'odd' \\(Concatenate\\): it has several inputs"):
            import_model(tmp_path / "m.keras", scale=255)

    def test_keras_weights_alone_go_into_the_network_that_is_named(self, keras: Any, tmp_path: Path) -> None:
        model = model_of("resnet-8", (32, 32, 3), 10, keras)
        path = tmp_path / "m.weights.h5"
        model.save_weights(path)
        with pytest.raises(ClassifierFileError, match="holds weights alone; name their network"):
            import_model(path, scale=255)
        classifier = import_model(path, "resnet-8", scale=255).classifier
        images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
        expected = logits_of(model, images.astype(np.float32) / 255, keras)
        np.testing.assert_allclose(classifier.logits(images), expected, atol=SAME, rtol=SAME)


TEXT = "conv(4, 3x3, same) batchnorm relu pool(2) flatten dropout(0.5) dense(6) relu dense(classes) softmax"


def torch_module() -> torch.nn.Sequential:
    """Return the module that a person would write for ``TEXT``, with random numbers everywhere."""
    nn = torch.nn
    body = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding="same"), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
    )
    module = nn.Sequential(*body, nn.Dropout(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 4)).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                tensor.normal_(0, 0.4, generator=generator)
                if "running_var" in name:
                    tensor.abs_().add_(0.2)
    return module


class TestBareWeights:
    def test_of_pytorch_give_its_logits(self, tmp_path: Path) -> None:
        module = torch_module()
        path = tmp_path / "weights.safetensors"
        save_file(module.state_dict(), path)
        imported = import_model(path, TEXT, "a,b,c,d", 255, (9, 8, 3))
        assert imported.assumed == ("a flattened map has its values channel by channel, as in PyTorch",)
        images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8)
        with torch.no_grad():
            expected = module(torch.tensor(images).permute(0, 3, 1, 2) / 255).numpy()
        np.testing.assert_allclose(imported.classifier.logits(images), expected, atol=SAME, rtol=SAME)
        other = import_model(path, TEXT, "a,b,c,d", 255, (9, 8, 3), flat_order="keras").classifier
        assert np.abs(other.logits(images) - expected).max() > 0.01

    def test_by_our_own_names_are_taken_as_they_are(self, tmp_path: Path) -> None:
        network = build(TEXT, SHAPE, 4, seed=3).eval()
        path = tmp_path / "weights.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
        imported = import_model(path, TEXT, ["a", "b", "c", "d"], 1, SHAPE)
        images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8)
        with torch.no_grad():
            expected = network(torch.tensor(images).permute(0, 3, 1, 2).float()).numpy()
        np.testing.assert_allclose(imported.classifier.logits(images), expected, atol=2e-3, rtol=SAME)
        assert imported.assumed == ()

    @pytest.mark.parametrize(
        ("network", "stated", "sentence"),
        [
            (None, {}, "holds weights alone"),
            ("flatten dense(classes)", {}, "the weights of 4 layers, which are not those of the network's 1"),
            (TEXT, {"input_shape": (20, 20, 3)}, "which are not those of the network's 4"),
            (TEXT, {"scale": None}, "how pixels were scaled"),
            (TEXT, {"scale": 0.0}, "cannot be divided by"),
            (TEXT, {"classes": "a,a,b,c"}, "different texts"),
            (TEXT, {"flat_order": "numpy"}, "no order of flat values"),
            ("module:function", {}, "code of its own"),
        ],
    )
    def test_that_do_not_fit_get_a_sentence(
        self, network: str | None, stated: dict[str, Any], sentence: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "weights.safetensors"
        save_file(torch_module().state_dict(), path)
        facts = {"classes": "a,b,c,d", "scale": 255, "input_shape": SHAPE} | stated
        with pytest.raises(ImageletError, match=sentence):
            import_model(path, network, **facts)


def keras_archive(config: object, weights: bytes = b"", **others: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    return content.getvalue()


def hdf5(write: Any) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        write(file.create_group("layers/dense/vars"))
    return content.getvalue()


CONFIG = {
    "class_name": "Sequential",
    "config": {
        "layers": [
            {"class_name": "InputLayer", "config": {"batch_shape": [None, 4, 4, 1]}},
            {"class_name": "Flatten", "config": {}},
            {"class_name": "Dense", "config": {"units": 3}},
        ]
    },
}


def sound(group: Any) -> None:
    group["0"] = np.ones((16, 3), np.float32)
    group["1"] = np.zeros(3, np.float32)


def external(group: Any) -> None:
    group["0"] = h5py.ExternalLink("/etc/hostname", "/")


def soft(group: Any) -> None:
    group["0"] = h5py.SoftLink("/layers")


def virtual(group: Any) -> None:
    layout = h5py.VirtualLayout((16, 3), np.float32)
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (16, 3))
    group.create_virtual_dataset("0", layout)


def stored_elsewhere(group: Any) -> None:
    group.create_dataset("0", (16, 3), np.float32, external=[("/etc/hostname", 0, 192)])


def objects(group: Any) -> None:
    group.create_dataset("0", data=np.array([b"x"], object), dtype=h5py.special_dtype(vlen=bytes))


def bomb(group: Any) -> None:
    group.create_dataset("0", (2**40,), np.float32, chunks=(1024,))


def infinite(group: Any) -> None:
    group["0"] = np.full((16, 3), np.inf, np.float32)


class TestHostileFiles:
    def test_a_sound_one_comes_in(self, tmp_path: Path) -> None:
        path = tmp_path / "m.keras"
        path.write_bytes(keras_archive(CONFIG, hdf5(sound)))
        assert import_model(path, scale=255).classifier.network_text == "flatten dense(classes)"

    @pytest.mark.parametrize(
        ("write", "reason"),
        [
            (external, "missing"),
            (soft, "missing"),
            (virtual, "stored in a way that is not read"),
            (stored_elsewhere, "stored in a way that is not read"),
            (objects, "not of numbers"),
            (bomb, "announces more than it can hold"),
            (infinite, "not finite"),
        ],
        ids=lambda value: getattr(value, "__name__", None),
    )
    def test_arrays_that_keras_does_not_write_are_refused(
        self, write: Any, reason: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "m.keras"
        path.write_bytes(keras_archive(CONFIG, hdf5(write)))
        with pytest.raises(ClassifierFileError, match=reason):
            import_model(path, scale=255)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (keras_archive("[" * 100_000), "its settings are not JSON"),
            (keras_archive("3" * 10_000), "its settings are not JSON"),
            (keras_archive({"class_name": "Evil", "config": {}}, hdf5(sound)), "it is code of its own"),
            (
                keras_archive({"class_name": "Sequential", "config": {"layers": 3}}, hdf5(sound)),
                "no list of layers",
            ),
            (keras_archive(CONFIG, b""), "can be read"),
            (keras_archive(CONFIG, bytes(2**26)), "can be read"),
            (keras_archive(" " * 2**23), "announces more than it can hold"),
            (b"PK\x05\x06" + bytes(18), "it has no config.json"),
        ],
        ids=range(8),
    )
    def test_archives_that_are_damaged_get_a_sentence(
        self, content: bytes, reason: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "m.keras"
        path.write_bytes(content)
        with pytest.raises(ImageletError, match=reason):
            import_model(path, scale=255)

    def test_layers_without_end_are_refused(self, tmp_path: Path) -> None:
        layers = [{"class_name": "Flatten", "config": {"name": str(each)}} for each in range(3000)]
        nested: dict[str, Any] = CONFIG
        for _ in range(10):
            nested = {"class_name": "Sequential", "config": {"layers": [nested]}}
        path = tmp_path / "m.keras"
        for config, reason in (
            ({"class_name": "Sequential", "config": {"layers": layers}}, "over 2000 layers"),
            (nested, "too deep"),
        ):
            path.write_bytes(keras_archive(config, hdf5(sound)))
            with pytest.raises(ClassifierFileError, match=reason):
                import_model(path, scale=255)

    def test_a_file_of_neither_kind_is_said(self, tmp_path: Path) -> None:
        path = tmp_path / "m.keras"
        path.write_bytes(b"no model at all")
        for network in (None, "flatten dense(classes)"):
            with pytest.raises(ClassifierFileError, match="neither a model of Keras nor weights"):
                import_model(path, network, scale=255)
        with pytest.raises(UsageError, match="there is no file"):
            import_model(tmp_path / "gone.keras", scale=255)

    def test_without_h5py_the_extra_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "m.keras"
        path.write_bytes(keras_archive(CONFIG, hdf5(sound)))
        monkeypatch.setitem(sys.modules, "h5py", None)
        with pytest.raises(UsageError, match=r"pip install 'imagelet\[formats\]'"):
            import_model(path, scale=255)
