"""`imagelet explain`: on a small run of the built-in digits."""

from pathlib import Path

import pytest

from imagelet import train

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
        (("--at", "konv1:1,2,3"), "there is no layer 'konv1'; did you mean 'conv1'?"),
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
