"""The Runs tab in a browser: sorted, filtered, compared, opened, deleted and brought back."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest
from playwright.sync_api import Page, expect

from imagelet.experiment.runner import run_experiment
from imagelet.runs.definition import Experiment
from imagelet.runs.run import Run
from imagelet.training.recipe import Recipe

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

LONG = 60_000  # milliseconds
NETWORK = "conv(4, 3x3, same) relu pool(2) flatten dense(classes) softmax"
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def runs(lab_folder: Path, trained_run: Path) -> dict[str, Run]:
    """Put two runs of a network on the digits among the lab's; return them by name."""
    shutil.copytree(trained_run, lab_folder / "two-epochs")
    recipe = Recipe(epochs=1, learning_rate=0.005)
    for _ in run_experiment(
        Experiment(dataset="digits", network=NETWORK, recipe=recipe), name="one-epoch", folder=lab_folder
    ):
        pass
    return {name: Run(lab_folder / name) for name in ("one-epoch", "two-epochs")}


def names(page: Page) -> list[str]:
    """Return the names in the table, of the runs made here, in its order."""
    shown = page.locator(".run-table tbody th").all_inner_texts()
    return [name for name in shown if name.endswith(("-epoch", "-epochs"))]


def test_the_table_is_sorted_by_what_is_clicked(visit: Visit, runs: dict[str, Run]) -> None:
    page = visit("runs")
    head = page.locator("th", has=page.get_by_role("button", name="Epochs"))
    expect(head).to_have_attribute("aria-sort", "none")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    assert names(page) == ["two-epochs", "one-epoch"]
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert names(page) == ["one-epoch", "two-epochs"]
    page.get_by_role("link", name="one-epoch", exact=True).click()
    expect(page.locator(".run-name")).to_have_text("one-epoch")
    page.get_by_role("link", name="All runs").click()
    expect(head).to_have_attribute("aria-sort", "ascending")


def test_the_table_is_filtered_by_words(visit: Visit, runs: dict[str, Run]) -> None:
    page = visit("runs")
    page.get_by_label("Filter").fill("digits TWO-EPOCHS")
    expect(page.locator(".run-table tbody th")).to_have_text([re.compile("two-epochs")])
    expect(page).to_have_url(re.compile("words=digits"))
    page.reload()
    expect(page.get_by_label("Filter")).to_have_value("digits TWO-EPOCHS")
    expect(page.locator(".run-table tbody th")).to_have_text([re.compile("two-epochs")])
    page.get_by_label("Filter").fill("nothing of this name")
    expect(page.get_by_text("No run fits this filter.")).to_be_visible()


def test_the_figures_are_those_of_the_run(visit: Visit, runs: dict[str, Run]) -> None:
    page = visit("runs?open=two-epochs")
    told = runs["two-epochs"].metrics["validation"]
    low, high = told["interval"]
    figure = page.locator(".accuracy").first
    expect(figure.locator(".big")).to_have_text(f"{100 * told['accuracy']:.2f} %")
    expect(figure.locator(".hint")).to_contain_text(f"95 %: {100 * low:.2f} % to {100 * high:.2f} %")
    expect(figure.locator(".hint")).to_contain_text(f"{told['images']} images")
    expect(page.locator(".accuracy.none")).to_contain_text("not evaluated")


def test_a_cell_of_the_confusion_matrix_opens_its_images(visit: Visit, runs: dict[str, Run]) -> None:
    table = runs["two-epochs"].metrics["validation"]["confusion"]
    label, predicted = max(
        ((row, column) for row in range(10) for column in range(10) if row != column),
        key=lambda place: table[place[0]][place[1]],
    )
    page = visit("runs?open=two-epochs")
    first = page.locator("[data-cell='0,0']")
    first.focus()
    for key, times in (("ArrowDown", label), ("ArrowRight", predicted)):
        for _ in range(times):
            page.keyboard.press(key)
    expect(page.locator(f"[data-cell='{label},{predicted}']")).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"Label {label}, predicted {predicted}")
    images = dialog.locator(".cell-gallery a")
    expect(images).to_have_count(table[label][predicted], timeout=LONG)
    assert images.locator("canvas").first.evaluate("(canvas) => [canvas.width, canvas.height]") == [8, 8]
    page.reload()  # the address holds the cell
    expect(images).to_have_count(table[label][predicted], timeout=LONG)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator(f"[data-cell='{label},{predicted}']")).to_be_focused()
    page.go_back()
    expect(dialog).to_be_visible()
    images.first.click(timeout=LONG)
    expect(page).to_have_url(re.compile(r"#/draw\?run=two-epochs&picture=train:\d+"))
    expect(dialog).to_have_count(0)


def test_runs_are_compared_in_words(visit: Visit, runs: dict[str, Run]) -> None:
    page = visit("runs")
    page.get_by_label("Select one-epoch for comparing").check()
    expect(page.get_by_role("button", name="Compare", exact=True)).to_be_disabled()
    page.get_by_label("Select two-epochs for comparing").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    compared = page.locator(".compared")
    better, worse = (runs[name].metrics["validation"]["accuracy"] for name in ("two-epochs", "one-epoch"))
    points = f"{round(100 * (better - worse), 2):.3g}"
    sentence = f"two-epochs is {points} points more accurate than one-epoch."
    expect(compared.locator(".pair-sentence")).to_have_text(sentence, timeout=LONG)
    settings = compared.get_by_role("table", name="Settings that differ").locator("tbody th")
    assert settings.all_inner_texts() == ["Epochs", "Learning rate"]
    expect(compared.locator(".chart polyline, .chart circle")).to_have_count(4)
    page.reload()
    expect(page.locator(".pair-sentence")).to_have_text(sentence, timeout=LONG)


def test_a_deleted_run_is_brought_back(visit: Visit, runs: dict[str, Run]) -> None:
    page = visit("runs")
    page.get_by_role("button", name="Delete one-epoch").click()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    assert names(page) == ["two-epochs"]
    assert not runs["one-epoch"].folder.exists()
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("one-epoch is restored")
    expect(page.get_by_role("link", name="one-epoch", exact=True)).to_be_focused()
    assert sorted(names(page)) == ["one-epoch", "two-epochs"]
    assert runs["one-epoch"].finished


def test_the_toast_waits_for_who_is_at_it_and_later_the_run_is_still_to_be_had(
    visit: Visit, runs: dict[str, Run], check_access: Callable[[Page], None]
) -> None:
    page = visit("runs")
    page.clock.install()
    page.get_by_role("button", name="Delete one-epoch").click()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    page.mouse.move(0, 0)
    page.clock.run_for(60_000)
    expect(undo).to_be_visible()
    page.get_by_label("Filter").focus()
    page.clock.run_for(11_000)
    expect(undo).to_have_count(0)
    page.get_by_text("Deleted: 1").click()
    check_access(page)
    page.get_by_role("button", name="Restore one-epoch").click()
    expect(page.get_by_role("link", name="one-epoch", exact=True)).to_be_focused()
    expect(page.locator(".trash")).to_be_hidden()
    assert runs["one-epoch"].finished


def test_classifier_and_report_are_taken_away(visit: Visit, runs: dict[str, Run]) -> None:
    page = visit("runs?open=two-epochs", accept_downloads=True)
    with page.expect_download(timeout=LONG) as file:
        page.get_by_role("link", name="Download the classifier").click()
    assert file.value.suggested_filename == "two-epochs.safetensors"
    assert Path(file.value.path()).read_bytes() == runs["two-epochs"].classifier_file.read_bytes()
    written = (
        "<!doctype html><title>of two-epochs</title>"  # test_runs.py beside this folder makes a real one
    )
    page.route("**/report", lambda route: route.fulfill(body=written, content_type="text/html"))
    with page.expect_download(timeout=LONG) as file:
        page.get_by_role("button", name="Make the report").click()
    assert file.value.suggested_filename == "two-epochs-report.html"
    assert Path(file.value.path()).read_text(encoding="utf-8") == written


@pytest.fixture(scope="module")
def groups(lab_folder: Path, trained_groups: Path) -> None:
    """Put series and a study among the lab's runs."""
    shutil.copytree(trained_groups, lab_folder, dirs_exist_ok=True)


@pytest.mark.parametrize(("language", "words"), [("en", "2 of 3 seeds"), ("ko", "시드 3개 가운데 2개 끝남")])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_series_is_one_row_that_opens_to_its_runs(
    visit: Visit,
    check_access: Callable[[Page], None],
    groups: None,
    language: str,
    words: str,
    width: int,
) -> None:
    page = visit(f"runs?lang={language}")
    page.set_viewport_size({"width": width, "height": 800})
    row = page.locator("tr.group-row", has_text="digits-softmax-seeds")
    expect(row).to_contain_text(words)
    expect(row).to_contain_text("±")
    expect(page.get_by_role("link", name="digits-softmax-seed1", exact=True)).to_have_count(0)
    row.get_by_role("button").click()
    expect(row.get_by_role("button")).to_be_focused()
    expect(page.locator("tr.part a")).to_have_text(["digits-softmax-seed0", "digits-softmax-seed1"])
    expect(page).to_have_url(re.compile("groups=digits-softmax-seeds"))
    check_access(page)
    page.get_by_role("link", name="digits-softmax-seed1", exact=True).click()
    expect(page.locator(".run-name")).to_have_text("digits-softmax-seed1")
    page.locator(".back").click()
    expect(page.locator("tr.part")).to_have_count(2)
    row.get_by_role("button").click()
    expect(page.locator("tr.part")).to_have_count(0)


@pytest.mark.parametrize(("language", "dark", "width"), [("en", False, 1280), ("ko", True, 390)])
def test_a_study_shows_its_best_trial_its_figures_and_the_recipe(
    visit: Visit, check_access: Callable[[Page], None], groups: None, language: str, dark: bool, width: int
) -> None:
    page = visit(f"runs?lang={language}", dark=dark, accept_downloads=True)
    page.set_viewport_size({"width": width, "height": 800})
    page.get_by_role("link", name="study", exact=True).click()
    expect(page.locator(".run-name")).to_have_text("study")
    expect(page.locator(".study-figures img").first).to_have_js_property("complete", True)
    assert page.locator(".study-figures img").first.evaluate("image => image.naturalWidth") > 0
    expect(page.locator(".study-trials tbody").last.locator("tr")).to_have_count(3)
    check_access(page)
    with page.expect_download(timeout=LONG) as file:
        page.locator(".study-trials a.button").click()
    assert file.value.suggested_filename == "study.toml"
    page.locator(".back").click()
    expect(page.get_by_role("link", name="study", exact=True)).to_be_focused()


@pytest.mark.parametrize(("language", "delete"), [("en", "Delete the search"), ("ko", "탐색 지우기")])
def test_a_deleted_study_is_brought_back(
    visit: Visit, lab_folder: Path, groups: None, language: str, delete: str
) -> None:
    page = visit(f"runs?lang={language}")
    link = page.get_by_role("link", name="study", exact=True)
    link.click()
    page.get_by_role("button", name=delete).click()
    expect(page.locator(".toast button")).to_be_focused()
    expect(page.locator("tr.group-row")).to_have_count(2)
    assert not (lab_folder / "study").exists()
    page.keyboard.press("Enter")
    expect(link).to_be_focused()
    assert (lab_folder / "study" / "study.toml").is_file()
    page.locator("tr", has=link).get_by_role("button").click()
    expect(link).to_have_count(0)
    page.locator(".trash summary").click()
    page.locator(".trash").get_by_role("button").click()
    expect(link).to_be_focused()


def test_a_study_that_is_being_searched_stays(visit: Visit, lab_folder: Path, groups: None) -> None:
    page = visit("runs", refused="/api/studies/study")
    with filelock.FileLock(lab_folder / "study" / ".worker-other.lock"):
        page.get_by_role("button", name="Delete study").click()
        expect(page.locator("main")).to_contain_text("the search 'study' is running")
    expect(page.get_by_role("link", name="study", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("place", "dark"),
    [
        ("runs?open=two-epochs&lang=en", False),
        ("runs?selected=one-epoch,two-epochs&compare=yes&lang=ko", True),
    ],
)
def test_everyone_can_use_what_is_opened(
    visit: Visit, check_access: Callable[[Page], None], runs: dict[str, Run], place: str, dark: bool
) -> None:
    page = visit(place, dark=dark)
    expect(page.locator(".confusion, .pair").first).to_be_visible(timeout=LONG)
    check_access(page)
