"""Every example runs as it stands, and prints what its page says."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import blank_pictures

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))
PAGE = FOLDER / "README.md"
FILES = {"look_inside.py": "inside/evidence.png", "own_pictures.py": "seen.png"}

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)


@pytest.fixture(scope="module", autouse=True)
def _blank_pictures() -> Iterator[None]:
    with blank_pictures():
        yield


def shortened(program: str) -> str:
    """Return a program that trains for a moment only."""
    return re.sub(
        r"^PICTURES = \d+", "PICTURES = 10", re.sub(r"^EPOCHS = \d+", "EPOCHS = 1", program, flags=re.M)
    )


def pattern(line: str) -> str:
    """Return a line without its numbers and the number of its spaces."""
    return " ".join(re.sub(r"[<>+-]?\d[\d.,]*", "#", line).split())


@every_example
def test_an_example_runs_and_prints_what_its_page_says(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(example)])
    program = shortened(example.read_text("utf-8"))
    exec(compile(program, str(example), "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr()
    (promised,) = re.findall(
        rf"`python examples/{example.name}` \|.*\| `(.*)` \|$", PAGE.read_text("utf-8"), re.M
    )
    assert pattern(promised) in {pattern(line) for line in printed.out.splitlines()}
    assert printed.err == ""
    if example.name in FILES:
        with Image.open(tmp_path / FILES[example.name]) as picture:
            assert min(picture.size) > 100


def test_own_pictures_are_read_from_the_folder_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import ImageDraw

    picture = Image.new("L", (90, 120), 255)
    ImageDraw.Draw(picture).line([(45, 20), (45, 100)], fill=0, width=9)
    (tmp_path / "mine").mkdir()
    picture.save(tmp_path / "mine" / "stroke.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["own_pictures.py", "mine"])
    program = (FOLDER / "own_pictures.py").read_text("utf-8")
    exec(compile(program, "own_pictures.py", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.startswith("stroke.png   1   ")
    assert not (tmp_path / "own-pictures").exists()


@every_example
def test_an_example_is_short_and_says_what_one_sees(example: Path) -> None:
    program = example.read_text("utf-8")
    assert len(program.splitlines()) <= 40
    assert "You see" in program.split('"""')[1]
    assert '\nif __name__ == "__main__":\n    main(' in program


def test_what_shortens_an_example_finds_its_numbers() -> None:
    assert sum("EPOCHS = 1\n" in shortened(each.read_text("utf-8")) for each in EXAMPLES) == 3
    assert sum("PICTURES = 10" in shortened(each.read_text("utf-8")) for each in EXAMPLES) == 1
    assert len(EXAMPLES) == 5
