"""What suits the images where a recipe says auto: network, epochs, batch size, learning rate, shift."""

import dataclasses
import math

from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import AUTO, Recipe

IMAGES_IN_ALL = 400_000  # over all epochs: minutes on a laptop
FEWEST_EPOCHS, MOST_EPOCHS = 8, 100
STEPS_IN_AN_EPOCH = 40  # where there are few images
SMALLEST_BATCH, LARGEST_BATCH = 16, 250
SHIFT = 1 / 16  # of the shorter side
SMALLEST_SIDE = 16  # pixels; a smaller image cannot be pooled three times


def suited(recipe: Recipe, images: int, shape: tuple[int, int, int]) -> Recipe:
    """Return the recipe with a number in place of every auto value; all other values stay.

    Args:
        recipe: how to train.
        images: how many there are to learn from.
        shape: (height, width, channels) of each.
    """
    epochs, batch_size, rate, shift = recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.shift
    if batch_size == AUTO:
        batch_size = min(max(images // STEPS_IN_AN_EPOCH, SMALLEST_BATCH), LARGEST_BATCH)
    if epochs == AUTO:
        epochs = min(max(round(IMAGES_IN_ALL / images), FEWEST_EPOCHS), MOST_EPOCHS)
    if rate == AUTO:
        default = optimizers.get(recipe.optimizer).learning_rate
        rate = default * math.sqrt(min(1.0, batch_size / LARGEST_BATCH))
    if shift < 0:
        shift = min(shape[:2]) * SHIFT
    return dataclasses.replace(recipe, epochs=epochs, batch_size=batch_size, learning_rate=rate, shift=shift)


def suitable_network(shape: tuple[int, int, int]) -> str:
    """Return the name of a network for images of (height, width, channels)."""
    return "fast-narrow" if min(shape[:2]) >= SMALLEST_SIDE else "small-cnn"
