"""HTML from plain data: escaped, small, exact; and what runs, classifiers and images show of themselves."""

import base64
import html
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagelet import html_repr
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import Prediction
from imagelet.data.imageset import Dataset, DatasetCard, ImageSet
from imagelet.experiment.finalize import Finished
from imagelet.metrics.calibration import Calibration
from imagelet.metrics.classification import wilson_interval
from imagelet.networks import build, summarize
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization
from imagelet.runs.run import Run

EVIL = '<script>alert("1")</script>&amp;\'"><img src=x onerror=y>'
LARGEST = 30_000  # bytes of what one value shows
TAGS = {"div", "span", "table", "tbody", "tr", "td", "th", "img", "br", "code", "svg", "polyline"}


class Reader(HTMLParser):
    """What a browser would read: the tags with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(str(page))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def pictures_of(page: str) -> list[Image.Image]:
    found = [attributes["src"] or "" for tag, attributes in Reader(page).tags if tag == "img"]
    return [Image.open(io.BytesIO(base64.b64decode(each.split(",")[1]))) for each in found]


# -- the pieces ----------------------------------------------------------------------------------------------


@given(st.text(max_size=html_repr.LONGEST))
def test_a_text_is_read_back_as_it_was_and_never_as_a_tag(written: str) -> None:
    page = html_repr.text(written)
    assert not set("<>\"'") & set(page)
    page.encode("utf-8")
    assert html.unescape(page) == written.encode("utf-8", "replace").decode()


def test_what_is_html_already_is_not_escaped_again() -> None:
    assert html_repr.text(html_repr.text("<")) == "&lt;"
    assert html_repr.joined("<", html_repr.Html("<br>")) == "&lt;<br>"


def test_the_middle_of_a_long_text_is_left_out() -> None:
    assert html_repr.text("a" * 60 + "b" * 60, 40) == "a" * 30 + " … " + "b" * 10
    assert html_repr.text("a" * 40, 40) == "a" * 40


def test_a_table_has_its_cells_and_says_how_many_rows_were_left_out() -> None:
    page = html_repr.table(["name", "n"], [(EVIL, number) for number in range(70)], right=["n"])
    reader = Reader(page)
    assert [tag for tag, _ in reader.tags].count("tr") == 51
    assert {tag for tag, _ in reader.tags} <= TAGS
    assert "49… and 20 more" in reader.text
    sides = [attributes["style"].split(";")[0] for tag, attributes in reader.tags if tag == "td"]  # type: ignore[union-attr]
    assert sides[:2] == ["text-align:left", "text-align:right"]
    assert "more" not in html_repr.table(["n"], [(1,)])


def test_facts_leave_out_what_is_none() -> None:
    assert Reader(html_repr.facts({"a": 1, "b": None, "c": 0})).text == "a1c0"


@pytest.mark.parametrize(("share", "width"), [(0, "0.0%"), (0.256, "25.6%"), (1, "100.0%"), (2, "100.0%")])
def test_a_bar_is_as_long_as_its_share(share: float, width: str) -> None:
    assert f"display:block;width:{width}" in html_repr.bar(share)


def test_bars_show_the_first_shares_with_names_and_hundredths() -> None:
    text = Reader(html_repr.bars([(str(place), 0.5) for place in range(12)])).text
    assert text == "".join(f"{place}50.00 %" for place in range(10))


@pytest.mark.parametrize(
    ("share", "written"),
    [(0, "0.00 %"), (1e-9, "<0.01 %"), (0.98333, "98.33 %"), (0.999999, ">99.99 %"), (1, "100.00 %")],
)
def test_a_share_is_never_rounded_to_certainty(share: float, written: str) -> None:
    assert html_repr.percent(share) == written


def test_an_accuracy_comes_with_interval_and_images() -> None:
    assert html_repr.accuracy(0.5, (0.25, 0.75), 1200) == (
        "50.00 % (95 % interval 25.00 to 75.00 %, 1,200 images)"
    )


def polylines(page: str) -> list[list[tuple[float, float]]]:
    found = [attributes["points"] or "" for tag, attributes in Reader(page).tags if tag == "polyline"]
    return [[tuple(map(float, point.split(","))) for point in each.split()] for each in found]  # type: ignore[misc]


def test_curves_fill_their_frame_over_a_common_axis() -> None:
    page = html_repr.curves([("training", [0.0, 0.5, 0.75]), ("validation", [None, 1.0, float("nan")])])
    training, validation = polylines(page)
    assert training == [(3, 53), (120, 28), (237, 15.5)]  # 240 x 56 with an edge of 3; 2 epochs between
    assert validation == [(120, 3), (120, 3)]  # a dot
    assert "3 epochs" in page
    assert Reader(page).text == "accuracy: ━ training 75.00 %   ━ validation 100.00 %   "


def test_long_curves_are_thinned_and_keep_their_end_and_empty_ones_are_left_out() -> None:
    values = [*np.linspace(0, 1, 1000), 0.0]  # the last one falls back
    ((*_, last),) = polylines(html_repr.curves([("training", values), ("validation", [None] * 1001)]))
    assert last == (237, 53)
    assert 60 < len(polylines(html_repr.curves([("training", values)]))[0]) <= 120
    assert html_repr.curves([("training", []), ("validation", [None])]) == ""
    assert polylines(html_repr.curves([("training", [0.5])])) == [[(3, 53), (3, 53)]]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_small_picture_is_exact_and_a_large_one_is_shrunk(channels: int) -> None:
    small, large = noise(64, 40, channels), noise(300, 200, channels)
    (shown,) = pictures_of(html_repr.picture(small, 100))
    assert np.array_equal(np.asarray(shown).reshape(small.shape), small)
    (shown,) = pictures_of(html_repr.picture(large, 100))
    assert max(shown.size) == 128
    assert "image-rendering:pixelated" in html_repr.picture(small, 100)


@pytest.mark.parametrize("shape", [(32, 32, 1), (32, 32, 3), (48, 48, 3), (500, 20, 3)])
def test_a_strip_holds_as_many_pictures_as_its_size_allows(shape: tuple[int, ...]) -> None:
    page = html_repr.strip(noise(40, *shape), [EVIL] * 40)
    shown = pictures_of(page)
    assert 1 <= len(shown) < 40
    assert len(page.encode()) < LARGEST
    (grey,) = pictures_of(html_repr.strip([noise(28, 28, 1)], ["a"]))
    assert np.array_equal(np.asarray(grey), noise(28, 28, 1)[:, :, 0])


# -- what shows itself ---------------------------------------------------------------------------------------


def classifier(
    classes: tuple[str, ...], training: dict[str, Any], side: int = 8, channels: int = 1
) -> Classifier:
    return Classifier(
        network=build("flatten dense(classes)", (side, side, channels), classes=len(classes)),
        classes=classes,
        framing=Framing("stretch", side, side, channels),
        normalization=Normalization((0.5,) * channels, (0.5,) * channels),
        calibration=Calibration(temperature=1.25, threshold=0.75),
        training=training,
    )


TRAINING = {
    "dataset": EVIL,
    "training_images": 1149,
    "validation_images": 288,
    "validation_accuracy": 0.96875,
    "recipe": {"name": EVIL},
    "seed": 3,
    "epochs": 4,
}


def run_in(folder: Path, *, finished: bool = True, experiment: str | None = None) -> Run:
    folder.mkdir(parents=True)
    evil = json.dumps(EVIL)
    toml = (
        f"dataset = {evil}\nnetwork = {evil}\nvalidation = '0.2'\n[recipe]\nname = 'keras'\nepochs = 900\n"
        f"[resolved]\nnetwork = {evil}\ninput_shape = [8, 8, 1]\nclasses = ['a', {evil}]\nparameters = 1\n"
        f"training_images = 1\nvalidation_images = 12\ndevice = 'cpu'\nprecision = 'fp32'\n"
        f"data_sha256 = '{'0' * 64}'\n"
    )
    (folder / "experiment.toml").write_text(toml if experiment is None else experiment)
    if finished:
        figures = {
            "accuracy": 0.5,
            "interval": [0.25, 0.75],
            "images": 12,
            "loss": 1,
            "calibration_error": 0.1,
        }
        figures |= {"classes": [{}, {}], "confusion": [[3, 3], [3, 3]]}
        metrics = {"parameters": 1, "epochs": 900, "best_epoch": 2, "images_per_second": 1.0}
        metrics |= {"validation": figures, "test": figures}
        metrics |= {"seconds": dict.fromkeys(("data", "training", "total"), 1.0)}
        (folder / "metrics.json").write_text(json.dumps(metrics))
    names = {"loss": 1.0, "val_loss": 1.0, "val_accuracy": 0.5, "learning_rate": 0.1}
    lines = [json.dumps({"epoch": epoch, "accuracy": epoch / 900, **names}) for epoch in range(1, 901)]
    (folder / "history.jsonl").write_text("\n".join(lines))
    return Run(folder)


def shown_by(value: Any) -> Reader:
    """Return what a value shows, after the checks that hold for all."""
    page = value._repr_html_()
    assert len(page.encode("utf-8")) <= LARGEST
    reader = Reader(page)
    assert {tag for tag, _ in reader.tags} <= TAGS
    for tag, attributes in reader.tags:
        assert not any(name.startswith("on") for name in attributes)
        grounds = re.findall(r"background:([^;\"]+)", attributes.get("style") or "")
        assert set(grounds) <= {
            "none",
            html_repr.TRACK,
            html_repr.ACCENT,
            *(["#fff"] if tag == "img" else []),
        }
        assert not re.search(
            r"(?<![-\w])color:(?!inherit|currentColor|#2463a6)", attributes.get("style") or ""
        )
    return reader


def test_a_classifier_shows_network_classes_training_and_calibration() -> None:
    text = shown_by(classifier((EVIL, "b"), TRAINING)).text
    low, high = (f"{100 * end:.2f}" for end in wilson_interval(279, 288))
    assert f"validation accuracy96.88 % (95 % interval {low} to {high} %, 288 images)" in text
    assert "networkflatten dense(classes)input8×8×1classes2: <script>" in text
    assert "training images1,149" in text
    assert "sure from75.00 %, at temperature 1.25" in text


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"validation_accuracy": "high", "validation_images": 3, "recipe": "mine", "training_images": "many"},
        {"validation_accuracy": float("nan"), "validation_images": 10},
        {"validation_accuracy": None, "validation_images": 0},
        {"dataset": [EVIL] * 1000, "epochs": {"a": EVIL}},
    ],
)
def test_a_classifier_shows_what_its_file_says_however_odd(training: dict[str, Any]) -> None:
    assert "validation accuracy" not in shown_by(classifier(("a", "b"), training)).text


def test_many_classes_are_counted() -> None:
    many = tuple(f"{number} {EVIL * 3}" for number in range(1000))
    assert "and 980 more" in html_repr.listed(many)
    assert "classes1,000: 0 <script>" in shown_by(classifier(many, TRAINING)).text


def test_a_run_shows_its_state_its_figures_and_its_curve(tmp_path: Path) -> None:
    run = run_in(tmp_path / "first")
    run.record_test_evaluation(run.metrics["test"])
    reader = shown_by(run)
    assert "Run firststatefinished" in reader.text
    assert "test accuracy50.00 % (95 % interval 25.00 to 75.00 %, 12 images)" in reader.text
    assert "test evaluations1" in reader.text
    assert [tag for tag, _ in reader.tags].count("polyline") == 2
    begun = shown_by(run_in(tmp_path / "second", finished=False)).text
    assert "statenot finished" in begun
    assert "test accuracy" not in begun


@pytest.mark.parametrize("experiment", ["", "<script>", "recipe = 3", "dataset = 1\nnetwork = 2\nrecipe = 3"])
def test_a_damaged_run_says_so(tmp_path: Path, experiment: str) -> None:
    assert "damaged" in shown_by(run_in(tmp_path / "run", experiment=experiment)).text


def test_a_run_with_damaged_figures_or_none_says_so(tmp_path: Path) -> None:
    run = run_in(tmp_path / "run")
    (run.folder / "metrics.json").write_text(
        '{"validation": {"accuracy": "high", "interval": 3, "images": 1}}'
    )
    assert "damaged" in shown_by(run).text
    assert "damaged" in shown_by(Run(tmp_path / "nowhere")).text


def test_a_finished_run_shows_run_and_classifier(tmp_path: Path) -> None:
    finished = Finished(run_in(tmp_path / "first"), classifier(("a", EVIL), TRAINING), {})
    text = shown_by(finished).text
    assert "Run first" in text
    assert "Classifier" in text


def test_a_summary_is_a_table_with_totals() -> None:
    text = shown_by(summarize(build("conv(2, 3x3) relu flatten dense(3)", (8, 8, 1), classes=3))).text
    assert "conv1conv6×6×220648" in text  # (9 + 1) · 2 parameters; 36 places · 9 weights · 2 filters
    assert "parameters239multiply-adds864 for one image" in text  # 20 + 72 · 3 + 3; 648 + 216
    long = " ".join(["conv(8, 3x3, same) relu"] * 60) + " flatten dense(3)"
    assert "more" in shown_by(summarize(build(long, (8, 8, 1), classes=3))).text


@pytest.mark.parametrize("shape", [(8, 8, 1), (64, 64, 3), (400, 300, 3)])
@pytest.mark.parametrize("sure", [True, False])
def test_a_prediction_shows_what_was_seen_and_how_sure_it_is(shape: tuple[int, ...], sure: bool) -> None:
    seen = noise(*shape)
    answer = Prediction(
        file=EVIL,
        class_index=0,
        predicted=EVIL,
        probability=0.625,
        top=((EVIL, 0.625), ("b", 0.25)),
        top_classes=(0, 1),
        sure=sure,
        warnings=() if sure else (EVIL, "the strokes are thin"),
        framed_input=seen,
    )
    reader = shown_by(answer)
    assert reader.text.startswith(f"{EVIL}{'' if sure else '?'}   62.50 %")
    assert ("unsure; <script>" in reader.text) != sure
    assert ("the strokes are thin" in reader.text) != sure
    (shown,) = pictures_of(answer._repr_html_())
    if max(shape) <= 64:
        assert np.array_equal(np.asarray(shown).reshape(shape), seen)


def test_an_image_set_shows_the_first_image_of_each_class_and_then_others() -> None:
    images = noise(30, 8, 8, 1)
    labels = np.array([2] * 10 + [0] * 19 + [1])
    page = ImageSet(images, labels, (EVIL, "b", "c"))._repr_html_()
    order = [10, 29, 0, 1, 2, 3, 4, 5, 6, 7]
    for shown, place in zip(pictures_of(page), order, strict=True):
        assert np.array_equal(np.asarray(shown), images[place, :, :, 0])
    assert "30 images, 8×8×1" in shown_by(ImageSet(images, labels, (EVIL, "b", "c"))).text


@pytest.mark.parametrize("number", [0, 1, 200])
def test_an_image_set_of_any_size_is_shown(number: int) -> None:
    names = tuple(f"{place}{EVIL * 5}" for place in range(150))
    images = ImageSet(noise(number, 90, 70, 3), np.arange(number) % 150, names)
    assert f"{number} image{'s' * (number != 1)}, 90×70×3" in shown_by(images).text


def test_a_dataset_shows_its_card_reads_nothing_and_never_shows_test_images() -> None:
    card = DatasetCard("mine", EVIL, EVIL * 20, ("a", "b"), None, False, "here", EVIL)
    read: list[str] = []

    def part(name: str) -> ImageSet:
        read.append(name)
        return ImageSet(noise(6, 8, 8, 1), np.arange(6) % 2, ("a", "b"))

    dataset = Dataset(card, EVIL, {"train": lambda: part("train"), "test": lambda: part("test")})
    assert "partstrain, testclasses2: a, b" in shown_by(dataset).text
    assert read == []
    dataset.read("test")
    assert pictures_of(dataset._repr_html_()) == []
    dataset.read("train")
    assert "6 train, 6 test" in shown_by(dataset).text
    assert len(pictures_of(dataset._repr_html_())) == 6


def test_a_run_that_goes_on_has_no_figures_yet() -> None:
    assert html_repr.run_facts(
        {"dataset": "d", "network": "n", "recipe": {"name": "r", "epochs": 2}}, {}, 0
    ) == {
        "state": "not finished",
        "dataset": "d",
        "network": html_repr.code("n"),
        "recipe": "r, 2 epochs",
        "best epoch": None,
        "test evaluations": None,
    }
