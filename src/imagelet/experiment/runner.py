"""Running an experiment: from data to a finished run folder, as a stream of events.

Iterating over :func:`run_experiment` or :func:`resume` trains; the events say what happens.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from imagelet import atomic_files, paths
from imagelet.cores import usable_cores
from imagelet.data.datasets import findable, load_dataset, namesake
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.signal import check_signal
from imagelet.data.splits import Split, read_fold, split
from imagelet.data.store import InMemory
from imagelet.device import (
    choose_device,
    choose_precision,
    choose_threads,
    precision_name,
    start_threads,
    using_threads,
)
from imagelet.errors import DataError, RunError, UsageError
from imagelet.experiment.finalize import Finished, finish
from imagelet.experiment.remarks import remarks_on_split
from imagelet.experiment.session import Clock, interruptible, threads_of
from imagelet.experiment.start import (
    Start,
    notes_on,
    open_data,
    split_of,
    start_of,
    warnings_on,
    with_start,
)
from imagelet.messages import Message
from imagelet.networks import Network, build, count_parameters
from imagelet.networks.zoo import is_imported
from imagelet.progress import Progress
from imagelet.runs.definition import AUTO, Experiment, settled
from imagelet.runs.environment import environment
from imagelet.runs.files import write_history
from imagelet.runs.learner import run_given
from imagelet.runs.provenance import validation_images
from imagelet.runs.run import Run
from imagelet.runs.store import create_run, sweep
from imagelet.training import loop
from imagelet.training.checkpoint import Checkpoint, restore_newest, save_checkpoint
from imagelet.training.freezing import frozen_modules
from imagelet.training.loop import EpochEnded, Step, Stopped, TrainingSetup
from imagelet.training.optimizers import optimizers
from imagelet.training.own_functions import NONE, OwnFunctions
from imagelet.training.profiling import Profile
from imagelet.training.recipe import Recipe
from imagelet.training.recipes import recipes
from imagelet.training.state import State, has_convolutions

SECONDS_BETWEEN_CHECKPOINTS = 60.0
SECONDS_BETWEEN_EPOCHS = 5.0  # of which the state is saved; shorter ones are trained again as quickly


@dataclass(frozen=True)
class RunStarted:
    """A run folder was made, or a run is resumed.

    Attributes:
        run: its folder.
        experiment: what is run.
        resolved: the values chosen for ``auto``, and facts of the data.
        resumed_at: (epochs done, steps done in the next); None for a new run.
        warnings: a sentence for each checkpoint that was damaged and left out, and on validation images that
            were learned from before.
    """

    run: Run
    experiment: Experiment
    resolved: dict[str, Any]
    resumed_at: tuple[int, int] | None = None
    warnings: tuple[str, ...] = ()


Event = RunStarted | Step | EpochEnded | Stopped | Finished


def run_experiment(
    experiment: Experiment,
    *,
    network: Any = None,
    name: str | None = None,
    default_name: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    test: bool = False,
    frozen: Split | None = None,
    start: Start | None = None,
    own: OwnFunctions = NONE,
    allow_import: bool | None = True,
    in_memory: InMemory = "auto",
    progress: Progress | None = None,
    profile: Profile | None = None,
) -> Iterator[Event]:
    """Run an experiment in a new run folder and yield the events.

    Args:
        experiment: what to run.
        network: the module or builder that the experiment's network names; of a module a copy is trained.
        name: the run's name, which must be free; None: the default name, numbered where it is taken.
        default_name: None: made of dataset and network.
        folder: where runs live; None: ``paths.runs()``.
        test: evaluate on the test images at the end, once.
        frozen: the split of another run of this experiment; None: made by its seed.
        start: what the training starts from; None: as ``start_from`` of the experiment says.
        own: a person's own loss and augmentation.
        allow_import: whether code that the network names is imported; False where a file says so.
        in_memory: as :func:`load_dataset` takes it; the results do not depend on it.
        progress: is told (done, total) while files are downloaded or pictures decoded.
        profile: is told where the time of the training goes.

    Raises:
        ImageletError: anything that a user can mend; a frozen split of other images.
        KeyboardInterrupt: Ctrl-C; the state is saved, and its arguments are what happened and what to type.
    """
    clock, asked = Clock(), experiment
    with using_threads(choose_threads(_checked(experiment).threads)):
        experiment, start, dataset, frozen = _opened(experiment, start, frozen, clock, in_memory, progress)
        told = _told(experiment, dataset.train)
        built = _build(experiment, dataset.train, start or network, allow_import=allow_import)
        setup = _setup(experiment, dataset, frozen, start, own)
        resolved = _resolved(dataset, built, setup, frozen, start, told, asked.recipe)
        files = _first_files(experiment, resolved, frozen, start)
        run = create_run(_place(folder), name, default_name or _default_name(dataset, built, start), files)
        with run.in_use():
            yield RunStarted(run, experiment, resolved, warnings=warnings_on(resolved))
            state = _begun(run, setup, built, clock)
            yield from _train(run, dataset, setup, state, clock, profile, test=test)


def prepared(
    experiment: Experiment, *, in_memory: InMemory = "auto", progress: Progress | None = None
) -> tuple[TrainingSetup, Network, bool]:
    """Return setup and network of a training, and whether the weights were learned; nothing is written."""
    opened = _opened(_checked(experiment), None, None, Clock(), in_memory, progress)
    experiment, start, dataset, frozen = opened
    check_signal(dataset.train)
    network = _build(experiment, dataset.train, start, allow_import=True)
    return _setup(experiment, dataset, frozen, start, NONE), network, start is not None


def _place(folder: str | os.PathLike[str] | None) -> Path:
    """Return where runs live, without what killed processes left in them."""
    sweep(place := Path(folder or paths.runs()).expanduser())
    return place


def _begun(run: Run, setup: TrainingSetup, network: Network, clock: Clock) -> State:
    """Return the state before the first step; it is saved where no seed draws its weights again."""
    state = loop.start(setup, network, trained=run.start_file.exists())
    if network.given:
        _save(run, setup, state, clock)
    clock.training_starts(seconds_before=0.0)
    return state


def _checked(experiment: Any) -> Experiment:
    if isinstance(experiment, Experiment):
        return experiment
    raise UsageError(
        "what is run is an Experiment(…); this is of the type {type}",
        hint="imagelet.train takes data; imagelet.describe makes an experiment of it",
        type=type(experiment).__name__,
    )


def _default_name(dataset: Dataset, network: Network, start: Start | None) -> str:
    """Return what a run is called where nobody chose a name."""
    return f"{dataset.card.name}-{f'from-{start.name}' if start else network.name or 'network'}"


def _opened(
    experiment: Experiment,
    start: Start | None,
    frozen: Split | None,
    clock: Clock,
    in_memory: InMemory,
    progress: Progress | None,
) -> tuple[Experiment, Start | None, Dataset, Split]:
    """Return the experiment with all settled, what it starts from, its data, and the split of these."""
    experiment = dataclasses.replace(experiment, dataset=findable(experiment.dataset))
    experiment, start = with_start(experiment, start)
    dataset = _read(experiment, start, clock, in_memory, progress)
    (frozen := frozen or freeze_split(dataset, experiment, start)).check(dataset.train)
    images = dataset.train
    experiment = settled(experiment, len(frozen.train), images.shape, len(images.classes))
    return experiment, start, dataset, frozen


def _first_files(
    experiment: Experiment, resolved: dict[str, Any], frozen: Split, start: Start | None
) -> Callable[[Path], None]:
    """Return what writes the files that a run's folder has from its first moment on."""
    where = {name: resolved[name] for name in ("device", "precision", "data_sha256")}
    about = environment() | where
    content = tomli_w.dumps(experiment.to_toml() | {"resolved": resolved})

    def write(folder: Path) -> None:
        frozen.save(folder / "split.json")
        if start is not None:
            start.write(folder)
        atomic_files.write_json(folder / "environment.json", about)
        atomic_files.write_text(folder / "experiment.toml", content)

    return write


def resume_experiment(
    run: Any,
    *,
    data: Any = None,
    network: Any = None,
    test: bool = False,
    steps: int | None = None,
    own: OwnFunctions = NONE,
    allow_import: bool | None = None,
    in_memory: InMemory = "auto",
    progress: Progress | None = None,
    profile: Profile | None = None,
) -> Iterator[Event]:
    """Resume a run that was interrupted and yield the events; the result is that of no interruption.

    Args:
        run: an unfinished run, its folder or its name.
        data: the images that it learned from, where they are not found any more.
        network: the module or builder, where the run was started with one.
        test: evaluate on the test images at the end, once.
        steps: 1 takes one and is interrupted, 0 finishes with the best epoch so far; None: all are taken.
        own: the person's own loss and augmentation that the run was started with.
        allow_import: whether code that the run names as its network is imported; None: as
            IMAGELET_ALLOW_IMPORT says.
        in_memory: as :func:`load_dataset` takes it; the results do not depend on it.
        progress: is told (done, total) while files are downloaded or pictures decoded.
        profile: is told where the time of the training goes.

    Raises:
        UsageError: code may not be imported, or its own functions are not those that it was started with.
        RunError: the run is finished, or is to end and no epoch is done.
        DataError: the data is not what the run was started with.
        CheckpointError: all checkpoints are damaged.
    """
    run, clock = _unfinished(run_given(run)), Clock()
    threads, told = threads_of(run, most=max(choose_threads(), usable_cores()))
    with run.in_use(), using_threads(threads):
        experiment, resolved = Experiment.from_toml(run.experiment), run.experiment["resolved"]
        own.check(resolved.get("own", {}), run.name)
        fixed = dataclasses.replace(experiment, device=resolved["device"], precision=resolved["precision"])
        start = start_of(run, allow_import=allow_import)
        dataset = _read(fixed, start, clock, in_memory, progress) if data is None else load_dataset(data)
        (frozen := Split.load(run.folder / "split.json")).check(dataset.train)
        setup = _setup(fixed, dataset, frozen, start, own)
        atomic_files.remove_abandoned(run.folder)
        new = partial(_build, fixed, dataset.train, start or network, allow_import=allow_import)
        state, seconds, warnings = _restored(run, setup, new, end=steps == 0)
        yield RunStarted(run, experiment, resolved, (state.epoch, state.step), (*told, *warnings))
        clock.training_starts(seconds)
        yield from _train(run, dataset, setup, state, clock, profile, test=test, one_step=steps == 1)


def _unfinished(run: Run) -> Run:
    if not run.finished:
        return run
    raise RunError(
        "the run '{name}' is finished: there is nothing to resume",
        hint="imagelet evaluate {folder}, or train again with more --epochs",
        name=run.name,
        folder=paths.typed(run.folder),
    )


def _restored(
    run: Run, setup: TrainingSetup, build_network: Callable[[], Network], *, end: bool
) -> tuple[State, float, list[str]]:
    """Return the state of the newest checkpoint that is sound, its seconds of training, and warnings.

    Where it is to ``end``, no further step is taken from it.
    """
    trained = run.start_file.exists()

    def restore(checkpoint: Checkpoint) -> tuple[State, float]:
        state = loop.start(setup, build_network(), trained=trained)
        state.restore(checkpoint)
        return state, float(checkpoint.facts.get("seconds", 0.0))

    restored, warnings = restore_newest(run.checkpoints, restore)
    state, seconds = restored or (loop.start(setup, build_network(), trained=trained), 0.0)
    if end and not state.best_epoch:
        raise RunError("no epoch is done yet: there is no classifier to keep", "train on until one is done")
    if end:
        state.end()
    return state, seconds, warnings


def _read(
    experiment: Experiment,
    start: Start | None,
    clock: Clock,
    in_memory: InMemory,
    progress: Progress | None,
) -> Dataset:
    dataset = open_data(experiment, start, in_memory, progress)
    _ = dataset.train  # read now, by the clock
    clock.data_ready()
    return dataset


def _build(
    experiment: Experiment, images: ImageSet, given: Any = None, *, allow_import: bool | None
) -> Network:
    """Return the network that the experiment names; ``given``: what it starts from, a module or a builder."""
    start_threads()
    weights, seed = experiment.recipe.initial_weights, experiment.seed
    if isinstance(given, Start):
        network = given.build(images.classes, weights, seed, allow_import=allow_import)
    else:
        network = build(
            experiment.network if given is None or isinstance(given, str) else given,
            input_shape=images.shape,
            classes=len(images.classes),
            initial_weights=weights,
            seed=seed,
            allow_import=allow_import,
        )
    frozen_modules(network, experiment.recipe)  # a layer that is not there is told before a run is made
    return network


def freeze_split(dataset: Dataset, experiment: Experiment, start: Start | None) -> Split:
    """Divide the training images into those to learn from and those to choose by."""
    if start is not None and (split_before := split_of(start, dataset, experiment)) is not None:
        return split_before
    how = experiment.validation
    if how == AUTO:
        how = "0" if "validation" in dataset.parts else "0.2"
    try:
        return split(dataset.train, how, experiment.seed, experiment.limit)
    except DataError:
        check_signal(dataset.train)  # where the images show nothing, that is what is wrong
        raise


def _setup(
    experiment: Experiment, dataset: Dataset, frozen: Split, start: Start | None, own: OwnFunctions
) -> TrainingSetup:
    training, recipe = dataset.train, experiment.recipe
    if not np.array_equal(frozen.train, np.arange(len(training))):
        training = training.take(frozen.train)
    device = choose_device(experiment.device)
    if start is None:
        normalization = training.normalization(recipe.normalization)
    else:
        normalization = start.classifier.normalization
    return TrainingSetup(
        training=training,
        validation=validation_images(dataset, frozen, experiment.validation),
        recipe=recipe,
        normalization=normalization,
        flips=dataset.card.flips,
        turned=dataset.card.turned,
        seed=experiment.seed,
        device=device,
        precision=choose_precision(experiment.precision, device),
        own=own,
    )


def _told(experiment: Experiment, training: ImageSet) -> list[Message]:
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


def _resolved(
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


def _train(
    run: Run,
    dataset: Dataset,
    setup: TrainingSetup,
    state: State,
    clock: Clock,
    profile: Profile | None,
    *,
    test: bool,
    one_step: bool = False,
) -> Iterator[Event]:
    """Train, save what a resumed run needs, and finish the run folder."""
    with interruptible() as interrupted:
        for event in loop.train(_without_fold(setup, run), state, profile):
            clock.tick(min(setup.recipe.batch_size, len(setup.training)) if isinstance(event, Step) else 0)
            enough = interrupted() or (one_step and isinstance(event, Step))
            stop = enough and not isinstance(event, Stopped)
            ended = isinstance(event, EpochEnded)
            if stop or clock.since_save >= (SECONDS_BETWEEN_EPOCHS if ended else SECONDS_BETWEEN_CHECKPOINTS):
                _save(run, setup, state, clock)
            yield event
            if stop:
                raise KeyboardInterrupt(
                    Message(
                        "stopped in epoch {epoch} of {epochs}; nothing is lost",
                        epoch=state.epoch + 1,
                        epochs=setup.recipe.epochs,
                    ),
                    _how_to_resume(run),
                )
    yield finish(run, dataset, setup, state, clock, test=test)


def _how_to_resume(run: Run) -> Message:
    if run.experiment["resolved"].get("given_weights"):
        return Message("resume with: imagelet.resume('{run}', network=…), the same module", run=run.folder)
    if is_imported(run.experiment["network"]):
        return Message(
            "resume with: imagelet train --resume {run} --allow-import", run=paths.typed(run.folder)
        )
    return Message("resume with: imagelet train --resume {run}", run=paths.typed(run.folder))


def _without_fold(setup: TrainingSetup, run: Run) -> TrainingSetup:
    """Return the setup of the loop: a fold measures the last epoch, and chooses none."""
    return dataclasses.replace(setup, validation=None) if read_fold(run.experiment["validation"]) else setup


def _save(run: Run, setup: TrainingSetup, state: State, clock: Clock) -> None:
    checkpoint = state.checkpoint()
    timed = dataclasses.replace(checkpoint, facts={**checkpoint.facts, "seconds": clock.training})
    save_checkpoint(run.checkpoints, state.steps_done(setup.steps), timed)
    write_history(run.folder, state.history)
    clock.saved()
