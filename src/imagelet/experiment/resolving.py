"""How an experiment was resolved: what was chosen for ``auto``, facts of the data, and remarks on it.

The first files of a run keep that.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from imagelet import atomic_files
from imagelet.data.datasets import namesake
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.signal import check_signal
from imagelet.data.splits import Split
from imagelet.device import precision_name
from imagelet.experiment import sharing
from imagelet.experiment.remarks import remarks_on_split
from imagelet.experiment.start import Start, notes_on
from imagelet.messages import Message
from imagelet.networks import Network, count_parameters
from imagelet.runs.definition import AUTO, Experiment
from imagelet.runs.environment import environment
from imagelet.training.distributed import Group
from imagelet.training.loop import TrainingSetup
from imagelet.training.optimizers import optimizers
from imagelet.training.own_functions import NONE
from imagelet.training.recipe import Recipe
from imagelet.training.recipes import recipes
from imagelet.training.state import has_convolutions


def remarks_on_images(experiment: Experiment, training: ImageSet) -> list[Message]:
    """Return what else is said before the first step: of a name with two meanings, of what images show.

    Raises:
        DataError: the training images show nothing.
    """
    other_meaning = namesake(experiment.dataset)
    return [*([other_meaning] if other_meaning else []), *check_signal(training)]


def _told_of_rates(asked: Recipe, recipe: Recipe, network: Network) -> Iterator[Message]:
    """Yield a sentence where a learning rate was asked for that no weight of the network has."""
    usual = recipes.get(recipe.name).learning_rate if recipe.name in recipes else AUTO
    if asked.learning_rate in (AUTO, usual):
        return
    if optimizers.get(recipe.optimizer).only_convolutions and not has_convolutions(network):
        yield Message(
            "The learning rate {rate:g} has no effect: {optimizer} uses it for convolutions, and this "
            "network has none. Its weights have adamw_learning_rate = {other:g}; with --optimizer adamw, "
            "--lr is theirs.",
            rate=recipe.learning_rate,
            optimizer=recipe.optimizer,
            other=recipe.adamw_learning_rate,
        )


def resolved(
    dataset: Dataset,
    network: Network,
    setup: TrainingSetup,
    frozen: Split,
    start: Start | None,
    told: Sequence[Message],
    asked: Recipe,
) -> dict[str, Any]:
    """Return the values chosen for ``auto`` and facts of the data, for ``experiment.toml`` and the events."""
    before = None if start is None else start.facts(setup.training.classes, setup.validation)
    validation_images = len(setup.validation) if setup.validation else 0
    understood = [*dataset.understood, *remarks_on_split(dataset, frozen, setup.validation, setup.training)]
    return {
        "network": network.text,
        "input_shape": list(setup.training.shape),
        "classes": list(setup.training.classes),
        "parameters": count_parameters(network),
        "training_images": len(setup.training),
        "validation_images": validation_images,
        "device": str(setup.device),
        "precision": precision_name(setup.precision),
        "data_place": dataset.place,
        "understood": [
            *understood,
            *(left_out.told for part, left_out in dataset.left_out.items() if part != "train"),
            *told,
            *_told_of_rates(asked, setup.recipe, network),
            *notes_on(before, validation_images),
        ],
        "left_out": {part: list(left_out.names) for part, left_out in dataset.left_out.items()},
        "data_sha256": frozen.data_sha256,
        **({"network_source_sha256": network.source_sha256} if network.source_sha256 else {}),
        **({"given_weights": True} if network.given else {}),
        **({"start": before} if before else {}),
        **({"own": setup.own.to_json()} if setup.own != NONE else {}),
    }


def first_files(
    experiment: Experiment, facts: dict[str, Any], frozen: Split, start: Start | None, group: Group
) -> Callable[[Path], None]:
    """Return what writes the files that a run's folder has from its first moment on."""
    where = {name: facts[name] for name in ("device", "precision", "data_sha256")}
    about = environment() | where | sharing.facts(group)
    content = tomli_w.dumps(experiment.to_toml() | {"resolved": facts})

    def write(folder: Path) -> None:
        frozen.save(folder / "split.json")
        if start is not None:
            start.write(folder)
        atomic_files.write_json(folder / "environment.json", about)
        atomic_files.write_text(folder / "experiment.toml", content)

    return write
