"""Two processes against one: seconds of a step, and the bytes that a process receives in it.

    python -m benchmarks.run distributed         ``cnn-3`` and ``cifar-fast``, about four minutes
    IMAGELET_BENCHMARK_STEPS=3 python -m benchmarks.run distributed    few steps, to see that it works

Every process has one thread. The two are in two network namespaces that a virtual cable joins, as two
machines are, where this system allows it (Linux, as root), else on the loopback; the result says which. One
process and two take turns, and train the same: the same images, the same lanes, so the same bytes. What lanes
cost one process is measured by ``lanes``. The images are noise: nothing is downloaded.

    python -m benchmarks.distributed FOLDER NETWORK STEPS    one training; prints JSON
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import Benchmark, Measured, summary
from imagelet.course.lessons import trainings
from imagelet.runs.definition import Experiment, describe

WORLD, LANES, ROUNDS = 2, 4, 3
WARM_UP = 2  # steps, which do not count
STEPS = {"cnn-3": 300, "cifar-fast": 6}  # measured, of each training
SHAPES = {"cnn-3": (28, 28), "cifar-fast": (32, 32, 3)}
LIMITS = {"ratio": 1.7}
NAMES, LINKS, ADDRESSES = ("imagelet-a", "imagelet-b"), ("ila", "ilb"), ("10.78.0.1", "10.78.0.2")
HERE = "127.0.0.1"


@dataclass(frozen=True)
class Connection:
    """What joins the processes.

    Attributes:
        name: for people.
        prefixes: what each process's command line begins with.
        address: of the first process.
    """

    name: str
    prefixes: tuple[tuple[str, ...], ...]
    address: str


LOOPBACK = Connection("the loopback", ((), ()), HERE)


def benchmarks() -> dict[str, Benchmark]:
    """Return the benchmark by its name."""
    return {"distributed": distributed}


def distributed() -> Iterator[Measured]:
    """Seconds of a step and bytes received in it: two processes of one thread against one, in turn."""
    measured: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as place, connection() as joined:
        environment = {**os.environ, "IMAGELET_HOME": f"{place}/home", "IMAGELET_RUNS": f"{place}/runs"}
        for network, usual in STEPS.items():
            steps = int(os.environ.get("IMAGELET_BENCHMARK_STEPS", usual))
            folder = Path(place) / network
            _write_noise(
                folder, SHAPES[network], (WARM_UP + steps) * _experiment("-", network).recipe.batch_size
            )
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.distributed"]
            command += [str(folder), network, str(steps)]
            rounds: list[dict[str, Any]] = []
            for number in range(ROUNDS):
                sides = {"two": WORLD, "one": 1} if number % 2 else {"one": 1, "two": WORLD}
                rounds.append(
                    {side: in_ranks(command, world, joined, environment)[0] for side, world in sides.items()}
                )
                measured[network] = _compared(rounds, steps)
                yield {"connection": joined.name, "lanes": LANES, "limits": LIMITS, "networks": measured}


def _compared(rounds: Sequence[Mapping[str, Any]], steps: int) -> dict[str, Any]:
    first = rounds[0]["two"]
    return {
        "steps": steps,
        "batch_size": first["batch_size"],
        "parameters": first["parameters"],
        "step_seconds": {
            side: summary([one[side]["step_seconds"] for one in rounds]) for side in ("one", "two")
        },
        "ratio": summary([one["one"]["step_seconds"] / one["two"]["step_seconds"] for one in rounds]),
        "bytes_a_step": summary([one["two"]["bytes_a_step"] for one in rounds]),
        "gradient_bytes": 4 * first["parameters"],
    }


@contextlib.contextmanager
def connection() -> Iterator[Connection]:
    """Yield two network namespaces that a cable joins; where they are not allowed, the loopback."""
    ip = shutil.which("ip")
    for name in NAMES if ip else ():
        _succeeds([str(ip), "netns", "delete", name])  # of a benchmark that was killed
    commands = [f"netns add {name}" for name in NAMES]
    commands.append(f"link add {LINKS[0]} netns {NAMES[0]} type veth peer name {LINKS[1]} netns {NAMES[1]}")
    for name, link, address in zip(NAMES, LINKS, ADDRESSES, strict=True):
        commands += [f"-n {name} address add {address}/24 dev {link}", f"-n {name} link set {link} up"]
        commands += [f"-n {name} link set lo up"]
    try:
        if ip and all(_succeeds([ip, *command.split()]) for command in commands):
            prefixes = tuple((ip, "netns", "exec", name) for name in NAMES)
            yield Connection("two network namespaces joined by a virtual cable", prefixes, ADDRESSES[0])
        else:
            print("  no network namespaces here: the loopback takes their place", file=sys.stderr)
            yield LOOPBACK
    finally:
        for name in NAMES if ip else ():
            _succeeds([str(ip), "netns", "delete", name])


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def in_ranks(
    command: Sequence[str], world: int, joined: Connection, environment: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Run a command once in each of ``world`` processes of one training; return what each prints, as JSON.

    Raises:
        subprocess.CalledProcessError: one of them failed.
    """
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    processes = []
    for rank in range(world):
        place = {"RANK": rank, "WORLD_SIZE": world, "MASTER_ADDR": joined.address, "MASTER_PORT": port}
        variables = {name: str(value) for name, value in place.items()} if world > 1 else {}
        variables["TORCH_CPP_LOG_LEVEL"] = "ERROR"
        line = [*(joined.prefixes[rank] if world > 1 else ()), *command]
        processes.append(
            subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env={**environment, **variables})
        )
    answers = [process.communicate()[0] for process in processes]
    for process in processes:
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, list(command))
    found: list[dict[str, Any]] = [json.loads(answer) for answer in answers]
    print(f"  {world} × {' '.join(command[5:])}: {found}", file=sys.stderr)
    return found


def _write_noise(folder: Path, shape: tuple[int, ...], count: int) -> None:
    """Write so many training images of noise, and a few for tests, as ``.npy`` files."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, number in (("train", count), ("test", 100)):
        np.save(folder / f"x_{part}.npy", random.integers(0, 256, (number, *shape), np.uint8))
        np.save(folder / f"y_{part}.npy", (np.arange(number) % 10).astype(np.uint8))


def _experiment(folder: str, network: str) -> Experiment:
    """Return one epoch of a recipe, or of a course's training, in float32 with one thread."""
    common: dict[str, Any] = {"validation": "0", "precision": "fp32", "threads": 1}
    own = {"epochs": 1, "lanes": LANES}
    lesson = next((training for training in trainings() if training.name == network), None)
    if lesson is not None:
        return describe(folder, lesson.network, "keras", {**lesson.settings, **own}, **common)
    return describe(folder, recipe=network, settings=own, **common)


def train(folder: str, network: str, steps: str) -> dict[str, Any]:
    """Train one epoch; return the seconds of a step and the bytes that this process receives in it."""
    from imagelet.experiment.finalize import Finished
    from imagelet.experiment.runner import run_experiment
    from imagelet.training.joining import joined
    from imagelet.training.loop import Step

    experiment = _experiment(folder, network)
    times: list[tuple[float, int]] = []
    parameters = 0
    with joined():
        for event in run_experiment(experiment):
            if isinstance(event, Step):
                times.append((time.perf_counter(), received_bytes()))
            elif isinstance(event, Finished):
                parameters = event.metrics["parameters"]
    (started, before), (ended, after) = times[WARM_UP - 1], times[WARM_UP + int(steps) - 1]
    return {
        "step_seconds": (ended - started) / int(steps),
        "bytes_a_step": (after - before) / int(steps),
        "batch_size": experiment.recipe.batch_size,
        "parameters": parameters,
    }


def received_bytes() -> int:
    """Return how many bytes have come in over the cable; else half of the loopback's."""
    lines = Path("/proc/self/net/dev").read_text().splitlines()[2:]
    fields = {name.strip(): rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    cables = [int(fields[name][0]) for name in LINKS if name in fields]
    return sum(cables) if cables else int(fields["lo"][0]) // WORLD


if __name__ == "__main__":
    print(json.dumps(train(*sys.argv[1:])))
