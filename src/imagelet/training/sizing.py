"""What suits the data, where a recipe leaves it open: network, epochs, batch size."""

import dataclasses

from imagelet.training.recipe import CHOSEN, Recipe

IMAGES_SEEN = 400_000  # over all epochs: minutes on a laptop
FEWEST_EPOCHS, MOST_EPOCHS = 8, 100
STEPS_IN_AN_EPOCH = 40  # where there are few images
SMALLEST_BATCH, LARGEST_BATCH = 16, 250
SMALLEST_SIDE = 16  # pixels; below, there is too little to pool three times


def sized(recipe: Recipe, images: int) -> Recipe:
    """Return the recipe with its epochs and its batch size settled.

    Args:
        recipe: how to train; what it does not leave open stays.
        images: how many there are to learn from.
    """
    epochs, batch_size = recipe.epochs, recipe.batch_size
    if batch_size == CHOSEN:
        batch_size = min(max(images // STEPS_IN_AN_EPOCH, SMALLEST_BATCH), LARGEST_BATCH)
    if epochs == CHOSEN:
        epochs = min(max(round(IMAGES_SEEN / images), FEWEST_EPOCHS), MOST_EPOCHS)
    return dataclasses.replace(recipe, epochs=epochs, batch_size=batch_size)


def suitable_network(shape: tuple[int, int, int]) -> str:
    """Return the name of a network for images of (height, width, channels)."""
    return "fast-narrow" if min(shape[:2]) >= SMALLEST_SIDE else "small-cnn"
