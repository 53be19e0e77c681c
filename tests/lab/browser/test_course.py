"""The Course tab in a browser: the notes' figures, a training that is begun there, and the pages to read."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from imagelet.course.lessons import page_names, read_page, trainings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Page]


def test_every_training_shows_the_notes_figure(visit: Visit) -> None:
    page = visit("course")
    for training in trainings():
        lesson = page.locator(f"[data-lesson='{training.name}']")
        printed = training.printed[0]
        share = (
            f"about {100 * printed.accuracy:.0f} %" if printed.rough else f"{100 * printed.accuracy:.2f} %"
        )
        expect(lesson.locator("dd").first).to_have_text(share)
        expect(lesson).to_contain_text(f"{training.parameters:,} parameters")
        expect(lesson.get_by_role("link", name="The network")).to_have_attribute(
            "href", f"#/network?network={training.network}"
        )
    expect(page.locator(".lesson")).to_have_count(len(trainings()) + 1)  # the last is for own digits


def test_every_training_has_korean_words(visit: Visit) -> None:
    page = visit("course?lang=ko")
    titles = page.locator(".lesson h2 span")
    expect(titles).to_have_count(len(trainings()) + 1)
    assert all(re.search("[가-힣]", title) for title in titles.all_inner_texts())


@pytest.mark.parametrize("place", ["course", "course?page=mlp-512"])
def test_a_training_is_begun(visit: Visit, place: str) -> None:
    page = visit(place)
    sent = []

    def answer(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        sent.append(json.loads(route.request.post_data or ""))
        return route.fulfill(status=200, content_type="application/json", body="{}")

    page.route("**/api/jobs", answer)
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.get_by_role("button", name="Start: mlp-512").click()
    assert sent == [{"course": "mlp-512"}]


@pytest.mark.parametrize("place", ["course", "course?page=cnn-3"])
def test_what_was_reached_stands_beside_the_notes(visit: Visit, place: str) -> None:
    page = visit(place)
    lesson = {
        **{
            "id": "cnn-3",
            "title": "cnn-3",
            "note": "",
            "network": "cnn-3",
            "dataset": "mnist",
            "parameters": 356_234,
        },
        **{
            "part": "test",
            "expected": 0.991,
            "rough": False,
            "reached": 0.9915,
            "interval": [0.9895, 0.9931],
        },
        **{
            "images": 10_000,
            "seconds": 75.0,
            "notes_seconds": 1300,
            "state": "finished",
            "run": "course/cnn-3",
        },
        **{"job": None, "command": ""},
    }
    told = {"status": 200, "content_type": "application/json", "body": json.dumps([lesson])}
    page.route("**/api/course", lambda route: route.fulfill(**told))
    page.reload()
    shown = page.locator("[data-lesson=cnn-3]")
    expect(shown.locator("dd").nth(1)).to_have_text("99.15 %")
    expect(shown).to_contain_text("95 %: 98.95 % to 99.31 %")
    expect(shown).to_contain_text("The notes’ figure lies within the interval.")
    expect(shown.get_by_role("link", name="Open the run")).to_have_attribute(
        "href", "#/runs?open=course%2Fcnn-3"
    )
    if place == "course":
        expect(page.get_by_text("1 of 1 experiment done")).to_be_visible()


def test_every_page_is_opened_from_the_list(visit: Visit) -> None:
    page = visit("course")
    for name in page_names():
        link = page.locator(f".course-list a[href='#/course?page={name}']")
        expect(link).to_have_count(1)


def test_a_page_is_opened_read_and_left(visit: Visit) -> None:
    page = visit("course")
    page.get_by_role("link", name="cnn-3 three convolutions").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("cnn-3: three convolutions")
    expect(heading).to_be_focused()
    expect(page).to_have_title("cnn-3: three convolutions · Course · imagelet lab")
    expect(page.locator(".experiment dd").first).to_have_text("99.10 %")
    page.get_by_role("button", name="Dark page").click()
    expect(page).to_have_title("cnn-3: three convolutions · Course · imagelet lab")
    page.evaluate("scrollTo(0, 2000)")
    page.get_by_role("link", name="Next basic-cnn").click()
    expect(heading).to_have_text("basic-cnn: one epoch, step by step")
    expect(heading).to_be_focused()
    assert page.evaluate("scrollY") == 0
    page.go_back()
    expect(heading).to_have_text("cnn-3: three convolutions")
    page.get_by_role("link", name="← The course").click()
    expect(heading).to_have_text("The course")
    expect(page).to_have_title("Course · imagelet lab")
    expect(page.get_by_role("link", name="cnn-3 three convolutions")).to_be_focused()


def test_a_page_stays_when_it_is_loaded_again_and_in_the_other_language(visit: Visit) -> None:
    page = visit("course?page=layers")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(read_page("layers").title)
    page.get_by_role("button", name="한국어").click()
    expect(heading).to_have_text(read_page("layers", "ko").title)
    expect(page.get_by_role("button", name="English")).to_be_focused()
    page.reload()
    expect(heading).to_have_text(read_page("layers", "ko").title)
    page.get_by_role("link", name="이전").click()
    expect(heading).to_have_text(read_page("pictures", "ko").title)
    assert "lang=ko" in page.url


def test_links_in_a_page_lead_to_pages_and_its_contents_to_its_parts(visit: Visit) -> None:
    page = visit("course?page=cnn-3")
    contents = page.get_by_role("navigation", name="Contents")
    for _ in range(2):  # the second time the address stays as it is
        contents.get_by_role("link", name="Change one thing").click()
        expect(page.locator("#at-change-one-thing")).to_be_in_viewport()
        expect(page.locator("#at-change-one-thing")).to_be_focused()
        expect(contents.locator("[aria-current]")).to_have_text("Change one thing")
        page.evaluate("scrollTo(0, 0)")
    page.reload()
    expect(page.locator("#at-change-one-thing")).to_be_in_viewport()
    page.evaluate("scrollTo(0, 0)")
    page.locator(".reading-text").get_by_role("link", name="cnn-1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(read_page("cnn-1").title)


def test_commands_tables_and_formulas_are_more_than_text(visit: Visit) -> None:
    page = visit("course?page=cnn-3")
    expect(page.locator(".reading-text .command").first).to_contain_text("imagelet course cnn-3")
    expect(page.locator(".reading-text .command", has_text="average_pool")).to_have_count(1)  # in three lines
    expect(page.locator(".reading-text td.number").first).to_have_css("text-align", "right")
    assert page.locator("math[display=block]").count() == 2
    answer = page.locator("details").first
    expect(answer.locator("p")).to_be_hidden()
    answer.get_by_text("Answer").click()
    expect(answer.locator("p")).to_be_visible()


def test_an_unknown_page_suggests_one_and_leads_back(visit: Visit) -> None:
    page = visit("course?page=cnn3", refused="/api/course/pages/cnn3")
    expect(page.get_by_role("alert")).to_contain_text("unknown page of the course 'cnn3'")
    page.get_by_role("link", name="cnn-3", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(read_page("cnn-3").title)


@pytest.mark.parametrize(
    ("name", "dark", "width", "language"),
    [
        ("README", False, 1280, "en"),
        ("cnn-3", False, 1280, "en"),
        ("layers", True, 390, "ko"),
        ("own-digits", True, 390, "ko"),
        ("deep-cnn", False, 390, "en"),
    ],
)
def test_everyone_can_read_a_page(
    visit: Visit, check_access: Callable[[Page], None], name: str, dark: bool, width: int, language: str
) -> None:
    page = visit(f"course?page={name}&lang={language}", dark=dark, width=width)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    check_access(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_moves_while_a_page_loads(visit: Visit) -> None:
    page = visit("course")
    page.add_init_script(
        "window.moved = 0;"
        "new PerformanceObserver(list => list.getEntries().forEach(each => moved += each.value))"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    page.goto(page.url.partition("#")[0] + "#/course?page=cnn-3")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(read_page("cnn-3").title)
    page.wait_for_timeout(500)
    assert page.evaluate("moved") == 0
