"""A class in the browser: the teacher asks, a pupil writes on a telephone, the result appears by itself."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OPENING = """
import sys
from pathlib import Path
from imagelet.cli.lab import lab
lab(port=0, no_browser=True, runs=Path(sys.argv[1]), for_class=True)
"""
LINK = re.compile(r"(http://\S+?)/\?token=([\w-]+)")
PATIENCE = 20_000  # milliseconds
TELEPHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Open a lab for a class; return the teacher's link and the pupils'."""
    command = [sys.executable, "-u", "-c", OPENING, str(tmp_path_factory.mktemp("class") / "runs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as lab:
        assert lab.stdout is not None
        found: list[str] = []
        try:
            for line in lab.stdout:
                if match := LINK.search(line):
                    port = match[1].rsplit(":", 1)[1]
                    found.append(f"http://127.0.0.1:{port}/?token={match[2]}")
                if len(found) == 2:
                    yield found[0], found[1]
                    return
            pytest.fail("the lab did not open")
        finally:
            lab.terminate()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a link in a browser of its own; no page may have said an error."""
    opened: list[Any] = []
    problems: list[str] = []

    def visit(link: str, size: dict[str, int], language: str = "en-GB") -> Page:
        def heard(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and "/api/samples" not in message.location.get("url", ""):
                problems.append(f"{message.text} ({message.location})")

        opened.append(browser.new_context(viewport=size, locale=language, reduced_motion="reduce"))
        page = opened[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", heard)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(link)
        expect(page.locator("main section.tab > *").first).to_be_attached(timeout=PATIENCE)
        return page

    yield visit
    for context in opened:
        context.close()
    assert problems == []


def draw_seven(page: Page) -> None:
    box = page.locator("canvas.pad").bounding_box()
    assert box is not None
    places = [(0.3, 0.2), (0.72, 0.2), (0.45, 0.85)]
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=6)
    page.mouse.up()


def test_a_class_writes_and_the_teacher_sees_it(
    links: tuple[str, str], visit: Callable[..., Page], check_access: Callable[..., None], tmp_path: Path
) -> None:
    teacher = visit(links[0] + "#/class", DESK)
    expect(teacher.locator(".qr")).to_be_visible()
    expect(teacher.locator(".class-link code")).to_have_text(re.compile(r"\?token="))
    pupil = visit(links[1], TELEPHONE)
    expect(pupil.locator("#tabs a")).to_have_text(["Draw", "Layers", "Network", "Course", "Write"])
    pupil.locator("#tabs a", has_text="Write").click()
    expect(pupil.locator(".write-wait")).to_contain_text("has not asked")

    for label in "012345689":
        teacher.get_by_role("checkbox", name=label, exact=True).uncheck()
    teacher.get_by_role("button", name="Ask the class").click()
    pupil.get_by_label("Your nickname").fill("Mina")  # the page goes on by itself
    pupil.get_by_role("button", name="Join").click()
    expect(pupil.locator(".write-label")).to_have_text("Write: 7")
    check_access(pupil)
    draw_seven(pupil)
    pupil.get_by_role("button", name="Hand in").click()
    expect(pupil.locator(".note")).to_have_text("Mina: 1 of 2")
    pupil.mouse.click(*centre(pupil))  # a dot, which is no 7
    pupil.get_by_role("button", name="Hand in").click()
    expect(pupil.locator(".write-wait")).to_contain_text("That was all")

    expect(teacher.locator(".class-result")).to_contain_text("of 2 read correctly")
    check_access(teacher)
    teacher.get_by_role("button", name="For the projector").click()
    expect(teacher.locator(".class-ask")).to_be_hidden()
    expect(teacher.locator(".class-result")).to_contain_text("Mina" if wrong(teacher) else "read correctly")
    pupil.reload()
    expect(pupil.locator(".write-wait")).to_contain_text("That was all")  # who reloads is still known


def centre(page: Page) -> tuple[float, float]:
    box = page.locator("canvas.pad").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def wrong(page: Page) -> int:
    return page.locator(".class-wall figure").count()


def test_pupils_read_the_course_and_draw_without_what_they_may_not(
    links: tuple[str, str], visit: Callable[..., Page]
) -> None:
    page = visit(links[1] + "#/course", TELEPHONE, "ko-KR")
    expect(page.get_by_role("heading", name="own-digits")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("시작"))).to_have_count(0)
    page = visit(links[1] + "#/draw", TELEPHONE)
    expect(page.locator(".own")).to_have_count(0)
    page = visit(links[1] + "#/train", TELEPHONE)  # there is no such tab for them
    expect(page.locator("#tabs a[aria-current]")).to_have_count(1)
    expect(page.locator(".tab-train")).to_have_count(0)
