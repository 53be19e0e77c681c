"""imagelet's networks in Keras 3, trained as the course's notes do: ``compile``, then ``fit`` on arrays.

Runs in an environment with Keras and TensorFlow and without torch; the networks are read from imagelet's
own text.
"""

import sys

import keras
import numpy as np

from benchmarks.peers.worker import Epoch, Training, random_images, serve
from imagelet.networks import infer_shapes, layers, networks
from imagelet.networks.layers import Layer


def prepare(training: Training) -> Epoch:
    """Return what trains a network's Keras twin on random images, scaled to 0–1, for an epoch."""
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if training.precision == "bf16" else "float32")
    text = networks.get(training.network).text
    model = keras.Sequential([keras.Input(training.input_shape)])
    for each in infer_shapes(text, training.input_shape, training.classes):
        model.add(_layer(each.layer))
    optimizer = _optimizer(training.optimizer, training.learning_rate)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    made: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def epoch(steps: int) -> None:
        if steps not in made:
            images, labels = random_images(training, steps)
            made[steps] = (images.astype(np.float32) / 255, labels)
        model.fit(*made[steps], batch_size=training.batch_size, epochs=1, verbose=0)

    return epoch


def _layer(layer: Layer) -> keras.Layer:
    """Return the Keras layer of one of network text."""
    match layer:
        case layers.Conv():
            return keras.layers.Conv2D(layer.filters, layer.kernel, layer.stride, padding=layer.padding)
        case layers.Pool():
            return keras.layers.MaxPooling2D(layer.size, layer.strides, padding=layer.padding)
        case layers.Dense():
            return keras.layers.Dense(layer.units)
        case layers.Dropout():
            return keras.layers.Dropout(layer.rate)
        case layers.Flatten():
            return keras.layers.Flatten()
        case layers.Relu() | layers.Softmax():
            return keras.layers.Activation(layer.word)
    sys.exit(f"keras_worker.py does not know the layer '{layer.word}'")


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
