"""Nothing that people give is left out, turned or guessed in silence: it is printed, in --json, and kept."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Outcome

Run = Callable[..., Outcome]

HTML = b"<!DOCTYPE html><html><title>404</title></html>"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
QUICK = ("--network", "softmax", "--epochs", "3", "--batch-size", "8", "--lr", "0.02")

pytestmark = pytest.mark.usefixtures("undrawn")


def write(folder: Path, count: int = 10, low: int = 0, scale: int = 1, dtype: type = np.uint8) -> Path:
    """Write two classes, bright on the left or on the right, with numbers from ``low`` on."""
    random = np.random.default_rng(len(folder.name))
    for name, side in (("left", slice(0, 5)), ("right", slice(5, 10))):
        for index in range(count):
            numbers = random.integers(0, 20, (10, 10))
            numbers[:, side] += 40
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray((low + scale * numbers).astype(dtype)).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IMAGELET_RUNS")
    return tmp_path


@pytest.fixture
def mixed(here: Path) -> Path:
    """Return pictures among what people have beside them; two cannot be read."""
    folder = write(here / "mixed", scale=4)
    (folder / "left" / "0.png").rename(folder / "left" / "0.PNG")
    Image.open(folder / "left" / "1.png").convert("L").save(folder / "left" / "web.jfif", "JPEG")
    (folder / "left" / "phone.HEIC").write_bytes(HEIC)
    (folder / "right" / "logo.svg").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "right" / "notes.txt").write_text("taken in May")
    (folder / "stray.png").write_bytes((folder / "left" / "2.png").read_bytes())
    (folder / "left" / "page.jpg").write_bytes(HTML)
    (folder / "right" / "lfs.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    return folder


SAID = (
    "1 picture lies in no class and is left out: stray.png.",
    "3 files are not read as pictures and left out: .heic (1, HEIC picture: save it as PNG or JPEG), "
    ".svg (1, SVG drawing: export it as PNG from a browser or a drawing program), .txt (1, text).",
)
UNREADABLE = (
    "2 of 23 pictures cannot be read and are left out (Git LFS pointer (1), HTML page (1)): "
    "left/page.jpg, right/lfs.png."
)


class TestTraining:
    def test_refuses_what_cannot_be_read_and_names_what_it_is(self, run: Run, mixed: Path) -> None:
        refused = run("train", mixed, *QUICK)
        assert refused.code == 1
        assert "2 of 23 pictures in" in refused.stderr
        assert "(Git LFS pointer (1), HTML page (1)): 'left/page.jpg', 'right/lfs.png'" in refused.stderr
        assert "--skip-bad leaves out what cannot be read" in refused.stderr
        assert not (mixed.parent / "runs").exists()

    def test_says_prints_and_keeps_what_was_left_out(self, run: Run, mixed: Path) -> None:
        trained = run("train", mixed, *QUICK, "--skip-bad", "--json", "--name", "first")
        assert trained.code == 0, trained.stderr
        content = tomllib.loads((mixed.parent / "runs" / "first" / "experiment.toml").read_text())
        for sentence in (*SAID, UNREADABLE):
            assert sentence in trained.stderr
            assert sentence in trained.document["understood"]
            assert sentence in content["resolved"]["understood"]
        assert content["skip_bad"] is True
        assert content["resolved"]["left_out"] == {"train": ["left/page.jpg", "right/lfs.png"]}

    def test_leaves_out_the_same_where_it_is_resumed_or_repeated(self, run: Run, mixed: Path) -> None:
        run("train", mixed, *QUICK, "--skip-bad", "--name", "first")
        folder = mixed.parent / "runs" / "first"
        before = (folder / "classifier.safetensors").read_bytes()
        repeated = run("reproduce", "first", "--json")
        assert repeated.code == 0, repeated.stderr
        assert run("evaluate", "first", "--json").document["images"] == 4
        for name in ("metrics.json", "classifier.safetensors"):
            (folder / name).unlink()
        assert run("train", "--resume", "first").code == 0
        assert (folder / "classifier.safetensors").read_bytes() == before


class TestUsing:
    @pytest.fixture
    def trained(self, run: Run, here: Path) -> str:
        assert run("train", write(here / "clean", scale=4), *QUICK, "--name", "first").code == 0
        return "first"

    def test_predicting_counts_what_is_no_picture(self, run: Run, mixed: Path, trained: str) -> None:
        predicted = run("predict", trained, mixed, "--json")
        assert predicted.code == 1
        assert f"{mixed}: {SAID[1]}" in predicted.stderr
        assert f"{mixed}: {SAID[1]}" in predicted.document["understood"]
        assert len(predicted.document["predictions"]) == 22
        (page, pointer) = predicted.document["errors"]
        assert "it looks like an HTML page" in page["error"]
        assert "it looks like a Git LFS pointer" in pointer["error"]
        assert "git lfs pull" in pointer["error"]

    def test_evaluating_other_pictures_leaves_out_what_cannot_be_read(
        self, run: Run, mixed: Path, trained: str
    ) -> None:
        refused = run("evaluate", trained, "--data", mixed)
        assert refused.code == 1
        evaluated = run("evaluate", trained, "--data", mixed, "--skip-bad", "--json")
        assert evaluated.code == 0, evaluated.stderr
        assert evaluated.document["images"] == 21
        assert UNREADABLE in evaluated.document["understood"]
        assert UNREADABLE in run("evaluate", trained, "--data", mixed, "--skip-bad").stderr


class TestValues:
    def test_of_more_than_8_bits_in_a_narrow_range_travel_with_the_classifier(
        self, run: Run, here: Path
    ) -> None:
        depth = write(here / "depth", low=200, dtype=np.uint16)  # 200 to 259 of 65535
        trained = run("train", depth, *QUICK, "--name", "depth", "--test")
        assert trained.code == 0, trained.stderr
        assert "200 becomes black and 259 white" in trained.stderr
        assert "test accuracy" in trained.stdout
        assert "100.00 %" in trained.stdout
        alone = write(here / "more", 3, low=200, dtype=np.uint16)
        predicted = run("predict", "depth", alone, "--json").document["predictions"]
        assert [Path(one["file"]).parent.name for one in predicted] == [one["predicted"] for one in predicted]
        assert not any(one["warnings"] for one in predicted)
        assert run("evaluate", "depth", "--data", alone, "--json").document["accuracy"] == 1.0

    def test_that_are_all_the_same_are_refused_before_the_first_step(self, run: Run, here: Path) -> None:
        folder = write(here / "flat" / "train").parent
        for path in folder.rglob("*.png"):
            Image.fromarray(np.ones((10, 10), np.uint8)).save(path)
        write(folder / "test", 2)
        refused = run("train", folder, *QUICK)
        assert refused.code == 1
        assert "all 20 training images are the same, all one colour (1): there is nothing to learn" in (
            refused.stderr
        )
        assert "nan" not in refused.stderr
        assert not (here / "runs").exists()


def test_a_folder_with_a_datasets_name_is_told(run: Run, here: Path) -> None:
    write(here / "digits")
    told = (
        "'digits' is the dataset that comes with imagelet; what lies here under that name is typed ./digits"
    )
    assert f"warning: {told}" in run("data", "show", "digits").stderr
    trained = run("train", "digits", *QUICK, "--json")
    assert told in trained.document["understood"]
    assert told in trained.stderr
    own = run("train", "./digits", *QUICK, "--json")
    assert told not in own.stderr
    assert own.document["dataset"] == str(here / "digits")
