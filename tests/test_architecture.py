"""The house is as docs/architecture.md draws it, and each rule can tell a house that is not."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import imagelet
from tools import architecture

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "imagelet"
DOCUMENT = ROOT / "docs" / "architecture.md"

# Longer than the limits, and why.
LONG: dict[str, str] = {
    "imagelet.training.loop._events": "the one loop, read from top to bottom; its limit is 80 lines",
    "imagelet.cli.train.train": "its signature is the command's options, one a line; the body is short",
}

Build = Callable[[dict[str, str]], Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Return a function that writes a package of the given files and returns its folder."""

    def write(files: dict[str, str]) -> Path:
        for name, text in {"__init__.py": "", **files}.items():
            path = tmp_path / "house" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "house"

    return write


LAYERS = [["cli"], ["data", "networks"], ["errors"]]
SOUND = {
    "cli/__init__.py": "from house.data import read\nimport house.networks",
    "data/__init__.py": "from .mnist import read",
    "data/mnist.py": "from ..errors import HouseError\ndef read(): ...",
    "networks.py": "from house import errors",
    "errors.py": "class HouseError(Exception): ...",
}


class TestLayers:
    def test_hold_in_this_house(self) -> None:
        assert architecture.check_layers(PACKAGE, architecture.read_layers(DOCUMENT)) == []

    def test_allow_what_points_downwards(self, build: Build) -> None:
        assert architecture.check_layers(build(SOUND), LAYERS) == []

    @pytest.mark.parametrize(
        "statement",
        [
            "import house.cli",
            "from house import cli",
            "from house.cli import main",
            "from .cli import main",
            "def late():\n    import house.cli",
            "async def late():\n    import house.cli",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.cli import main",
            "import importlib\nimportlib.import_module('house.cli')",
        ],
    )
    def test_refuse_an_arrow_upwards(self, build: Build, statement: str) -> None:
        (found,) = architecture.check_layers(build({**SOUND, "errors.py": statement}), LAYERS)
        assert "house.errors" in found
        assert "house.cli: an arrow upwards" in found

    def test_refuse_an_arrow_sideways(self, build: Build) -> None:
        found = architecture.check_layers(build({**SOUND, "networks.py": "import house.data.mnist"}), LAYERS)
        assert found == ["house.networks:1 imports house.data.mnist: an arrow sideways"]

    def test_refuse_the_package_root_inside(self, build: Build) -> None:
        found = architecture.check_layers(build({**SOUND, "networks.py": "from house import read"}), LAYERS)
        assert found == ["house.networks:1 imports the package root"]

    def test_refuse_a_module_without_a_layer(self, build: Build) -> None:
        found = architecture.check_layers(build({**SOUND, "attic.py": ""}), LAYERS)
        assert found == ["attic has no layer"]

    def test_refuse_a_layer_without_a_module(self, build: Build) -> None:
        found = architecture.check_layers(build(SOUND), [["lab"], *LAYERS])
        assert found == ["the layers name lab, which is not there"]

    def test_are_read_with_remarks_left_out(self, tmp_path: Path) -> None:
        document = tmp_path / "house.md"
        document.write_text("## Layers\n\nText.\n\n```\ncli\ndata · networks   two at once\n```\n\n## More\n")
        assert architecture.read_layers(document) == [["cli"], ["data", "networks"]]


class TestCircles:
    def test_there_is_none_in_this_house(self) -> None:
        assert architecture.check_circles(PACKAGE) == []

    def test_there_is_none_between_a_package_and_what_it_offers(self, build: Build) -> None:
        assert architecture.check_circles(build(SOUND)) == []

    def test_are_found_through_functions_and_inside_a_package(self, build: Build) -> None:
        package = build(
            {
                "data/__init__.py": "",
                "data/one.py": "from house.data import two",
                "data/two.py": "def late():\n    from house.data.one import anything",
            }
        )
        (found,) = architecture.check_circles(package)
        assert "house.data.one" in found
        assert "house.data.two" in found

    def test_are_found_where_a_module_imports_its_own_package(self, build: Build) -> None:
        package = build({**SOUND, "data/mnist.py": "from house.data import read"})
        assert len(architecture.check_circles(package)) == 1


class TestSizes:
    def test_hold_in_this_house(self) -> None:
        assert architecture.check_sizes(PACKAGE, LONG) == []

    def test_the_longest_exception_is_the_training_loop_at_80_lines(self) -> None:
        modules = architecture.read_modules(PACKAGE).values()
        lengths = {f.name: f.lines for m in modules for f in architecture.functions(m) if f.name in LONG}
        assert lengths.pop("imagelet.training.loop._events") <= 80
        assert max(lengths.values(), default=0) <= 72  # a line for each option of imagelet train

    def test_refuse_a_long_module(self, build: Build) -> None:
        (found,) = architecture.check_sizes(build({"errors.py": "x = 1\n" * 501}), {})
        assert found == "house.errors has 501 lines, more than 500"
        assert architecture.check_sizes(build({"errors.py": "x = 1\n" * 500}), {}) == []

    @pytest.mark.parametrize("head", ["def walk():", "async def walk():"])
    def test_refuse_a_long_function(self, build: Build, head: str) -> None:
        (found,) = architecture.check_sizes(build({"errors.py": head + "\n    x = 1" * 50}), {})
        assert found == "house.errors.walk (line 1) has 51 lines, more than 50"
        assert architecture.check_sizes(build({"errors.py": head + "\n    x = 1" * 49}), {}) == []

    def test_see_methods_and_nested_functions(self, build: Build) -> None:
        text = "class A:\n  def outer(self):\n    def inner():" + "\n      x = 1" * 50
        found = architecture.check_sizes(build({"errors.py": text}), {})
        assert [sentence.split()[0] for sentence in found] == [
            "house.errors.A.outer",
            "house.errors.A.outer.inner",
        ]

    def test_admit_an_exception_and_refuse_one_that_nothing_needs(self, build: Build) -> None:
        package = build({"errors.py": "x = 1\n" * 501})
        assert architecture.check_sizes(package, {"house.errors": "a table"}) == []
        found = architecture.check_sizes(package, {"house.errors": "a table", "house.gone": "a table"})
        assert found == ["house.gone needs no exception"]


class TestNames:
    def test_say_something_in_this_house(self) -> None:
        assert architecture.check_names(PACKAGE) == []

    @pytest.mark.parametrize(
        "path", ["utils.py", "data/helpers.py", "common/__init__.py", "base.py", "misc.py"]
    )
    def test_that_say_nothing_are_refused(self, build: Build, path: str) -> None:
        assert len(architecture.check_names(build({path: ""}))) == 1


class TestPrinting:
    def test_is_left_to_the_command_line(self) -> None:
        assert architecture.check_printing(PACKAGE) == []

    def test_is_found_elsewhere(self, build: Build) -> None:
        package = build({"cli/show.py": "print(1)", "data/mnist.py": "def read():\n    print('here')"})
        assert architecture.check_printing(package) == ["house.data.mnist:2 prints; only cli does"]


class TestDrawing:
    def test_is_left_to_plots(self) -> None:
        assert architecture.check_drawing(PACKAGE) == []

    def test_is_found_elsewhere(self, build: Build) -> None:
        late = "def draw():\n    from matplotlib.figure import Figure"
        found = architecture.check_drawing(build({"plots/curves.py": late, "plots_too.py": late}))
        assert found == ["house.plots_too:2 imports matplotlib.figure; only plots does"]


class TestPickling:
    def test_happens_nowhere_in_this_house(self) -> None:
        assert architecture.check_pickling(PACKAGE) == []

    @pytest.mark.parametrize(
        "statement",
        [
            "import pickle",
            "from pickle import loads",
            "def late():\n    import joblib",
            "import torch\ntorch.load('a')",
            "import torch\ntorch.save({}, 'a')",
            "import numpy as np\nnp.load('a', allow_pickle=True)",
        ],
    )
    def test_is_found(self, build: Build, statement: str) -> None:
        (found,) = architecture.check_pickling(build({"training.py": statement}))
        assert found.startswith("house.training:")

    def test_refusing_pickles_in_words_is_allowed(self, build: Build) -> None:
        package = build({"training.py": "import numpy as np\nnp.load('a', allow_pickle=False)"})
        assert architecture.check_pickling(package) == []


class TestLightness:
    def test_holds_in_this_house(self) -> None:
        assert architecture.check_light(PACKAGE) == []

    @pytest.mark.parametrize("name", ["torch", "sklearn.datasets", "matplotlib.figure"])
    def test_a_heavy_package_is_found_at_the_start_of_a_light_module(self, build: Build, name: str) -> None:
        (found,) = architecture.check_light(
            build({"data/mnist.py": f"try:\n    import {name}\nfinally: ..."})
        )
        assert found == f"house.data.mnist imports {name.split('.')[0]} when it starts"

    def test_a_heavy_package_is_found_through_other_modules(self, build: Build) -> None:
        package = build({"cli/show.py": "from house.networks import text", "networks/text.py": ""})
        assert architecture.check_light(package) == []
        build({"networks/__init__.py": "import torch"})
        assert architecture.check_light(package) == ["house.cli.show imports torch when it starts"]

    @pytest.mark.parametrize(
        "statement",
        [
            "def read():\n    import torch",
            "async def read():\n    import torch",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
        ],
    )
    def test_what_is_imported_later_is_allowed(self, build: Build, statement: str) -> None:
        assert architecture.check_light(build({"data/mnist.py": statement})) == []

    @pytest.mark.parametrize(
        "module", ["imagelet", "imagelet.cli", "imagelet.data", "imagelet.preprocessing"]
    )
    def test_a_real_import_brings_nothing_heavy(self, module: str) -> None:
        program = f"import {module}, sys; print(*sorted({set(architecture.HEAVY)} & set(sys.modules)))"
        assert _output([sys.executable, "-c", program]).strip() == ""

    @pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
    def test_the_command_lines_help_brings_nothing_heavy(self, arguments: list[str]) -> None:
        program = (
            "import runpy, sys\n"
            f"sys.argv = ['imagelet', *{arguments}]\n"
            "try:\n    runpy.run_module('imagelet', run_name='__main__')\n"
            "except SystemExit as end:\n    assert not end.code, end.code\n"
            f"print('heavy:', *sorted({set(architecture.HEAVY)} & set(sys.modules)))"
        )
        output = _output([sys.executable, "-c", program])
        assert "Usage" in output
        assert output.splitlines()[-1] == "heavy:"


class TestDocument:
    def test_draws_the_tree_as_it_is(self) -> None:
        drawn = "\n".join(architecture.draw_tree(PACKAGE, architecture.read_layers(DOCUMENT)))
        assert drawn in DOCUMENT.read_text("utf-8"), "python -m tools.architecture renews the drawing"

    def test_shows_each_module_with_the_first_sentence_of_its_docstring(self, build: Build) -> None:
        package = build(
            {
                "__init__.py": '"""The door."""',
                "data/__init__.py": '"""Images. And more."""',
                "data/mnist.py": '"""Digits, v1.0: written by hand"""',
                "data/forms/__init__.py": "",
                "data/forms/idx.py": '"""Bytes."""',
                "errors.py": "",
            }
        )
        lines = architecture.draw_tree(package, [["data"], ["errors"]])
        assert [" ".join(line.split()) for line in lines] == [
            "src/house/",
            "├── __init__.py The door",
            "├── errors.py",
            "└── data/ Images",
            "├── forms/",
            "│ └── idx.py Bytes",
            "└── mnist.py Digits, v1.0: written by hand",
        ]

    def test_is_renewed_in_place(self, build: Build, tmp_path: Path) -> None:
        document = tmp_path / "house.md"
        layers = "## Layers\n\n```\ndata\nerrors\n```\n"
        document.write_text("# A\n\n## The house\n\n```\nold\n```\n\nText.\n\n" + layers)
        package = build({"data/__init__.py": "", "errors.py": ""})
        assert architecture.renew_tree(document, package)
        assert not architecture.renew_tree(document, package)
        drawn = "\n".join(architecture.draw_tree(package, [["data"], ["errors"]]))
        assert document.read_text() == f"# A\n\n## The house\n\n```\n{drawn}\n```\n\nText.\n\n{layers}"

    def test_names_what_the_package_offers(self) -> None:
        assert architecture.read_public_names(DOCUMENT) == set(imagelet.__all__) - {"__version__"}

    def test_public_names_are_read_from_the_table(self, tmp_path: Path) -> None:
        document = tmp_path / "house.md"
        document.write_text(
            "## Public names\n\n| name | does |\n|---|---|\n| `train(…)` | a |\n| `load` | b |\n"
        )
        assert architecture.read_public_names(document) == {"train", "load"}

    @pytest.mark.parametrize("name", sorted(getattr(imagelet, "__all__", ())))
    def test_what_the_package_offers_is_there_and_explained(self, name: str) -> None:
        assert name in dir(imagelet)
        assert getattr(imagelet, name).__doc__


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("browser/test_*.py")), ids=lambda path: path.stem
)
def test_what_needs_a_browser_is_left_to_the_slow_tests(path: Path) -> None:
    assert "\npytestmark = [pytest.mark.browser, pytest.mark.slow" in path.read_text("utf-8")


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
