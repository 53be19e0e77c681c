"""How long an optimizer step takes in imagelet and in Keras: the course's networks, in turn.

Each library is a process of its own. They take turns, network by network and round by round, because the
speed of a machine drifts. Either class of processor is measured: this one, or this one kept to AVX2.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.measuring import Benchmark, at_once, geometric_mean, summary
from benchmarks.peers.worker import Training
from benchmarks.processes import AVX2, NONE
from imagelet.course import lessons
from imagelet.course.lessons import trainings
from imagelet.networks import networks
from imagelet.training.recipe import with_settings
from imagelet.training.recipes import recipes

ROOT = Path(__file__).parents[1]
ROUNDS = 5
SECONDS = 1.5  # of each measurement
CLASSES = 10
SIDES = {"imagelet auto": "auto", "imagelet fp32": "fp32", "keras fp32": "fp32", "keras bf16": "bf16"}


class Worker:
    """A process that answers how long a step takes.

    Args:
        python: which Python runs it.
        module: of ``benchmarks.peers``.
        variables: of its environment, added to those that are set.
    """

    def __init__(self, python: str, module: str, variables: Mapping[str, str] = NONE) -> None:
        environment = {
            **os.environ,
            **variables,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        self._process = subprocess.Popen(
            [python, "-m", f"benchmarks.peers.{module}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def step_seconds(self, training: Training) -> float:
        """Measure once and return the seconds of a step."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(dataclasses.asdict(training)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit(f"{' '.join(map(str, self._process.args))} ended: see above")  # type: ignore[arg-type]
        return float(json.loads(answer)["step_seconds"])

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._process.communicate()


def benchmarks() -> dict[str, Benchmark]:
    """Return what there is to measure, by name."""
    return {"steps": at_once(steps), "steps-avx2": at_once(avx2_steps)}


def steps() -> dict[str, Any]:
    """Seconds of an optimizer step of the course's networks, imagelet's and Keras's in turn.

    ``IMAGELET_KERAS`` names the Python of an environment with Keras; without it only ours are measured.
    """
    return _measured(SIDES, NONE)


def avx2_steps() -> dict[str, Any]:
    """The same in float32, both kept to what a processor with AVX2 can do."""
    return _measured({side: precision for side, precision in SIDES.items() if side.endswith("fp32")}, AVX2)


def training_of(lesson: lessons.Training, seconds: float = SECONDS) -> Training:
    """Return what a worker is asked for a training of the course, in float32."""
    recipe = with_settings(recipes.get("keras"), lesson.settings)
    return Training(
        network=lesson.network,
        input_shape=networks.get(lesson.network).input_shape,  # type: ignore[arg-type]
        classes=CLASSES,
        batch_size=recipe.batch_size,
        optimizer=recipe.optimizer,
        learning_rate=recipe.learning_rate,
        precision="fp32",
        seconds=seconds,
    )


def _measured(every: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, Any]:
    keras = os.environ.get("IMAGELET_KERAS")
    sides = {side: precision for side, precision in every.items() if keras or side.startswith("imagelet")}
    measured: dict[str, dict[str, Any]] = {}
    for lesson in trainings():
        training = training_of(lesson)
        measured[lesson.network] = {
            "batch_size": training.batch_size,
            "optimizer": training.optimizer,
            "step_seconds": _in_turn(training, sides, keras or "", variables),
        }
        print(f"  {lesson.network}: {_line(measured[lesson.network]['step_seconds'])}", file=sys.stderr)
    content: dict[str, Any] = {"networks": measured}
    if keras:
        content["versions"] = _versions(keras)
        content["times_as_fast"] = {
            side: _times_as_fast(measured, side) for side in sides if side.startswith("imagelet")
        }
    return content


def _in_turn(
    training: Training, sides: Mapping[str, str], keras: str, variables: Mapping[str, str]
) -> dict[str, dict[str, float | int]]:
    """Measure each side ``ROUNDS`` times, one after the other."""
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    with contextlib.ExitStack() as stack:
        workers = {"imagelet": stack.enter_context(Worker(sys.executable, "imagelet_worker", variables))}
        if keras:
            workers["keras"] = stack.enter_context(Worker(keras, "keras_worker", variables))
        for _ in range(ROUNDS):
            for side, precision in sides.items():
                request = dataclasses.replace(training, precision=precision)
                seconds[side].append(workers[side.split()[0]].step_seconds(request))
    return {side: summary(values) for side, values in seconds.items()}


def _times_as_fast(measured: dict[str, dict[str, Any]], side: str) -> dict[str, Any]:
    """Return Keras's seconds at its default, float32, over ours: for each network, and their mean."""
    ratios = {
        network: each["step_seconds"]["keras fp32"]["median"] / each["step_seconds"][side]["median"]
        for network, each in measured.items()
    }
    return {"networks": ratios, "geometric_mean": geometric_mean(list(ratios.values()))}


def _versions(python: str) -> dict[str, str]:
    """Return the versions of Keras, of TensorFlow and of the Python that they run in."""
    program = (
        "import json, platform; from importlib.metadata import distributions; "
        "found = {each.name.replace('_', '-').lower(): each.version for each in distributions()}; "
        "kept = {name: found[name] for name in ('keras', 'tensorflow', 'tensorflow-cpu') if name in found}; "
        "print(json.dumps({'python': platform.python_version(), **kept}))"
    )
    answer = subprocess.run([python, "-c", program], check=True, stdout=subprocess.PIPE, text=True)
    versions: dict[str, str] = json.loads(answer.stdout)
    return versions


def _line(seconds: dict[str, dict[str, float]]) -> str:
    return ", ".join(f"{side} {1000 * value['median']:.2f} ms" for side, value in seconds.items())
