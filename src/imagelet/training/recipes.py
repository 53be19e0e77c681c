"""The named recipes, and what suits the images where a recipe says auto.

Adding one is one ``_add(...)``: name, note, settings, network.

The figures in the notes are those of ``benchmarks/results``: test accuracy as mean ± standard deviation over
seeds, and seconds of training on two cores of a processor of each class. A test compares them.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import NamedTuple

from imagelet.messages import Message
from imagelet.registry import Registry
from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import AUTO, AUTO_VIEWS, Recipe, with_settings

IMAGES_IN_ALL = 400_000  # over all epochs: minutes on a laptop
CLASSES = 10  # where nobody says how many
FEWEST_EPOCHS, MOST_EPOCHS = 8, 100
STEPS_IN_AN_EPOCH = 40  # where there are few images
SMALLEST_BATCH, LARGEST_BATCH = 16, 250
SHIFT = 1 / 16  # of the shorter side
FEW = 50  # images of a class: below, a trained network's own layers stay as they are
FREEZE_UNTIL = 0.3  # of the steps, where there are more: the new head learns first
SMALLEST_SIDE = 16  # pixels; a smaller image cannot be pooled three times

recipes: Registry[Recipe] = Registry(Message("recipe"), "imagelet recipes")


MUON = (  # the airbench family's settings
    "optimizer=muon momentum=0.6 adamw_learning_rate=0.02 beta2=0.99 epsilon=1e-8"
    " schedule=linear warmup=0 initial_weights=he"
)


class Measured(NamedTuple):
    """What a recipe reached on a dataset.

    Attributes:
        dataset: as people write it.
        accuracy: on the test images, in percent: mean ± sample standard deviation over the seeds.
        seeds: how many.
        seconds: of training on two cores, by :func:`imagelet.device.processor_class`.
    """

    dataset: str
    accuracy: str
    seeds: int
    seconds: Mapping[str, int]

    @property
    def note(self) -> Message:
        """The figures as a recipe's note; the seconds are those with bfloat16."""
        return Message(
            "{dataset}: test accuracy {accuracy} % (seeds: {seeds}), {seconds} s of training",
            dataset=self.dataset,
            accuracy=self.accuracy,
            seeds=self.seeds,
            seconds=self.seconds["bf16"],
        )


measured: dict[str, Measured] = {}
"""What was measured, by the recipe's name."""


def _add(name: str, note: str | Measured, settings: str = "", network: str = "small-cnn") -> None:
    """Add a recipe; its settings are written as ``--set`` takes them."""
    if isinstance(note, Measured):
        measured[name], note = note, note.note
    values = dict(setting.split("=") for setting in settings.split())
    recipes.add(name, with_settings(Recipe(name=name, note=note, network=network), values))


_add(
    "general",
    "chooses what suits the images; the default of imagelet train",
    "epochs=auto batch_size=auto optimizer=muon learning_rate=auto momentum=0.6 schedule=linear warmup=0"
    " weight_decay=0.01 label_smoothing=0.1 shift=auto rotation=8 scaling=0.1 test_time_augmentation=auto",
    network="auto",
)
_add(
    "fine-tuning",
    "for a trained network: first its last layer learns, with many images then all; the default with --from",
    "epochs=auto batch_size=auto optimizer=adamw learning_rate=0.002 schedule=one-cycle weight_decay=0.01"
    " label_smoothing=0.1 shift=auto rotation=8 scaling=0.1 freeze=body freeze_until=auto",
    network="auto",
)
_add("default", "one-cycle AdamW for the small network, a plain starting point")
_add(
    "keras",
    "Keras's defaults, with the course's epochs and batch size",
    "epochs=5 batch_size=100 optimizer=adam learning_rate=0.001 schedule=constant warmup=0 flip=no"
    " normalization=scale",
)
_add(
    "digits",
    "for the built-in 8×8 digits: few images, so many epochs and gentle augmentation",
    "epochs=40 batch_size=64 weight_decay=0.05 label_smoothing=0.1 shift=0.5 rotation=10 scaling=0.1",
)
_add(
    "mnist-fast",
    Measured("MNIST", "99.49 ± 0.07", 10, {"bf16": 5, "AVX2": 8}),
    f"{MUON} epochs=2 batch_size=500 learning_rate=0.2 label_smoothing=0.05 shift=1",
    network="fast",
)
_add(
    "mnist-best",
    Measured("MNIST", "99.67 ± 0.03", 5, {"bf16": 235}),
    f"{MUON} epochs=12 batch_size=250 learning_rate=0.1 label_smoothing=0.1"
    " shift=1.5 rotation=10 scaling=0.1 shear=5 test_time_augmentation=shifted",
    network="fast-mnist",
)
_add(
    "handwriting",
    "handwritten digits: robust to imperfect framing, unsure about what is no digit",
    f"{MUON} epochs=24 batch_size=250 learning_rate=0.1 label_smoothing=0.05"
    " shift=1.5 rotation=10 scaling=0.12 shear=8 thickness=0.5 coarseness=0.05 blur=0.3 background=0.1"
    " noise=0.05 outlier_share=0.4 test_time_augmentation=shifted",
    network="fast-mnist",
)
_add(
    "fashion-fast",
    Measured("Fashion-MNIST", "93.78 ± 0.09", 5, {"bf16": 72}),
    f"{MUON} epochs=6 batch_size=500 learning_rate=0.24 label_smoothing=0.1"
    " shift=1 test_time_augmentation=mirrored",
    network="fast-narrow",
)
_add(
    "fashion-best",
    Measured("Fashion-MNIST", "95.11", 1, {"bf16": 609}),
    f"{MUON} epochs=14 batch_size=500 learning_rate=0.24 label_smoothing=0.1"
    " shift=1 test_time_augmentation=mirrored-shifted",
    network="fast-wide",
)
_add(
    "cifar-fast",
    Measured("CIFAR-10", "94.75 ± 0.07", 2, {"bf16": 667}),
    f"{MUON} epochs=16 batch_size=1000 learning_rate=0.24 label_smoothing=0.2"
    " shift=2 freeze_first_layer_at=0.375 test_time_augmentation=mirrored-shifted",
    network="fast-wide",
)


def suited(recipe: Recipe, images: int, shape: tuple[int, int, int], classes: int = CLASSES) -> Recipe:
    """Return the recipe with what suits the images in place of every auto value; all other values stay.

    Args:
        recipe: how to train.
        images: how many there are to learn from.
        shape: (height, width, channels) of each.
        classes: how many.
    """
    epochs, batch_size, rate, shift = recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.shift
    if batch_size == AUTO:
        batch_size = min(max(images // STEPS_IN_AN_EPOCH, SMALLEST_BATCH), LARGEST_BATCH)
    if epochs == AUTO:
        epochs = min(max(round(IMAGES_IN_ALL / images), FEWEST_EPOCHS), MOST_EPOCHS)
    if rate == AUTO:
        default = optimizers.get(recipe.optimizer).learning_rate
        rate = default * math.sqrt(min(1.0, batch_size / LARGEST_BATCH))
    if shift == AUTO:
        shift = min(shape[:2]) * SHIFT
    views = recipe.test_time_augmentation
    if views == AUTO_VIEWS:  # a pixel is much of a small image
        views = "mirrored-shifted" if min(shape[:2]) >= SMALLEST_SIDE else "mirrored"
    freeze_until = recipe.freeze_until
    if freeze_until == AUTO:
        freeze_until = 1.0 if images < FEW * classes else FREEZE_UNTIL
    return dataclasses.replace(
        recipe,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=rate,
        shift=shift,
        freeze_until=freeze_until,
        test_time_augmentation=views,
    )


def suitable_network(shape: tuple[int, int, int]) -> str:
    """Return the name of a network for images of (height, width, channels)."""
    return "fast-narrow" if min(shape[:2]) >= SMALLEST_SIDE else "small-cnn"
