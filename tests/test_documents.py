"""The documents say what is so: links lead somewhere, commands can be typed, names exist."""

import doctest
import importlib
import os
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from typer._click.exceptions import MissingParameter

from benchmarks import framing_picture, pages, result_files
from imagelet.cli import app
from imagelet.errors import UsageError
from imagelet.metrics.classification import wilson_interval
from imagelet.preprocessing.handwriting import STEPS
from tools import course_html, documents

ROOT = Path(__file__).parents[1]
DOCUMENTS = documents.documents(ROOT)
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "src").rglob("*.py"))
    if ">>> " in path.read_text("utf-8")
]
BY_HAND = [  # without the pages that are made of results, and one that computes intervals
    path
    for path in DOCUMENTS
    if path.parent.name in ("docs", "tutorials", "how-to") or path.name == "README.md"
    if {"course", "benchmarks", "examples"}.isdisjoint(path.parts)
]
TARGETS = set(
    re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text().replace("\\\n", ""), re.MULTILINE)[
        1
    ].split()
)

# A place on somebody's machine; the one folder that every Debian has, and the lab's addresses, are named on
# purpose.
ABSOLUTE = re.compile(
    r"(?<![\w.:/~*])/(?!usr/share/datasets|api/|bin/sh\b)(?:[a-z]+/[\w.]|tmp\b|work\b)|\b[A-Z]:\\"
)
FORBIDDEN = re.compile(r"\b(TODO|FIXME|XXX|lorem ipsum|this machine|issue\s*#?\d+)\b", re.IGNORECASE)

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def parse(words: Sequence[str]) -> None:
    """Parse a command line as ``imagelet`` would, and carry nothing out.

    Raises:
        UsageError: no such command or option, a value that is not allowed, or one that is missing.
    """
    command: Any = typer.main.get_command(app)
    context, name, rest = None, "imagelet", list(words)
    while True:
        try:
            context = command.make_context(name, rest, parent=context)
        except typer.Exit:  # --help and --version
            return
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not hasattr(command, "resolve_command") or not rest:
            return
        name, command, rest = command.resolve_command(context, rest)


def found_in_documents(lines_of: Callable[[str], list[str]]) -> list[tuple[str, ...]]:
    """Return the command lines among the pieces of code that ``lines_of`` takes from each document."""
    texts = [document.read_text("utf-8") for document in DOCUMENTS]
    return sorted({tuple(words) for text in texts for words in documents.command_lines(lines_of(text))})


def test_there_are_documents_and_commands_to_check() -> None:
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"} <= {path.name for path in DOCUMENTS}
    assert ("train", "my-digits", "--name", "first") in found_in_documents(documents.block_lines)
    assert ("demo",) in found_in_documents(documents.inline_code)


@pytest.mark.parametrize("words", found_in_documents(documents.block_lines), ids=" ".join)
def test_a_command_in_a_block_can_be_typed_as_it_stands(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    parse(tuple("1" if word.startswith("$") else word for word in words))  # a variable of a script


@pytest.mark.parametrize("words", found_in_documents(documents.inline_code), ids=" ".join)
def test_a_command_in_a_sentence_exists_with_its_options(words: tuple[str, ...]) -> None:
    try:
        parse(words)
    except UsageError as error:
        assert isinstance(error.__cause__, MissingParameter), error  # noqa: PT017  (it may lack a name)


@pytest.mark.parametrize(
    "words",
    [
        "tarin digits",
        "summary lenet-5 --no-such-option",
        "summary",
        "summary lenet-5 too many",
        "summary lenet-5 --classes many",
        "data lsit",
    ],
)
def test_a_command_that_cannot_be_typed_is_found(words: str) -> None:
    parse(["summary", "lenet-5"])
    with pytest.raises(UsageError):
        parse(words.split())


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    assert documents.broken_links(document) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text(
        "# A page\n\n## Two words!\n[a](#two-words) [b](page.md#a-page) [c](https://example.org/x) ![d](.)\n"
        "[e](gone.md) ![f](gone.png) [g](#three-words) [h](page.md#gone)\n```\n[i](in-code.md)\n```\n"
    )
    assert documents.broken_links(document) == ["gone.md", "gone.png", "#three-words", "page.md#gone"]


@every_document
def test_make_targets_exist(document: Path) -> None:
    assert _make_targets(document.read_text("utf-8")) <= TARGETS


@every_document
def test_nothing_points_at_somebodys_machine_or_at_unfinished_work(document: Path) -> None:
    text = document.read_text("utf-8")
    assert not ABSOLUTE.search(re.sub(r"https?://\S+", "", text))
    assert not FORBIDDEN.search(text)


@pytest.mark.parametrize("text", ["see /home/me/notes", "in /tmp", "`/opt/data`", r"C:\Users", "(/root/x)"])
def test_a_place_on_somebodys_machine_is_found(text: str) -> None:
    assert ABSOLUTE.search(text)


@pytest.mark.parametrize(
    "text", ["/usr/share/datasets", "and/or", "a/b/c", "`docs/x.md`", "50 images/s", "~/.cache/x"]
)
def test_other_slashes_are_left_alone(text: str) -> None:
    assert not ABSOLUTE.search(text)


def test_commands_are_read_from_blocks_and_from_sentences() -> None:
    text = (
        "`imagelet demo` and `imagelet` and `imagelet.train` and `make check`\n"
        "```sh\n$ imagelet train x --name 'a b'  # why\n.venv/bin/imagelet runs\n"
        ".venv\\Scripts\\imagelet doctor\nimagelet data \\\n  list\nmake demo PYTHON=p -j2  # make tea\n```\n"
    )
    assert documents.command_lines(documents.inline_code(text)) == [["demo"]]
    assert documents.command_lines(documents.block_lines(text)) == [
        ["train", "x", "--name", "a b"],
        ["runs"],
        ["doctor"],
        ["data", "list"],
    ]
    assert _make_targets(text) == {"demo", "check"}


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_in_docstrings_give_what_they_show(module: str) -> None:
    result = doctest.testmod(
        importlib.import_module(module), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.slow
def test_the_programs_in_the_page_about_python_do_what_the_page_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "reference" / "python.md").read_text("utf-8")
    names: dict[str, Any] = {"__name__": "a_notebook"}
    printed = []
    for program in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(program, names)
        printed.append(capsys.readouterr().out)
    first, understood, compared, events, own, pictures = printed
    assert 0 <= float(first.split()[0]) <= 1
    assert "taken as 8×8 grey, one row an image, values 0–1" in understood
    assert len(compared.splitlines()) == 3
    assert events.split()[0] == "RunStarted"
    assert events.split()[-1] == "Finished"
    assert own.strip() == "['conv', 'head']"
    assert pictures.startswith("4 ")
    assert names["from_file"].top == names["from_image"].top == names["from_array"].top


def test_the_readme_fits_on_one_screen() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 120


def test_the_readme_names_the_two_commands_and_three_lines_for_windows() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert {"demo", "test"} <= _make_targets(text)
    windows = re.search(r"```bat\n(.*?)```", text, re.DOTALL)[1].splitlines()
    assert [line.split()[0] for line in windows] == ["py", r".venv\Scripts\python", r".venv\Scripts\imagelet"]


def test_every_requirement_is_pinned_and_each_pin_is_allowed() -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [text for extra in project["optional-dependencies"].values() for text in extra]
    for requirement in map(Requirement, [*project["dependencies"], *extras]):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement
    assert pins["torch"] == "2.13.0"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_the_continuous_check_can_be_run_and_runs_every_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    for target in ("test", "test-slow"):
        assert re.search(rf"^make .*\b{target}$", script.read_text(), re.MULTILINE)


def _make_targets(text: str) -> set[str]:
    return documents.make_targets([*documents.block_lines(text), *documents.inline_code(text)])


def test_the_benchmarks_page_is_what_the_results_say() -> None:
    assert pages.BENCHMARKS.read_text("utf-8") == pages.benchmarks_page()
    assert pages.main(["--check"]) == 0


def test_the_page_of_own_pictures_is_what_the_result_says() -> None:
    assert pages.OWN_PICTURES.read_text("utf-8") == pages.own_pictures_page()


def test_the_page_of_reliability_says_what_was_counted() -> None:
    assert pages.RELIABILITY.read_text("utf-8") == pages.reliability_page()


def test_figures_on_pages_that_are_written_by_hand_are_those_of_the_results() -> None:
    marked = pages.marked_pages(result_files.read_all())
    assert {"README.md", "faq.md"} <= {path.name for path in marked}
    assert {path.name for path, text in marked.items() if path.read_text("utf-8") != text} == set()
    assert not any("-->…<" in text for text in marked.values())


@pytest.mark.parametrize("document", BY_HAND, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_measured_percentage_is_typed_by_hand(document: Path) -> None:
    text = documents.FENCED.sub("", pages.MARKER.sub("", document.read_text("utf-8")))
    assert re.findall(r"\d+\.\d+ ?%", text) == []


def test_the_intervals_on_the_page_about_figures_are_wilsons() -> None:
    text = (ROOT / "docs" / "explanation" / "honest-figures.md").read_text("utf-8")
    rows = re.findall(
        r"^\| ([\d,]+) \| ([\d,]+) \| [\d.]+ % \| ([\d.]+) to ([\d.]+) % \|$", text, re.MULTILINE
    )
    assert len(rows) == 3
    for correct, images, *ends in rows:
        interval = wilson_interval(int(correct.replace(",", "")), int(images.replace(",", "")))
        assert [f"{100 * end:.2f}" for end in interval] == ends


def test_the_courses_html_is_what_its_markdown_says() -> None:
    assert course_html.stale_pages() == [], "run python -m tools.course_html"


def test_the_picture_of_the_steps_has_a_panel_for_each() -> None:
    assert len(framing_picture.steps_figure().axes) == 1 + len(STEPS)
