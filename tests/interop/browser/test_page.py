"""The page of a classifier in a browser without a network: drawn on, photographed, in both languages."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
from playwright.sync_api import Browser, Page, expect

import imagelet
from imagelet.classifier.classifier import Classifier
from imagelet.interop.page import page_html, page_script
from imagelet.networks import build
from imagelet.runs.learner import find_learner
from tests.interop.test_onnx import classifier_of
from tests.interop.test_page_framing import drawing

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE = 20_000  # milliseconds
SEVEN = [(0.3, 0.25), (0.5, 0.25), (0.7, 0.25), (0.58, 0.5), (0.45, 0.8)]
SEEN = """() => {
  const canvas = document.getElementById("seen");
  return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
}"""
NO_CAMERA = "navigator.mediaDevices.getUserMedia = async () => { throw new Error('none'); };"
CAMERA = """
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const context = canvas.getContext("2d");
  const paint = () => { context.fillStyle = "#eee"; context.fillRect(0, 0, 320, 240); };
  setInterval(paint, 30);
  paint();
  window.stream = canvas.captureStream(30);
  return window.stream;
};
"""

Open = Callable[..., Page]


def write_page(classifier: Classifier | str, path: Path) -> Path:
    learner = find_learner(classifier)
    path.write_text(page_html(learner, page_script(learner.load().framing.kind)), "utf-8")
    return path


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of the shipped classifier of digits."""
    return write_page("mnist", tmp_path_factory.mktemp("page") / "mnist.html")


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of an untrained classifier of pictures in colour, of many classes."""
    network = build("conv(4, 3x3, same) relu pool(4) flatten dense(classes) softmax", (16, 16, 3), 30, seed=4)
    return write_page(classifier_of(network), tmp_path_factory.mktemp("page") / "colours.html")


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Return a function that opens a page from its file, without a network; the console stays silent."""
    contexts, problems, asked = [], [], []

    def visit(
        file: Path,
        *,
        width: int = 1280,
        dark: bool = False,
        locale: str = "en-GB",
        place: str = "",
        before: str = "",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme="dark" if dark else "light", locale=locale
        )
        context.set_offline(True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        if before:
            page.add_init_script(before)
        page.goto(f"{file.as_uri()}{place}")
        expect(page.locator("#bars li").first).to_be_attached()
        return page

    yield visit
    for context in contexts:
        context.close()
    assert problems == []
    assert [url[:80] for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len([url for url in asked if url.startswith("file:")]) == len(contexts)


def draw(page: Page, *strokes: Sequence[tuple[float, float]]) -> None:
    """Draw strokes, in fractions of the sheet's side, with the mouse, and wait for the answer."""
    box = page.locator("#pad").bounding_box()
    assert box is not None
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=6)
        page.mouse.up()
    expect(page.locator("#spoken")).not_to_be_empty()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
def test_everyone_can_use_it_on_a_telephone(
    digits: Path, visit: Open, check_access: Callable[..., None], locale: str, dark: bool
) -> None:
    page = visit(digits, width=390, dark=dark, locale=locale)
    check_access(page)
    draw(page, SEVEN)
    check_access(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("html")).to_have_attribute("lang", locale[:2])


def test_a_drawing_is_answered(digits: Path, visit: Open) -> None:
    page = visit(digits)
    expect(page.locator("#predicted")).to_have_text("No picture yet")
    expect(page.locator("#inside")).to_be_hidden()
    draw(page, SEVEN)
    expect(page.locator("#predicted")).to_have_text("7")
    expect(page.locator("#surety")).to_have_text("sure")
    expect(page.locator("#bars .best")).to_contain_text(re.compile(r"7.*9\d\.\d %"))
    expect(page.locator("#spoken")).to_contain_text("Predicted: 7")
    names = page.locator("#layers strong").all_inner_texts()
    assert names[0] == "conv1"
    assert names[-1] == "dense1"
    assert len(set(page.evaluate(f"({SEEN})()")[::4])) > 10  # greys
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#predicted")).to_have_text("No picture yet")


def test_it_is_drawn_on_with_the_keyboard(digits: Path, visit: Open) -> None:
    page = visit(digits)
    page.locator("#pad").focus()
    for _ in range(9):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(18):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator("#spoken")).not_to_be_empty()
    expect(page.locator("#predicted")).to_have_text("1")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#predicted")).to_have_text("No picture yet")


def test_a_picture_is_seen_as_imagelet_sees_it(digits: Path, visit: Open, tmp_path: Path) -> None:
    pixels = drawing("2", side=420)
    Image.fromarray(pixels).save(tmp_path / "two.png")
    page = visit(digits)
    page.locator("#file").set_input_files(tmp_path / "two.png")
    expect(page.locator("#spoken")).not_to_be_empty()
    (expected,) = imagelet.load("mnist").predict(tmp_path / "two.png")
    seen = np.array(page.evaluate(f"({SEEN})()")).reshape(28, 28, 4)[:, :, :1]
    assert np.array_equal(seen, expected.framed_input)
    expect(page.locator("#predicted")).to_have_text(expected.predicted)


def test_a_transparent_drawing_lies_on_paper(digits: Path, visit: Open, tmp_path: Path) -> None:
    ink = 255 - drawing("7", side=300, mode="L", paper=255, ink=0)
    sheet = np.concatenate([np.zeros((300, 300, 3), np.uint8), ink], axis=2)
    Image.fromarray(sheet, "RGBA").save(tmp_path / "seven.png")
    page = visit(digits)
    page.locator("#file").set_input_files(tmp_path / "seven.png")
    expect(page.locator("#predicted")).to_have_text("7")


def test_what_is_no_picture_gets_a_sentence(digits: Path, visit: Open, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    page = visit(digits)
    page.locator("#file").set_input_files(tmp_path / "notes.png")
    expect(page.locator("#problem")).to_contain_text("cannot show this file")
    draw(page, SEVEN)
    expect(page.locator("#problem")).to_be_empty()


def test_a_photograph_is_taken_and_the_camera_let_go(colours: Path, visit: Open) -> None:
    page = visit(colours, before=CAMERA)
    page.get_by_role("button", name="Camera").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator("#video")).to_have_js_property("videoWidth", 320)
    page.get_by_role("button", name="Take the picture").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#spoken")).not_to_be_empty()
    assert page.evaluate("window.stream.getTracks().every((track) => track.readyState === 'ended')")
    expect(page.locator("#bars li")).to_have_count(10)  # of 30 classes the most probable
    expect(page.locator("#reasons")).to_contain_text("all one colour")


def test_without_a_camera_a_sentence_says_so(colours: Path, visit: Open) -> None:
    page = visit(colours, locale="ko-KR", before=NO_CAMERA)
    page.get_by_role("button", name="카메라").click()
    expect(page.locator("#problem")).to_contain_text("카메라를 쓸 수 없어요")


def test_where_pictures_are_known_the_camera_comes_first(digits: Path, colours: Path, visit: Open) -> None:
    for file, first in ((digits, "pad"), (colours, "photograph")):
        page = visit(file)
        order = page.evaluate(
            "[...document.querySelectorAll('#pad, #photograph')].map((element) => element.id)"
        )
        assert order[0] == first


def test_the_language_is_switched_with_all_that_is_shown(digits: Path, visit: Open) -> None:
    page = visit(digits, place="#ko")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    draw(page, SEVEN)
    expect(page.locator("#surety")).to_have_text("확실함")
    expect(page.locator("#card dl:visible")).to_contain_text("검증 정확도")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#surety")).to_have_text("sure")
    expect(page.locator("#card dl:visible")).to_contain_text("validation accuracy")
    expect(page.get_by_role("button", name="한국어")).to_be_visible()
