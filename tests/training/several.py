"""What the processes of tests/training/test_several_processes.py do; each returns what must be the same."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from imagelet.data import ImageSet
from imagelet.data.on_disk import ImagesOnDisk, as_array
from imagelet.training.checkpoint import read_checkpoint, save_checkpoint, saved_checkpoints
from imagelet.training.distributed import Group
from imagelet.training.evaluation import evaluate
from imagelet.training.loop import EpochEnded, Step, Stopped, TrainingSetup, train
from imagelet.training.recipe import Recipe
from imagelet.training.state import State
from tests.training.test_loop import RECIPES as OF_LOOP
from tests.training.test_loop import TEXT, fresh, setup_of, striped, uneven

RECIPES = {name: dataclasses.replace(recipe, lanes=4) for name, recipe in OF_LOOP.items()} | {
    "clipped": Recipe(epochs=2, batch_size=32, max_gradient_norm=0.1, lanes=8),
    "few": Recipe(epochs=2, batch_size=146, lanes=4),  # a last batch of 4 images: two lanes of two
    "frozen": Recipe(epochs=2, batch_size=32, lanes=4, freeze="conv1, batchnorm1", freeze_until=0.5),
}
RESUMED = ("adamw", "muon")


def setup_in(group: Group, name: str) -> TrainingSetup:
    setup = dataclasses.replace(setup_of(RECIPES[name], flips=True), group=group)
    return dataclasses.replace(setup, training=uneven()) if name in ("weighted", "sampled") else setup


def digest(state: State) -> str:
    """Return a digest of weights, best weights, optimizer and history."""
    made = hashlib.sha256(repr(state.history).encode())
    checkpoint = state.checkpoint()
    for name in sorted(checkpoint.tensors):
        made.update(name.encode())
        made.update(checkpoint.tensors[name].contiguous().numpy().tobytes())
    return made.hexdigest()


def trained(group: Group) -> dict[str, str]:
    """Return the digest of each recipe's training."""
    digests = {}
    for name in RECIPES:
        setup = setup_in(group, name)
        state = fresh(setup, TEXT)
        list(train(setup, state))
        digests[name] = digest(state)
    return digests


def trained_until(group: Group, folder: str, until: int) -> dict[str, str]:
    """Train on from the newest checkpoint, until so many steps are done; return the digests."""
    digests = {}
    for name in RESUMED:
        setup, place = setup_in(group, name), Path(folder) / name
        place.mkdir(exist_ok=True)
        state = fresh(setup, TEXT)
        if saved := saved_checkpoints(place):
            state.restore(read_checkpoint(saved[-1]))
        group.barrier()
        for event in train(setup, state):
            if isinstance(event, Step) and (done := state.steps_done(event.steps)) == until:
                if group.is_first:
                    save_checkpoint(place, done, state.checkpoint())
                break
        group.barrier()
        digests[name] = digest(state)
    return digests


def evaluated(group: Group) -> dict[str, list[float]]:
    """Return the figures on sets of several sizes, whose last batches are small, in memory and in a store."""
    setup = setup_of(Recipe())
    network = fresh(setup, TEXT).network
    figures = {}
    for count in (1, 60, 999, 1000, 2001, 5500):
        images = striped(count, 1)
        stored = ImageSet(as_array(ImagesOnDisk(np.asarray(images.images))), images.labels, images.classes)
        where = setup.normalization, setup.device, setup.precision
        for one in (images, stored):
            figures[f"{count} {one is stored}"] = list(evaluate(network, one, *where, group)[:3])
    return figures


def controlled(group: Group) -> dict[str, str]:
    """Change the learning rate and end the training in the first process alone."""
    setup = setup_in(group, "nesterov")
    setup = dataclasses.replace(setup, recipe=dataclasses.replace(setup.recipe, epochs=9))
    state, seen = fresh(setup, TEXT), []
    for event in train(setup, state):
        done = state.steps_done(setup.steps)
        seen.append((type(event).__name__, done))
        if group.is_first and isinstance(event, Step) and done == 2:
            state.change_learning_rate(0.25)
        if group.is_first and isinstance(event, Step) and done == 2 * setup.steps + 1:
            state.end()
        if isinstance(event, Stopped):
            assert event.early
    return {"digest": digest_of_weights(state), "events": repr(seen)}


def digest_of_weights(state: State) -> str:
    tensors = state.network.state_dict().values()
    data = b"".join(tensor.contiguous().numpy().tobytes() for tensor in tensors)
    return hashlib.sha256(data + repr(state.history).encode()).hexdigest()


def stopped(group: Group) -> int:
    """Ask for a stop in process 2, after two steps; return the steps done when all saw it."""
    setup = setup_in(group, "adamw")
    for event in train(setup, state := fresh(setup, TEXT)):
        if isinstance(event, Step | EpochEnded) and group.stop:
            return state.steps_done(setup.steps)
        if group.rank == 2 and state.steps_done(setup.steps) == 2:
            group.request_stop()
    return -1


def read(group: Group) -> list[int]:
    """Return the rows of a store that this process read in an epoch."""

    class Watched(ImagesOnDisk):
        def __getitem__(self, index):
            rows.extend(np.atleast_1d(index).tolist())
            return super().__getitem__(index)

    rows: list[int] = []
    setup = setup_in(group, "adamw")
    images = as_array(Watched(np.asarray(setup.training.images)))
    training = ImageSet(images, setup.training.labels, setup.training.classes)
    recipe = dataclasses.replace(setup.recipe, epochs=1)
    setup = dataclasses.replace(setup, training=training, recipe=recipe)
    state = fresh(setup, TEXT)
    rows.clear()
    list(train(setup, state))
    return rows


def endless(group: Group) -> None:
    """Train until killed."""
    setup = setup_in(group, "adamw")
    setup = dataclasses.replace(setup, recipe=dataclasses.replace(setup.recipe, epochs=10_000))
    for number, _ in enumerate(train(setup, fresh(setup, TEXT))):
        if number == 3:
            print("training", flush=True)
