"""The named recipes, and what suits the images where a recipe says auto.

Adding one is one ``_add(Recipe(...))``, or ``_add_muon(...)``.

The figures in the notes are those of ``benchmarks/results``: test accuracy as mean ± standard deviation over
seeds, and seconds of training on two cores of a processor with bfloat16 instructions. A test compares them.
"""

import dataclasses
import math

from imagelet.messages import Message
from imagelet.registry import Registry
from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import AUTO, AUTO_SHIFT, Recipe, with_settings

IMAGES_IN_ALL = 400_000  # over all epochs: minutes on a laptop
FEWEST_EPOCHS, MOST_EPOCHS = 8, 100
STEPS_IN_AN_EPOCH = 40  # where there are few images
SMALLEST_BATCH, LARGEST_BATCH = 16, 250
SHIFT = 1 / 16  # of the shorter side
SMALLEST_SIDE = 16  # pixels; a smaller image cannot be pooled three times

recipes: Registry[Recipe] = Registry(Message("recipe"), "imagelet recipes")


def _add(recipe: Recipe) -> None:
    recipes.add(recipe.name, recipe)


_add(
    Recipe(
        name="general",
        note="chooses what suits the images; the default of imagelet train",
        network="auto",
        epochs=AUTO,
        batch_size=AUTO,
        optimizer="muon",
        learning_rate=AUTO,
        momentum=0.6,
        schedule="linear",
        warmup=0.0,
        weight_decay=0.01,
        label_smoothing=0.1,
        shift=AUTO_SHIFT,
        rotation=8.0,
        scaling=0.1,
    )
)
_add(Recipe(note="one-cycle AdamW for the small network, a plain starting point"))
_add(
    Recipe(
        name="keras",
        note="Keras's defaults, with the course's epochs and batch size",
        epochs=5,
        batch_size=100,
        optimizer="adam",
        learning_rate=0.001,
        schedule="constant",
        warmup=0.0,
        flip=False,
        normalization="scale",
    )
)
_add(
    Recipe(
        name="digits",
        note="for the built-in 8×8 digits: few images, so many epochs and gentle augmentation",
        epochs=40,
        batch_size=64,
        weight_decay=0.05,
        label_smoothing=0.1,
        shift=0.5,
        rotation=10.0,
        scaling=0.1,
    )
)


def _measured(dataset: str, accuracy: str, seeds: int, seconds: int) -> Message:
    """Return a note that says what was measured on a dataset."""
    return Message(
        "{dataset}: test accuracy {accuracy} % (seeds: {seeds}), {seconds} s of training",
        dataset=dataset,
        accuracy=accuracy,
        seeds=seeds,
        seconds=seconds,
    )


def _add_muon(name: str, network: str, note: str, settings: str) -> None:
    """Add a recipe of the airbench family with its own settings, each as ``--set`` takes it."""
    shared = (
        "optimizer=muon momentum=0.6 adamw_learning_rate=0.02 beta2=0.99 epsilon=1e-8"
        " schedule=linear warmup=0 initial_weights=he"
    )
    pairs = (setting.split("=") for setting in f"{shared} {settings}".split())
    _add(with_settings(Recipe(name=name, network=network, note=note), dict(pairs)))


_add_muon(
    "mnist-fast",
    "fast",
    _measured("MNIST", "99.50 ± 0.04", seeds=10, seconds=12),
    "epochs=2 batch_size=250 learning_rate=0.1 label_smoothing=0.05 shift=1",
)
_add_muon(
    "mnist-best",
    "fast-mnist",
    _measured("MNIST", "99.67 ± 0.03", seeds=5, seconds=235),
    "epochs=12 batch_size=250 learning_rate=0.1 label_smoothing=0.1 shift=1.5 rotation=10 scaling=0.1 shear=5"
    " test_time_augmentation=shifted",
)
_add_muon(
    "handwriting",
    "fast-mnist",
    "handwritten digits: robust to imperfect framing, unsure about what is no digit",
    "epochs=24 batch_size=250 learning_rate=0.1 label_smoothing=0.05 shift=1.5 rotation=10 scaling=0.12"
    " shear=8 thickness=0.5 coarseness=0.05 blur=0.3 background=0.1 noise=0.05 outlier_share=0.4"
    " test_time_augmentation=shifted",
)
_add_muon(
    "fashion-fast",
    "fast-narrow",
    _measured("Fashion-MNIST", "93.78 ± 0.09", seeds=5, seconds=72),
    "epochs=6 batch_size=500 learning_rate=0.24 label_smoothing=0.1 shift=1 test_time_augmentation=mirrored",
)
_add_muon(
    "fashion-best",
    "fast-wide",
    _measured("Fashion-MNIST", "95.11", seeds=1, seconds=609),
    "epochs=14 batch_size=500 learning_rate=0.24 label_smoothing=0.1 shift=1"
    " test_time_augmentation=mirrored-shifted",
)
_add_muon(
    "cifar-fast",
    "fast-wide",
    _measured("CIFAR-10", "94.75 ± 0.07", seeds=2, seconds=667),
    "epochs=16 batch_size=1000 learning_rate=0.24 label_smoothing=0.2 shift=2 freeze_first_layer_at=0.375"
    " test_time_augmentation=mirrored-shifted",
)


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
