"""Running an experiment: from data to a finished run folder, as a stream of events.

Iterating over :func:`run_experiment` or :func:`resume` trains; the events say what happens.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from imagelet import atomic_files, paths
from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import findable, load_dataset
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.signal import check_signal
from imagelet.data.splits import Split, read_fold, split
from imagelet.data.store import InMemory
from imagelet.device import choose_precision, start_threads, using_threads
from imagelet.errors import DataError, RunError, UsageError
from imagelet.experiment import sharing
from imagelet.experiment.finalize import Finished, finish
from imagelet.experiment.resolving import first_files, remarks_on_images, resolved
from imagelet.experiment.session import Clock, interruptible, threads_of
from imagelet.experiment.start import Start, open_data, split_of, start_of, warnings_on, with_start
from imagelet.messages import Message
from imagelet.networks import Network, build
from imagelet.networks.zoo import is_imported
from imagelet.progress import Progress
from imagelet.runs.definition import AUTO, Experiment, settled
from imagelet.runs.files import write_history
from imagelet.runs.provenance import validation_images
from imagelet.runs.run import Run
from imagelet.runs.store import create_run, sweep
from imagelet.training import loop
from imagelet.training.checkpoint import Checkpoint, restore_newest, save_checkpoint
from imagelet.training.distributed import SINGLE, Group
from imagelet.training.division import with_lanes
from imagelet.training.freezing import frozen_modules
from imagelet.training.joining import joined
from imagelet.training.loop import EpochEnded, Step, Stopped, TrainingSetup
from imagelet.training.own_functions import NONE, OwnFunctions
from imagelet.training.profiling import Profile
from imagelet.training.state import State

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
        warnings: a sentence for each damaged checkpoint, and on validation images that were learned from.
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
    in_lanes: bool = False,
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
        in_lanes: divide the batches into lanes as for several processes, also where this one is alone.

    Raises:
        ImageletError: anything that a user can mend; a frozen split of other images.
        KeyboardInterrupt: Ctrl-C; the state is saved, and its arguments are what happened and what to type.
    """
    chosen = (network, name, default_name, folder, frozen, start, own, allow_import)
    way = _Way(*chosen, in_memory=in_memory, progress=progress, in_lanes=in_lanes)
    asked = _checked(experiment)
    with joined() as group, using_threads(sharing.threads(group, asked.threads)):
        yield from _begin(group, asked, way, profile, test=test)


def prepared(
    experiment: Experiment, *, in_memory: InMemory = "auto", progress: Progress | None = None
) -> tuple[TrainingSetup, Network, bool]:
    """Return setup and network of a training, and whether the weights were learned; nothing is written."""
    experiment, start = _with_start(_checked(experiment), None)
    way = _Way(in_memory=in_memory, progress=progress)
    experiment, dataset, frozen = _opened(experiment, start, way, Clock(), SINGLE)
    check_signal(dataset.train)
    network = _build(experiment, dataset.train, start, allow_import=True)
    return _setup(experiment, dataset, frozen, start, NONE, SINGLE), network, start is not None


@dataclass(frozen=True)
class _Way:
    """The arguments of :func:`run_experiment` that say how a run is begun."""

    network: Any = None
    name: str | None = None
    default_name: str | None = None
    folder: str | os.PathLike[str] | None = None
    frozen: Split | None = None
    start: Start | None = None
    own: OwnFunctions = NONE
    allow_import: bool | None = True
    in_memory: InMemory = "auto"
    progress: Progress | None = None
    in_lanes: bool = False


def _begin(
    group: Group, asked: Experiment, way: _Way, profile: Profile | None, *, test: bool
) -> Iterator[Event]:
    """Start a run and train it, or resume the one that these processes had started before."""
    clock, own, place = Clock(), way.own, _place(way.folder, group)
    experiment, start = _with_start(asked, way.start)
    sharing.agree_on_settings(group, experiment, own)
    if begun := sharing.begun_before(group, place, experiment, own):
        yield from _resumed(group, begun, way, profile, test=test)
        return
    with group.first_goes_ahead():
        experiment, dataset, frozen = _opened(experiment, start, way, clock, group)
    told = remarks_on_images(experiment, dataset.train)
    built = _build(experiment, dataset.train, start or way.network, allow_import=way.allow_import)
    setup = _setup(experiment, dataset, frozen, start, own, group)
    facts = resolved(dataset, built, setup, frozen, start, told, asked.recipe)
    sharing.agree_on_data(group, frozen, facts)
    files = first_files(experiment, facts, frozen, start, group)
    default_name = way.default_name or _default_name(dataset, built, start)
    run = sharing.made(group, lambda: create_run(place, way.name, default_name, files))
    with sharing.in_use(group, run):
        yield RunStarted(run, experiment, facts, warnings=warnings_on(facts))
        state = _begun(run, setup, built, clock, trained=start is not None)
        yield from _train(run, dataset, setup, state, clock, profile, test=test)


def _place(folder: str | os.PathLike[str] | None, group: Group) -> Path:
    """Return where runs live, without what killed processes left in them."""
    place = Path(folder or paths.runs()).expanduser()
    if group.is_first:
        sweep(place)
    return place


def _begun(run: Run, setup: TrainingSetup, network: Network, clock: Clock, *, trained: bool) -> State:
    """Return the state before the first step; it is saved where no seed draws its weights again."""
    state = loop.start(setup, network, trained=trained)
    sharing.share(setup.group, state)
    if network.given and setup.group.is_first:
        _save(run, setup, state, clock)
    clock.training_starts(seconds_before=0.0)
    return state


def _resumed(group: Group, run: Run, way: _Way, profile: Profile | None, *, test: bool) -> Iterator[Event]:
    """Resume a run that these processes had started, or had even finished."""
    network, allow_import = way.network, way.allow_import
    if group.first_text("finished" if run.finished else "unfinished") == "unfinished":
        rest: dict[str, Any] = {"own": way.own, "allow_import": allow_import, "in_memory": way.in_memory}
        rest |= {"progress": way.progress, "profile": profile, "test": test}
        yield from resume_experiment(run, network=network, **rest)
        return

    def finished_before() -> Finished:
        given = None if isinstance(network, str) else network
        classifier = Classifier.load(run.classifier_file, allow_import=allow_import, network=given)
        return Finished(run, classifier, run.metrics)

    yield sharing.finished(group, run, network, finished_before)


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


def _with_start(experiment: Experiment, start: Start | None) -> tuple[Experiment, Start | None]:
    """Return the experiment with its data named as another process finds it, and what it starts from."""
    return with_start(dataclasses.replace(experiment, dataset=findable(experiment.dataset)), start)


def _opened(
    experiment: Experiment, start: Start | None, way: _Way, clock: Clock, group: Group
) -> tuple[Experiment, Dataset, Split]:
    """Return the experiment with all settled, its data, and the split of these."""
    dataset = _read(experiment, start, clock, way.in_memory, way.progress)
    (frozen := way.frozen or freeze_split(dataset, experiment, start)).check(dataset.train)
    images = dataset.train
    experiment = settled(experiment, len(frozen.train), images.shape, len(images.classes))
    recipe = with_lanes(experiment.recipe, group.world, alone=way.in_lanes)
    return dataclasses.replace(experiment, recipe=recipe), dataset, frozen


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
    with joined() as group:
        run, clock = _unfinished(sharing.seen(group, run), own), Clock()
        threads, told = threads_of(run, most=sharing.most_threads(group))
        with sharing.in_use(group, run), using_threads(sharing.least(group, threads)):
            experiment, facts, fixed = _as_begun(run, group, own)
            start = start_of(run, allow_import=allow_import)
            with group.first_goes_ahead():
                dataset = _read(fixed, start, clock, in_memory, progress, data)
            (frozen := Split.load(run.folder / "split.json")).check(dataset.train)
            setup = _setup(fixed, dataset, frozen, start, own, group)
            sharing.agree_on_data(group, frozen, facts)
            new = partial(_build, fixed, dataset.train, start or network, allow_import=allow_import)
            state, seconds, warnings = _restored(run, setup, new, end=steps == 0)
            yield RunStarted(run, experiment, facts, (state.epoch, state.step), warnings=(*told, *warnings))
            clock.training_starts(seconds)
            yield from _train(run, dataset, setup, state, clock, profile, test=test, one_step=steps == 1)


def _as_begun(run: Run, group: Group, own: OwnFunctions) -> tuple[Experiment, dict[str, Any], Experiment]:
    """Return a run's experiment, how it was resolved, and it with what was chosen for ``auto``."""
    experiment, facts = Experiment.from_toml(run.experiment), run.experiment["resolved"]
    fixed = dataclasses.replace(experiment, device=facts["device"], precision=facts["precision"])
    sharing.check_lanes(group, fixed)
    sharing.agree_on_settings(group, fixed, own)
    return experiment, facts, fixed


def _unfinished(run: Run, own: OwnFunctions) -> Run:
    """Return the run.

    Raises:
        RunError: it is finished.
        UsageError: it was started with another own loss or augmentation.
    """
    if not run.finished:
        own.check(run.experiment["resolved"].get("own", {}), run.name)
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

    restored, warnings = None, list[str]()
    if setup.group.is_first:
        atomic_files.remove_abandoned(run.folder)
        restored, warnings = restore_newest(run.checkpoints, restore)
    state, seconds = restored or (loop.start(setup, build_network(), trained=trained), 0.0)
    sharing.share(setup.group, state)
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
    data: Any = None,
) -> Dataset:
    """Return the data of an experiment; ``data``: what the person who resumes it passes instead."""
    dataset = open_data(experiment, start, in_memory, progress) if data is None else load_dataset(data)
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
    experiment: Experiment,
    dataset: Dataset,
    frozen: Split,
    start: Start | None,
    own: OwnFunctions,
    group: Group,
) -> TrainingSetup:
    training, recipe = dataset.train, experiment.recipe
    if not np.array_equal(frozen.train, np.arange(len(training))):
        training = training.take(frozen.train)
    device = sharing.device(group, experiment.device)
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
        group=group,
    )


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
    group = setup.group
    with interruptible(once=group.world > 1) as interrupted:
        for event in loop.train(_without_fold(setup, run), state, profile):
            clock.tick(min(setup.recipe.batch_size, len(setup.training)) if isinstance(event, Step) else 0)
            if interrupted() or (one_step and isinstance(event, Step)):
                group.request_stop()
            stop = group.stop and not isinstance(event, Stopped)
            ended = isinstance(event, EpochEnded)
            due = clock.since_save >= (SECONDS_BETWEEN_EPOCHS if ended else SECONDS_BETWEEN_CHECKPOINTS)
            if group.is_first and (stop or due):
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
    complete = partial(finish, run, dataset, setup, state, clock, test=test)
    yield sharing.finished(group, run, state.network, complete)


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
