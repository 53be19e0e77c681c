"""The page as a whole: it loads nothing, runs nothing, and can be read by ear."""

import base64
import datetime
import io
import itertools
import re

import pytest
from PIL import Image

from imagelet.report.page import (
    render,
    scale_from,
    write_duration,
    write_percent,
    write_value,
)

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


def test_nothing_is_loaded_from_elsewhere(page):
    policies = [each.attributes.get("http-equiv") for each in page.all("meta")]
    assert "Content-Security-Policy" in policies
    policy = next(each for each in page.all("meta") if "http-equiv" in each.attributes).attributes["content"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    for element in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            address = element.attributes.get(name)
            assert address is None or address.startswith(("data:", "#")), (element.name, address)
    (style,) = page.all("style")
    assert not re.search(r"url\(|@import|@font-face", style.text)


def test_nothing_is_executed(page):
    assert not list(page.all("script", "iframe", "object", "embed", "form"))
    assert not [each for each in page.elements if any(name.startswith("on") for name in each.attributes)]


def test_it_is_small(page):
    assert len(page.html.encode()) < 3_000_000


def test_it_names_its_language_and_its_title(page):
    (html,) = page.all("html")
    (title,) = page.all("title")
    assert html.attributes["lang"] == "en"
    assert "small" in title.text


def test_one_first_heading_and_no_level_is_left_out(page):
    levels = [int(each.name[1]) for each in page.all(*HEADINGS)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(each.text.strip() for each in page.all(*HEADINGS))


def test_there_are_landmarks_and_a_way_past_the_head(page):
    for name in ("header", "nav", "main", "footer"):
        assert len(list(page.all(name))) == 1
    (main,) = page.all("main")
    first = next(page.all("a"))
    assert first.attributes["href"] == f"#{main.attributes['id']}"


def test_every_id_is_there_once_and_everything_that_points_somewhere_arrives(page):
    ids = [each.attributes["id"] for each in page.elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    for element in page.elements:
        for name in ("href", "aria-labelledby"):
            target = element.attributes.get(name)
            if target and not target.startswith("data:"):
                assert target.removeprefix("#") in ids


def test_the_contents_name_every_section(page):
    (nav,) = page.all("nav")
    entries = [each.text for each in page.all("a") if nav in each.inside]
    assert entries == [each.text for each in page.all("h2")]
    assert len(entries) == 8


def test_every_image_says_what_it_shows_and_can_be_opened(page):
    images = list(page.all("img"))
    assert len(images) > 20
    for each in images:
        assert len(each.attributes["alt"]) > 10
        kind, _, content = each.attributes["src"].partition(",")
        assert kind == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(content))) as opened:
            opened.load()
    for each in page.all("svg"):
        assert each.attributes["role"] == "img"
        assert each.attributes["aria-label"]


def test_every_figure_has_a_caption(page):
    for figure in page.all("figure"):
        assert [each.text.strip() for each in figure.children if each.name == "figcaption"]


def test_every_table_has_a_caption_and_headings_with_a_scope(page):
    tables = list(page.all("table"))
    assert len(tables) >= 7
    for table in tables:
        assert table.children[0].name == "caption"
        assert table.children[0].text.strip()
    assert all(each.attributes.get("scope") in ("col", "row") for each in page.all("th"))


def test_every_row_has_as_many_cells_as_there_are_columns(page):
    for table in page.all("table"):
        rows = [each for each in page.all("tr") if table in each.inside]
        assert len({len(each.children) for each in rows}) == 1


def test_what_scrolls_can_be_reached_by_keyboard_and_has_a_name(page):
    scrolling = [
        each
        for each in page.all("div")
        if {"scroll", "wide"} & set((each.attributes.get("class") or "").split())
    ]
    assert len(scrolling) > 5
    for each in scrolling:
        assert each.attributes["tabindex"] == "0"
        assert each.attributes["role"] == "region"
        assert each.attributes["aria-label"]
    for table in page.all("table"):
        assert any(each in scrolling for each in table.inside)


def test_paper_dark_rooms_and_telephones_are_thought_of(page):
    (style,) = page.all("style")
    assert "@media print" in style.text
    assert "prefers-color-scheme: dark" in style.text
    assert "break-inside: avoid" in style.text
    names = [each.attributes.get("name") for each in page.all("meta")]
    assert "viewport" in names


def test_texts_are_escaped_and_a_missing_one_is_an_error():
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        render("comparison.html", datetime.date(2026, 1, 2), sections=[])


@pytest.mark.parametrize(
    ("share", "decimals", "written"),
    [
        (0.98333, 2, "98.33 %"),
        (0.99999, 2, ">99.99 %"),
        (0.99999, 1, ">99.9 %"),
        (1.0, 1, "100.0 %"),
        (0.0001, 1, "<0.1 %"),
        (0.0, 1, "0.0 %"),
        (0.5, 1, "50.0 %"),
        (None, 1, "–"),
    ],
)
def test_shares_never_round_to_certainty_nor_break(share, decimals, written):
    assert write_percent(share, decimals) == written.replace(" ", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(6.64, "6.6 s"), (437.7, "7 min 18 s"), (3599.9, "1 h 0 min"), (4320, "1 h 12 min"), (None, "–")],
)
def test_durations(seconds, written):
    assert write_duration(seconds) == written


def test_values_as_they_are_read():
    assert [write_value(each) for each in (None, True, [28, 28, 1], 0.1, "he")] == [
        *("–", "yes", "28 × 28 × 1", "0.1", "he")
    ]


@pytest.mark.parametrize("lowest", [0.0, 0.3, 0.5, 0.949, 0.95, 0.9999, 1.0])
def test_a_scale_has_a_place_for_every_share(lowest):
    scale = scale_from(lowest)
    assert 0 <= scale.low <= lowest
    assert float(scale.at(scale.low)) < float(scale.at(1.0))
    assert float(scale.at(scale.low)) <= float(scale.at(lowest)) <= float(scale.at(1.0))
