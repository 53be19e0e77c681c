"""`imagelet import`: a classifier's file from a model of Keras, with what a person states."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Outcome
from tests.interop.test_importing import CONFIG, hdf5, keras_archive, sound

Run = Callable[..., Outcome]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small model of Keras; the current folder is empty besides."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.keras"
    path.write_bytes(keras_archive(CONFIG, hdf5(sound)))
    return path


def test_a_model_becomes_a_classifier_that_everything_takes(run: Run, model: Path, undrawn: None) -> None:
    outcome = run("import", model, "--classes", "a,b,c", "--scale", "255")
    assert outcome.code == 0, outcome.stderr
    assert "flatten dense(classes)" in outcome.stdout
    file = Path("mine.safetensors")
    assert "imagelet evaluate mine.safetensors --data DATASET" in outcome.stderr
    assert run("summary", file, "--json").document["total"] == 51
    assert (
        json.loads(run("predict", file, picture(), "--json").stdout)["predictions"][0]["predicted"] in "abc"
    )
    for name in "abc":
        (Path("data") / name).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (4, 4), 40 * number).save(Path("data") / name / f"{number}.png")
    assert run("evaluate", file, "--data", "data", "--json").document["images"] == 9
    assert run("explain", file, picture(), "--out", "inside").code == 0
    assert run("export", file, "--out", "mine.onnx").code == 0
    assert run("code", file, "--weights", "--out", "script.py").code == 0


def picture() -> Path:
    path = Path("photo.png")
    Image.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).save(path)
    return path


def test_its_facts_are_those_that_help_promises(
    run: Run, model: Path, documented: Callable[..., str]
) -> None:
    outcome = run("import", model, "--scale", "255", "--json")
    assert outcome.fields == documented("import")
    facts = outcome.document
    assert facts["classes"] == ["0", "1", "2"]
    assert facts["assumed"] == ["the classes are called 0 to 2"]
    assert facts["normalization"] == {"mean": [0.0], "std": [1.0]}
    assert (facts["network"], facts["parameters"]) == ("flatten dense(classes)", 51)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "--scale 255"),
        (("--scale", "255", "--classes", "a,b"), "3 classes apart, and 2 names are given"),
        (("--scale", "255", "--out", "mine.bin"), "ends in .safetensors"),
        (("--scale", "255", "--out", "there.safetensors"), "is there already"),
        (("--scale", "255", "--input", "4x4x3"), "the model takes 4x4x1, not 4x4x3"),
    ],
)
def test_what_is_missing_or_wrong_is_said(
    run: Run, model: Path, words: tuple[str, ...], sentence: str
) -> None:
    Path("there.safetensors").touch()
    outcome = run("import", model, *words)
    assert outcome.code == 2
    assert sentence in outcome.stderr
    assert not Path("mine.safetensors").exists()
