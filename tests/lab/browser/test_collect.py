"""The Collect tab: classes named, pictures gathered in every way, trained on, and tried."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers import drawing, png_file
from tools import chromium

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Page]
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
TRAINED = 240_000  # milliseconds; the process that trains starts first
LINE = [(0.5, 0.2), (0.5, 0.8)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium with a camera that shows a test pattern, and that nobody is asked about."""
    path = chromium.found()
    if path is None:
        pytest.skip(chromium.NONE_FOUND)
    with chromium.started(path, *FAKE_CAMERA) as running:
        yield running


def begin(page: Page, name: str, classes: str = "line, corner") -> None:
    """Make a collection on the page."""
    if page.get_by_role("button", name="New collection …").count():
        page.get_by_role("button", name="New collection …").click()
    page.get_by_label("Classes, separated by commas").fill(classes)
    page.get_by_label("Name of the collection").fill(name)
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".class")).to_have_count(len(classes.split(",")))


def pictures(page: Page, label: str) -> int:
    """Return how many pictures a class has by its heading."""
    return int(
        page.locator(".class", has=page.get_by_role("heading", name=label))
        .locator(".class-count")
        .inner_text()
    )


def files(count: int, first: int = 40) -> list[dict]:
    """Return picture files as a person chooses them."""
    return [
        {"name": f"{side}.png", "mimeType": "image/png", "buffer": png_file(drawing(side))}
        for side in range(first, first + count)
    ]


def choose(page: Page, label: str) -> None:
    page.get_by_role("group", name="The next pictures show").get_by_role(
        "radio", name=label, exact=True
    ).check()


def test_classes_are_named_drawn_looked_through_and_undone(
    visit: Visit, lab_folder: Path, check_access: Callable[..., None]
) -> None:
    page = visit("collect")
    begin(page, "drawn")
    assert "collection=drawn" in page.url
    choose(page, "line")
    chromium.draw(page, LINE)
    page.get_by_role("button", name="Add: line").click()
    expect(page.locator(".notes")).to_have_text("Added to line: 1.")
    expect(page.locator(".advice")).to_contain_text("corner has 0 pictures")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()
    (kept,) = (lab_folder / "collections" / "drawn" / "line").iterdir()
    assert re.fullmatch(r"drawing-[0-9a-f]{12}\.png", kept.name)
    assert str(kept.parent.parent) in page.locator(".place code").inner_text()
    page.locator(".thumbs button").click()
    page.get_by_label("Class to move to").select_option("corner")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.locator(".gallery")).to_contain_text("Undo: 1 moved")
    assert (pictures(page, "line"), pictures(page, "corner")) == (0, 1)
    check_access(page)
    page.locator(".thumbs button").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".thumbs button")).to_have_count(0)
    page.get_by_role("button", name="Undo: 1 deleted").click()
    expect(page.locator(".thumbs button")).to_have_count(1)
    page.get_by_role("button", name="Undo: 1 moved").click()
    expect(page.get_by_role("button", name="Undo: 1 added")).to_be_visible()
    assert (pictures(page, "line"), pictures(page, "corner")) == (1, 0)
    page.get_by_role("button", name="Undo: 1 added").click()
    expect(page.locator(".thumbs button")).to_have_count(0)
    assert not kept.exists()


def test_the_camera_takes_one_and_a_burst_after_a_count_down(visit: Visit, lab_folder: Path) -> None:
    page = visit("collect")
    begin(page, "filmed", "pattern, other")
    page.locator(".gather").get_by_role("radio", name="Camera").check()
    expect(page.locator(".gather video")).to_have_js_property("readyState", 4)
    choose(page, "pattern")
    page.get_by_role("button", name="Take: pattern").click()
    expect(page.locator(".notes")).to_contain_text("Added to pattern: 1.")
    page.get_by_label("Timer").select_option("3")
    page.get_by_role("button", name="Burst of 10").click()
    expect(page.locator(".count-down")).to_have_text("3")
    expect(page.locator(".notes")).to_contain_text("Added to pattern")
    taken = sorted(path.name for path in (lab_folder / "collections" / "filmed" / "pattern").iterdir())
    assert len(taken) > 2
    bursts = {match[1] for name in taken if (match := re.match(r"camera-(\d{15})-", name))}
    assert len(bursts) == 1


def test_files_and_folders_find_their_classes(visit: Visit, tmp_path: Path) -> None:
    page = visit("collect")
    begin(page, "chosen")
    page.locator(".gather").get_by_role("radio", name="Files").check()
    choose(page, "corner")
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.locator("input[type=file]").first.set_input_files([*files(20), broken])
    expect(page.locator(".notes")).to_contain_text("Added: 20. Could not be read: 1.")
    for label in ("Line", "arc"):
        (tmp_path / "shapes" / label).mkdir(parents=True)
        for side in (70, 71) if label == "arc" else (40, 80):
            (tmp_path / "shapes" / label / f"{side}.png").write_bytes(png_file(drawing(side)))
    (tmp_path / "shapes" / "arc" / "notes.txt").write_text("none")
    page.locator("input[webkitdirectory]").set_input_files(tmp_path / "shapes")
    expect(page.locator(".notes")).to_contain_text("Added: 3. There already: 1.")
    expect(page.locator(".notes")).to_contain_text("Left out")
    assert [pictures(page, label) for label in ("arc", "corner", "line")] == [2, 20, 1]


def test_a_picture_is_pasted_or_dropped(visit: Visit) -> None:
    page = visit("collect")
    begin(page, "dropped")
    choose(page, "line")
    for kind, side in (("paste", 50), ("drop", 60)):
        page.evaluate(
            """async ([kind, letters]) => {
                const data = new DataTransfer();
                const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
                data.items.add(new File([bytes], "a.png", { type: "image/png" }));
                const event = kind === "paste"
                  ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
                  : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
                document.body.dispatchEvent(event);
            }""",
            [kind, png_in_letters(side)],
        )
        expect(page.locator(".thumbs button")).to_have_count(1 if kind == "paste" else 2)


def png_in_letters(side: int) -> str:
    from tests.servers import png

    return png(drawing(side))


def test_from_pictures_to_a_classifier_that_is_tried(visit: Visit, check_access: Callable[..., None]) -> None:
    page = visit("collect")
    begin(page, "whole")
    page.locator(".gather").get_by_role("radio", name="Files").check()
    for label, first in (("line", 40), ("corner", 90)):
        choose(page, label)
        page.locator("input[type=file]").first.set_input_files(files(6, first))
        expect(page.locator(".notes")).to_contain_text("Added: 6.")
        page.wait_for_timeout(100)
    page.get_by_label("Starts from").select_option("mnist")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator(".training-progress")).not_to_be_empty()
    expect(page.locator(".test-result")).to_contain_text("test pictures right", timeout=TRAINED)
    expect(page.locator(".test-result")).to_contain_text("the interval is wide")
    tried = page.locator(".trying")
    tried.get_by_role("radio", name="Camera").check()
    expect(tried.locator(".verdict strong")).to_have_text(re.compile("line|corner"))
    expect(tried.locator(".bars li")).to_have_count(2)
    expect(tried.locator(".rate")).to_contain_text("answers a second")
    check_access(page)
    page.reload()
    expect(page.locator(".test-result")).to_contain_text("test pictures right")


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_everyone_can_use_it(
    visit: Visit, check_access: Callable[..., None], language: str, width: int
) -> None:
    page = visit(f"collect?lang={language}", width=width)
    name = f"{language} {width}"
    if not page.locator(".beginning").count():
        page.locator(".collection-bar button").first.click()
    page.locator(".beginning input").first.fill("rose, a class with a rather long name, 튤립")
    page.locator(".beginning input").last.fill(name)
    check_access(page)
    page.locator(".beginning .primary").click()
    expect(page.locator(".class")).to_have_count(3)
    for kind in ("camera", "drawing", "file"):
        page.locator(f".gather input[value={kind}]").first.check(force=True)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        check_access(page)
