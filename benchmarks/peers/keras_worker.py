"""imagelet's networks in Keras 3, trained as the course's notes do: ``compile``, then ``fit`` on arrays.

Runs in an environment with Keras and TensorFlow and without torch; the networks are read from imagelet's
own text.
"""

import sys

import keras
import numpy as np

from benchmarks.peers.worker import Epoch, Training, random_images, serve
from imagelet.networks import networks
from imagelet.networks.other_libraries import calls_of


def prepare(training: Training) -> Epoch:
    """Return what trains a network's Keras twin on random images, scaled to 0–1, for an epoch."""
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if training.precision == "bf16" else "float32")
    named = networks.get(training.network).named_layers(training.input_shape, training.classes)
    model = keras.Sequential([keras.Input(training.input_shape)])
    for call in calls_of(named or [], training.input_shape, "keras"):  # as `imagelet code` writes them
        make = getattr(keras.layers, call.function.removeprefix("layers."))
        model.add(make(*call.arguments, **call.named))
    optimizer = _optimizer(training.optimizer, training.learning_rate)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    made: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def epoch(steps: int) -> None:
        if steps not in made:
            images, labels = random_images(training, steps)
            made[steps] = (images.astype(np.float32) / 255, labels)
        model.fit(*made[steps], batch_size=training.batch_size, epochs=1, verbose=0)

    return epoch


def _optimizer(name: str, learning_rate: float) -> keras.Optimizer:
    match name:
        case "sgd":
            return keras.optimizers.SGD(learning_rate)
        case "adam":
            return keras.optimizers.Adam(learning_rate)
        case "rmsprop":
            return keras.optimizers.RMSprop(learning_rate)
    sys.exit(f"keras_worker.py does not know the optimizer '{name}'")


if __name__ == "__main__":
    serve(prepare)
