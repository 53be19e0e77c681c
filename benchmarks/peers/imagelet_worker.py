"""imagelet's own side: the training loop of ``imagelet train`` on random images."""

import dataclasses

from benchmarks.peers.worker import Epoch, Training, random_images, serve
from imagelet.data.imageset import ImageSet
from imagelet.device import choose_device, choose_precision
from imagelet.networks import build
from imagelet.preprocessing.normalization import Normalization
from imagelet.training.loop import TrainingSetup, train
from imagelet.training.recipe import with_settings
from imagelet.training.recipes import recipes
from imagelet.training.state import State


def prepare(training: Training) -> Epoch:
    """Return what trains a network on random images for an epoch."""
    settings = {
        "epochs": 1,
        "batch_size": training.batch_size,
        "optimizer": training.optimizer,
        "learning_rate": training.learning_rate,
    }
    recipe = with_settings(recipes.get("keras"), settings)
    network = build(training.network, training.input_shape, training.classes)
    device = choose_device("auto")
    state = State.new(network, recipe, device)
    made: dict[int, TrainingSetup] = {}

    def epoch(steps: int) -> None:
        if steps not in made:
            images, labels = random_images(training, steps)
            made[steps] = TrainingSetup(
                training=ImageSet(images, labels, tuple(map(str, range(training.classes)))),
                validation=None,
                recipe=recipe,
                normalization=Normalization.of(images, recipe.normalization),
                flips=False,
                seed=0,
                device=device,
                precision=choose_precision(training.precision, device),
            )
        setup = dataclasses.replace(made[steps], recipe=dataclasses.replace(recipe, epochs=state.epoch + 1))
        for _ in train(setup, state):
            pass

    return epoch


if __name__ == "__main__":
    serve(prepare)
