"""The Course tab in a browser: the notes' figures, what they teach, and a training that is begun there."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from imagelet.course.lessons import trainings

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


def test_a_training_is_begun(visit: Visit) -> None:
    page = visit("course")
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


def test_what_was_reached_stands_beside_the_notes(visit: Visit) -> None:
    page = visit("course")
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
    expect(page.get_by_text("1 of 1 experiments done")).to_be_visible()
