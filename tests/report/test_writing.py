import json
import shutil
import sys

import numpy as np
import pytest

from imagelet.analysis.error_analysis import review
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.errors import DataError, RunError, UsageError
from imagelet.report import open_run, write_comparison, write_report, writing
from imagelet.report.answers import Answered, pair
from imagelet.training.recipe import Recipe
from tests.report.conftest import HOSTILE
from tests.report.pages import Page, read_page


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
    monkeypatch.setattr(writing, "insights", lambda *_: ())


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
        *("How far to trust its probabilities", "The surest mistakes", "Labels to look at", "Right answers"),
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
    metrics["validation"]["classes"][3]["label"] = name
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
        review=review(np.stack([shares, 1 - shares], axis=1), images.labels),
    )
    right, wrong = pair(answered)
    assert (right.name, right.label, right.right) == ("train 11", "a", True)
    assert (wrong.name, wrong.label, wrong.answer) == ("train 12", "a", "b")
    assert wrong.label_probability == pytest.approx(0.2)
