"""Lanes: what they cost one process, what they do to the accuracy, and what adding up costs many processes.

    python -m benchmarks.run lanes      trainings with and without lanes, in alternation, with 10 seeds each
    python -m benchmarks.lanes          the tables of docs/explanation/distributed.md

Neither of these is a measurement: their latencies and bandwidths are round numbers of usual networks.
"""

import os
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.measuring import NO_DATA, Benchmark, LeftOut, Measured, summary
from benchmarks.processes import imagelet, runs_folder
from imagelet.data.datasets import place_of

SEEDS = 10
LANES = 4
DATASETS = {"mnist": "mnist-fast", "fashion-mnist": "fashion-fast"}  # each with its recipe
IMAGES = {"mnist": 60_000, "fashion-mnist": 10_000}  # of which a tenth chooses; all of Fashion take an hour
LIMITS = {"more_time": 1.1, "less_accuracy": 0.002}


def benchmarks() -> dict[str, Benchmark]:
    """Return the benchmark by its name."""
    return {"lanes": lanes}


def lanes() -> Iterator[Measured]:
    """Seconds and validation accuracy of one process with lanes against without, paired by seed."""
    present = {dataset: recipe for dataset, recipe in DATASETS.items() if place_of(dataset) is not None}
    if not present:
        raise LeftOut(NO_DATA)
    measured: dict[str, list[dict[str, Any]]] = {dataset: [] for dataset in present}
    for seed in range(int(os.environ.get("IMAGELET_BENCHMARK_SEEDS", SEEDS))):
        for dataset, recipe in present.items():
            sides = {"without": 0, "with": LANES} if seed % 2 else {"with": LANES, "without": 0}
            pair = {side: _trained(dataset, recipe, seed, number) for side, number in sides.items()}
            measured[dataset].append({"seed": seed, **pair})
        yield {
            "lanes": LANES,
            "images": {name: IMAGES[name] for name in present},
            "limits": LIMITS,
            "datasets": {name: _pairs(measured[name]) for name in present},
        }


def _trained(dataset: str, recipe: str, seed: int, number: int) -> dict[str, float]:
    words = ["train", dataset, "--recipe", recipe, "--validation", "0.1", "--precision", "fp32"]
    words += ["--seed", str(seed), "--set", f"lanes={number}", "--json"]
    words += ["--limit", os.environ.get("IMAGELET_BENCHMARK_IMAGES", str(IMAGES[dataset]))]
    with runs_folder() as folder:
        document = imagelet([*words, "--runs", str(folder)]).document
    return {
        "accuracy": document["validation"]["accuracy"],
        "seconds": document["seconds"]["training"],
    }


def _pairs(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the pairs, how many times as long lanes take, and how much more accurate they are."""
    times = [pair["with"]["seconds"] / pair["without"]["seconds"] for pair in pairs]
    gained = [pair["with"]["accuracy"] - pair["without"]["accuracy"] for pair in pairs]
    error = statistics.stdev(gained) / len(gained) ** 0.5 if len(gained) > 1 else None
    return {"pairs": pairs, "times": summary(times), "gained": summary(gained), "standard_error": error}


@dataclass(frozen=True)
class Connection:
    """What connects the processes.

    Attributes:
        name: for people.
        latency: seconds from a process to the next.
        bandwidth: bytes a second that a process receives.
    """

    name: str
    latency: float
    bandwidth: float


CONNECTIONS = (
    Connection("one machine", 20e-6, 5e9),
    Connection("10 gigabit Ethernet", 50e-6, 1.1e9),
    Connection("1 gigabit Ethernet", 100e-6, 0.11e9),
)
NUMBERS = (1, 2, 4, 8, 64, 512)
ADDED = 4e9  # bytes a second that a process adds to others
SCATTER = 0.1  # standard deviation of a process's computing time, as a part of it
SIMULATED, SIMULATED_STEPS = (8, 64, 512), 200
PARAMETERS, STEP_SECONDS = 300_000, 0.1  # of a network, and of its step in one process


def received_bytes(world: int, parameters: int) -> float:
    """Return how many bytes of gradients a process receives in a step.

    One of two gets the vector of the other. One of more gets its piece of the vectors of all others, and then
    the other pieces of the sum.
    """
    size = 4 * parameters
    return size if world == 2 else 2 * size * (world - 1) / world


def step_seconds(world: int, connection: Connection, parameters: int, alone: float) -> float:
    """Return how long a step takes in ``world`` processes, by the formula of the page.

    Each process computes its part of the batch. Pieces of the gradients go straight to the processes that add
    them up, in one turn, and their sums go round a ring, as gloo does it, in ``world`` - 1 turns.
    """
    if world == 1:
        return alone
    turns = 1 if world == 2 else world
    added = 4 * parameters * (world - 1) / world
    travel = turns * connection.latency + received_bytes(world, parameters) / connection.bandwidth
    return alone / world + travel + added / ADDED


def simulated_seconds(
    world: int, connection: Connection, parameters: int, alone: float, random: np.random.Generator
) -> float:
    """Return how long a step takes where some of more than two processes compute longer, turn by turn.

    A process adds up its piece when the last of all has sent it. A turn of the ring ends for it when its own
    last one and that of the neighbour who sends to it have ended.
    """
    piece = 4 * parameters / world
    scatter = SCATTER * random.standard_normal(world)
    computed = alone / world * (1 + scatter.clip(-1))  # (world,) seconds, at which each has its own gradient
    exchanged = computed.max() + connection.latency + (world - 1) * piece / connection.bandwidth
    ready = np.full(world, exchanged + (world - 1) * piece / ADDED)
    for _ in range(world - 1):
        ready = np.maximum(ready, np.roll(ready, 1)) + connection.latency + piece / connection.bandwidth
    return float(ready.max())


def fastest(connection: Connection, parameters: int, alone: float) -> int:
    """Return the number of processes, a power of two, with which a step takes least."""
    powers = [1 << power for power in range(13)]
    return min(powers, key=lambda world: step_seconds(world, connection, parameters, alone))


def simulation() -> str:
    """Return the simulation as a Markdown table: times as fast as one process, in the mean of steps."""
    random = np.random.default_rng(0)
    lines = _head(["processes", *(one.name for one in CONNECTIONS)])
    for world in SIMULATED:
        times = []
        for one in CONNECTIONS:
            steps = [
                simulated_seconds(world, one, PARAMETERS, STEP_SECONDS, random)
                for _ in range(SIMULATED_STEPS)
            ]
            times.append(f"{STEP_SECONDS / statistics.fmean(steps):.2f}")
        lines.append(f"| {world} | {' | '.join(times)} |")
    return "\n".join(lines)


def _head(columns: list[str]) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]


def table() -> str:
    """Return the calculation as a Markdown table: how many times as fast as one process."""
    lines = _head(["processes", *(one.name for one in CONNECTIONS), "bytes that a process receives"])
    for world in NUMBERS:
        times = [STEP_SECONDS / step_seconds(world, one, PARAMETERS, STEP_SECONDS) for one in CONNECTIONS]
        received = f"{received_bytes(world, PARAMETERS) / 1e6 if world > 1 else 0:.1f} MB"
        lines.append(f"| {world} | {' | '.join(f'{one:.2f}' for one in times)} | {received} |")
    best = [str(fastest(one, PARAMETERS, STEP_SECONDS)) for one in CONNECTIONS]
    return "\n".join([*lines, f"| fastest with | {' | '.join(best)} | |"])


if __name__ == "__main__":
    print(table(), simulation(), sep="\n\n")
