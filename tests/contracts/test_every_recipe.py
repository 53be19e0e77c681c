"""What every recipe must do, the registered ones and those of plugins: learn 32 images by heart."""

import dataclasses

import numpy as np
import pytest
import torch

from imagelet.data import ImageSet, load_dataset
from imagelet.networks import build, find_network
from imagelet.preprocessing.normalization import Normalization
from imagelet.training.evaluation import evaluate
from imagelet.training.loop import TrainingSetup, start, train
from imagelet.training.recipe import recipe_from_json, recipe_to_json
from imagelet.training.recipes import recipes, suitable_network, suited

CPU = torch.device("cpu")
ENLARGED = 4  # 8×8 digits as 32×32 images: what moves or blanks some pixels still leaves the digit to be seen
NETWORK = (
    f"conv(16, {ENLARGED}x{ENLARGED}, stride={ENLARGED}) batchnorm relu"
    " conv(32, 3x3, same) batchnorm relu pool(2) flatten dense(classes)"
)


@pytest.mark.parametrize("name", list(recipes))
def test_learns_32_images_by_heart(name: str) -> None:
    images = enlarged(load_dataset("digits").train.take(np.arange(32)))
    recipe = dataclasses.replace(recipes.get(name), epochs=80, batch_size=16, early_stopping=0)
    recipe = dataclasses.replace(recipe, freeze="")  # nothing is frozen in a network that has learned nothing
    recipe = suited(recipe, len(images), images.shape)
    normalization = Normalization.of(images.images, recipe.normalization)
    setup = TrainingSetup(images, None, recipe, normalization, False, 0, CPU, torch.float32)
    network = build(NETWORK, images.shape, len(images.classes), initial_weights=recipe.initial_weights)
    state = start(setup, network)
    before = evaluate(state.evaluated_network(), images, normalization, CPU, torch.float32).accuracy
    list(train(setup, state))
    accuracy = evaluate(state.evaluated_network(), images, normalization, CPU, torch.float32).accuracy
    assert before < 0.5
    assert accuracy == 1.0


@pytest.mark.parametrize("name", list(recipes))
def test_survives_json_under_its_own_name(name: str) -> None:
    assert recipes.get(name).name == name
    assert recipe_from_json(recipe_to_json(recipes.get(name))) == recipes.get(name)


@pytest.mark.parametrize("name", list(recipes))
def test_brings_a_network_that_can_be_built(name: str) -> None:
    recipe = recipes.get(name)
    for shape in ((8, 8, 1), (28, 28, 1), (32, 32, 3)):
        network = suitable_network(shape) if recipe.network == "auto" else recipe.network
        if find_network(network).input_shape == shape or recipe.network == "auto":
            assert build(network, shape, 3).classes == 3


@pytest.mark.parametrize("name", list(recipes))
@pytest.mark.parametrize("images", [2, 300, 60_000])
def test_leaves_nothing_open_once_it_suits_the_images(name: str, images: int) -> None:
    recipe = suited(recipes.get(name), images, (28, 28, 1))
    assert recipe.epochs >= 1
    assert recipe.batch_size >= 1
    assert recipe.learning_rate > 0
    assert recipe.shift >= 0
    assert suited(recipe, images, (28, 28, 1)) == recipe


def enlarged(images: ImageSet) -> ImageSet:
    """Return images (n, 32, 32, 1) of (n, 8, 8, 1)."""
    block = np.ones((1, ENLARGED, ENLARGED, 1), np.uint8)
    return ImageSet(np.kron(images.images, block), images.labels, images.classes)
