"""`imagelet data list`, `get`, `show`, `check`."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., Any]
Documented = Callable[..., str]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return a folder with three classes of ten small pictures."""
    generator = np.random.default_rng(0)
    for name in ("cat", "dog", "\x1b[31mowl"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(10):
            pixels = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{number}.png")
    return tmp_path / "pets"


class TestList:
    def test_tells_what_is_at_hand_and_where(
        self, run: Run, idx_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = {each["name"]: each for each in run("data", "list", "--json").document["datasets"]}
        assert set(before) >= {"digits", "mnist", "fashion-mnist", "cifar-10"}
        assert before["mnist"]["place"] is None
        assert before["cifar-10"]["images"] == 60_000
        assert before["cifar-10"]["shape"] == [32, 32, 3]
        monkeypatch.setenv("IMAGELET_DATA", str(idx_folder))
        after = {each["name"]: each for each in run("data", "list", "--json").document["datasets"]}
        assert after["mnist"]["place"] == str(idx_folder / "mnist")
        assert after["cifar-10"]["place"] is None

    def test_is_one_line_a_dataset_and_a_hint(self, run: Run) -> None:
        outcome = run("data", "list")
        lines = outcome.stdout.splitlines()
        assert lines[0].split() == ["name", "images", "classes", "shape", "place"]
        assert lines[2].split(maxsplit=4) == ["mnist", "70,000", "10", "28x28x1", "not at hand"]
        assert outcome.stderr.startswith("→ imagelet data get mnist fetches one")

    def test_has_the_fields_of_its_help(self, run: Run, documented: Documented) -> None:
        assert run("data", "list", "--json").fields == documented("data", "list")

    def test_says_that_the_named_folder_is_not_there(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("IMAGELET_DATA", str(tmp_path / "nowhere"))
        outcome = run("data", "list")
        assert outcome.code == 1
        assert "IMAGELET_DATA names" in outcome.stderr


class TestGet:
    def test_copies_files_from_a_folder_into_the_cache(
        self, run: Run, idx_folder: Path, imagelet_home: Path
    ) -> None:
        outcome = run("data", "get", "mnist", "--from", idx_folder)
        assert outcome.code == 0
        assert f"in {imagelet_home / 'data' / 'mnist'}" in outcome.stdout
        assert "train-images-idx3-ubyte.gz" in outcome.stdout
        assert "not the official" in outcome.stdout
        listed = {each["name"]: each for each in run("data", "list", "--json").document["datasets"]}
        assert listed["mnist"]["place"] == str(imagelet_home / "data" / "mnist")

    def test_has_the_fields_of_its_help(self, run: Run, idx_folder: Path, documented: Documented) -> None:
        outcome = run("data", "get", "mnist", "--from", idx_folder, "--json")
        assert outcome.fields == documented("data", "get")
        assert [file["official"] for file in outcome.document["files"]] == [False] * 4

    def test_of_what_needs_no_files_says_where_it_is(self, run: Run) -> None:
        assert "digits.csv.gz" in run("data", "get", "digits").stdout

    def test_from_a_folder_without_the_files_fails(self, run: Run, tmp_path: Path) -> None:
        outcome = run("data", "get", "mnist", "--from", tmp_path)
        assert (outcome.code, outcome.stdout) == (1, "")
        assert "does not hold mnist" in outcome.stderr


class TestShow:
    @pytest.mark.usefixtures("small_data")
    def test_shows_the_card_the_parts_and_the_classes(self, run: Run) -> None:
        outcome = run("data", "show", "mnist")
        assert outcome.code == 0
        lines = [line.split() for line in outcome.stdout.splitlines()]
        assert ["train", "300", "0", "to", "239"] in [line[:5] for line in lines]
        assert ["9", "30", "10"] in lines

    def test_has_the_fields_of_its_help(self, run: Run, documented: Documented) -> None:
        outcome = run("data", "show", "digits", "--json")
        assert outcome.fields == documented("data", "show")
        document = outcome.document
        assert document["images"] == sum(part["images"] for part in document["parts"]) == 1797
        assert sum(each["images"]["test"] for each in document["classes"]) == document["parts"][1]["images"]
        assert document["file"] is None

    def test_shows_a_folder(self, run: Run, pictures: Path) -> None:
        outcome = run("data", "show", pictures)
        assert outcome.code == 0
        assert ["cat", "8", "2"] in [line.split() for line in outcome.stdout.splitlines()]
        assert "\x1b" not in outcome.stdout

    @pytest.mark.parametrize("as_json", [False, True])
    def test_draws_a_grid(self, run: Run, tmp_path: Path, as_json: bool) -> None:
        path = tmp_path / "new" / "grid.png"
        outcome = run("data", "show", "digits", "--out", path, *(["--json"] if as_json else []))
        assert outcome.code == 0
        with Image.open(path) as picture:
            assert picture.width > 500
        if as_json:
            assert outcome.document["file"] == str(path)
        else:
            assert outcome.stdout.endswith(f"\nwrote {path}\n")

    def test_of_what_is_not_there_fails(self, run: Run) -> None:
        outcome = run("data", "show", "mnits")
        assert outcome.code == 2
        assert "did you mean 'mnist'" in outcome.stderr


class TestCheck:
    def test_of_a_good_folder_finds_nothing(self, run: Run, pictures: Path) -> None:
        outcome = run("data", "check", pictures)
        assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "no problems found\n", "")
        assert run("data", "check", pictures, "--json").document == {"name": str(pictures), "problems": []}

    def test_names_what_is_wrong_the_worst_first(self, run: Run, pictures: Path) -> None:
        (pictures / "dog" / "broken.png").write_bytes(b"no picture")
        shutil.copy(pictures / "cat" / "1.png", pictures / "dog" / "copy.png")
        outcome = run("data", "check", pictures)
        assert outcome.code == 0
        heading, first, second, _, counts = outcome.stdout.splitlines()
        assert heading.split() == ["kind", "problem", "files"]
        assert first.startswith("two labels")
        assert second.startswith("unreadable")
        assert counts == "two labels: 1, unreadable: 1"

    def test_has_the_fields_of_its_help(self, run: Run, pictures: Path, documented: Documented) -> None:
        (pictures / "dog" / "broken.png").write_bytes(b"no picture")
        outcome = run("data", "check", pictures, "--json")
        assert outcome.fields == documented("data", "check")
        (problem,) = outcome.document["problems"]
        assert problem["files"] == [str(Path("dog", "broken.png"))]

    def test_lists_the_first_of_many_and_counts_all(self, run: Run, pictures: Path) -> None:
        for number in range(15):
            (pictures / "dog" / f"broken-{number}.png").write_bytes(b"no picture")
            (pictures / "dog" / f"note-{number}.txt").write_text("no picture")
        outcome = run("data", "check", pictures)
        lines = outcome.stdout.splitlines()
        assert sum("broken-" in line for line in lines) == 10
        assert any("and 5 more like this" in line for line in lines)
        assert any("15 files are not used" in line and "and 12 more" in line for line in lines)
        assert lines[-1] == "unreadable: 15, left out: 1"
        assert outcome.stderr == "→ --json lists all of them\n"
        assert len(run("data", "check", pictures, "--json").document["problems"]) == 16

    @pytest.mark.usefixtures("small_data")
    def test_looks_at_a_named_dataset(self, run: Run) -> None:
        assert run("data", "check", "mnist").code == 0

    def test_of_what_is_not_there_fails(self, run: Run) -> None:
        assert run("data", "check", "nowhere").code == 2
