"""`imagelet recipes`: every field of every recipe, as it is."""

from collections.abc import Callable
from typing import Any

import pytest

from imagelet.training.recipe import setting_fields
from imagelet.training.recipes import recipes

Run = Callable[..., Any]


def test_has_the_fields_of_its_help(run: Run, documented: Callable[..., str]) -> None:
    settings = "settings[{field, value, unit, allowed, meaning}]"
    assert run("recipes", "--json").fields == "recipes[{name, note, network, " + settings + "}]"
    assert documented("recipes") == run("recipes", "--json").fields


def test_lists_every_recipe_with_every_field(run: Run) -> None:
    listed = run("recipes", "--json").document["recipes"]
    assert [each["name"] for each in listed] == list(recipes)
    for each in listed:
        values = {setting["field"]: setting["value"] for setting in each["settings"]}
        recipe = recipes.get(each["name"])
        assert (each["network"], each["note"]) == (recipe.network, recipe.note)
        assert recipe.note
        assert values == {field.name: getattr(recipe, field.name) for field in setting_fields()}
    assert len(run("recipes").stdout.splitlines()) == 1 + len(recipes)


@pytest.mark.parametrize("name", list(recipes))
def test_shows_one_field_by_field(run: Run, name: str) -> None:
    outcome = run("recipes", name)
    assert outcome.code == 0
    assert len(outcome.stdout.splitlines()) == 3 + len(setting_fields())
    assert outcome.stdout.startswith(f"{name}: {recipes.get(name).note}; trains {recipes.get(name).network}")
    assert [each["name"] for each in run("recipes", name, "--json").document["recipes"]] == [name]


def test_a_mistyped_name_is_answered_with_the_nearest(run: Run) -> None:
    outcome = run("recipes", "kears")
    assert outcome.code == 2
    assert "did you mean 'keras'" in outcome.stderr
    assert "imagelet recipes lists them" in outcome.stderr
