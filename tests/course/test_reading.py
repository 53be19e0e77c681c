import re

import pytest

from imagelet.course import reading
from imagelet.course.lessons import trainings
from imagelet.course.reading import FOLDER, LANGUAGES, page_names, read_page
from imagelet.errors import UnknownNameError

every_page = pytest.mark.parametrize("name", page_names())
every_language = pytest.mark.parametrize("language", LANGUAGES)


def test_the_entrance_is_first_and_own_digits_are_last() -> None:
    names = page_names()
    assert (names[:3], names[-1]) == (["README", "pictures", "layers"], "own-digits")
    assert names[3:-1] == [training.name for training in trainings()]


@every_language
def test_every_page_that_lies_there_is_in_the_order(language: reading.Language) -> None:
    assert {path.stem for path in (FOLDER / language).glob("*.html")} == set(page_names())


@every_language
@every_page
def test_every_page_has_a_title_and_begins_with_it(name: str, language: reading.Language) -> None:
    page = read_page(name, language)
    assert page.title
    assert not re.search("[<>&`]", page.title)
    heading = page.html.partition("\n")[0]
    assert re.fullmatch(r"<h1 id=\"[^\"]+\">(.+)</h1>", re.sub("</?code>", "", heading))[1] == page.title
    assert page.experiment == (name if name in [each.name for each in trainings()] else None)


def test_each_page_leads_to_the_next_and_back() -> None:
    names = page_names()
    pages = [read_page(name) for name in names]
    assert [page.next for page in pages] == [*names[1:], None]
    assert [page.previous for page in pages] == [None, *names[:-1]]


def test_the_languages_differ() -> None:
    assert read_page("cnn-3", "en").html != read_page("cnn-3", "ko").html


@pytest.mark.parametrize("name", ["cnn3", "../en/cnn-3", "", "cnn-3.html", "/etc/passwd"])
def test_an_unknown_name_is_refused_and_opens_nothing(name: str) -> None:
    with pytest.raises(UnknownNameError) as refused:
        read_page(name)
    assert "cnn-3" in refused.value.hint


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'layers'"):
        read_page("layer")


def test_a_training_without_a_page_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    without = [*trainings(), trainings()[0].__class__(**{**vars(trainings()[0]), "name": "from-a-plug-in"})]
    monkeypatch.setattr(reading, "trainings", lambda: without)
    assert "from-a-plug-in" not in page_names()
