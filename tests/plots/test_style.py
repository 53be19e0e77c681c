import subprocess
import sys
import threading
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from imagelet import plots
from tests.plots.artists import pixels, png

HISTORY = {"loss": [1.0, 0.5], "accuracy": [0.5, 0.7], "val_loss": [1.1, 0.6], "val_accuracy": [0.4, 0.6]}


def each_figure() -> list[Figure]:
    images = np.random.default_rng(0).integers(0, 256, (3, 9, 7, 1), dtype=np.uint8)
    return [
        plots.curves(HISTORY),
        plots.confusion([[5, 1], [0, 7]], ["고양이", "$x^ {b}"]),
        plots.grid(images, ["고양이", "$x^ {b}", "a_b%"], wrong=[True, False, False]),
        plots.feature_maps([("고양이", images[..., 0]), ("$x^ {b}", images[:1, ..., 0])]),
        plots.inspection(images[0], "고양이"),
        plots.answers(images, np.array([[0.25, 0.75]] * 3), ["고양이", "$x^ {b}"], [0, 1, 0]),
    ]


def test_saving_twice_and_drawing_again_give_equal_bytes(tmp_path: Path) -> None:
    for figure, again in zip(each_figure(), each_figure(), strict=True):
        first = png(figure, tmp_path)
        assert png(figure, tmp_path) == first
        assert png(again, tmp_path) == first
        assert first.startswith(b"\x89PNG\r\n\x1a\n")
        assert pixels(first).std() > 5


def test_a_png_tells_neither_date_nor_version(tmp_path: Path) -> None:
    for figure in each_figure():
        plots.save(figure, tmp_path / "figure.png")
        with Image.open(tmp_path / "figure.png") as image:
            assert set(image.info) <= {"dpi"}


def test_saving_makes_the_folder_and_leaves_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "figures" / "grid.png"
    plots.save(each_figure()[2], path)
    assert list(path.parent.iterdir()) == [path]


def test_where_saving_fails_the_old_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "grid.png"
    path.write_bytes(b"old")
    figure = each_figure()[2]
    monkeypatch.setattr(Figure, "savefig", lambda self, file, **_: file.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        plots.save(figure, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_users_own_settings_change_nothing_and_are_not_changed(tmp_path: Path) -> None:
    expected = [png(figure, tmp_path) for figure in each_figure()]
    own = {
        "figure.dpi": 40,
        "savefig.dpi": 33,
        "font.size": 22,
        "lines.linewidth": 9,
        "axes.grid": True,
        "text.color": "red",
        "font.family": "serif",
        "savefig.transparent": True,
        "savefig.bbox": "tight",
        "axes.facecolor": "black",
        "image.cmap": "hot",
        "axes.unicode_minus": False,
    }
    with mpl.rc_context(own):
        before = dict(mpl.rcParams)
        found = [png(figure, tmp_path) for figure in each_figure()]
        assert dict(mpl.rcParams) == before
    assert found == expected


def test_figures_need_neither_pyplot_nor_a_display_nor_the_main_thread(tmp_path: Path) -> None:
    program = f"""
import os, sys
os.environ.pop("DISPLAY", None)
os.environ["MPLBACKEND"] = "tkagg"
import numpy as np
from pathlib import Path
from imagelet import plots
assert not any(name.partition(".")[0] == "matplotlib" for name in sys.modules), "imported before it is needed"
image = np.zeros((1, 8, 8, 1), np.uint8)
for index, figure in enumerate([
    plots.curves({HISTORY!r}), plots.confusion([[1, 0], [0, 1]], ["a", "b"]),
    plots.grid(image, ["a"]), plots.answers(image, np.array([[0.5, 0.5]]), ["a", "b"]),
]):
    plots.save(figure, Path({str(tmp_path)!r}) / f"{{index}}.png")
assert "matplotlib.pyplot" not in sys.modules
assert "tkinter" not in sys.modules
assert "torch" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(list(tmp_path.iterdir())) == 4

    def draw() -> None:
        for figure in each_figure():
            plots.save(figure, tmp_path / "thread.png")

    thread = threading.Thread(target=draw)
    thread.start()
    thread.join()
    assert (tmp_path / "thread.png").exists()


@given(st.floats(0, 1))
def test_a_share_is_written_in_percent_and_never_rounded_to_certainty(share: float) -> None:
    written = plots.percent(share)
    number = float(written.removesuffix(" %").lstrip("<>"))
    assert (written == "100 %") == (share == 1)
    assert (written == "0 %") == (share == 0)
    assert abs(number - 100 * share) <= 0.1
    if written[0] == ">":
        assert 100 * share > number
    if written[0] == "<":
        assert 100 * share < number


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0, "0 %"),
        (1e-9, "<0.1 %"),
        (0.0003, "<0.1 %"),
        (0.00099, "<0.1 %"),
        (0.001, "0.1 %"),
        (0.5, "50.0 %"),
        (0.98349, "98.3 %"),
        (0.999, "99.9 %"),
        (0.99951, ">99.9 %"),
        (1 - 1e-16, ">99.9 %"),
        (1, "100 %"),
        (1 + 2e-16, "100.0 %"),
    ],
)
def test_shares_worked_out_by_hand(share: float, written: str) -> None:
    assert plots.percent(share) == written


def test_the_public_names_are_those_that_are_used_elsewhere() -> None:
    assert set(plots.__all__) == {
        *("answer_line", "answers", "confusion", "curves", "feature_maps", "grid", "inspection"),
        *("percent", "predictions", "save", "seen", "shift_curves"),
        *("evidence", "filters", "layer_histograms", "layer_maps"),
    }
    assert all(callable(getattr(plots, name)) for name in plots.__all__)
