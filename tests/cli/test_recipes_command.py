"""`imagelet recipes`: every field of every recipe, as it is."""

from collections.abc import Callable
from typing import Any

import pytest

from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import SECTIONS, setting_fields
from imagelet.training.recipes import recipes

Run = Callable[..., Any]


def test_has_the_fields_of_its_help(run: Run, documented: Callable[..., str]) -> None:
    settings = "settings[{field, group, term, value, unit, allowed, meaning}]"
    rules = "optimizers[{name, learning_rate, rule, source, constants}]"
    assert run("recipes", "--json").fields == "recipes[{name, note, network, " + settings + "}], " + rules
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


def test_lists_every_optimizer_with_its_rule_and_defaults(run: Run) -> None:
    listed = run("recipes", "--json").document["optimizers"]
    assert [rule["name"] for rule in listed] == list(optimizers)
    shown = run("recipes").stdout
    assert len(shown.splitlines()) == 1 + len(recipes) + 2 + len(optimizers)
    for rule in listed:
        optimizer = optimizers.get(rule["name"])
        assert rule["constants"] == list(optimizer.constants)
        assert (rule["rule"], rule["learning_rate"]) == (optimizer.rule, optimizer.learning_rate)
        assert optimizer.rule in shown


@pytest.mark.parametrize("name", list(recipes))
def test_shows_one_field_by_field(run: Run, name: str) -> None:
    outcome = run("recipes", name)
    assert outcome.code == 0
    lines = outcome.stdout.splitlines()
    assert len(lines) == 1 + 2 * len(SECTIONS) + len(setting_fields())
    for group, section in SECTIONS.items():
        start = next(place for place, line in enumerate(lines) if line.startswith(f"{group} "))
        shown = [line.split()[0] for line in lines[start + 1 : start + 1 + len(setting_fields(section))]]
        assert shown == [field.name for field in setting_fields(section)]
    assert outcome.stdout.startswith(f"{name}: {recipes.get(name).note}; trains {recipes.get(name).network}")
    assert [each["name"] for each in run("recipes", name, "--json").document["recipes"]] == [name]


def test_says_the_standard_terms(run: Run) -> None:
    shown = run("recipes", "general").stdout
    for field in setting_fields():
        assert f"{field.metadata['term']}: " in shown
    for term in ("learning rate", "warm-up", "β₂", "weight decay", "maximum gradient norm", "EMA decay"):
        assert term in shown


def test_names_the_optimizers_that_use_a_constant(run: Run) -> None:
    (recipe,) = run("recipes", "general", "--json").document["recipes"]
    meanings = {setting["field"]: setting["meaning"] for setting in recipe["settings"]}
    assert meanings["momentum"].endswith("(momentum, nesterov, muon)")
    assert meanings["rho"].endswith("(rmsprop)")


def test_a_mistyped_name_is_answered_with_the_nearest(run: Run) -> None:
    outcome = run("recipes", "kears")
    assert outcome.code == 2
    assert "did you mean 'keras'" in outcome.stderr
    assert "imagelet recipes lists them" in outcome.stderr
