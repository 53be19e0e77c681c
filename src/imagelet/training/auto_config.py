"""What suits the images, where a recipe leaves it open: network, epochs, batch, learning rate, shift."""

import dataclasses
import math

from imagelet.training.recipe import CHOSEN, Recipe

IMAGES_SEEN = 400_000  # over all epochs: minutes on a laptop
FEWEST_EPOCHS, MOST_EPOCHS = 8, 100
STEPS_IN_AN_EPOCH = 40  # where there are few images
SMALLEST_BATCH, LARGEST_BATCH = 16, 250
RATES = {  # at the largest batch; smaller ones take the square root of their share of it
    "sgd": 0.1,
    "momentum": 0.02,
    "nesterov": 0.02,
    "rmsprop": 0.002,
    "adam": 0.004,
    "adamw": 0.004,
    "muon": 0.1,
}
SHIFT = 1 / 16  # of the shorter side
SMALLEST_SIDE = 16  # pixels; below, there is too little to pool three times


def sized(recipe: Recipe, images: int, shape: tuple[int, int, int]) -> Recipe:
    """Return the recipe with all settled that it leaves open; what it says stays.

    Args:
        recipe: how to train.
        images: how many there are to learn from.
        shape: (height, width, channels) of each.
    """
    epochs, batch_size, rate, shift = recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.shift
    if batch_size == CHOSEN:
        batch_size = min(max(images // STEPS_IN_AN_EPOCH, SMALLEST_BATCH), LARGEST_BATCH)
    if epochs == CHOSEN:
        epochs = min(max(round(IMAGES_SEEN / images), FEWEST_EPOCHS), MOST_EPOCHS)
    if rate == CHOSEN:
        rate = RATES[recipe.optimizer] * math.sqrt(min(1.0, batch_size / LARGEST_BATCH))
    if shift < 0:
        shift = min(shape[:2]) * SHIFT
    return dataclasses.replace(recipe, epochs=epochs, batch_size=batch_size, learning_rate=rate, shift=shift)


def suitable_network(shape: tuple[int, int, int]) -> str:
    """Return the name of a network for images of (height, width, channels)."""
    return "fast-narrow" if min(shape[:2]) >= SMALLEST_SIDE else "small-cnn"
