"""The course's pages in Markdown: their commands run, their figures are measured, both languages agree."""

import dataclasses
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from benchmarks import course, course_pages
from imagelet.cli import main
from imagelet.course.lessons import Training, lessons, trainings
from imagelet.errors import UnknownNameError
from tools import documents

from .conftest import blank_pictures, write_small_data

ROOT = Path(__file__).parents[1]
ENGLISH, KOREAN = (course_pages.PAGES / language for language in ("en", "ko"))
NAMES = sorted(path.name for path in ENGLISH.glob("*.md"))
ORDER = ("README", "pictures", "layers", *(training.name for training in trainings()), "own-digits")

WHOLE_COURSE = ["course"]  # every training; the commands of their own pages keep checkpoints

every_page = pytest.mark.parametrize("name", NAMES)
every_text = pytest.mark.parametrize(
    "page", course_pages.pages(), ids=lambda path: f"{path.parent.name}/{path.stem}"
)


@pytest.fixture(scope="module", autouse=True)
def _blank_pictures() -> Iterator[None]:
    with blank_pictures():
        yield


def commands(text: str) -> list[list[str]]:
    """Return the words of each ``imagelet`` command in a page's blocks, in order."""
    return documents.command_lines(documents.block_lines(text))


def test_both_languages_have_every_page() -> None:
    assert {path.stem for path in ENGLISH.glob("*.md")} == set(ORDER)
    assert {path.name for path in KOREAN.glob("*.md")} == set(NAMES)


@every_page
def test_both_languages_have_the_same_commands_markers_and_formulas(name: str) -> None:
    english, korean = ((folder / name).read_text("utf-8") for folder in (ENGLISH, KOREAN))
    assert commands(english) == commands(korean)
    markers = [
        sorted(match.group("name", "what") for match in course_pages.MARKER.finditer(text))
        for text in (english, korean)
    ]
    assert markers[0] == markers[1]
    assert _formulas(english) == _formulas(korean)


@every_text
def test_figures_are_those_of_the_results(page: Path) -> None:
    text = page.read_text("utf-8")
    assert course_pages.filled(text, page.parent.name) == text
    assert "…" not in "".join(match["text"] for match in course_pages.MARKER.finditer(text))


@every_text
def test_no_percentage_is_typed_by_hand(page: Path) -> None:
    text = course_pages.MARKER.sub("", page.read_text("utf-8"))
    assert re.findall(r"\d+\.\d+ ?%", text) == []


@every_text
def test_a_figure_does_not_end_a_paragraph(page: Path) -> None:
    """Markdown takes a line that begins with a comment for HTML, which ends the paragraph before it."""
    text = course_pages.MARKER.sub(lambda match: match[0].replace("\n", " "), page.read_text("utf-8"))
    lines = text.splitlines()
    broken = [
        line
        for before, line in itertools.pairwise(lines)
        if line.startswith("<!--: ") and before.strip() and ".table" not in line and ".summary" not in line
    ]
    assert broken == []


@pytest.mark.parametrize("training", trainings(), ids=lambda training: training.name)
def test_each_training_has_its_commands(training: Training) -> None:
    text = (ENGLISH / f"{training.name}.md").read_text("utf-8")
    blocks = [" ".join(words) for words in commands(text)]
    assert f"course {training.name}" in blocks
    change = " ".join(course.CHANGES[training.name].replace('"', "").split()[1:])
    assert change in [" ".join(block.split()) for block in blocks]
    assert training.command() in " ".join(text.replace("\\\n", " ").split())


def test_every_experiment_of_the_course_is_on_a_page() -> None:
    text = "".join((ENGLISH / name).read_text("utf-8") for name in NAMES)
    for name in lessons:
        assert f"imagelet course {name}" in text


@every_text
def test_pages_lead_to_the_next_and_to_the_contents(page: Path) -> None:
    links = documents.LINK.findall(page.read_text("utf-8"))
    index = ORDER.index(page.stem)
    neighbours = ["README", *ORDER[max(index - 1, 0) : index], *ORDER[index + 1 : index + 2]]
    expected = {f"{name}.md" for name in neighbours} - {page.name}
    assert expected <= {link.partition("#")[0] for link in links}


@pytest.mark.slow
@pytest.mark.usefixtures("one_at_a_time")
@every_page
def test_every_command_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_small_data(tmp_path / "data")
    monkeypatch.setenv("IMAGELET_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("IMAGELET_RUNS")
    for training in trainings():
        short = dataclasses.replace(training, settings={**training.settings, "epochs": 1})
        monkeypatch.setitem(lessons._things, training.name, short)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for words in commands((ENGLISH / name).read_text("utf-8")):
        if words == WHOLE_COURSE:
            monkeypatch.setattr("imagelet.experiment.runner.save_checkpoint", Mock())
        code = main(_shortened(words))
        assert code == 0, f"imagelet {shlex.join(words)}: {capsys.readouterr().err}"


@pytest.mark.parametrize("training", trainings(), ids=lambda training: training.name)
def test_every_figure_of_the_notes_is_reached(training: Training) -> None:
    """Means of three seeds: at most 0.3 percentage points below, 1.5 on CIFAR-10."""
    measured = course_pages.measured(f"course-{training.name}")
    assert measured is not None
    assert len(measured["seeds"]) >= 3
    assert measured["parameters"] == training.parameters
    allowed = 0.015 if training.dataset == "cifar-10" else 0.003
    for printed in training.printed:
        key = "test_accuracy" if printed.part == "test" else "last_val_accuracy"
        assert measured[key]["mean"] >= printed.accuracy - allowed


def test_an_unknown_marker_is_refused() -> None:
    assert "7,850" in course_pages.filled("<!--: softmax.parameters -->…<!--/-->", "en")
    for marker in ("softmax.nothing", "sofmax.test"):
        with pytest.raises((KeyError, UnknownNameError)):
            course_pages.filled(f"<!--: {marker} -->…<!--/-->", "en")


def _formulas(text: str) -> list[str]:
    """Return the mathematics of a page, blanks left out; words inside it may be translated."""
    return sorted(re.sub(r"\\text\{[^}]*\}|\s", "", formula) for formula in documents.formulas(text))


def _shortened(words: list[str]) -> list[str]:
    """Return a command that trains for an epoch where it names a number of epochs."""
    return ["1" if before == "--epochs" else word for before, word in itertools.pairwise(["", *words])]
