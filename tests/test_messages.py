"""Messages: templates with values, and catalogs that know every template of the source."""

import ast
import bz2
import copy
import pickle
import re
import string
from typing import Any

import pytest

from imagelet.errors import ImageletError, NetworkTextError, RunError
from imagelet.messages import (
    LANGUAGES,
    Message,
    current_language,
    message_of,
    preferred_language,
    translate,
    use_language,
)
from imagelet.particles import PAIR
from tools import messages as catalogs

# A place may be filled with anything, so that no particle behind it can be right.
PARTICLE = re.compile(r"\}’?(은|는|이|가|을|를|과|와|로|으로|이라|라)(?=[\s.,]|$)")
FORMAL = re.compile(r"(니다|니까|십시오)(?![가-힣])")  # 합니다체; ours is 해요체
ANY_PAIR = re.compile(r"[은는이가을를과와]\((?:은|는|이|가|을|를|과|와)\)|\(으\)로|\(이\)(?=[에예라나])")
BEHIND_A_PLACE = re.compile(r"\}[’”'\")\]]*$")
LOOSE_PERCENT = re.compile(r"[\d}] %(?!\()")
UNKNOWN = "unknown {kind} '{name}'{meant}"


def has_loose_particle(text: str) -> bool:
    """Whether a pair of particles is none that is chosen from, or follows a word that is known already."""
    known = [pair.start() for pair in PAIR.finditer(text)]
    return any(pair.start() not in known for pair in ANY_PAIR.finditer(text)) or any(
        not BEHIND_A_PLACE.search(text[:start]) for start in known
    )


class TestAMessage:
    def test_is_english_text_with_its_values(self) -> None:
        message = Message("{count:,} of {name!r}", count=1200, name="a")
        assert message == "1,200 of 'a'"
        assert message.template == "{count:,} of {name!r}"
        assert message.values == {"count": 1200, "name": "a"}

    def test_without_values_is_taken_as_it_is(self) -> None:
        assert Message('a hint with {"json": 1}') == 'a hint with {"json": 1}'

    def test_stays_the_message_that_it_is(self) -> None:
        message = Message("{n} things", n=1)
        assert Message(message) is message

    @pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])  # noqa: S301
    def test_survives_a_copy(self, again) -> None:
        message = again(Message("{n} of {inner}", n=1, inner=Message("{m} things", m=2)))
        assert message == "1 of 2 things"
        assert message.values["inner"].template == "{m} things"

    def test_goes_through_json(self, tmp_path) -> None:
        message = Message("{n} in {path}: {inner}", n=1, path=tmp_path, inner=Message("{m:.2f}", m=0.5))
        again = Message.from_json(message.to_json())
        assert again == message
        assert isinstance(again.values["inner"], Message)

    @pytest.mark.parametrize(
        "content",
        [{}, {"template": "{n}", "values": {}} | {"values": 1}, {"template": "{n}", "values": {"m": 1}}],
    )
    def test_of_anything_else_is_refused(self, content) -> None:
        with pytest.raises(ValueError, match="template"):
            Message.from_json(content)


class TestAnError:
    def test_holds_messages(self) -> None:
        error = RunError("no run '{name}'", hint="imagelet runs {folder}", name="a", folder="b")
        assert (error.message, error.hint) == ("no run 'a'", "imagelet runs b")
        assert error.message.template == "no run '{name}'"
        assert str(error) == "no run 'a' (imagelet runs b)"
        assert message_of(error) is error.message

    def test_of_network_text_knows_its_position_in_the_sentence_too(self) -> None:
        error = NetworkTextError("stray sign at position {position}", text="abc", position=3)
        assert (error.message, error.position) == ("stray sign at position 3", 3)

    def test_takes_a_message_as_it_is(self) -> None:
        message = Message("{n}", n=1)
        assert ImageletError(message).message is message

    def test_of_python_says_its_text(self) -> None:
        assert message_of(KeyError("a")) == "'a'"
        assert message_of(ValueError()) == ""


class TestTranslation:
    def test_fills_the_template_of_the_language(self) -> None:
        message = Message(UNKNOWN, kind=Message("network"), name="lennet", meant="")
        assert translate(message, "ko") == "알 수 없는 신경망이에요: ‘lennet’."
        assert translate(message, "en") == message

    def test_of_what_no_catalog_knows_is_english(self) -> None:
        assert translate(Message("nobody says {n}", n=1), "ko") == "nobody says 1"
        assert translate("", "ko") == ""

    def test_is_in_the_language_of_the_block(self) -> None:
        with use_language("ko"):
            assert current_language() == "ko"
            assert translate("network") == "신경망"
        assert current_language() == "en"
        with use_language("xx"):
            assert current_language() == "en"

    @pytest.mark.parametrize(
        ("environment", "language"),
        [
            ({}, "en"),
            ({"LANG": "ko_KR.UTF-8"}, "ko"),
            ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
            ({"LC_ALL": "", "LC_MESSAGES": "ko", "LANG": "de_DE"}, "ko"),
            ({"LANG": "de_DE"}, "en"),
        ],
    )
    def test_is_chosen_by_the_environment(self, environment, language) -> None:
        assert preferred_language(environment) == language


@pytest.mark.parametrize("language", catalogs.LANGUAGES)
class TestCatalogs:
    def test_know_every_message_of_the_source_and_no_other(self, language) -> None:
        assert catalogs.problems(catalogs.PACKAGE, language) == [], "python -m tools.messages renews them"

    def test_are_compiled(self, language) -> None:
        lying = catalogs.catalog_file(catalogs.PACKAGE, language, ".json.bz2").read_bytes()
        compiled = catalogs.compiled(catalogs.read_catalog(catalogs.PACKAGE, language))
        assert bz2.decompress(lying) == bz2.decompress(compiled), "python -m tools.messages compiles them"

    def test_use_the_places_that_the_template_has(self, language) -> None:
        for entry in catalogs.read_catalog(catalogs.PACKAGE, language):
            if entry.id and entry.string and "{" in entry.id:
                assert _places(str(entry.string)) <= _places(str(entry.id)), entry.id

    def test_put_no_particle_behind_a_place(self, language) -> None:
        for entry in catalogs.read_catalog(catalogs.PACKAGE, language):
            assert not PARTICLE.search(str(entry.string)), entry.string


class TestKorean:
    """What a program can hold of good Korean; tests/lab/test_texts.py holds the page's texts to the same."""

    SENTENCES = tuple(
        str(entry.string) for entry in catalogs.read_catalog(catalogs.PACKAGE, "ko") if entry.id
    )

    def test_is_polite_as_one_speaks(self) -> None:
        assert [text for text in self.SENTENCES if FORMAL.search(text)] == []

    def test_has_no_blank_before_percent(self) -> None:
        assert [text for text in self.SENTENCES if LOOSE_PERCENT.search(text)] == []

    def test_chooses_particles_only_behind_what_is_filled_in(self) -> None:
        assert [text for text in self.SENTENCES if has_loose_particle(text)] == []


def _places(template: str) -> set[str]:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(template) if name}
    except ValueError:  # a sentence with braces that is never filled
        return set()


def test_a_missing_a_stale_and_an_untranslated_message_are_found(tmp_path) -> None:
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").write_text(
        "class ImageletError(Exception): ...\nclass Own(ImageletError): ...\n"
        "raise Own('one {n}', hint='two' if n else 'three', n=1)\n"
    )
    assert [text.split()[1] for text in catalogs.problems(package, "ko")] == ["missing:"] * 3
    path = catalogs.catalog_file(package, "ko", ".po")
    path.parent.mkdir(parents=True)
    path.write_bytes(catalogs.as_po(catalogs.renewed(package, "ko")))
    assert catalogs.problems(package, "ko") == [
        f"ko: not translated: {text!r}" for text in ("one {n}", "three", "two")
    ]
    path.write_text(path.read_text().replace('msgid "two"', 'msgid "four"'))
    assert {"ko: missing: 'two' (house)", "ko: stale: 'four'"} <= set(catalogs.problems(package, "ko"))


def test_errors_are_never_raised_with_an_f_string() -> None:
    """A template that is filled before it is raised can be translated no more."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in catalogs.PACKAGE.rglob("*.py")}
    templates = {*catalogs.error_classes(trees.values()), "Message"}
    found = [
        f"{path.name}:{given.lineno}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in templates
        for given in (*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "hint"))
        if isinstance(given, ast.JoinedStr)
    ]
    assert found == []


def test_every_language_but_english_has_a_catalog() -> None:
    assert set(LANGUAGES) == {"en", *catalogs.LANGUAGES}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a" * 10_000, "a" * 2000 + "…"),
        (10**5000, "inf"),
        (-(10**5000), "-inf"),
        (["b" * 10_000], "['" + "b" * 1998 + "…"),
        ("c" * 2000, "c" * 2000),
    ],
    ids=["text", "number", "negative", "list", "longest"],
)
def test_a_value_that_nobody_could_read_is_cut_off(value: Any, shown: str) -> None:
    assert Message("{value}", value=value) == shown
    assert translate(Message("{value}", value=value), "ko") == shown
