"""`imagelet predict`: own pictures, read one by one, answered in one piece."""

import csv
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from imagelet import plots, train
from imagelet.classifier.classifier import Classifier
from imagelet.cli import predictions as command
from imagelet.metrics.calibration import Calibration
from imagelet.networks import build
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization

Run = Callable[..., Any]
Documented = Callable[..., str]
CLASSES = ("dark", "=light", "\x1b[31mgrey")


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    """Return the file of a classifier that tells dark, light and grey 4×4 pictures apart by their mean."""
    network = build("flatten dense(classes) softmax", (4, 4, 1), classes=3)
    weights = {"dense1.weight": torch.zeros(3, 16), "dense1.bias": torch.tensor([0.0, 0.0, 4.0])}
    weights["dense1.weight"][0] = -10 / 16
    weights["dense1.weight"][1] = 10 / 16
    network.load_state_dict(weights)
    made = Classifier(
        network=network,
        classes=CLASSES,
        framing=Framing("stretch", 4, 4, 1),
        normalization=Normalization((0.5,), (0.5,)),
        calibration=Calibration(temperature=1.0, threshold=0.9),
        training={},
    )
    made.save(tmp_path / "brightness.safetensors")
    return tmp_path / "brightness.safetensors"


def picture(path: Path, value: int) -> Path:
    """Write a picture of about that value; it is not of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((4, 4), value, np.uint8)
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return a folder with three pictures in natural order, one of them below, and a text."""
    folder = tmp_path / "mine"
    for name, value in (("10.png", 254), ("2.png", 0), ("below/1.png", 128)):
        picture(folder / name, value)
    (folder / "notes.txt").write_text("no picture")
    return folder


class TestAnswers:
    def test_of_a_folder_come_in_natural_order(self, run: Run, classifier: Path, pictures: Path) -> None:
        document = run("predict", classifier, pictures, "--json").document
        answers = [(each["file"], each["class"], each["predicted"]) for each in document["predictions"]]
        assert answers == [
            (str(pictures / "2.png"), 0, "dark"),
            (str(pictures / "10.png"), 1, "=light"),
            (str(pictures / "below" / "1.png"), 2, CLASSES[2]),
        ]
        assert document["errors"] == []

    def test_are_one_line_each(self, run: Run, classifier: Path, pictures: Path) -> None:
        outcome = run("predict", classifier, pictures / "2.png", pictures / "10.png", "--top", "2")
        assert outcome.code == 0
        assert outcome.stderr == ""
        first, second, third = outcome.stdout.splitlines()
        assert first.split() == ["file", "predicted", "probability", "then", "remarks"]
        assert second.split()[:4] == [str(pictures / "2.png"), "dark", "99.75", "%"]
        assert "=light" in third
        assert "\x1b" not in outcome.stdout

    def test_name_as_many_classes_as_are_asked_for(self, run: Run, classifier: Path, pictures: Path) -> None:
        for top, named in ((1, 1), (3, 3), (50, 3)):
            document = run("predict", classifier, pictures / "2.png", "--json", "--top", top).document
            (answer,) = document["predictions"]
            assert len(answer["top"]) == named
            assert answer["top"][0]["name"] == answer["predicted"]

    def test_say_where_they_are_unsure(self, run: Run, classifier: Path, tmp_path: Path) -> None:
        between = picture(tmp_path / "between.png", 180)
        (answer,) = run("predict", classifier, between, "--json").document["predictions"]
        assert not answer["sure"]
        shown = run("predict", classifier, between).stdout.splitlines()[1]
        assert f"{answer['predicted']}?".replace("\x1b", "\\x1b") in shown
        assert shown.endswith("unsure")

    def test_have_the_fields_of_the_help(
        self, run: Run, classifier: Path, pictures: Path, documented: Documented
    ) -> None:
        outcome = run("predict", classifier, pictures, pictures / "notes.txt", "--json")
        assert outcome.fields == documented("predict")

    def test_of_a_picture_from_standard_input(
        self, run_process: Run, classifier: Path, pictures: Path
    ) -> None:
        outcome = run_process("predict", classifier, "-", "--json", stdin=(pictures / "10.png").read_bytes())
        (answer,) = outcome.document["predictions"]
        assert (outcome.code, answer["file"], answer["predicted"]) == (0, "-", "=light")


class TestBadPictures:
    def test_are_named_one_by_one_and_the_others_answered(
        self, run: Run, classifier: Path, pictures: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "empty").mkdir()
        given = [
            pictures / "notes.txt",
            pictures / "2.png",
            tmp_path / "nowhere.png",
            tmp_path / "empty",
            pictures / "10.png",
        ]
        outcome = run("predict", classifier, *given)
        assert outcome.code == 1
        assert [line.split()[0] for line in outcome.stdout.splitlines()[1:]] == [str(given[1]), str(given[4])]
        assert len(outcome.stderr.splitlines()) == 3
        for bad in ("notes.txt", "nowhere.png", "empty"):
            assert sum(bad in line for line in outcome.stderr.splitlines()) == 1

    def test_are_listed_in_json(self, run: Run, classifier: Path, pictures: Path) -> None:
        outcome = run("predict", classifier, pictures / "notes.txt", "--json")
        assert outcome.code == 1
        assert outcome.document["predictions"] == []
        (error,) = outcome.document["errors"]
        assert error["file"] == str(pictures / "notes.txt")
        assert error["error"]

    def test_alone_print_no_table(self, run: Run, classifier: Path, pictures: Path) -> None:
        outcome = run("predict", classifier, pictures / "notes.txt")
        assert (outcome.code, outcome.stdout) == (1, "")

    def test_from_standard_input_are_refused(self, run_with_input: Run, classifier: Path) -> None:
        outcome = run_with_input(b"no picture", "predict", classifier, "-")
        assert outcome.code == 1
        assert "\nerror: " in f"\n{outcome.stderr}"


class TestUsage:
    def test_standard_input_gives_one_picture(self, run: Run, classifier: Path) -> None:
        outcome = run("predict", classifier, "-", "-")
        assert outcome.code == 2
        assert "standard input holds one picture" in outcome.stderr

    @pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals")
    def test_a_keyboard_is_no_picture(
        self, run: Run, classifier: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leader, follower = os.openpty()  # type: ignore[attr-defined, unused-ignore]
        try:
            with open(follower) as keyboard:  # noqa: PTH123  a descriptor
                monkeypatch.setattr(sys, "stdin", keyboard)
                outcome = run("predict", classifier, "-")
        finally:
            os.close(leader)
        assert outcome.code == 2
        assert "which is your keyboard" in outcome.stderr

    @pytest.mark.parametrize("name", ["no-such-run", "gone.safetensors"])
    def test_an_unknown_run_is_one_sentence(self, run: Run, pictures: Path, name: str) -> None:
        outcome = run("predict", name, pictures, "--json")
        assert (outcome.code, outcome.document["error"]["code"]) == (2, "unknown_run")
        assert name in outcome.stderr

    def test_a_file_that_is_no_classifier_is_one_sentence(
        self, run: Run, pictures: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "bad.safetensors").write_bytes(b"nothing of the kind")
        outcome = run("predict", tmp_path / "bad.safetensors", pictures)
        assert (outcome.code, outcome.stdout) == (1, "")
        assert "is no classifier" in outcome.stderr
        assert "Traceback" not in outcome.stderr


@pytest.fixture
def sheet(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Return a list of the figures that will have been saved."""
    saved: list[Figure] = []
    monkeypatch.setattr(plots, "save", lambda figure, _: saved.append(figure))
    return saved


class TestFiles:
    def test_a_table_holds_the_answers(
        self, run: Run, classifier: Path, pictures: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "answers.csv"
        assert run("predict", classifier, pictures, "--csv", path, "--top", "2").code == 0
        rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode())))
        assert [row["file"] for row in rows] == [
            str(pictures / name) for name in ("2.png", "10.png", Path("below", "1.png"))
        ]
        assert [row["class"] for row in rows] == ["0", "1", "2"]
        assert float(rows[0]["probability"]) > float(rows[0]["probability_2"])
        assert rows[0]["sure"] == "yes"

    def test_no_cell_of_a_table_is_a_formula(
        self, run: Run, classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        picture(tmp_path / "=cmd|' -C calc'!A0.png", 254)
        run("predict", classifier, "=cmd|' -C calc'!A0.png", "--csv", "answers.csv")
        (row,) = csv.DictReader(io.StringIO((tmp_path / "answers.csv").read_bytes().decode()))
        assert row["file"] == "'=cmd|' -C calc'!A0.png"
        assert row["predicted"] == "'=light"

    def test_a_picture_shows_what_the_network_saw(
        self, run: Run, classifier: Path, pictures: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "seen.png"
        assert run("predict", classifier, pictures, "--seen", path).code == 0
        with Image.open(path) as seen:
            assert seen.width > seen.height > 50

    def test_a_picture_stands_beside_what_the_network_saw_of_it(
        self, run: Run, classifier: Path, pictures: Path, sheet: list[Figure], tmp_path: Path
    ) -> None:
        large = np.full((300, 600, 3), (200, 180, 160), np.uint8)
        large[0, 0] = 0
        Image.fromarray(large).save(tmp_path / "large.png")
        given = [pictures / "2.png", pictures / "notes.txt", tmp_path / "large.png"]
        assert run("predict", classifier, *given, "--seen", tmp_path / "seen.png").code == 1
        (figure,) = sheet
        shown = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
        assert [each.shape for each in shown] == [(4, 4, 3), (4, 4, 3), (128, 256, 3), (4, 4, 3)]
        assert shown[2][-1, -1].tolist() == [200, 180, 160]
        assert len(set(shown[3][-1, -1].tolist())) == 1  # the network sees grey
        texts = [each.get_text() for each in figure.texts]
        assert texts[:2] == ["dark   99.8 %", "2.png"]
        assert texts[2].startswith("=light?")
        assert texts[3] == "large.png"

    def test_a_picture_of_one_colour_is_remarked_on(
        self, run: Run, classifier: Path, sheet: list[Figure], tmp_path: Path
    ) -> None:
        Image.new("L", (9, 9), 255).save(tmp_path / "blank.png")
        run("predict", classifier, tmp_path / "blank.png", "--seen", tmp_path / "seen.png")
        answer, name, remark = [each.get_text() for each in sheet[0].texts]
        assert answer.startswith("=light?")
        assert (name, remark) == ("blank.png", "the picture is all one colour")

    def test_of_many_pictures_the_first_are_shown(
        self,
        run: Run,
        classifier: Path,
        pictures: Path,
        sheet: list[Figure],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(command, "SHOWN_AT_MOST", 2)
        outcome = run("predict", classifier, pictures, "--seen", tmp_path / "seen.png")
        assert outcome.code == 0
        assert f"{tmp_path / 'seen.png'} shows the first 2 of 3 pictures" in outcome.stderr
        assert [each.get_text() for each in sheet[0].texts][1::2] == ["2.png", "10.png"]

    def test_a_picture_from_standard_input_is_shown_too(
        self, run_with_input: Run, classifier: Path, pictures: Path, tmp_path: Path
    ) -> None:
        content = (pictures / "10.png").read_bytes()
        outcome = run_with_input(content, "predict", classifier, "-", "--seen", tmp_path / "seen.png")
        assert (outcome.code, outcome.stderr) == (0, "")
        with Image.open(tmp_path / "seen.png") as seen:
            assert seen.format == "PNG"

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (("--csv", "mine/2.png/answers.csv"), "there is no folder"),
            (("--csv", "nowhere/answers.csv"), "mkdir -p"),
            (("--seen", "nowhere/seen.png"), "there is no folder"),
            (("--seen", "seen.xyz"), "seen.xyz is not a PNG file"),
        ],
    )
    def test_a_place_that_cannot_be_written_is_told_before_anything_is_computed(
        self,
        run: Run,
        classifier: Path,
        pictures: Path,
        tmp_path: Path,
        words: tuple[str, str],
        sentence: str,
    ) -> None:
        outcome = run("predict", classifier, pictures, words[0], tmp_path / words[1])
        assert (outcome.code, outcome.stdout) == (2, "")
        assert sentence in outcome.stderr
        assert not (tmp_path / "nowhere").exists()

    @pytest.mark.parametrize("address", ["http://example.org/3.png", "https://x.org/a", "file:///tmp/3.png"])
    def test_an_address_is_called_what_it_is(self, run: Run, classifier: Path, address: str) -> None:
        outcome = run("predict", classifier, address)
        assert (outcome.code, outcome.stdout) == (2, "")
        assert f"'{address}' is an address" in outcome.stderr


TEXT = "conv(4, 3x3, same) relu pool(2) flatten dense(classes) softmax"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    return train("digits", TEXT, "digits", folder=runs, name="small", epochs=2).run.folder


def test_the_layers_the_neighbours_and_the_pictures_are_told(run, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = run("explain", folder, "test:5")
    assert outcome.code == 0
    for part in ("predicted", "neighbours", "conv1", "8 × 8 × 4", "pictures in explained-test-5/"):
        assert part in outcome.stdout
    assert (tmp_path / "explained-test-5" / "evidence.png").exists()


def test_the_document_has_the_fields_that_help_promises(run, documented, folder, tmp_path):
    outcome = run("explain", folder, "test:5", "--out", tmp_path / "inside", "--neighbours", 2, "--json")
    assert outcome.fields == documented("explain")
    assert {Path(each).parent for each in outcome.document["files"]} == {tmp_path / "inside"}


def test_one_number_is_taken_apart(run, folder):
    outcome = run("explain", folder, "test:5", "--at", "conv1:3,4,0", "--json")
    parts = outcome.document
    products = [cell for row in parts["products"] for column in row for cell in column]
    assert sum(products) + parts["bias"] == pytest.approx(parts["result"], abs=1e-4)
    assert parts["following"][0]["name"] == "relu1"
    assert parts["following"][0]["value"] == pytest.approx(max(parts["result"], 0), abs=1e-4)
    shown = run("explain", folder, "test:5", "--at", "conv1:3,4,0").stdout
    assert shown.startswith("conv1 at 3, 4, 0:")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--at", "conv1"), "--at conv1 does not name a number of a layer"),
        (("--at", "conv1:a,b"), "--at conv1:a,b does not name a number of a layer"),
        (("--at", "konv1:1,2,3"), "unknown layer 'konv1'; did you mean 'conv1'?"),
        (("--at", "conv1:8,0,0"), "conv1"),
        (("--class", "eleven"), "unknown class 'eleven'"),
        (("--range", "mapp"), "unknown scope of a range 'mapp'"),
    ],
)
def test_wrong_words_are_one_sentence(run, folder, tmp_path, words, sentence):
    outcome = run("explain", folder, "test:5", "--out", tmp_path, "--neighbours", 0, *words)
    assert outcome.code == 2
    assert sentence in outcome.stderr
    assert outcome.stderr.count("\n") == 2
