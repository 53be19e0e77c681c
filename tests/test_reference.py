"""The pages of docs/reference that are made from the code say what the code says."""

from pathlib import Path

import pytest

import imagelet
from imagelet.networks.layers import KINDS
from imagelet.training.recipe import setting_fields
from tools import reference

PAGES = reference.pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_committed_page_is_the_generated_one(page: Path) -> None:
    assert page.read_text("utf-8") == PAGES[page], "write it anew: python -m tools.reference"


def test_every_layer_and_every_field_of_a_recipe_is_there() -> None:
    assert [word for word in KINDS if f"\n### {word}\n" not in PAGES[reference.LAYERS]] == []
    assert [one.name for one in setting_fields() if f"| `{one.name}` |" not in PAGES[reference.RECIPES]] == []


def test_the_page_on_functions_shows_each_public_name() -> None:
    page = (reference.FOLDER / "api.md").read_text("utf-8")
    names = set(imagelet.__all__) - {"__version__"}
    assert {name for name in names if f":: imagelet.{name}\n" not in page} == set()
