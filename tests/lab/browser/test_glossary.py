"""Terms of the field in a browser: a tip explains them to pointer, keyboard, finger and screen readers."""

import pytest
from playwright.sync_api import Page, expect

from tests.lab.browser.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def term(page: Page, name: str):
    """Find a term that is explained, by its id in the glossary."""
    return page.locator(f'dfn[data-term="{name}"]').first


def test_a_term_is_explained_on_hover_and_the_tip_can_be_reached(visit: Visit) -> None:
    page = visit("train")
    tip = page.get_by_role("tooltip")
    term(page, "recipe").hover()
    expect(tip).to_contain_text("All that says how to train")
    tip.hover()
    page.wait_for_timeout(400)
    expect(tip).to_be_visible()
    page.get_by_role("heading", level=1).hover()
    expect(tip).to_have_count(0)


def test_a_term_is_explained_to_the_keyboard_until_escape(visit: Visit) -> None:
    page = visit("train?lang=ko")
    term(page, "recipe").focus()
    tip = page.get_by_role("tooltip")
    expect(tip).to_contain_text("어떻게 학습할지")
    expect(term(page, "recipe")).to_have_accessible_description("레시피 " + meaning(page, "recipe"))
    page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    expect(term(page, "recipe")).to_be_focused()


def test_a_tap_on_a_term_in_a_label_does_not_touch_the_input(visit: Visit) -> None:
    page = visit("train", width=390, has_touch=True)
    page.get_by_text("Data split, seed, name").click()
    box = page.get_by_role("checkbox", name="Evaluate on the test images at the end")
    term(page, "test-set").tap()
    expect(page.get_by_role("tooltip")).to_contain_text("only when everything is chosen")
    expect(box).not_to_be_checked()
    edges = page.get_by_role("tooltip").bounding_box()
    assert edges is not None
    assert edges["x"] >= 0
    assert edges["x"] + edges["width"] <= page.evaluate("document.documentElement.clientWidth")


@pytest.mark.parametrize("tab", ["draw", "runs", "course", "layers", "network"])
def test_each_term_is_explained_once_in_a_card(visit: Visit, tab: str) -> None:
    page = visit(tab)
    expect(page.locator("dfn.term").first).to_be_visible()
    twice = page.evaluate(
        """() => [...document.querySelectorAll(".card")].flatMap((card) => {
          const own = [...card.querySelectorAll("dfn.term")].filter((term) => term.closest(".card") === card);
          const names = own.map((term) => term.dataset.term);
          return names.filter((name, index) => names.indexOf(name) !== index);
        })"""
    )
    assert twice == []


def meaning(page: Page, name: str) -> str:
    """Return what the glossary says of a term in Korean."""
    entries = page.evaluate("async () => (await fetch('glossary.json')).json()")
    return next(entry["ko"]["text"] for entry in entries if entry["id"] == name)
