"""A run that several processes train: what they have to have in common, and what the first one does for all.

Each opens the data and computes; the first alone makes the run's folder, saves, and finishes it. Alone, a
process does all of that itself, and nothing here costs it anything.
"""

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from imagelet import ranks
from imagelet.classifier.classifier import Classifier
from imagelet.cores import usable_cores
from imagelet.data.splits import Split
from imagelet.device import choose_device, choose_threads
from imagelet.errors import RunError, SettingError
from imagelet.experiment.finalize import Finished
from imagelet.messages import Message
from imagelet.runs.definition import AUTO, Experiment
from imagelet.runs.learner import run_given
from imagelet.runs.run import Run
from imagelet.runs.store import is_run_of, list_runs
from imagelet.training.checkpoint import Checkpoint
from imagelet.training.distributed import Group
from imagelet.training.division import settled_lanes
from imagelet.training.joining import placement
from imagelet.training.own_functions import OwnFunctions
from imagelet.training.state import State

THREADS_OF_TORCHRUN = "1"  # to which it sets OMP_NUM_THREADS without being asked


def threads(group: Group, given: int | str) -> int:
    """Return with how many threads each process computes; ``auto`` divides the cores of a machine among them.

    Raises:
        SettingError: there are not so many cores.
    """
    if group.world == 1:
        return choose_threads(given)
    place = placement()
    chosen = choose_threads(given)
    if (
        given == AUTO
        and place.local_world > 1
        and os.environ.get("OMP_NUM_THREADS", "1") == THREADS_OF_TORCHRUN
    ):
        chosen = place.cores
    if given != AUTO and chosen > place.cores:
        raise SettingError(
            "threads = {given} for each of {count} processes are more than the cores; {most} are possible",
            hint="leave it out, and the cores are divided",
            given=given,
            count=place.local_world,
            most=place.cores,
        )
    return least(group, chosen)


def most_threads(group: Group) -> int:
    """Return with how many threads a process may compute at most."""
    return max(choose_threads(), usable_cores()) if group.world == 1 else placement().cores


def least(group: Group, number: int) -> int:
    """Return the smallest of the processes' numbers: equal ones round alike."""
    return min(int(one) for one in group.gather(torch.tensor([number])))


def device(group: Group, name: str) -> torch.device:
    """Return where this process computes: of several on one machine each has a GPU of its own.

    Raises:
        SettingError: there is no such device, or not one for each process.
    """
    if group.world == 1:
        return choose_device(name)
    kind, _, index = name.partition(":")
    if kind == "mps" or (index and int(index or 0) > 0):
        raise SettingError(
            "device = {name} is for one process, and there are {world}; allowed are auto, cpu and cuda",
            name=name,
            world=group.world,
        )
    chosen = choose_device(kind)
    if chosen.type != "cuda":
        group.agree("cpu", Message("the device"))
        return torch.device("cpu")
    group.agree("cuda", Message("the device"))
    count, place = torch.cuda.device_count(), placement()
    chosen = torch.device("cuda", place.local_rank if count > 1 and place.local_rank < count else 0)
    torch.cuda.set_device(chosen)
    mine = str(getattr(torch.cuda.get_device_properties(chosen), "uuid", f"{os.uname().nodename} {chosen}"))
    all_of_them = group.gather_text(mine)
    if len(set(all_of_them)) < group.world:
        raise SettingError(
            "{world} processes have {count} GPUs: each needs one of its own",
            hint="start as many processes as there are GPUs, or choose --device cpu",
            world=group.world,
            count=len(set(all_of_them)),
        )
    return chosen


def agree_on_settings(group: Group, experiment: Experiment, own: OwnFunctions) -> None:
    """Return if all processes run one experiment. Where its data lies may differ from machine to machine.

    Raises:
        TrainingError: one runs another.
    """
    if group.world > 1:
        settings = replace(experiment, dataset="-", start_from=None).to_toml()
        group.agree(json.dumps(settings, sort_keys=True, default=str))
        group.agree(json.dumps(own.to_json(), sort_keys=True), Message("your own loss or augmentation"))


def agree_on_data(group: Group, frozen: Split, resolved: dict[str, Any]) -> None:
    """Return if all processes have the same images, split, start and precision.

    Raises:
        TrainingError: one has others.
    """
    if group.world == 1:
        return
    parts = [part.tobytes().hex() for part in (frozen.train, np.asarray(frozen.validation))]
    group.agree(" ".join([resolved["data_sha256"], *parts]), Message("the data"))
    start = resolved.get("start", {}).get("sha256", "none")
    group.agree(start, Message("the classifier to start from"))
    group.agree(resolved["network"] + json.dumps(resolved["classes"]), Message("the network"))
    group.agree(resolved["precision"], Message("the precision (--precision fp32 is possible everywhere)"))


def facts(group: Group) -> dict[str, Any]:
    """Return what a run keeps of the processes that train it."""
    if group.world == 1:
        return {}
    return {"processes": group.world, **({"launch": ranks.launch()} if ranks.launch() else {})}


def check_lanes(group: Group, experiment: Experiment) -> None:
    """Return if so many processes can resume a run; its lanes decide the result, and so they stay.

    Raises:
        RunError: it was begun without lanes.
        SettingError: so many processes cannot share its lanes.
    """
    if group.world > 1 and not experiment.recipe.lanes:
        raise RunError(
            "the run was started without lanes, so {world} processes cannot resume it",
            hint="resume it with one process, or train anew: imagelet train … --processes {world}",
            world=group.world,
        )
    settled_lanes(experiment.recipe, group.world)


def made(group: Group, make: Callable[[], Run]) -> Run:
    """Return the run, whose folder the first process makes."""
    if group.world == 1:
        return make()
    return Run(Path(group.first_text(str(make().folder) if group.is_first else "")))


def seen(group: Group, given: Any) -> Run:
    """Return the run that is to be resumed.

    Raises:
        RunError: this process does not see its folder, and the first one does.
    """
    try:
        run = run_given(given)
        _ = run.experiment
        return run
    except RunError as error:
        if group.is_first:
            raise
        raise RunError(
            "the run's folder is not seen here ({problem})",
            hint="to resume, all machines need the folder under the same path: a shared disk, or a copy",
            problem=error.message,
        ) from error


def in_use(group: Group, run: Run) -> contextlib.AbstractContextManager[None]:
    """Keep other trainings out of the run's folder."""
    return run.in_use() if group.is_first else contextlib.nullcontext()


def share(group: Group, state: State) -> None:
    """Let every process have the state of the first, to the last bit.

    Machines may differ in the last digits of what they draw and fit before the first step.
    """
    if group.world == 1:
        return
    content = b""
    if group.is_first:
        checkpoint = state.checkpoint()
        tensors = {name: tensor.contiguous().cpu() for name, tensor in checkpoint.tensors.items()}
        content = _packed(json.dumps(checkpoint.facts).encode(), safetensors.torch.save(tensors))
    facts, tensors_of_first = _unpacked(first_bytes(group, content))
    if not group.is_first:
        state.restore(Checkpoint(safetensors.torch.load(tensors_of_first), json.loads(facts)))


def first_bytes(group: Group, content: bytes) -> bytes:
    """Return the bytes that the first process passes."""
    length = int(group.gather(torch.tensor([len(content)]))[0])
    mine = torch.zeros(length, dtype=torch.uint8)
    if group.is_first:
        mine = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    return group.gather(mine)[0].numpy().tobytes()


def finished(group: Group, run: Run, network: Any, finish: Callable[[], Finished]) -> Finished:
    """Return the finished run in every process; the first one finishes it while the others wait.

    Args:
        group: of the processes.
        run: its folder.
        network: the network, the module or the builder that was trained; a text or None where it is named.
        finish: finishes it.
    """
    if group.world == 1:
        return finish()
    done: Finished | None = None
    with group.first_goes_ahead():
        if group.is_first:
            with group.first_alone():
                done = finish()
    content = b""
    if done is not None:
        content = _packed(json.dumps(done.metrics).encode(), done.classifier.to_bytes())
    metrics, weights = _unpacked(first_bytes(group, content))
    if done is not None:
        return done
    given = None if isinstance(network, str) or not getattr(network, "given", True) else network
    classifier = Classifier.from_bytes(weights, allow_import=True, network=given)
    return Finished(run, replace(classifier, file=run.classifier_file), json.loads(metrics))


def _packed(first: bytes, second: bytes) -> bytes:
    return len(first).to_bytes(8, "little") + first + second


def _unpacked(content: bytes) -> tuple[bytes, bytes]:
    length = 8 + int.from_bytes(content[:8], "little")
    return content[8:length], content[length:]


def begun_before(group: Group, folder: Path, experiment: Experiment, own: OwnFunctions) -> Run | None:
    """Return the run of this experiment that these processes had begun before torchrun started them anew."""
    if group.world == 1 or not ranks.is_started_anew():
        return None
    found, launch = "", ranks.launch()
    if group.is_first and folder.is_dir():
        for run in list_runs(folder):
            with contextlib.suppress(RunError):
                known: dict[str, Any] = {"own": own.to_json(), "world": group.world}
                if run.environment.get("launch") == launch and is_run_of(run, experiment, **known):
                    found = str(run.folder)
    found = group.first_text(found)
    return Run(Path(found)) if found else None
