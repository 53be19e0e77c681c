"""The page's texts: English and Korean say the same things."""

import json
import re
from pathlib import Path

import pytest

import imagelet.lab
from tests.test_messages import FORMAL, LOOSE_PERCENT, has_loose_particle

STATIC = Path(imagelet.lab.__file__).parent / "static"
PARTS = sorted(path.stem for path in (STATIC / "texts" / "en").glob("*.json"))
PLACES = re.compile(r"\{\w+\}")
HANGUL = re.compile("[가-힣]")


def texts(language: str, part: str) -> dict[str, str]:
    read = json.loads((STATIC / "texts" / language / f"{part}.json").read_text("utf-8"))
    assert isinstance(read, dict)
    return read


def test_both_languages_have_the_same_parts() -> None:
    assert PARTS
    korean = {path.stem for path in (STATIC / "texts" / "ko").glob("*.json")}
    assert korean - {"messages"} == set(PARTS)  # the server's own sentences are English: see test_messages.py


@pytest.mark.parametrize("part", PARTS)
def test_every_english_text_has_a_korean_one(part: str) -> None:
    english, korean = (
        texts("en", part),
        texts("ko", part),
    )  # which may say more: what the server says in English
    assert sorted(set(english) - set(korean)) == []
    assert all(english.values())


@pytest.mark.parametrize("part", PARTS)
def test_both_languages_fill_in_the_same_places(part: str) -> None:
    english, korean = texts("en", part), texts("ko", part)
    differing = [
        key for key in english if set(PLACES.findall(english[key])) != set(PLACES.findall(korean[key]))
    ]
    assert differing == []


@pytest.mark.parametrize("part", PARTS)
def test_whole_sentences_are_translated(part: str) -> None:
    korean = texts("ko", part)
    sentences = [key for key, text in texts("en", part).items() if text.count(" ") > 3]
    assert [key for key in sentences if not HANGUL.search(korean[key])] == []


@pytest.mark.parametrize("part", PARTS)
def test_korean_is_spoken_politely_and_written_as_in_textbooks(part: str) -> None:
    korean = texts("ko", part)
    assert [key for key, text in korean.items() if FORMAL.search(text)] == []
    assert [key for key, text in korean.items() if LOOSE_PERCENT.search(text)] == []
    assert [key for key, text in korean.items() if has_loose_particle(text)] == []


def test_every_text_that_the_page_names_exists() -> None:
    known = {f"{part}.{key.removeprefix(f'{part}.')}" for part in PARTS for key in texts("en", part)}
    named = {
        key
        for script in (STATIC / "js").rglob("*.js")
        for key in re.findall(r"""\bt\(\s*["']([a-z]+\.[\w-]+)["']""", script.read_text("utf-8"))
    }
    assert len(named) > 50
    assert sorted(named - known) == []


def test_the_glossary_has_each_term_in_both_languages_and_says_it_shortly() -> None:
    entries = json.loads((STATIC / "glossary.json").read_text("utf-8"))
    assert len(entries) >= 40
    assert [entry["id"] for entry in entries] == sorted({entry["id"] for entry in entries})
    for entry in entries:
        for language in ("en", "ko"):
            assert entry[language]["term"]
            assert 20 < len(entry[language]["text"]) < 200, entry["id"]
        korean = entry["ko"]["text"]
        assert HANGUL.search(korean), entry["id"]
        assert korean.endswith("요."), entry["id"]
        assert not LOOSE_PERCENT.search(korean), entry["id"]
