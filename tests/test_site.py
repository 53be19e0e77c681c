"""The site that ``make docs`` has built works from the disk: its search finds words of both languages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools import chromium

SITE = Path(__file__).parents[1] / "build" / "docs"
OUTSIDE = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["'](?:https?:)?//[^"']+""")

pytestmark = pytest.mark.skipif(
    not SITE.exists(), reason="there is no site in build/docs: make docs builds it"
)


def pages() -> list[Path]:
    """Return the HTML files of the site."""
    return sorted(SITE.rglob("*.html"))


def test_nothing_comes_from_elsewhere() -> None:
    assert len(pages()) > 50
    found = {page.name: OUTSIDE.findall(page.read_text("utf-8")) for page in pages()}
    assert {name: links for name, links in found.items() if links} == {}


def test_what_comes_from_elsewhere_is_found() -> None:
    assert OUTSIDE.search('<script defer src="https://cdn.example/x.js">')
    assert OUTSIDE.search("<link rel='stylesheet' href='//fonts.example/x.css'>")
    assert not OUTSIDE.search('<a href="https://example.org"><img src="a.png"></a>')


def test_korean_pages_say_that_they_are_korean() -> None:
    for language in ("en", "ko"):
        page = SITE / "docs" / "course" / language / "cnn-1.html"
        assert f'<html class="no-js" lang="{language}"' in page.read_text("utf-8")


def test_formulas_need_no_script() -> None:
    text = (SITE / "docs" / "course" / "en" / "softmax.html").read_text("utf-8")
    assert "<math" in text
    assert not re.search(r"<script[^>]*mathjax", text, re.IGNORECASE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a browser."""
    pytest.importorskip("playwright")
    path = chromium.found()
    if path is None:
        pytest.skip(chromium.NONE_FOUND)
    with chromium.started(path) as running:
        yield running


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "page"), [("McNemar", "honest-figures"), ("합성곱", "ko/cnn-1"), ("learning rate", "recipes")]
)
def test_search_works_from_the_disk(browser: Any, words: str, page: str) -> None:
    shown = browser.new_page()
    shown.route(re.compile("^https?:"), lambda route: route.abort())
    shown.goto(f"{(SITE / 'search.html').as_uri()}?q={words}")
    shown.locator(f".search li a[href*='{page}.html']").first.wait_for(timeout=20_000)
    shown.close()
