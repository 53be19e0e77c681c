"""The page of a classifier: one file, in which nothing but its own script runs, and nothing is fetched."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import imagelet
from imagelet.classifier.classifier import Classifier
from imagelet.errors import UsageError
from imagelet.interop.page import SCRIPTS, export_page, halved, page_facts, page_html, page_script
from imagelet.messages import LANGUAGES, translate
from imagelet.networks import build
from imagelet.networks.layers import KINDS
from imagelet.preprocessing.framing import Framing, framings
from imagelet.runs.learner import find_learner
from tests.contracts.test_every_layer import CLASSES, SHAPE
from tests.interop import javascript
from tests.interop.test_onnx import SMALL, classifier_of

TEXTS = Path(imagelet.__file__).parent / "interop" / "page_static" / "texts"
LARGEST_SCRIPT, LARGEST_PAGE = 40_000, 1_500_000  # bytes
IMAGES = 500  # test images that the page and Python classify
HOSTILE = '</script><script>alert("1")</script>'
FETCHED = ("src", "href", "action", "formaction", "poster", "data", "srcdoc", "style")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the texts of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.contents: dict[str, str] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self._inside = dict(attributes).get("id") or tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, text: str) -> None:
        self.contents[self._inside] = self.contents.get(self._inside, "") + text


@pytest.fixture
def small() -> Classifier:
    return classifier_of(build(SMALL, SHAPE, CLASSES, seed=1))


def page_of(classifier: Classifier) -> str:
    return page_html(find_learner(classifier), page_script(classifier.framing.kind))


def renamed(classifier: Classifier, *names: str) -> Classifier:
    return Classifier(**vars(classifier) | {"classes": (*names, *classifier.classes[len(names) :])})


def test_nothing_but_its_own_script_may_run(small: Classifier) -> None:
    page = Elements(page_of(small))
    (policy,) = [found["content"] for tag, found in page.elements if found.get("http-equiv")]
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.contents[kind].encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    assert sorted(rules) == ["base-uri", "default-src", "form-action", "img-src", "script-src", "style-src"]


def test_nothing_is_fetched(small: Classifier) -> None:
    page = Elements(page_of(small))
    fetched = [
        (tag, name, value) for tag, found in page.elements for name, value in found.items() if name in FETCHED
    ]
    assert fetched == [("link", "href", "data:,")]
    assert not re.search(
        r"https?:|\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|import\(", page.contents["script"]
    )


def test_names_cannot_become_markup(small: Classifier) -> None:
    names = [HOSTILE, "<img src=x>", "</script /", "<!--<script"]
    page = page_of(renamed(small, *names))
    usual, elements = Elements(page_of(small)), Elements(page)
    assert [tag for tag, _ in elements.elements] == [tag for tag, _ in usual.elements]
    assert json.loads(elements.contents["facts"])["classes"] == names
    assert all(name not in page for name in names)


def test_a_card_cannot_become_markup(small: Classifier) -> None:
    page = page_of(Classifier(**vars(small) | {"training": {"dataset": "<img src=x>", "seed": HOSTILE}}))
    assert HOSTILE not in page
    assert "<img" not in page
    assert "&lt;/script&gt;" in page
    assert "&lt;img src=x&gt;" in page


def test_the_card_says_what_is_known_in_both_languages(small: Classifier) -> None:
    known = {"validation_accuracy": 0.985, "validation_images": 1000, "training_images": 1200, "seed": 4}
    page = page_of(Classifier(**vars(small) | {"training": known}))
    for expected in (
        "98.50 % (95 % interval 97.54 to 99.09 %, 1,000 images)",
        "검증 정확도",
        "<dd>1,200</dd>",
    ):
        assert expected in page
    assert "processor" not in page.partition('<section id="card">')[2].partition("</section>")[0]


def test_the_card_does_not_tell_where_the_pictures_lie(small: Classifier) -> None:
    page = page_of(Classifier(**vars(small) | {"training": {"dataset": "/home/kim/pictures/shoes"}}))
    assert "<dd>shoes</dd>" in page
    assert "kim" not in page


def test_every_text_is_there_in_each_language() -> None:
    texts = {language: json.loads((TEXTS / f"{language}.json").read_text("utf-8")) for language in LANGUAGES}
    assert list(texts["en"]) == list(texts["ko"])
    for key, english in texts["en"].items():
        places = [sorted(re.findall(r"\{\w+\}", text)) for text in (english, texts["ko"][key])]
        assert places[0] == places[1], key


def test_warnings_are_those_of_the_command_line() -> None:
    texts = {language: json.loads((TEXTS / f"{language}.json").read_text("utf-8")) for language in LANGUAGES}
    warnings = {key: text for key, text in texts["en"].items() if key.startswith("warning_")}
    assert {key: translate(text, "ko") for key, text in warnings.items()} == {
        key: texts["ko"][key] for key in warnings
    }


def used_texts() -> Iterator[str]:
    static = TEXTS.parent
    for path in (static / "page.html", *static.rglob("*.js")):
        content = path.read_text("utf-8")
        yield from re.findall(r'\bt\(\s*"(\w+)"', content)
        yield from re.findall(r'data-(?:text|label)="(\w+)"', content)
        if path.suffix == ".html":
            yield from re.findall(r"texts\.(\w+)", content)
        yield from re.findall(r'(?:fail|press|say)\("\w+"(?:, "(\w+)")?', content)


def test_no_text_is_missing() -> None:
    used = {key for key in used_texts() if key}
    assert used - set(json.loads((TEXTS / "en.json").read_text("utf-8"))) == set()


@pytest.mark.parametrize("framing", [kind for kinds in SCRIPTS.values() for kind in kinds])
def test_the_script_stays_small(framing: str) -> None:
    assert len(page_script(framing).encode()) < LARGEST_SCRIPT


def test_the_file_says_what_it_holds_and_how_exact_it_is(small: Classifier, tmp_path: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    written = export_page(small, tmp_path / "small.html", progress=lambda *step: steps.append(step))
    assert written.bytes == (tmp_path / "small.html").stat().st_size
    assert (written.checked_on, written.images) == ("random", 500)
    assert written.same >= 490
    assert 0 < written.largest_difference < 0.01
    assert steps[-1] == (500, 500)


def test_weights_have_half_precision_where_they_fit(small: Classifier) -> None:
    facts, content = page_facts(small)
    kinds = {name: constant.get("type") for name, constant in facts["network"]["constants"].items()}
    assert kinds["conv1/weight"] == "half"
    assert kinds["batchnorm1/running_var"] == "single"
    weight = small.network.state_dict()["conv1.weight"].numpy()
    start = facts["network"]["constants"]["conv1/weight"]["start"]
    stored = np.frombuffer(content, "<f2", weight.size, start).reshape(weight.shape)
    assert np.array_equal(stored, weight.astype(np.float16))
    large = np.array([[1.0, 70_000.0]], np.float32)
    assert np.array_equal(halved(large), large)


def test_layers_come_with_what_they_make(small: Classifier) -> None:
    layers = page_facts(small)[0]["layers"]
    assert [layer["name"] for layer in layers] == [
        "conv1",
        "batchnorm1",
        "relu1",
        "pool1",
        "flatten",
        "dense1",
    ]
    assert layers[0]["output"] == "conv1/Conv"
    assert layers[0]["shape"] == (5, 4, 4)


def test_a_layer_that_the_page_cannot_compute_is_refused(
    small: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        KINDS.get("relu"), "to_onnx", lambda self, graph, weights, value, shape: graph.add("Abs", value)
    )
    with pytest.raises(
        UsageError, match=r"the layer 'relu1' of the network 'conv.*' cannot be computed in a page"
    ):
        export_page(small, tmp_path / "small.html")
    assert not (tmp_path / "small.html").exists()


def test_a_network_of_ones_own_is_refused(small: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(KINDS.get("pool"), "to_onnx")
    with pytest.raises(UsageError, match="cannot be computed in a page"):
        page_facts(small)


def test_a_plugins_framing_is_refused(
    small: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(framings._things, "odd", framings.get("fit"))
    odd = Classifier(**vars(small) | {"framing": Framing("odd", *SHAPE)})
    with pytest.raises(UsageError, match="the framing 'odd' cannot be done in a page"):
        export_page(odd, tmp_path / "odd.html")


@pytest.mark.slow
def test_the_page_of_the_shipped_digits_is_small(tmp_path: Path) -> None:
    written = export_page("mnist", tmp_path / "mnist.html")
    assert written.bytes <= LARGEST_PAGE
    assert written.script_bytes < LARGEST_SCRIPT
    assert written.same == written.images


@javascript.needs_node
@pytest.mark.realdata
@pytest.mark.slow
def test_the_shipped_digits_are_answered_alike() -> None:
    images = imagelet.load_dataset("mnist").test.images[:IMAGES]
    classifier = imagelet.load("mnist")
    halves = [javascript.job(classifier, list(part)) for part in np.array_split(images, 2)]
    with ThreadPoolExecutor(2) as pool:
        answers = [
            answer for parts in pool.map(lambda job: javascript.run([job]), halves) for answer in parts[0]
        ]
    expected = [prediction.class_index for prediction in classifier.predict(list(images), top=1)]
    same = np.mean([answer["predicted"] == index for answer, index in zip(answers, expected, strict=True)])
    assert same == 1
