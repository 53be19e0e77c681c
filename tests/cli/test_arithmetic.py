"""`imagelet conv` and `imagelet pool`; and the course's parameter counts through `imagelet summary`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Run

NINE = "1 2 3; 4 5 6; 7 8 9"
ONES = "1 1; 1 1"
PHOTO = "60 113 56 139 85;73 121 54 84 128;131 99 70 129 127;80 57 115 69 134;104 126 123 95 130"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture of 20×30 colour pixels."""
    path = tmp_path / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def pixels_of(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def size_of(path: str | Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (("conv", "--image", NINE, "--kernel", ONES), [[12, 16], [24, 28]]),
        (
            ("conv", "--image", NINE, "--kernel", ONES, "--padding", "same"),
            [[12, 16, 9], [24, 28, 15], [15, 17, 9]],
        ),
        (
            ("pool", "--image", NINE, "--size", "2", "--stride", "1", "--padding", "same"),
            [[5, 6, 6], [8, 9, 9], [8, 9, 9]],
        ),
        (
            ("pool", "--image", NINE, "--size", "2", "--stride", "1", "--kind", "average"),
            [[3, 4], [6, 7]],
        ),
        (
            (
                *("conv", "--image", "3 3 2 1 0;0 0 1 3 1;3 1 2 2 3;2 0 0 2 2;2 0 0 0 1"),
                *("--kernel", "0 1 2;2 2 0;0 1 2"),
            ),
            [[12, 12, 17], [10, 17, 19], [9, 6, 14]],
        ),
    ],
)
def test_the_courses_examples(run: Run, words: tuple[str, ...], output: list[list[int]]) -> None:
    told = run(*words, "--json").document
    assert told["output"] == output
    assert told["shape"] == [len(output), len(output[0])]
    printed = run(*words).stdout
    for row in output:
        assert any(line.split() == [str(value) for value in row] for line in printed.splitlines())


def test_three_filters_make_three_outputs(run: Run) -> None:
    kernels = [
        word for factor in (1, 10, -1) for word in ("--kernel", f"{factor} {factor};{factor} {factor}")
    ]
    told = run("conv", "--image", NINE, *kernels, "--padding", "same", "--json").document
    assert told["shape"] == [3, 3, 3]
    same = np.array([[12, 16, 9], [24, 28, 15], [15, 17, 9]])
    np.testing.assert_array_equal(np.array(told["output"]), np.stack([same, 10 * same, -same], axis=-1))
    assert [each["sum"] for each in told["at"]] == [12, 120, -12]
    assert told["parameters"] == "3 × (2·2·1 + 1) = 15"


def test_the_working_is_shown(run: Run) -> None:
    done = run("conv", "--image", PHOTO, "--kernel", "sharpen", "--padding", "1")
    assert "-1·0 - 1·0 + 5·60 - 1·113 - 1·73 = 114" in done.stdout
    assert "(5 + 2·1 - 3) / 1 + 1 = 5" in done.stdout
    assert "(0)  60  113   56  139   85   (0)" in done.stdout
    told = run("conv", "--image", PHOTO, "--kernel", "sharpen", "--padding", "1", "--json").document
    assert told["output"][0][0] == 114
    assert told["padded"][0] == [0] * 7
    assert told["at"][0]["patch"] == [[0, 0, 0], [0, 60, 113], [0, 73, 121]]


def test_another_place_can_be_looked_at(run: Run) -> None:
    done = run("pool", "--image", NINE, "--stride", "1", "--at", "1,0")
    assert "the sum at row 1, column 0" in done.stdout
    assert "max(4, 5, 7, 8) = 8" in done.stdout


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("(7 + 2·1 - 3) / 1 + 1 = 7", ("7", "--padding", "1")),
        ("(5 - 3) / 1 + 1 = 3", ("5",)),
        ("ceil(28 / 2) = 14", ("28", "--padding", "same", "--stride", "2")),
    ],
)
def test_output_sizes(run: Run, formula: str, words: tuple[str, ...]) -> None:
    side = int(words[0])
    image = ";".join(["0 " * side] * side)
    done = run("conv", "--image", image, "--kernel", "1 1 1;1 1 1;1 1 1", *words[1:])
    assert formula in done.stdout


def test_the_convolutions_and_dense_layers_of_deep_cnn_cost_what_the_notes_work_out(run: Run) -> None:
    layers = run("summary", "deep-cnn", "--json").document["layers"]
    counts = [layer["parameters"] for layer in layers if layer["parameters"]]
    assert counts == [640, 36_928, 73_856, 295_168, 512 * (9216 + 1), 256 * (512 + 1), 10 * (256 + 1)]
    (first,) = [
        each for each in run("summary", "convnet", "--json").document["layers"] if each["name"] == "conv1"
    ]
    assert first["shape"] == [26, 26, 32]


def test_a_picture_is_filtered_colour_by_colour_and_written(run: Run, photo: Path) -> None:
    done = run("conv", "--image", photo, "--kernel", "blur", "--padding", "same")
    assert "wrote photo-conv.png" in done.stdout
    pixels = pixels_of(photo).astype(float)
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)))
    expected = sum(padded[r : r + 20, c : c + 30] for r in range(3) for c in range(3)) / 9
    np.testing.assert_allclose(pixels_of("photo-conv.png"), expected, atol=0.501)
    assert "too large to print" in done.stdout


def test_an_earlier_picture_is_not_overwritten(run: Run, photo: Path) -> None:
    first = run("pool", "--image", photo, "--json").document["file"]
    second = run("pool", "--image", photo, "--json").document["file"]
    assert (first, second) == ("photo-pool.png", "photo-pool-2.png")
    assert size_of(first) == (15, 10)
    run("pool", "--image", photo, "--out", first, "--size", "10")
    assert size_of(first) == (3, 2)


def test_what_a_pixel_cannot_hold_is_told(run: Run, photo: Path) -> None:
    done = run("conv", "--image", photo, "--kernel", "edges", "--out", "edges.png")
    assert "below 0 or above 255 were clipped; --stretch" in done.stderr
    stretched = run(
        "conv", "--image", photo, "--kernel", "edges", "--out", "edges.png", "--stretch", "--json"
    )
    assert stretched.document["clipped"] == 0
    pixels = pixels_of("edges.png")
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_a_huge_output_is_not_listed_in_the_document(run: Run) -> None:
    """The smallest output above 100,000 numbers that a square picture makes is 317×317."""
    for side, listed in ((316, True), (317, False)):
        Image.new("L", (side, side)).save("huge.png")
        document = run("conv", "--image", "huge.png", "--kernel", "1", "--json").document
        assert document["shape"] == [side, side]
        assert (document["output"] is not None) is listed


def test_a_matrix_becomes_a_picture_where_it_is_asked_for(run: Run) -> None:
    run("conv", "--image", NINE, "--kernel", "1", "--out", "nine.png")
    assert pixels_of("nine.png").tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    refused = run("conv", "--image", NINE, "--kernel", "1", "--kernel", "2", "--out", "two.png")
    assert (refused.code, Path("two.png").exists()) == (2, False)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("conv", "--image", "1 2;3", "--kernel", "1"), "the image is ragged: row 2 has 1 number"),
        (("conv", "--image", NINE, "--kernel", "1 2;3"), "the kernel is ragged"),
        (("conv", "--image", "1 2;3 4", "--kernel", NINE), "a kernel of 3×3 is larger than the image, 2×2"),
        (("conv", "--image", NINE, "--kernel", ONES, "--stride", "0"), "a stride of 0 is not allowed"),
        (("conv", "--image", NINE, "--kernel", ONES, "--padding", "some"), "padding 'some' is not allowed"),
        (("conv", "--image", NINE, "--kernel", ONES, "--at", "first"), "--at first is not a place"),
        (("conv", "--image", NINE, "--kernel", ONES, "--at", "2,2"), "the output has no place 2,2"),
        (("conv", "--image", NINE, "--kernel", ONES, "--kernel", "1"), "the kernels differ in size"),
        (("conv", "--image", NINE, "--kernel", "sharpn"), "did you mean 'sharpen'"),
        (("conv", "--image", NINE, "--kernel", "1", "--out", "x.jpg"), "--out x.jpg is not a PNG file"),
        (("conv", "--image", NINE, "--kernel", "1", "--padding", "9" * 12), "more than 20,000 cells"),
        (("pool", "--image", NINE, "--size", "4"), "a window of 4×4 is larger"),
        (("pool", "--image", NINE, "--kind", "mean"), "unknown kind of pooling 'mean'"),
    ],
)
def test_wrong_usage_is_one_sentence(run: Run, words: tuple[str, ...], sentence: str) -> None:
    done = run(*words)
    assert done.code == 2
    assert sentence in done.stderr
    assert done.stdout == ""


def test_a_long_matrix_is_not_taken_for_a_file(run: Run) -> None:
    image = ";".join([" ".join(["100"] * 12)] * 12)
    assert run("pool", "--image", image, "--json").document["shape"] == [6, 6]
    folder = run("pool", "--image", ".")
    assert (folder.code, "folder" in folder.stderr) == (1, True)


def test_padding_has_no_value_in_pooling(run: Run) -> None:
    words = ("pool", "--image", NINE, "--stride", "1", "--padding", "same")
    assert "(·)" in run(*words).stdout
    assert run(*words, "--json").document["padded"][3] == [None] * 4


def test_a_picture_that_is_not_there_is_told(run: Run, photo: Path) -> None:
    done = run("conv", "--image", "gone.png", "--kernel", "1")
    assert (done.code, done.stderr.splitlines()[0]) == (1, "error: 'gone.png' does not exist")
    several = run("conv", "--image", photo, "--kernel", "1", "--kernel", "2")
    assert (several.code, "2 kernels for a picture" in several.stderr) == (2, True)


def test_help_promises_the_fields_that_come(run: Run, documented: Callable[..., str], photo: Path) -> None:
    for image in (NINE, str(photo)):
        convolved = run("conv", "--image", image, "--kernel", ONES, "--json")
        assert convolved.fields == documented("conv")
        assert run("pool", "--image", image, "--json").fields == documented("pool")
