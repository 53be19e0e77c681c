"""The command line in Korean: results, warnings and errors; help and JSON stay English."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagelet.cli.layout import columns
from tests.cli.conftest import Outcome

Run = Callable[..., Outcome]

HANGUL = re.compile(r"[가-힣]")
# What is typed or named stays as it is: commands, options, paths, assignments, quoted names, brackets.
AS_IT_IS = re.compile(
    r"imagelet(?: data)? [a-z]+|--?[\w-]+(?:[ =][^\s가-힣]+)?|‘[^’]*’|[^\s가-힣]*[/=][^\s가-힣]*"
    r"|\([^가-힣()]*\)|^(?:제목|출처|인용|알려진 정확도) .*$",  # the last: what authors wrote
    re.MULTILINE,
)
SENTENCE = re.compile(r"\b[A-Za-z][a-z']+(?: [A-Za-z][a-z']+){2}\b")


def english(text: str) -> list[str]:
    """Return the English in a text: three words in a row outside commands, paths and names."""
    return SENTENCE.findall(AS_IT_IS.sub("·", text))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("오류: the disk is full", ["the disk is"]),
        ("the surest mistakes", ["the surest mistakes"]),
        ("이 명령으로 봐요: imagelet data show mnist --out grid.png", []),
        ("runs/first · ‘Some name here’ · 정확도 98.33% · --set FIELD=VALUE", []),
        ("adam, adamw, muon", []),
        ("label  predicted  images", []),  # columns are further apart than words
    ],
)
def test_english_is_found(text: str, found: list[str]) -> None:
    assert english(text) == found


def speaks_korean(outcome: Outcome) -> None:
    assert HANGUL.search(outcome.stdout + outcome.stderr)
    assert english(outcome.stdout) == []
    assert english(outcome.stderr) == []


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Return a picture of a stroke, transparent at its edge."""
    pixels = np.full((40, 30, 4), 255, np.uint8)
    pixels[8:32, 12:18, :3] = 0
    pixels[:2, :, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "stroke.png")
    return tmp_path / "stroke.png"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of labelled pictures with everything that can be wrong with one."""
    for place, name in enumerate(("0/a", "0/b", "1/c", "1/d", "1/e")):
        path = tmp_path / "pictures" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = 30 if name == "1/e" else 28
        pixels = np.random.default_rng(place % 3).integers(0, 255, (size, 28, 1), np.uint8)
        Image.fromarray(pixels[:, :, 0]).save(path)
    (tmp_path / "pictures" / "0" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "pictures" / "notes.txt").write_text("not used")
    (tmp_path / "pictures" / "empty").mkdir()
    return tmp_path / "pictures"


@pytest.mark.parametrize(
    "words",
    [
        ["data", "list"],
        ["data", "show", "mnist"],
        ["data", "check", "mnist"],
        ["networks"],
        ["networks", "cnn-3"],
        ["summary", "cnn-3"],
        ["conv", "--image", "1 2 3; 4 5 6; 7 8 9", "--kernel", "1 1; 1 1", "--kernel", "1 0; 0 1"],
        ["pool", "--image", "1 2 3; 4 5 6; 7 8 9", "--padding", "same"],
        ["recipes"],
        ["recipes", "general"],
        ["classifiers"],
        ["course", "--list"],
        ["course", "--list", "--seeds", "2"],
        ["course", "feature-maps", "--runs", "."],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("small_data")
def test_what_is_listed_is_korean(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run("--language", "ko", *words)
    assert outcome.code == 0
    speaks_korean(outcome)


def test_the_doctor_speaks_korean(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMAGELET_DATA", str(tmp_path / "gone"))
    outcome = run("doctor", "--language", "ko")
    named = re.compile(
        r"^(Python|시스템|패키지|cpu|cuda|mps).*$", re.MULTILINE
    )  # names of hard- and software
    speaks_korean(Outcome(outcome.code, named.sub("", outcome.stdout), outcome.stderr))


def test_pictures_are_described_in_korean(run: Run, picture: Path, folder: Path, tmp_path: Path) -> None:
    speaks_korean(run("data", "show", picture, "--language", "ko"))
    speaks_korean(run("data", "check", folder, "--language", "ko"))
    speaks_korean(
        run("conv", "--image", picture, "--kernel", "edges", "--out", tmp_path / "a.png", "--language=ko")
    )


def test_a_training_is_shown_in_korean(run: Run, small_data: Path, tmp_path: Path) -> None:
    words = [
        "train",
        "mnist",
        "--network",
        "pool(4) flatten dense(classes)",
        "--epochs",
        "1",
        "--runs",
        tmp_path,
    ]
    outcome = run(*words, "--name", "one", "--test", "--profile", "--require", "1", "--language", "ko")
    assert outcome.code == 3
    speaks_korean(outcome)
    speaks_korean(run(*words, "--seeds", "2", "--language", "ko"))
    speaks_korean(run(*words, "--folds", "2", "--language", "ko"))
    heading, line = (text for text in outcome.stderr.splitlines() if "에포크 " in text or " 1/1 " in text)
    assert columns(heading) == columns(line.removesuffix("  최고"))  # right edges meet


@pytest.mark.usefixtures("undrawn")
def test_what_is_done_with_a_run_is_korean(
    run: Run, short_run: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own.csv"
    own.write_text(f"path,label,source\n{picture},1,one\n{picture},7,two\n")
    for words in (
        ["evaluate", short_run],
        ["evaluate", short_run, "--cell", "8,1", "--split", "validation"],
        ["evaluate", short_run, "--data", own],
        ["compare", short_run, "mnist", "--split", "validation"],
        ["predict", short_run, picture, tmp_path / "gone.png"],
        ["explain", short_run, picture, "--out", tmp_path / "explained"],
        ["explain", short_run, picture, "--at", "dense1:3"],
        ["report", short_run],
        ["runs", short_run.parent],
        ["reproduce", short_run],
    ):
        speaks_korean(run(*words, "--language", "ko"))


@pytest.mark.parametrize(
    "words",
    [
        ["sumary"],
        ["summary"],
        ["summary", "x", "--inptu", "8x8"],
        ["summary", "x", "--classes", "ten"],
        ["summary", "x", "--classes", "0"],
        ["summary", "x", "--input"],
        ["networks", "--json=yes"],
        ["networks", "lennet"],
        ["doctor", "now"],
        ["summary", "conv(32, 3x3, smae)"],
        ["summary", "lenet-5", "--input", "28"],
        ["conv", "--image", "1 2", "--kernel", "1 1; 1 1"],
        ["conv", "--image", "1 2; 3", "--kernel", "1"],
        ["pool", "--image", "1 2; 3 4", "--at", "9,9"],
        ["data", "get", "mnits"],
        ["data", "show", "gone.png"],
        ["train"],
        ["train", "gone/"],
        ["train", "digits", "--set", "epochs"],
        ["train", "digits", "--set", "epoch=3"],
        ["train", "digits", "--set", "momentum=2"],
        ["train", "digits", "--validation", "2"],
        ["train", "digits", "--device", "tpu"],
        ["train", "digits", "--folds", "2", "--seeds", "2"],
        ["train", "--resume", "gone"],
        ["evaluate", "gone"],
        ["evaluate", "mnist", "--split", "train"],
        ["compare", "mnist"],
        ["predict", "mnist", "gone.png"],
        ["explain", "mnist", "gone.png"],
        ["report", "gone"],
        ["reproduce", "gone"],
        ["classifiers", "gone"],
        ["course", "gone"],
        ["course", "own-digits"],
        ["lab", "gone"],
        ["lab", "--host", "256.1.1.1"],
        ["lab", "--port", "70000"],
        ["recipes", "--language"],
        ["recipes", "--language", "de"],
    ],
    ids=" ".join,
)
def test_errors_are_korean(
    run: Run, imagelet_home: Path, monkeypatch: pytest.MonkeyPatch, words: Sequence[str]
) -> None:
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    outcome = run(*words)
    assert outcome.code in (1, 2)
    speaks_korean(outcome)


class TestLanguage:
    @pytest.mark.parametrize(
        "words",
        [
            ["--language", "ko", "networks", "cnn-3"],
            ["networks", "--language", "ko", "cnn-3"],
            ["networks", "cnn-3", "--language=ko"],
        ],
    )
    def test_may_stand_anywhere(self, run: Run, words: list[str]) -> None:
        assert HANGUL.search(run(*words).stdout)

    @pytest.mark.parametrize("variable", ["LC_ALL", "LC_MESSAGES", "LANG"])
    def test_is_that_of_the_locale_unless_another_is_named(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.setenv(variable, "ko_KR.UTF-8")
        assert HANGUL.search(run("networks", "cnn-3").stdout)
        assert not HANGUL.search(run("networks", "cnn-3", "--language", "en").stdout)

    def test_after_two_dashes_is_a_word_like_any_other(self, run: Run) -> None:
        assert "'--language'" in run("networks", "--", "--language").stderr

    @pytest.mark.parametrize("words", [[], ["train"], ["data"], ["data", "show"], ["course"]])
    def test_of_help_is_english(self, run: Run, words: list[str]) -> None:
        assert run(*words, "--help", "--language", "ko") == run(*words, "--help")

    def test_of_json_is_english(self, run: Run, picture: Path) -> None:
        for words in (["recipes", "general"], ["data", "show", picture], ["networks"]):
            assert run(*words, "--json", "--language", "ko") == run(*words, "--json")
