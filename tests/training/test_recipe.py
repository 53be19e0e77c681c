import contextlib
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.errors import ImageletError, SettingError, UnknownNameError
from imagelet.training.recipe import (
    AUTO,
    SECTIONS,
    Augmentation,
    Recipe,
    recipe_from_json,
    recipe_to_json,
    setting_fields,
    with_settings,
)


@pytest.mark.parametrize("field", setting_fields(), ids=lambda field: field.name)
def test_every_field_has_a_term_a_unit_a_meaning_and_allowed_values(field):
    assert field.metadata["term"]
    assert field.metadata["unit"]
    assert field.metadata["meaning"]
    assert field.type is bool or field.name == "freeze" or len(field.metadata["allowed"]) >= 2


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"epochs": "-1"}, "a whole number from 1 to 100000 (epochs), or auto"),
        ({"epochs": "0"}, "a whole number from 1 to 100000 (epochs), or auto"),
        ({"epochs": 0}, "a whole number from 1 to 100000 (epochs), or auto"),
        ({"batch_size": "0"}, "a whole number from 1"),
        ({"learning_rate": "0"}, "a number from 1e-09 to 1000 (per step), or auto"),
        ({"shift": "-1"}, "a number from 0 to 64 (pixels), or auto"),
        ({"freeze": "x" * 3000}, "a text of at most 2000 characters"),
        ({"epochs": "2.5"}, "a whole number"),
        ({"epochs": "many"}, "a whole number"),
        ({"learning_rate": "nan"}, "a number"),
        ({"learning_rate": "inf"}, "a number"),
        ({"learning_rate": "-1"}, "a number"),
        ({"momentum": "1"}, "below 1"),
        ({"optimizer": "adagrad"}, "one of sgd, momentum"),
        ({"flip": "maybe"}, "true or false"),
        ({"batch_size": True}, "a whole number"),
    ],
)
def test_a_value_that_is_not_allowed_names_the_field_and_what_is(setting, words):
    with pytest.raises(SettingError) as caught:
        with_settings(Recipe(), setting)
    assert str(next(iter(setting))) in caught.value.message
    assert words in caught.value.message


@pytest.mark.parametrize("field", ["epochs", "learning_rate"])
def test_a_number_that_no_float_holds_is_not_allowed(field):
    with pytest.raises(SettingError, match=rf"^{field} = inf is not allowed"):
        with_settings(Recipe(), {field: 10**400})


def test_a_mistyped_field_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'learning_rate'"):
        with_settings(Recipe(), {"lerning_rate": "1"})


def test_typed_texts_become_the_fields_own_types():
    recipe = with_settings(
        Recipe(), {"epochs": "3", "learning_rate": "1e-2", "flip": "no", "optimizer": "sgd"}
    )
    assert (recipe.epochs, recipe.learning_rate, recipe.flip, recipe.optimizer) == (3, 0.01, False, "sgd")
    assert type(recipe.epochs) is int


def test_auto_is_read_where_there_is_such_a_value():
    recipe = with_settings(Recipe(), {"epochs": "auto", "shift": "auto"})
    assert (recipe.epochs, recipe.shift) == (AUTO, AUTO)
    assert recipe_to_json(recipe)["epochs"] == "auto"
    assert recipe_from_json(recipe_to_json(recipe)) == recipe
    with pytest.raises(SettingError, match="momentum"):
        with_settings(Recipe(), {"momentum": "auto"})


def test_short_names_are_understood_once():
    assert with_settings(Recipe(), {"lr": "0.5"}).learning_rate == 0.5
    with pytest.raises(SettingError, match="lr is short for learning_rate"):
        with_settings(Recipe(), {"learning_rate": 0.1, "lr": 0.2})


@pytest.mark.parametrize(
    ("freeze", "names", "until"),
    [("conv1,conv2", "conv1,conv2", 1), (["conv1", "conv2"], "conv1, conv2", 1), ("0.3", "body", 0.3)],
)
def test_freeze_takes_names_or_a_share_of_the_steps(freeze, names, until):
    recipe = with_settings(Recipe(), {"freeze": freeze})
    assert (recipe.freeze, recipe.freeze_until) == (names, until)


def test_what_is_quiet_is_kept_only_where_it_says_something():
    assert "freeze" not in recipe_to_json(Recipe())
    written = recipe_to_json(Recipe(freeze="body", freeze_until=0.5))
    assert (written["freeze"], written["freeze_until"]) == ("body", 0.5)


@given(st.dictionaries(st.sampled_from([f.name for f in setting_fields()]), st.text(max_size=8), max_size=4))
def test_any_text_gives_a_recipe_or_a_sentence(settings):
    with contextlib.suppress(ImageletError):
        recipe = with_settings(Recipe(), settings)
        assert recipe_from_json(recipe_to_json(recipe)) == recipe


def test_a_recipe_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().epochs = 3


def test_the_sections_hold_every_setting_once():
    names = [field.name for section in SECTIONS.values() for field in setting_fields(section)]
    assert names == [field.name for field in setting_fields()]
    known = {field.name for field in dataclasses.fields(Recipe)}
    assert sorted([*names, "name", "note", "network"]) == sorted(known)


def test_a_section_alone_is_checked_as_a_recipe_is():
    assert Augmentation(rotation=8).rotation == 8.0
    with pytest.raises(SettingError, match="rotation = 200"):
        Augmentation(rotation=200)


def test_a_recipe_is_written_flat_section_by_section():
    recipe = Recipe(name="mine", network="softmax", rotation=8)
    loud = [field.name for field in setting_fields() if not field.metadata["quiet"]]
    names = ["name", "network", *loud]
    assert list(recipe_to_json(recipe)) == names
    assert recipe_to_json(recipe)["rotation"] == 8.0
