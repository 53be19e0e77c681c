"""The example notebooks are their scripts, run in Jupyter, and show what their cells have made."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.conftest import write_small_data
from tools import notebooks

NOTEBOOKS = notebooks.notebooks()
HTML = "text/html"

every_notebook = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda path: path.stem)


@every_notebook
def test_a_committed_notebook_is_its_script(file: Path) -> None:
    assert file.read_text("utf-8") == NOTEBOOKS[file], "write it anew: python -m tools.notebooks"


def test_both_languages_have_the_same_code() -> None:
    codes = [
        [cell.source for cell in nbformat.reads(text, as_version=4).cells if cell.cell_type == "code"]
        for text in NOTEBOOKS.values()
    ]
    assert len(codes) == 2
    assert codes[0] == codes[1]


def outputs(cells: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the code of each cell with what it shows: MIME type → content."""
    for cell in cells:
        for output in getattr(cell, "outputs", ()):
            assert output.output_type != "error", output
            yield cell.source, output.get("data") or {"text/plain": output.get("text", "")}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, dict[str, Any]]]:
    """Run the English notebook in a kernel, on small data, and return what its cells show."""
    nbclient = pytest.importorskip("nbclient")
    folder = tmp_path_factory.mktemp("notebook")
    file = next(path for path in NOTEBOOKS if path.stem.endswith("_en"))
    shutil.copy(file, folder)
    write_small_data(folder / "data")
    book = nbformat.reads(NOTEBOOKS[file], as_version=4)
    environment = {"IMAGELET_DATA": str(folder / "data"), "IMAGELET_HOME": str(folder / "home")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.delenv("IMAGELET_RUNS", raising=False)
        nbclient.NotebookClient(
            book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        ).execute()
    return list(outputs(book.cells))


@pytest.mark.slow
class TestInJupyter:
    def test_a_dataset_and_a_network_show_themselves(self, shown: list[tuple[str, dict[str, Any]]]) -> None:
        pages = {code.splitlines()[-1]: data.get(HTML, "") for code, data in shown}
        assert "data:image/png;base64," in pages["data.train"]
        assert "7,850" in pages['imagelet.summarize(imagelet.build("softmax"))']

    @pytest.mark.parametrize("name", ["softmax", "mlp_512", "mlp_1024"])
    def test_a_training_shows_its_bar_and_its_run(
        self, name: str, shown: list[tuple[str, dict[str, Any]]]
    ) -> None:
        pages = [data[HTML] for code, data in shown if code.endswith(f"\n{name}") and HTML in data]
        assert len(pages) == 2
        bar, run = pages
        assert re.search(r"validation accuracy \d+\.\d+ % \(95 % interval", bar)
        assert "<svg" in run  # the curves
        assert "Classifier" in run

    def test_a_prediction_shows_the_framed_picture(self, shown: list[tuple[str, dict[str, Any]]]) -> None:
        code, data = shown[-1]
        assert code.endswith("prediction")
        assert "data:image/png;base64," in data[HTML]

    def test_what_is_printed_has_an_interval(self, shown: list[tuple[str, dict[str, Any]]]) -> None:
        assert any("95 % interval" in data.get("text/plain", "") for _, data in shown)
