"""What suits the images: nothing that the recipe says is touched, and what it leaves open has bounds."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.networks import build
from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import AUTO, Recipe, recipe_to_json, with_settings
from imagelet.training.recipes import recipes, suitable_network, suited
from imagelet.training.state import make_optimizer

AUTOMATIC = dict.fromkeys(("epochs", "batch_size", "learning_rate", "shift"), AUTO)
OPEN = Recipe(**AUTOMATIC)
SHAPE = (28, 28, 1)


@pytest.mark.parametrize(
    "name", [name for name in recipes if "auto" not in recipe_to_json(recipes.get(name)).values()]
)
def test_a_recipe_that_says_everything_stays_as_it_is(name: str) -> None:
    recipe = recipes.get(name)
    assert suited(recipe, 1000, SHAPE) == recipe


@given(images=st.integers(2, 10**6), side=st.integers(8, 96))
def test_what_is_open_is_settled_for_any_number_and_size(images: int, side: int) -> None:
    found = suited(OPEN, images, (side, 2 * side, 3))
    assert 8 <= found.epochs <= 100
    assert 16 <= found.batch_size <= 250
    assert found.learning_rate > 0
    assert found.shift == side / 16
    assert dataclasses.replace(found, **AUTOMATIC) == OPEN


def test_hand_worked_sizes() -> None:
    few, many = (suited(recipes.get("general"), images, SHAPE) for images in (1000, 60_000))
    assert (few.epochs, few.batch_size, few.shift) == (100, 25, 1.75)
    assert few.learning_rate == pytest.approx(0.1 * (25 / 250) ** 0.5)
    assert (many.epochs, many.batch_size, many.learning_rate) == (8, 250, 0.1)


@pytest.mark.parametrize(("side", "views"), [(8, "mirrored"), (15, "mirrored"), (16, "mirrored-shifted")])
def test_small_images_are_not_shifted_when_they_are_looked_at(side: int, views: str) -> None:
    assert suited(recipes.get("general"), 1000, (side, 2 * side, 1)).test_time_augmentation == views


@pytest.mark.parametrize("optimizer", list(optimizers))
def test_every_optimizer_has_a_rate(optimizer: str) -> None:
    recipe = suited(dataclasses.replace(OPEN, optimizer=optimizer), 100, SHAPE)
    assert make_optimizer(build("softmax"), recipe).param_groups[0]["lr"] == recipe.learning_rate or (
        optimizer == "muon"
    )


@pytest.mark.parametrize("side", [8, 15, 16, 28, 96])
def test_the_network_takes_the_images(side: int) -> None:
    shape = (side, side + 1, 3)
    assert build(suitable_network(shape), shape, 7).input_shape == shape


@pytest.mark.parametrize(
    ("images", "classes", "until"), [(249, 5, 1.0), (250, 5, 0.3), (249, 2, 0.3), (499, 10, 1.0)]
)
def test_below_fifty_images_a_class_only_the_last_layer_of_a_trained_network_learns(
    images: int, classes: int, until: float
) -> None:
    recipe = suited(recipes.get("fine-tuning"), images, SHAPE, classes)
    assert (recipe.freeze, recipe.freeze_until) == ("body", until)


def test_layers_that_are_frozen_by_name_stay_frozen() -> None:
    recipe = suited(with_settings(recipes.get("fine-tuning"), {"freeze": "conv1"}), 60_000, SHAPE)
    assert (recipe.freeze, recipe.freeze_until) == ("conv1", 1.0)
