"""The page of a run and the page that compares several."""

import base64
import io
import itertools
import json
import re
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from imagelet.analysis.error_analysis import analyze_errors
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.errors import DataError, RunError, UsageError
from imagelet.report import open_run, page, write_comparison, write_report
from imagelet.report.gathering import Answered, pair, write_value
from imagelet.report.page import render, scale_from, write_percent
from imagelet.training.recipe import Recipe
from tests.report.conftest import HOSTILE
from tests.report.pages import Page, read_page

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


def test_nothing_is_loaded_from_elsewhere(page):
    policies = [each.attributes.get("http-equiv") for each in page.all("meta")]
    assert "Content-Security-Policy" in policies
    policy = next(each for each in page.all("meta") if "http-equiv" in each.attributes).attributes["content"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    for element in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            address = element.attributes.get(name)
            assert address is None or address.startswith(("data:", "#")), (element.name, address)
    (style,) = page.all("style")
    assert not re.search(r"url\(|@import|@font-face", style.text)


def test_nothing_is_executed(page):
    assert not list(page.all("script", "iframe", "object", "embed", "form"))
    assert not [each for each in page.elements if any(name.startswith("on") for name in each.attributes)]


def test_it_is_small(page):
    assert len(page.html.encode()) < 3_000_000


def test_it_names_its_language_and_its_title(page):
    (html,) = page.all("html")
    (title,) = page.all("title")
    assert html.attributes["lang"] == "en"
    assert "small" in title.text


def test_one_first_heading_and_no_level_is_left_out(page):
    levels = [int(each.name[1]) for each in page.all(*HEADINGS)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(each.text.strip() for each in page.all(*HEADINGS))


def test_there_are_landmarks_and_a_way_past_the_head(page):
    for name in ("header", "nav", "main", "footer"):
        assert len(list(page.all(name))) == 1
    (main,) = page.all("main")
    first = next(page.all("a"))
    assert first.attributes["href"] == f"#{main.attributes['id']}"


def test_every_id_is_there_once_and_everything_that_points_somewhere_arrives(page):
    ids = [each.attributes["id"] for each in page.elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    for element in page.elements:
        for name in ("href", "aria-labelledby"):
            target = element.attributes.get(name)
            if target and not target.startswith("data:"):
                assert target.removeprefix("#") in ids


def test_the_contents_name_every_section(page):
    (nav,) = page.all("nav")
    entries = [each.text for each in page.all("a") if nav in each.inside]
    assert entries == [each.text for each in page.all("h2")]
    assert len(entries) == 8


def test_every_image_says_what_it_shows_and_can_be_opened(page):
    images = list(page.all("img"))
    assert len(images) > 20
    for each in images:
        assert len(each.attributes["alt"]) > 10
        kind, _, content = each.attributes["src"].partition(",")
        assert kind == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(content))) as opened:
            opened.load()
    for each in page.all("svg"):
        assert each.attributes["role"] == "img"
        assert each.attributes["aria-label"]


def test_every_figure_has_a_caption(page):
    for figure in page.all("figure"):
        assert [each.text.strip() for each in figure.children if each.name == "figcaption"]


def test_every_table_has_a_caption_and_headings_with_a_scope(page):
    tables = list(page.all("table"))
    assert len(tables) >= 7
    for table in tables:
        assert table.children[0].name == "caption"
        assert table.children[0].text.strip()
    assert all(each.attributes.get("scope") in ("col", "row") for each in page.all("th"))


def test_every_row_has_as_many_cells_as_there_are_columns(page):
    for table in page.all("table"):
        rows = [each for each in page.all("tr") if table in each.inside]
        assert len({len(each.children) for each in rows}) == 1


def test_what_scrolls_can_be_reached_by_keyboard_and_has_a_name(page):
    scrolling = [
        each
        for each in page.all("div")
        if {"scroll", "wide"} & set((each.attributes.get("class") or "").split())
    ]
    assert len(scrolling) > 5
    for each in scrolling:
        assert each.attributes["tabindex"] == "0"
        assert each.attributes["role"] == "region"
        assert each.attributes["aria-label"]
    for table in page.all("table"):
        assert any(each in scrolling for each in table.inside)


def test_paper_dark_rooms_and_telephones_are_thought_of(page):
    (style,) = page.all("style")
    assert "@media print" in style.text
    assert "prefers-color-scheme: dark" in style.text
    assert "break-inside: avoid" in style.text
    names = [each.attributes.get("name") for each in page.all("meta")]
    assert "viewport" in names


def test_texts_are_escaped_and_a_missing_one_is_an_error():
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        render("comparison.html", sections=[])


@pytest.mark.parametrize(
    ("share", "decimals", "written"),
    [
        (0.98333, 2, "98.33 %"),
        (0.99999, 2, ">99.99 %"),
        (0.99999, 1, ">99.9 %"),
        (1.0, 1, "100.0 %"),
        (0.0001, 1, "<0.1 %"),
        (0.0, 1, "0.0 %"),
        (0.5, 1, "50.0 %"),
        (None, 1, "–"),
    ],
)
def test_shares_never_round_to_certainty_nor_break(share, decimals, written):
    assert write_percent(share, decimals) == written.replace(" ", "\N{NO-BREAK SPACE}")


def test_values_as_they_are_read():
    assert [write_value(each) for each in (None, True, [28, 28, 1], 0.1, "he")] == [
        *("–", "yes", "28 × 28 × 1", "0.1", "he")
    ]


@pytest.mark.parametrize("lowest", [0.0, 0.3, 0.5, 0.949, 0.95, 0.9999, 1.0])
def test_a_scale_has_a_place_for_every_share(lowest):
    scale = scale_from(lowest)
    assert 0 <= scale.low <= lowest
    assert float(scale.at(scale.low)) < float(scale.at(1.0))
    assert float(scale.at(scale.low)) <= float(scale.at(lowest)) <= float(scale.at(1.0))


@pytest.fixture
def no_test_images(monkeypatch):
    """Let whoever reads test images fail."""
    read = Dataset.read

    def refuse(self, part):
        assert part != "test", "the test images were read"
        return read(self, part)

    monkeypatch.setattr(Dataset, "read", refuse)


@pytest.fixture
def no_insights(monkeypatch):
    """Leave out what is inside the network, which takes most of the time."""
    monkeypatch.setattr(page, "insights", lambda *_: ())


def test_the_page_says_what_the_run_folder_says(trained, page):
    validation = trained.metrics["validation"]
    right = sum(row[place] for place, row in enumerate(validation["confusion"]))
    assert f"On {validation['images']} validation images it gave {right} right answers" in page.text
    assert f"{100 * validation['accuracy']:.2f} %" in page.text
    confusion = next(each for each in page.all("img") if "Confusion" in each.attributes["alt"])
    assert f"{right} of {validation['images']} right" in confusion.attributes["alt"]
    assert "has not been evaluated on the test images" in page.text


def test_everything_that_belongs_into_a_report_is_there(page):
    titles = [each.text for each in page.all("h2", "h3")]
    for title in (
        *("To repeat it", "How the training went", "How good it is", "Class by class"),
        *("How far to trust its probabilities", "Misclassified images", "Labels to look at", "Right answers"),
        *("First-layer filters", "Feature maps", "Where the network looks", "Nearest training images"),
        *("Map of the images", "Where it was trained", "What to bear in mind"),
    ):
        assert title in titles
    assert "Left out" not in page.text


def test_mistakes_are_shown_with_label_answer_and_probability(trained, page):
    wrong = [each.attributes["alt"] for each in page.all("img") if "taken for" in each.attributes["alt"]]
    validation = trained.metrics["validation"]
    mistakes = validation["images"] - sum(row[i] for i, row in enumerate(validation["confusion"]))
    assert len(wrong) >= min(mistakes, 18) > 0


@pytest.mark.slow
def test_the_test_images_are_not_read(trained, no_test_images, tmp_path):
    written = write_report(trained, tmp_path / "page.html")
    assert written.part == "validation"
    assert written.size == (tmp_path / "page.html").stat().st_size
    assert trained.test_evaluations == []
    assert "test" not in trained.metrics


def test_test_images_are_shown_when_that_is_asked_for_and_the_look_is_counted(trained, no_insights):
    written = write_report(trained, test=True)
    page = read_page(trained.folder / "report.html")
    assert written.part == "test"
    assert len(trained.test_evaluations) == 1
    assert trained.metrics["test"]["images"] == 360
    assert "On 360 test images it gave" in page.text
    assert "evaluated on the test images once" in page.text
    assert any(each.attributes["alt"].startswith("test ") for each in page.all("img"))


def test_what_needs_absent_data_is_left_out_and_the_page_says_so(train_run, small_data):
    run = train_run("gone", "mnist", recipe=Recipe(epochs=1), network="softmax")
    shutil.rmtree(small_data)
    small_data.mkdir()
    written = write_report(run)
    page = read_page(run.folder / "report.html")
    assert written.part is None
    assert len(written.left_out) == 1
    assert written.left_out[0] in page.text
    assert "How good it is" in page.text
    assert "Pictures" not in [each.text for each in page.all("h2")]


def test_without_validation_images_there_are_no_pictures_and_test_helps(train_run, no_insights):
    run = train_run("all", validation="0")
    written = write_report(run)
    assert written.part is None
    assert "--test" in written.left_out[0]
    assert "measured on no images" in read_page(run.folder / "report.html").text
    assert write_report(run, test=True).part == "test"


@pytest.mark.slow
def test_a_network_without_maps_has_neither_filters_nor_maps(train_run):
    run = train_run("flat", network="softmax")
    written = write_report(run)
    assert [each.partition(":")[0] for each in written.left_out] == ["First-layer filters", "Feature maps"]
    titles = [each.text for each in read_page(run.folder / "report.html").all("h3")]
    assert "Where the network looks" in titles
    assert "Feature maps" not in titles


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such folders")
@pytest.mark.slow
def test_hostile_names_stay_text(hostile_folder, train_run):
    run = train_run("plain", str(hostile_folder), network="softmax")
    folder = run.folder.rename(run.folder.parent / "<script>alert(1)<")
    written = write_report(type(run)(folder))
    page = Page(written.file.read_text("utf-8"))
    assert not list(page.all("script", "b"))
    assert all(each.attributes["src"].startswith("data:") for each in page.all("img"))
    assert HOSTILE in page.text
    assert 'a&b"c' in page.text
    (title,) = page.all("h1")
    assert title.text == "<script>alert(1)<"


def test_a_class_with_a_closing_tag_stays_text(trained, tmp_path, no_insights):
    """No folder can be called so, but a run folder from elsewhere may say anything."""
    name = "</style></script><script>alert(1)</script>"
    metrics = json.loads((trained.folder / "metrics.json").read_text())
    metrics["validation"]["classes"][3]["name"] = name
    (trained.folder / "metrics.json").write_text(json.dumps(metrics))
    page = read_page(write_report(trained, tmp_path / "page.html").file)
    assert not list(page.all("script"))
    assert name in page.text


def test_a_classifier_without_its_run_is_refused_in_a_sentence(trained):
    for name in ("mnist", str(trained.classifier_file)):
        with pytest.raises(UsageError, match="without its run"):
            open_run(name)
    with pytest.raises(RunError, match="no run"):
        open_run("nowhere")


def test_runs_are_compared_on_one_page(trained, train_run, tmp_path, no_test_images):
    other = train_run("other", network="softmax")
    written = write_comparison([str(trained.folder), str(other.folder)], tmp_path / "comparison.html")
    page = read_page(written.file)
    assert written.part == "validation"
    titles = [each.text for each in page.all("h2")]
    assert titles[:4] == [
        "Accuracy",
        "Can the difference be chance?",
        "How the trainings went",
        "Settings that differ",
    ]
    assert sum(each.name == "h1" for each in page.elements) == 1
    assert "network" in page.text
    rows = [each.text for each in page.all("th") if each.attributes["scope"] == "row"]
    assert {"small", "other"} <= set(rows)
    assert all(each.attributes["alt"] for each in page.all("img"))
    assert not list(page.all("script"))


def test_runs_of_other_data_are_not_compared(trained, train_run, small_data, tmp_path):
    other = train_run("other", "mnist", network="softmax", recipe=Recipe(epochs=1))
    with pytest.raises(DataError):
        write_comparison([str(trained.folder), str(other.folder)], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_right_and_a_wrong_picture_of_one_label_are_looked_into():
    images = ImageSet(np.zeros((5, 4, 4, 1), np.uint8), np.array([0, 0, 0, 1, 1]), ("a", "b"))
    shares = np.array([0.6, 0.9, 0.2, 0.05, 0.3])  # of a: image 2 is wrong, 3 the surest right one of all
    answered = Answered(
        part="validation",
        source="train",
        numbers=np.arange(5) + 10,
        images=images,
        probabilities=np.stack([shares, 1 - shares], axis=1),
        error_analysis=analyze_errors(np.stack([shares, 1 - shares], axis=1), images.labels),
    )
    right, wrong = pair(answered)
    assert (right.name, right.label, right.right) == ("train 11", "a", True)
    assert (wrong.name, wrong.label, wrong.answer) == ("train 12", "a", "b")
    assert wrong.label_probability == pytest.approx(0.2)
