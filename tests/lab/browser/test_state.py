"""One state: what is shown belongs to the picture and the classifier on the screen, or is greyed, or gone."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.lab.browser.conftest import MortalLab
from tools.chromium import draw

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SEVEN = [(0.28, 0.25), (0.72, 0.25), (0.45, 0.8)]
ONE = [(0.5, 0.2), (0.5, 0.8)]
PARTS = (".answer", ".evidence", ".strip")
ANYTHING = "."  # a server that is killed answers nothing
PAINTED = """canvas => {
  const sheet = new OffscreenCanvas(canvas.width, canvas.height);
  const copy = sheet.getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return copy.getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean);
}"""
TABS = ("layers", "network", "train", "runs", "course")
Visit = Callable[..., Page]


def answered(page: Page, label: str) -> None:
    """Wait until everything shown belongs to the drawing, whose answer is ``label``."""
    expect(page.locator(".verdict strong")).to_have_text(label)
    expect(page.locator(".evidence-class")).to_contain_text(f"{label}")
    expect(page.locator(".strip button").first).to_be_visible()
    expect(page.locator(".stale")).to_have_count(0)


def gone(page: Page) -> None:
    """Check that neither evidence nor layers are shown, and nothing can be said of the picture."""
    assert not any(canvas.evaluate(PAINTED) for canvas in page.locator(".evidence canvas").all())
    expect(page.locator(".evidence-class")).to_have_text("")
    expect(page.locator(".strip")).to_be_hidden()
    expect(page.locator("#layer-name")).to_have_count(0)
    assert all(button.is_disabled() for button in page.locator(".labels button").all())


def give(page: Page, content: bytes, name: str = "picture.png") -> None:
    page.locator("#draw-file").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


class Held:
    """Requests that are held back until they are released."""

    def __init__(self, page: Page, paths: str) -> None:
        self.routes: list[Route] = []
        self._holds = True
        page.route(re.compile(paths), self._take)

    def _take(self, route: Route) -> None:
        if self._holds:
            self.routes.append(route)
        else:
            route.continue_()

    def release(self) -> None:
        """Let them go, and all that come later."""
        self._holds = False
        for route in self.routes:
            route.continue_()


def test_a_refused_file_leaves_nothing_of_the_picture_before(visit: Visit) -> None:
    page = visit("draw?layer=conv1", refused="/api/(predict|explain|samples|picture)")
    draw(page, SEVEN)
    answered(page, "7")
    give(page, b"no picture")
    expect(page.locator(".alarm [role=alert]")).to_contain_text("picture")
    expect(page.locator(".verdict")).to_have_text("No answer")
    expect(page.locator(".surety")).to_have_text("")
    gone(page)
    page.get_by_role("button", name="Undo").click()
    answered(page, "7")
    expect(page.locator(".alarm")).to_have_text("")
    expect(page.get_by_role("button", name="This is: 7")).to_be_enabled()


def test_an_empty_file_is_called_so_and_changes_nothing(visit: Visit) -> None:
    page = visit()
    draw(page, SEVEN)
    answered(page, "7")
    give(page, b"", "nothing.png")
    expect(page.locator(".draw-sheet")).to_contain_text("nothing.png is empty")
    answered(page, "7")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_drawing_that_nobody_answers_is_not_answered(
    visit: Visit, mortal_lab: MortalLab, language: str, check_access: Callable[..., None]
) -> None:
    page = visit(f"draw?lang={language}", address=mortal_lab.address, refused=ANYTHING)
    draw(page, SEVEN)
    answered(page, "7")
    said = page.locator("main .error").all_inner_texts()  # test images that are not on this computer
    mortal_lab.kill()
    draw(page, [(0.3, 0.9), (0.7, 0.9)])
    for part in PARTS:
        expect(page.locator(part)).to_have_class(re.compile("stale"))
    before = {"en": "of the picture before", "ko": "앞 그림의 답"}[language]
    expect(page.locator(".surety")).to_have_text(before)
    expect(page.locator("#banner [role=alert]")).to_have_count(1)
    expect(page.locator("main .error")).to_have_text(said)  # it is said once, in the banner
    check_access(page)
    page.get_by_role("button", name={"en": "Clear", "ko": "모두 지우기"}[language]).click()
    draw(page, ONE)
    expect(page.locator(".verdict")).to_have_text({"en": "Reading it …", "ko": "읽고 있어요 …"}[language])
    gone(page)
    mortal_lab.revive()
    answered(page, "1")
    expect(page.locator("#banner")).to_be_empty()


def test_the_banner_counts_down_and_a_click_tries_at_once(visit: Visit, mortal_lab: MortalLab) -> None:
    page = visit(address=mortal_lab.address, refused=ANYTHING)
    draw(page, SEVEN)
    answered(page, "7")
    mortal_lab.kill()
    draw(page, ONE)
    waits = page.locator("#banner .hint")
    expect(waits).to_have_text(re.compile(r"Next try in [2-9]+ s\."), timeout=30_000)
    first = waits.inner_text()
    expect(waits).not_to_have_text(first)
    tried: list[str] = []
    page.on("request", lambda request: tried.append(request.method))
    page.get_by_role("button", name="Try now").click()
    expect(page.locator("#banner")).to_contain_text("Next try in")
    assert "HEAD" in tried


def test_tabs_that_were_never_opened_open_once_the_server_is_back(
    visit: Visit, mortal_lab: MortalLab
) -> None:
    pages = {tab: visit(address=mortal_lab.address, refused=ANYTHING) for tab in TABS}
    for page in pages.values():
        page.wait_for_load_state("networkidle")
    mortal_lab.kill()
    for tab, page in pages.items():
        page.locator(f"#tabs a[href^='#/{tab}']").click()
        expect(page.locator("#tabs [aria-current]")).to_have_attribute("href", re.compile(f"#/{tab}"))
        expect(page.locator(f"main section.tab-{tab}")).to_have_text(
            "This part opens as soon as the lab answers."
        )
        expect(page.locator("#banner [role=alert]")).to_have_count(1)
        expect(page.locator("main .error")).to_have_count(0)
        page.get_by_role("button", name="한국어").click()  # whose texts were not shown before, either
        expect(page.locator("#banner [role=alert]")).to_have_count(1)
        expect(page.locator("html")).to_have_attribute("lang", "ko")
    mortal_lab.revive()
    for tab, page in pages.items():
        inside = page.locator(f"main section.tab-{tab}")
        expect(inside.locator("button, a, input").first).to_be_visible()
        expect(page.locator("#banner")).to_be_empty()


def test_another_classifier_shows_nothing_of_the_one_before(visit: Visit) -> None:
    page = visit()
    draw(page, SEVEN)
    answered(page, "7")
    held = Held(page, "/api/(predict|explain)")
    page.get_by_label("Classifier").select_option("fashion-mnist")
    expect(page.locator(".bars .class").first).to_contain_text(re.compile("[a-z]", re.I))
    expect(page.locator(".verdict")).to_have_text("Reading it …")
    gone(page)
    held.release()
    expect(page.locator(".verdict strong")).not_to_be_empty()
    expect(page.locator(".strip button").first).to_be_visible()


def test_an_explanation_that_is_late_is_not_shown_for_another_drawing(visit: Visit) -> None:
    page = visit()
    held = Held(page, "/api/explain")
    draw(page, SEVEN)
    expect(page.locator(".verdict strong")).to_have_text("7")
    page.wait_for_timeout(400)
    assert len(held.routes) == 1
    page.get_by_role("button", name="Clear").click()
    draw(page, ONE)
    held.routes.pop().continue_()
    expect(page.locator(".verdict strong")).to_have_text("1")
    page.wait_for_timeout(500)
    expect(page.locator(".evidence-class")).not_to_contain_text("For 7")
    held.release()
    answered(page, "1")


def warned(route: Route) -> None:
    """Let the answer be sure and have a warning."""
    answer = route.fetch()
    content: dict[str, Any] = answer.json()
    prediction = content["prediction"] if "prediction" in content else content["predictions"][0]
    prediction.update(sure=True, warnings=["there is a second digit in the picture"])
    route.fulfill(response=answer, json=content)


def test_nothing_is_called_sure_beside_a_warning(visit: Visit, check_access: Callable[..., None]) -> None:
    page = visit()
    page.route(re.compile("/api/(predict|explain)"), warned)
    draw(page, SEVEN)
    expect(page.locator(".answer .warnings")).to_contain_text("a second digit")
    expect(page.locator(".surety")).not_to_have_text("sure")
    expect(page.locator(".surety")).to_have_class("surety unsure")
    expect(page.locator(".answer [aria-live]")).to_contain_text("Unsure")
    check_access(page)


def test_hints_for_a_terminal_or_a_program_do_not_reach_the_page(visit: Visit) -> None:
    page = visit("draw?run=nothing&evidence=magic", refused="/api/")
    notice = page.locator(".draw-answer [role=status]")
    expect(notice).to_contain_text("run=nothing")
    expect(notice).to_contain_text("evidence=magic")
    page.goto(f"{page.url.partition('#')[0]}#/runs?open=nothing")
    expect(page.locator("main [role=alert]")).to_contain_text("nothing")
    expect(page.locator("main [role=alert]")).not_to_contain_text("/api")


def test_a_portrait_photo_is_whole_under_its_evidence(visit: Visit) -> None:
    page = visit()
    photo = Image.new("RGB", (300, 900), (250, 248, 240))
    photo.paste((20, 20, 60), (130, 300, 165, 620))
    file = io.BytesIO()
    photo.save(file, "PNG")
    give(page, file.getvalue())
    expect(page.locator(".evidence-class")).to_contain_text("For ")
    expect(page.locator(".evidence figure").nth(1)).to_be_visible()
    laid = page.locator(".evidence .laid").nth(1)
    for canvas in laid.locator("canvas").all():
        box, frame = canvas.bounding_box(), laid.bounding_box()
        assert box is not None
        assert frame is not None
        assert box["y"] >= frame["y"] - 1
        assert box["y"] + box["height"] <= frame["y"] + frame["height"] + 1
        assert canvas.evaluate("canvas => getComputedStyle(canvas).objectFit") == "contain"
