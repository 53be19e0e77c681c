"""What every tab has: the bar, the language, the theme, the address; and that everyone can use it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TABS = ("draw", "collect", "layers", "network", "train", "runs", "course")
Visit = Callable[..., Page]


COLOURS = ("color-contrast", "link-in-text-block")  # the rules that another theme can break
GROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.mark.parametrize("tab", TABS)
def test_everyone_can_use_every_tab(visit: Visit, check_access: Callable[..., None], tab: str) -> None:
    page = visit(tab)
    page.wait_for_load_state("networkidle") if tab not in ("train", "runs") else page.wait_for_timeout(800)
    check_access(page)
    light = page.evaluate(GROUND)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(GROUND) != light
    check_access(page, *COLOURS)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_no_tab_is_wider_than_a_telephone(visit: Visit, language: str) -> None:
    page = visit(f"{TABS[0]}?lang={language}", width=390)
    widest = {}
    for tab in TABS:
        page.goto(f"{page.url.partition('#')[0]}#/{tab}?lang={language}")
        expect(page.locator(f"main section.tab-{tab} > *").first).to_be_attached()
        page.wait_for_timeout(500)
        widest[tab] = page.evaluate("document.documentElement.scrollWidth")
    assert all(width <= 390 for width in widest.values()), widest


def test_the_language_is_switched_and_kept(visit: Visit) -> None:
    page = visit("draw")
    bar = page.locator("#tabs")
    expect(bar).to_contain_text("Draw")
    page.get_by_role("button", name="한국어").click()
    expect(bar).to_contain_text("그리기")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    assert "lang=ko" in page.url
    bar.get_by_role("link", name="층").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    page.reload()
    expect(bar).to_contain_text("신경망")


def test_the_browsers_language_is_the_first(visit: Visit) -> None:
    expect(visit("draw", locale="ko-KR").locator("#tabs")).to_contain_text("그리기")


def test_the_theme_follows_the_system_until_it_is_chosen(visit: Visit) -> None:
    page = visit("draw", dark=True)
    dark = page.evaluate(GROUND)
    page.get_by_role("button", name="Light page").click()
    light = page.evaluate(GROUND)
    assert light != dark
    page.reload()
    assert page.evaluate(GROUND) == light
    page.get_by_role("button", name="Dark page").click()
    assert page.evaluate(GROUND) == dark
    assert page.evaluate("localStorage.getItem('imagelet-theme')") is None


def test_tabs_are_in_the_address_and_the_back_button_returns(visit: Visit) -> None:
    page = visit("draw")
    links = page.locator("#tabs")
    links.get_by_role("link", name="Layers").click()
    expect(page).to_have_url(re.compile("#/layers"))
    expect(links.locator("[aria-current]")).to_have_text("Layers")
    page.go_back()
    expect(links.locator("[aria-current]")).to_have_text("Draw")


def test_the_keyboard_reaches_the_content_first(visit: Visit) -> None:
    page = visit("draw")
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    assert "#/draw" in page.url


def test_an_unknown_tab_is_the_first_and_it_is_said(visit: Visit) -> None:
    page = visit("nothing")
    expect(page.locator("#tabs [aria-current]")).to_have_text("Draw")
    expect(page.locator("#notice")).to_have_text("The lab has no part “nothing”. This is “Draw”.")
    page.locator("#tabs").get_by_role("link", name="Layers").click()
    expect(page.locator("#notice")).to_be_empty()


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("draw?run=nix&evidence=none&lang=en", ["run=nix", "evidence=none"]),
        ("draw?lang=xx", ["lang=xx"]),
        ("collect?own=nix&lang=en", ["own=nix"]),
        ("layers?example=nix&stride=99&lang=en", ["example=nix", "stride=99"]),
        ("network?input=3x&classes=0&lang=en", ["input=3x", "classes=0"]),
        ("train?dataset=nix&recipe=none&lang=en", ["dataset=nix", "recipe=none"]),
        ("train?settings=epoch:3,optimizer:none&lang=en", ["settings=epoch:3", "settings=optimizer:none"]),
        ("runs?sort=beauty&selected=nix&groups=nix&lang=en", ["sort=beauty", "groups=nix", "selected=nix"]),
        ("course?page=pictures&at=99-nix&lang=en", ["at=99-nix"]),
    ],
)
def test_what_an_address_names_and_is_not_there_is_said(visit: Visit, place: str, values: list[str]) -> None:
    page = visit(place)
    said = page.get_by_text("which is not known here: it is left out")
    expect(said).to_have_text([re.compile(re.escape(f"“{value}”")) for value in values])
    expect(page.locator("main")).to_be_visible()


def test_a_dataset_that_is_not_on_this_computer_is_said(visit: Visit) -> None:
    page = visit("train?dataset=emnist-letters")
    expect(page.get_by_text("is not on this computer: choose other images")).to_be_visible()
    expect(page.get_by_text("imagelet data get emnist-letters")).to_be_visible()
    page.get_by_label("Recipe", exact=True).select_option(index=1)
    expect(page.get_by_text("is not on this computer: choose other images")).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("width", [360, 390, 640])
def test_every_tab_of_the_bar_is_in_sight(visit: Visit, language: str, width: int) -> None:
    page = visit(f"layers?lang={language}", width=width)
    for link in page.locator("#tabs a").all():
        box = link.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] >= 24
    bar = page.locator("#tabs")
    assert bar.evaluate("bar => bar.scrollWidth <= bar.clientWidth + 1")
