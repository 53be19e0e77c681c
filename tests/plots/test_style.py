"""The style of figures, text in any script, saving."""

import io
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.font_manager import FontEntry, fontManager
from PIL import Image

from imagelet import plots
from imagelet.plots import style
from imagelet.plots.style import (
    FONT,
    choose_fonts,
    fitted,
    house_style,
    plain,
    shortened,
    width,
    written_with,
)
from tests.plots.artists import drawn, image_of, pixels, png, title

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


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return each figure as a PNG file's content."""
    folder = tmp_path_factory.mktemp("figures")
    return [png(figure, folder) for figure in each_figure()]


def test_saving_twice_and_drawing_again_give_equal_bytes(saved: list[bytes], tmp_path: Path) -> None:
    for first, again in zip(saved, each_figure(), strict=True):
        assert png(again, tmp_path) == first
        assert png(again, tmp_path) == first
        assert first.startswith(b"\x89PNG\r\n\x1a\n")
        assert pixels(first).std() > 5


def test_a_png_tells_neither_date_nor_version(saved: list[bytes]) -> None:
    for content in saved:
        with Image.open(io.BytesIO(content)) as image:
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


def test_the_users_own_settings_change_nothing_and_are_not_changed(
    saved: list[bytes], tmp_path: Path
) -> None:
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
    assert found == saved


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
        (0.00049, "<0.1 %"),
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
        *("percent", "predictions", "save", "seen", "corruption_curves"),
        *("evidence", "filters", "layer_histograms", "layer_maps", "compared_curves", "disagreements"),
        *("embedding_map", "neighbours", "reliability"),
        *("tuning_trials", "importance", "learning_rate_range"),
    }
    assert all(callable(getattr(plots, name)) for name in plots.__all__)


KOREAN = ["고양이", "강아지", "ㅋㅋ 한글 이름이 아주 아주 아주 아주 길다"]
STRANGE = [
    "日本語",
    "العربية",
    "😀 emoji",
    "e\u0301",
    "a\nb",
    "tab\tbell\x07",
    "\ud800",
    "\ue000",
    "",
    " ",
    "$_^{\\",
    "$x^$",
]


def write_font(path: Path, letters: str) -> None:
    """Write a font in which each of ``letters`` is a black box."""
    pen = TTGlyphPen(None)
    for place in ((100, 0), (100, 700), (800, 700), (800, 0)):
        (pen.lineTo if place != (100, 0) else pen.moveTo)(place)
    pen.closePath()
    names = [".notdef", *(f"uni{ord(letter):04X}" for letter in letters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(dict(zip(map(ord, letters), names[1:], strict=True)))
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (900, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def korean_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install a font with a few Hangul syllables for the test; return its family."""
    write_font(tmp_path / "Boxed Hangul.ttf", "고양이강아지")
    entry = FontEntry(
        fname=str(tmp_path / "Boxed Hangul.ttf"), name="Boxed Hangul", style="normal", weight=400
    )
    brought = [font for font in fontManager.ttflist if "DejaVu" in font.name]  # whatever is installed
    monkeypatch.setattr(fontManager, "ttflist", [*brought, entry])
    fontManager._findfont_cached.cache_clear()
    return "Boxed Hangul"


@pytest.fixture
def only_the_own_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no font be installed but matplotlib's own."""
    monkeypatch.setattr(fontManager, "ttflist", [font for font in fontManager.ttflist if font.name == FONT])


def each_figure_of_lettering(names: list[str]) -> Iterator[Any]:
    images = np.zeros((len(names), 8, 8, 1), np.uint8)
    yield plots.confusion(np.eye(len(names), dtype=int), names)
    yield plots.grid(images, names, wrong=[True] * len(names))
    yield plots.grid(images, [f"label {name}\npredicted {name}" for name in names])
    shares = np.full((1, len(names)), 1 / len(names))
    yield plots.answers(images[:1], shares, names, [0])


class TestAnyName:
    """Warnings are errors here: a letter that no font has would be one."""

    @pytest.mark.parametrize("names", [KOREAN, STRANGE], ids=["Korean", "strange"])
    def test_is_drawn_without_a_warning(self, names: list[str], tmp_path: Path) -> None:
        for figure in each_figure_of_lettering(names):
            assert pixels(png(figure, tmp_path)).std() > 2

    @pytest.mark.usefixtures("only_the_own_font")
    @pytest.mark.parametrize("names", [KOREAN, STRANGE], ids=["Korean", "strange"])
    def test_is_drawn_without_a_warning_where_no_other_font_is_installed(
        self, names: list[str], tmp_path: Path
    ) -> None:
        for figure in each_figure_of_lettering(names):
            assert pixels(png(figure, tmp_path)).std() > 2
            assert max(figure.get_size_inches()) < 16

    def test_is_drawn_in_its_own_letters_where_a_font_has_them(
        self, korean_font: str, tmp_path: Path
    ) -> None:
        figure = plots.grid(np.full((2, 8, 8, 1), 255, np.uint8), ["고양이", "강아지"])
        assert [title(axes).get_text() for axes in figure.axes] == ["고양이", "강아지"]
        assert title(figure.axes[0]).get_fontfamily() == [FONT, korean_font]
        canvas = drawn(figure)
        extent = title(figure.axes[0]).get_window_extent(canvas.renderer)
        boxes = np.asarray(canvas.buffer_rgba())[:, :, 0][
            round(figure.bbox.height - extent.y1) : round(figure.bbox.height - extent.y0),
            round(extent.x0) : round(extent.x1),
        ]
        assert (boxes < 100).mean() > 0.4  # the boxes of the test's own font
        png(figure, tmp_path)

    @settings(deadline=None, max_examples=20)
    @given(st.text(max_size=12))
    def test_is_drawn_whatever_it_is(self, name: str) -> None:
        figure = plots.grid(np.zeros((1, 2, 2, 1), np.uint8), [name])
        drawn(figure)
        assert image_of(figure.axes[0]).shape == (2, 2, 3)


class TestChoosingFonts:
    def test_takes_the_own_font_alone_where_it_has_all_letters(self) -> None:
        families, letters = choose_fonts(["plain", "Größe", "Ωμέγα", "кот", "a\nb"])
        assert families == [FONT]
        assert ord("Ω") in letters

    def test_adds_a_font_that_has_what_is_missing_and_no_more(self, korean_font: str) -> None:
        assert choose_fonts(["고양이"])[0] == [FONT, korean_font]
        assert korean_font not in choose_fonts(["plain"])[0]
        assert ord("고") in choose_fonts(["고양이"])[1]

    def test_passes_over_a_font_file_that_is_gone_or_damaged(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "damaged.ttf").write_bytes(b"no font")
        entries = [
            FontEntry(fname=str(tmp_path / name), name=family, style="normal", weight=400)
            for name, family in (("gone.ttf", "NanumGothic"), ("damaged.ttf", "Malgun Gothic"))
        ]
        monkeypatch.setattr(fontManager, "ttflist", [*fontManager.ttflist, *entries])
        families, letters = choose_fonts(["고양이"])
        assert not {"NanumGothic", "Malgun Gothic"} & set(families)
        assert ord("a") in letters

    def test_never_takes_the_font_that_draws_every_letter_as_a_box(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_font(tmp_path / "box.ttf", "고양이")
        entry = FontEntry(fname=str(tmp_path / "box.ttf"), name="Last Resort Hi", style="normal", weight=400)
        monkeypatch.setattr(fontManager, "ttflist", [*fontManager.ttflist, entry])
        assert "Last Resort Hi" not in choose_fonts(["고양이"])[0]


class TestLetters:
    def test_that_no_font_has_are_spelled_by_sound_or_number(self) -> None:
        latin = {ord(letter) for letter in "abcdefghijklmnopqrstuvwxyz +U0123456789ABCDEF"}
        assert written_with(latin, "고양이 cat") == "goyangi cat"
        assert written_with(latin, "かな カナ") == "kana kana"
        assert written_with(latin, "日") == "U+65E5"
        assert written_with(latin, "a\nb") == "a\nb"

    def test_that_are_taken_apart_are_put_together(self) -> None:
        assert plain(unicodedata.normalize("NFD", "고양이")) == "고양이"

    @pytest.mark.parametrize("letter", ["\t", "\x00", "\x1b", "\u200b", "\u202e", "\ud800"])
    def test_that_draw_nothing_are_blanks(self, letter: str) -> None:
        assert plain(f"a{letter}b") == "a b"

    @given(st.text(max_size=30), st.sets(st.integers(32, 0xFFFF), max_size=50))
    def test_that_are_left_are_those_that_can_be_drawn(self, text: str, letters: set[int]) -> None:
        possible = letters | set(map(ord, "abcdefghijklmnopqrstuvwxyzU+0123456789ABCDEF\n"))
        assert set(map(ord, written_with(possible, text))) <= possible


class TestCutting:
    @given(st.text(max_size=40))
    def test_a_name_keeps_at_most_18_letters(self, name: str) -> None:
        cut = shortened(name)
        assert len(cut) <= style.LONGEST_NAME
        assert cut == name or (len(name) > 18 and cut == name[:17] + "…")

    @given(st.lists(st.text("aWi .-", max_size=40), min_size=1, max_size=3), st.floats(0.05, 4))
    @settings(deadline=None, max_examples=50)
    def test_lines_fit_into_the_width_and_keep_what_fits(self, lines: list[str], inches: float) -> None:
        with house_style():
            cut = fitted("\n".join(lines), inches, 10, "bold").split("\n")
            assert len(cut) == len(lines)
            for line, kept in zip(lines, cut, strict=True):
                assert width(kept, 10, "bold") <= inches or kept == ""
                assert kept == line or kept == "" or (kept.endswith("…") and line.startswith(kept[:-1]))
                if width(line, 10, "bold") <= inches:
                    assert kept == line

    def test_the_measured_width_is_the_drawn_one(self) -> None:
        figure = plots.grid(np.zeros((1, 4, 4, 1), np.uint8), ["predicted Ankle boot"], wrong=[True])
        canvas = drawn(figure)
        extent = title(figure.axes[0]).get_window_extent(canvas.renderer)
        with house_style():
            assert width("predicted Ankle boot", 10, "bold") == pytest.approx(
                extent.width / figure.dpi, rel=0.03
            )
            assert width("W", 10, "bold") > width("W", 10) > width("i", 10)
            assert width("W", 20) == pytest.approx(2 * width("W", 10), rel=0.05)
