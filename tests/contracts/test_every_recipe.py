"""What every recipe must do, the registered ones and those of plugins: learn 32 images by heart."""

import dataclasses

import numpy as np
import pytest
import torch

from imagelet.data import ImageSet, load_dataset
from imagelet.networks import build
from imagelet.normalization import Normalization
from imagelet.training.loop import Job, evaluate, train
from imagelet.training.recipe import recipe_from_json, recipe_to_json
from imagelet.training.recipes import recipes
from imagelet.training.state import State

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", list(recipes))
def test_learns_32_images_by_heart(name: str) -> None:
    images = _enlarged(load_dataset("digits").train.take(np.arange(32)))
    recipe = dataclasses.replace(recipes.get(name), epochs=80, batch_size=16, early_stopping=0)
    normalization = Normalization.of(images.images, recipe.normalization)
    job = Job(images, None, recipe, normalization, False, 0, CPU, torch.float32)
    network = build(
        "conv(16, 3x3, same) relu pool(2) flatten dense(64) relu dense(classes)",
        input_shape=images.shape,
        classes=len(images.classes),
        initial_weights=recipe.initial_weights,
    )
    state = State.new(network, recipe, CPU)
    list(train(job, state))
    _, accuracy = evaluate(state.evaluated_network(), images, normalization, CPU, torch.float32)
    assert accuracy == 1.0


@pytest.mark.parametrize("name", list(recipes))
def test_survives_json_under_its_own_name(name: str) -> None:
    assert recipes.get(name).name == name
    assert recipe_from_json(recipe_to_json(recipes.get(name))) == recipes.get(name)


def _enlarged(images: ImageSet) -> ImageSet:
    """Return images (n, 24, 24, 1) of (n, 8, 8, 1): shifted by some pixels they still show it."""
    return ImageSet(np.kron(images.images, np.ones((1, 3, 3, 1), np.uint8)), images.labels, images.classes)
