"""Recipes in files: what is written is read again; what is wrong is said in one sentence with the file."""

from pathlib import Path

import pytest

from imagelet.errors import ImageletError, UnknownNameError
from imagelet.training.recipe import AUTO, Recipe, recipe_to_json, with_settings
from imagelet.training.recipe_file import LARGEST_FILE, find_recipe, write_recipe
from imagelet.training.recipes import recipes


@pytest.mark.parametrize("name", list(recipes))
def test_every_recipe_survives_its_file(tmp_path: Path, name: str) -> None:
    recipe = recipes.get(name)
    write_recipe(tmp_path / "mine.toml", recipe, ("what it is", "two\nlines"))
    assert recipe_to_json(find_recipe(tmp_path / "mine.toml")) == recipe_to_json(recipe)
    assert (tmp_path / "mine.toml").read_text().startswith("# what it is\n# two\n# lines\n")


def test_a_file_names_what_it_sets_and_its_base_has_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "longer.toml"
    file.write_text('base = "general"\nlr = 0.5\nflip = false\nepochs = "auto"\nnetwork = "softmax"\n')
    found = find_recipe(str(file))
    expected = with_settings(recipes.get("general"), {"learning_rate": 0.5, "flip": False})
    assert (found.name, found.network, found.epochs) == ("longer", "softmax", AUTO)
    assert recipe_to_json(found) == recipe_to_json(expected) | {"name": "longer", "network": "softmax"}


def test_without_a_base_the_other_fields_are_those_of_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text("momentum = 0.5")
    assert find_recipe(tmp_path / "short.toml") == Recipe(name="short", momentum=0.5)


def test_a_name_without_the_ending_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("general").write_text("epochs = 3")
    assert find_recipe("general") is recipes.get("general")
    with pytest.raises(UnknownNameError):
        find_recipe("mine")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("epochs = 0", "mine.toml: epochs = 0 is not allowed; it is a whole number from 1"),
        ("epochs = [3]", r"mine.toml: epochs = \[3\] is not allowed"),
        ("momentun = 0.5", "mine.toml: unknown recipe field 'momentun'; did you mean 'momentum'"),
        ("name = 3", "mine.toml: name = 3 is not allowed; it is a text"),
        ('name = ""', "mine.toml: name = '' is not allowed; it is a text"),
        ('base = "genral"', "mine.toml: unknown recipe 'genral'; did you mean 'general'"),
        ("lr = 1\nlearning_rate = 2", "mine.toml: lr is short for learning_rate, and both are given"),
        ("epochs =", "'.*mine.toml' is no TOML"),
        ("\udcff", "'.*mine.toml' is no TOML"),
        ("#" * (LARGEST_FILE + 1), "has more than 1,000,000 bytes"),
        (None, "'.*mine.toml' cannot be read: No such file"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(tmp_path: Path, text: str | None, sentence: str) -> None:
    if text is not None:
        (tmp_path / "mine.toml").write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(ImageletError, match=sentence):
        find_recipe(tmp_path / "mine.toml")
