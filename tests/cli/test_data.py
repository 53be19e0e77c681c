"""`imagelet data list`, `get`, `show`, `check`."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagelet.data.known import datasets

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

    def test_is_one_line_a_dataset_and_two_hints(self, run: Run) -> None:
        outcome = run("data", "list")
        heading, *lines = outcome.stdout.splitlines()
        names = ("name", "images", "classes", "shape", "download", "licence", "place")
        places = [heading.index(name) for name in names if name not in ("images", "classes", "download")]
        rows = {line.split()[0]: line for line in lines}
        assert list(rows) == list(datasets)
        assert rows["mnist"].split()[1:6] == ["70,000", "10", "28x28x1", "11.6", "MB"]
        assert rows["mnist"][places[2] :].split("  ")[0] == "CC BY-SA 3.0"
        assert rows["mnist"].endswith("  to be downloaded")
        assert "≤ 13.0 MB" in rows["usps"]  # no source tells its size
        assert rows["quickdraw"].endswith("  to be brought, with --from")
        first = next(name for name, line in rows.items() if line.endswith("to be downloaded"))
        assert outcome.stderr.startswith(f"→ imagelet data get {first} fetches one")
        assert "→ imagelet data show kmnist --card" in outcome.stderr

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

    def test_of_the_card_alone_needs_no_files(self, run: Run, imagelet_home: Path) -> None:
        outcome = run("data", "show", "kmnist", "--card")
        assert outcome.code == 0
        assert "CC BY-SA 4.0" in outcome.stdout
        assert "98.83 % by a network: PreActResNet-18" in outcome.stdout
        assert "お o, き ki" in outcome.stdout
        document = run("data", "show", "usps", "--card", "--json").document
        assert (document["images"], document["parts"]) == (0, [])
        assert document["known_accuracy"]["percent"] == 97.63
        assert document["known_accuracy"]["by_people"] is True
        assert not (imagelet_home / "data").exists()

    def test_of_the_card_alone_draws_nothing(self, run: Run) -> None:
        outcome = run("data", "show", "digits", "--card", "--out", "grid.png")
        assert outcome.code == 2
        assert "leave one of them out" in outcome.stderr

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


def first_numbers(printed: str) -> dict[str, str]:
    """Return each form's name and its first numbers."""
    rows = [re.split(r"  +", line) for line in printed.splitlines()]
    return {row[0]: row[2] for row in rows if len(row) == 4 and row[1].startswith("(")}


class TestArchives:
    def test_are_shown_checked_and_told_apart_from_pictures(
        self, run: Run, pictures: Path, tmp_path: Path, documented: Documented
    ) -> None:
        archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "pets")
        outcome = run("data", "show", archive, "--json")
        assert outcome.fields == documented("data", "show")
        folder = run("data", "show", pictures, "--json").document
        assert outcome.document["parts"] == folder["parts"]
        assert outcome.document["name"] == "packed"
        assert outcome.document["description"].startswith("archive of pictures")
        assert run("data", "check", archive).stdout == run("data", "check", pictures).stdout

    def test_that_hold_something_else_are_told(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "train.csv").write_text("label,pixel0\n")
        archive = shutil.make_archive(str(tmp_path / "packed"), "gztar", tmp_path / "in")
        outcome = run("train", archive)
        assert outcome.code == 1
        assert (
            "holds neither pictures nor subfolders: one subfolder a class is needed; it holds .csv (1, text)"
            in (outcome.stderr)
        )


class TestShowPicture:
    @pytest.fixture
    def five(self, tmp_path: Path) -> Path:
        """Return a grey 28×28 PNG: a light bar on black."""
        pixels = np.zeros((28, 28), np.uint8)
        pixels[6:22, 13:15] = np.arange(100, 132).reshape(16, 2)
        Image.fromarray(pixels).save(tmp_path / "five.png")
        return tmp_path / "five.png"

    def test_tells_the_forms_of_a_grey_picture(self, run: Run, five: Path) -> None:
        document = run("data", "show", five, "--json").document
        assert (document["file"], document["format"], document["mode"]) == (str(five), "PNG", "L")
        assert (document["size"], document["shape"], document["dtype"]) == ([28, 28], [28, 28], "uint8")
        assert (document["lowest"], document["highest"]) == (0, 131)
        assert document["mean"] == pytest.approx(sum(range(100, 132)) / 784)
        forms = {form["name"]: form for form in document["forms"]}
        assert forms["flat"]["shape"] == [784]
        assert forms["channel axis"]["shape"] == [28, 28, 1]
        assert forms["batch"]["shape"] == forms["scaled to 0..1"]["shape"] == [1, 28, 28, 1]
        assert (forms["flat"]["place"], forms["batch"]["place"]) == ([21 * 28 + 14], [0, 21, 14, 0])
        assert {len(form["first"]) for form in document["forms"]} == {8}

    def test_prints_what_json_has_and_draws_with_letters(self, run: Run, five: Path) -> None:
        outcome = run("data", "show", five)
        assert (outcome.code, outcome.stderr) == (0, "")
        lines = outcome.stdout.splitlines()
        assert "mode       L: grey, 8 bits" in lines
        assert "array      (28, 28) uint8 (height, width)" in lines
        assert "values     0 to 131, mean 4.714" in lines
        assert any(line.startswith("flat ") and "(784,)" in line and "[602]" in line for line in lines)
        assert "flat    row 21, column 14 has the index 21 * 28 + 14 = 602" in lines
        (last, drawn) = lines[-1], lines[-15:-1]
        assert last == "28 x 28 pixels"
        assert [line.strip() != "" for line in drawn] == [False] * 3 + [True] * 8 + [False] * 3
        assert all(len(line) == 15 for line in drawn if line)

    def test_sets_the_first_numbers_in_the_brackets_of_their_axes(self, run: Run, tmp_path: Path) -> None:
        Image.fromarray(np.arange(18, dtype=np.uint8).reshape(2, 3, 3)).save(tmp_path / "a.png")
        printed = run("data", "show", tmp_path / "a.png").stdout
        assert "flat    row 1, column 2, channel 2 has the index (1 * 3 + 2) * 3 + 2 = 17\n" in printed
        assert "scaled  divided by 255: 17 becomes 0.0667\n" in printed
        assert first_numbers(printed) == {
            "as stored": "[[[0 1 2] [3 4 …",
            "flat": "[0 1 2 3 4 …",
            "channel axis": "[[[0 1 2] [3 4 …",
            "batch": "[[[[0 1 2] [3 4 …",
            "scaled to 0..1": "[[[[0 0.0039 0.0078] …",
        }
        Image.fromarray(np.array([[7], [255]], np.uint8)).save(tmp_path / "a.png")
        assert first_numbers(run("data", "show", tmp_path / "a.png").stdout) == {
            "as stored": "[[7] [255]]",
            "flat": "[7 255]",
            "channel axis": "[[[7]] [[255]]]",
            "batch": "[[[[7]] [[255]]]]",
            "scaled to 0..1": "[[[[0.0275]] [[1]]]]",
        }

    def test_has_the_fields_of_its_help(self, run: Run, five: Path, documented: Documented) -> None:
        outcome = run("data", "show", five, "--json")
        assert outcome.fields == documented("data", "show", of="a picture")
        assert outcome.document["out"] is None

    def test_says_what_opening_does_to_other_pictures(self, run: Run, tmp_path: Path) -> None:
        Image.new("RGBA", (50, 30), (0, 0, 0, 10)).save(tmp_path / "drawing.png")
        outcome = run("data", "show", tmp_path / "drawing.png")
        assert "array      (30, 50, 4) uint8 (height, width, channels)" in outcome.stdout
        assert "  alpha    all 10" in outcome.stdout
        assert "opened as  (30, 50, 3) uint8: transparent parts are laid on white" in outcome.stdout
        assert outcome.stdout.endswith("scaled down to 40 x 24 pixels\n")

    @pytest.mark.parametrize("as_json", [False, True])
    def test_draws_a_figure(self, run: Run, five: Path, as_json: bool) -> None:
        out = five.parent / "new" / "figure.png"
        outcome = run("data", "show", five, "--out", out, *(["--json"] if as_json else []))
        assert outcome.code == 0
        with Image.open(out) as figure:
            assert figure.width > 1000
        if as_json:
            assert outcome.document["out"] == str(out)
        else:
            assert outcome.stdout.endswith(f"\nwrote {out}\n")

    def test_never_draws_over_the_picture(self, run: Run, five: Path) -> None:
        before = five.read_bytes()
        outcome = run("data", "show", five, "--out", five.parent / "." / "five.png")
        assert outcome.code == 2
        assert "is the picture itself" in outcome.stderr
        assert five.read_bytes() == before

    def test_that_cannot_be_read_fails_in_one_sentence(self, run: Run, tmp_path: Path) -> None:
        for path, said in (
            (tmp_path / "gone.png", f"error: '{tmp_path / 'gone.png'}' does not exist\n"),
            (
                tmp_path / "note.jpg",
                f"error: '{tmp_path / 'note.jpg'}' is not a PNG, JPEG, WebP, BMP, GIF, ",
            ),
            (
                tmp_path / "note.txt",
                f"error: '{tmp_path / 'note.txt'}' is not a PNG, JPEG, WebP, BMP, GIF, ",
            ),
        ):
            if "note" in path.name:
                path.write_text("no picture")
            outcome = run("data", "show", path)
            assert (outcome.code, outcome.stdout) == (1, "")
            assert outcome.stderr.startswith(said)

    def test_leaves_names_and_folders_to_the_datasets(
        self, run: Run, pictures: Path, five: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(five.parent)
        five.rename("digits")
        assert run("data", "show", "digits", "--json").document["name"] == "digits"
        assert run("data", "show", "./digits", "--json").document["mode"] == "L"
        named = pictures.rename(five.parent / "pets.png")
        assert run("data", "show", named, "--json").document["images"] == 30


class TestSave:
    def test_writes_the_parts_and_says_what_to_type(self, run: Run, tmp_path: Path) -> None:
        outcome = run("data", "save", "digits", tmp_path / "digits.npz", "--validation", "0.2")
        assert outcome.code == 0
        rows = [line.split() for line in outcome.stdout.splitlines()]
        assert [row[0] for row in rows[1:4]] == ["training", "validation", "test"] or rows[1][0] == "train"
        assert outcome.stdout.endswith(f"wrote {tmp_path / 'digits.npz'}\n")
        assert f"imagelet train {tmp_path / 'digits.npz'}" in outcome.stderr
        shown = run("data", "show", tmp_path / "digits.npz", "--json").document
        assert [part["part"] for part in shown["parts"]] == ["train", "validation", "test"]

    def test_has_the_fields_of_its_help(self, run: Run, tmp_path: Path, documented: Documented) -> None:
        outcome = run("data", "save", "digits", tmp_path / "digits", "--json")
        assert outcome.fields == documented("data", "save")
        assert sum(part["images"] for part in outcome.document["parts"]) == 1797
        assert len(list((tmp_path / "digits" / "train" / "0").iterdir())) > 100

    def test_overwrites_nothing(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "a.npz").touch()
        outcome = run("data", "save", "digits", tmp_path / "a.npz")
        assert (outcome.code, outcome.stdout) == (2, "")
        assert "is there already" in outcome.stderr


class TestCheck:
    def test_of_a_good_folder_finds_nothing(self, run: Run, pictures: Path) -> None:
        outcome = run("data", "check", pictures)
        assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "no problems found\n", "")
        assert run("data", "check", pictures, "--json").document == {
            "name": str(pictures),
            "problems": [],
            "out": None,
        }

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
