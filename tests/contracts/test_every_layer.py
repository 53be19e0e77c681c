"""What every kind of layer must do, whoever registered it: text, training, saving, explaining, the page."""

import ast
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import imagelet
from imagelet.classifier.classifier import Classifier
from imagelet.errors import NetworkTextError
from imagelet.explanation.activations import layer_activations
from imagelet.explanation.attribution import METHODS, attribute
from imagelet.explanation.unit_trace import trace_unit
from imagelet.lab.services.networks import network_summary
from imagelet.networks import Network, build, infer_shapes, parse, summarize, to_text
from imagelet.networks.layer_kind import FAMILIES, Layer, run_layers, settings
from imagelet.networks.layers import KINDS
from imagelet.networks.numpy_network import NumpyNetwork
from imagelet.networks.summary import summarize_text
from imagelet.networks.text import usage
from tests.explanation.classifiers import classifier_of

WORDS = tuple(KINDS)
SHAPE, CLASSES = (9, 8, 3), 4
PACKAGE = Path(imagelet.__file__).parent
TEXTS = PACKAGE / "lab" / "static" / "texts"

# Modules that know single kinds, and why; the kinds' own package is not looked at.
KNOWING = {
    "networks/airbench.py": "a family of networks is made of certain layers",
    "networks/torch_layers.py": "torch's own modules are told as kinds",
}


def written(kind: type[Layer]) -> str:
    """Return a layer of this kind with its required arguments: whatever is allowed there."""
    if kind.nested:
        return f"{kind.word}(conv(3, 3x3, same) batchnorm relu conv(4, 3x3, same, stride=2) batchnorm)"
    arguments = []
    for setting in settings(kind).values():
        if setting.default is setting.default_factory:  # both are missing
            value = next(value for value in ("0.4", "4") if is_allowed(setting.metadata["form"].read, value))
            arguments.append(value)
    return to_text(parse(f"{kind.word}({', '.join(arguments)})"))


def is_allowed(read: object, value: str) -> bool:
    try:
        read(value)  # type: ignore[operator]
    except ValueError:
        return False
    return True


def text_with(word: str) -> str:
    """Return a small network with a layer of this kind: on a map if it takes one, else on flat values."""
    layer = written(KINDS.get(word))
    for text in (
        f"conv(3, 3x3, same) {layer} flatten dense(classes) softmax",
        f"conv(3, 3x3, same) flatten {layer} dense(classes) softmax",
        f"conv(3, 3x3, same) relu flatten dense(classes) {layer}",
    ):
        try:
            infer_shapes(text, SHAPE, CLASSES)
        except NetworkTextError:
            continue
        return text
    raise AssertionError(f"no network takes {layer}")


def drawn(word: str, seed: int = 0) -> Network:
    """Return the network with random numbers everywhere, running averages too."""
    network = build(text_with(word), SHAPE, CLASSES)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                tensor.normal_(0, 0.4, generator=generator)
                if "running_var" in name:
                    tensor.abs_().add_(0.2)
    return network.eval()


def batch(number: int = 12) -> tuple[Tensor, Tensor]:
    height, width, channels = SHAPE
    generator = torch.Generator().manual_seed(1)
    return torch.randn(number, channels, height, width, generator=generator), torch.arange(number) % CLASSES


def images(number: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (number, *SHAPE), dtype=np.uint8)


def some_indices(shape: tuple[int, ...], number: int = 6) -> Iterator[tuple[int, ...]]:
    generator = np.random.default_rng(2)
    yield (0,) * len(shape)
    yield tuple(side - 1 for side in shape)
    for _ in range(number):
        yield tuple(int(generator.integers(side)) for side in shape)


@pytest.fixture(params=WORDS)
def word(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestText:
    def test_becomes_a_network_and_comes_back_from_it(self, word: str) -> None:
        text = text_with(word)
        assert word in re.findall(r"\w+", text)
        assert to_text(parse(text)) == text == build(text, SHAPE, CLASSES).text

    def test_other_words_mean_the_same(self, word: str) -> None:
        text = written(KINDS.get(word))
        for other in KINDS.get(word).other_words:
            assert parse(text.replace(word, other, 1)) == parse(text)

    def test_is_listed_where_a_word_is_unknown(self, word: str) -> None:
        with pytest.raises(NetworkTextError) as caught:
            parse("qqqq")
        assert word in re.split(r"[ ,]+", str(caught.value.hint))
        assert usage(KINDS.get(word)).startswith(word)
        assert (KINDS.get(word).__doc__ or "").strip()

    def test_shapes_and_costs_from_text_are_the_networks(self, word: str) -> None:
        assert summarize_text(text_with(word), SHAPE, CLASSES) == summarize(drawn(word))


class TestNetwork:
    def test_gives_what_its_layers_give_one_by_one(self, word: str) -> None:
        network, (values, _) = drawn(word), batch()
        values = values.contiguous(memory_format=torch.channels_last)
        *_, last = run_layers(network.named_children(), values)
        logits = network(values)
        expected = functional.softmax(logits, dim=1) if isinstance(network[-1], nn.Softmax) else logits
        torch.testing.assert_close(last.output, expected, rtol=1e-4, atol=1e-4)

    def test_numpy_gives_what_torch_gives(self, word: str) -> None:
        network, (values, _) = drawn(word), batch()
        weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        computed = NumpyNetwork(network.text, SHAPE, CLASSES, weights)
        with torch.no_grad():
            expected = network(values).numpy()
        made = computed(values.numpy().transpose(0, 2, 3, 1))
        assert made.dtype == np.float32
        np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-4)

    def test_learns(self, word: str) -> None:
        network, (values, labels) = build(text_with(word), SHAPE, CLASSES, seed=1), batch()
        network.to(memory_format=torch.channels_last)
        torch.manual_seed(0)
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        optimizer = torch.optim.Adam(network.parameters(), 0.01)

        def loss() -> Tensor:
            return functional.cross_entropy(network(values), labels)

        network.eval()
        untrained = float(loss().detach())
        for _ in range(40):
            network.train()
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
        network.eval()
        assert float(loss().detach()) < 0.8 * untrained
        assert all(not torch.equal(weights, before[name]) for name, weights in network.named_parameters())

    def test_is_the_same_from_a_file(self, word: str, tmp_path: Path) -> None:
        classifier = classifier_of(drawn(word))
        classifier.save(tmp_path / "classifier.safetensors")
        again = Classifier.load(tmp_path / "classifier.safetensors")
        assert again.network.text == classifier.network.text
        np.testing.assert_array_equal(again.logits(images(5)), classifier.logits(images(5)))


class TestExplanation:
    def test_activations_lead_to_the_logits(self, word: str) -> None:
        network = drawn(word)
        classifier = classifier_of(network)
        layers = layer_activations(classifier, images()[0])
        placed = infer_shapes(network.text, SHAPE, CLASSES)
        assert [(layer.name, layer.kind, layer.shape, layer.sources) for layer in layers] == [
            (place.name, place.layer.word, place.output_shape, place.sources) for place in placed
        ]
        last = layers[-2 if layers[-1].kind == "softmax" else -1]
        np.testing.assert_allclose(last.values, classifier.logits(images())[0], rtol=1e-4, atol=1e-4)

    def test_a_number_traced_is_the_layers_own(self, word: str) -> None:
        classifier = classifier_of(drawn(word))
        for layer in layer_activations(classifier, images()[0]):
            for index in some_indices(layer.shape):
                trace = trace_unit(classifier, images()[0], layer.name, index)
                assert trace.result == pytest.approx(float(layer.values[index]), rel=1e-4, abs=1e-5)
                assert (trace.kind, trace.sources) == (layer.kind, layer.sources)
                if trace.products is not None:
                    assert trace.products.sum() + trace.bias == pytest.approx(trace.result)
                json.dumps(trace.to_json(), allow_nan=False)

    @pytest.mark.parametrize("method", METHODS)
    def test_every_pixel_has_an_attribution(self, word: str, method: str) -> None:
        found = attribute(classifier_of(drawn(word)), images()[0], method, 1)
        assert found.values.shape == SHAPE[:2]
        assert np.isfinite(found.values).all()
        assert found.values.any() or method == "grad-cam"  # a class may be spoken for nowhere


class TestPage:
    def test_knows_kind_and_family(self, word: str) -> None:
        summary = network_summary(text_with(word), SHAPE, CLASSES)
        rows = json.loads(json.dumps(summary))["layers"]
        assert word in [row["kind"] for row in rows]
        assert {row["family"] for row in rows} <= set(FAMILIES)
        facts = [layer.facts() for layer in layer_activations(classifier_of(drawn(word)), images()[0])]
        keys = ("name", "kind", "family", "sources", "shape")
        assert [[fact[key] for key in keys] for fact in facts] == [[row[key] for key in keys] for row in rows]

    @pytest.mark.parametrize("language", ["en", "ko"])
    def test_explains_it_in_a_sentence(self, word: str, language: str) -> None:
        texts = json.loads((TEXTS / language / "draw.json").read_text("utf-8"))
        assert texts[f"kind_{word}"].endswith(".")


class TestOnePlace:
    def test_no_other_module_names_the_kind(self, word: str) -> None:
        name = KINDS.get(word).__name__
        naming = {
            str(path.relative_to(PACKAGE))
            for path in PACKAGE.rglob("*.py")
            if PACKAGE / "networks" / "layers" not in path.parents
            if name in imported_from_layers(path)
        }
        assert naming <= KNOWING.keys()

    def test_no_script_names_the_kind(self, word: str) -> None:
        if word in FAMILIES:  # a family may be named
            return
        scripts = (PACKAGE / "lab" / "static" / "js").rglob("*.js")
        quoted = re.compile(rf"[\"'`^|(]{word}[\"'`|)]")  # a text, or a part of a pattern
        assert not [path.name for path in scripts if quoted.search(path.read_text("utf-8"))]


@functools.cache
def imported_from_layers(path: Path) -> set[str]:
    """Return what a module imports from the kinds' package."""
    return {
        alias.name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("imagelet.networks.layers")
        for alias in node.names
    }
