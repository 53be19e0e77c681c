"""Data of any size: memory, speed and first step of a training on millions of images; many small pictures.

    python -m benchmarks.run large           five million images, 3.9 GB
    python -m benchmarks.run large-ranks     the same images, two processes against one: memory
    python -m benchmarks.run many-pictures   200,000 PNG files
    IMAGELET_BENCHMARK_IMAGES=100000 python -m benchmarks.run large      fewer, to see that it works

The images are made: a pattern for each class under noise. Each training is a process of its own; those from
the store and from memory take turns. Needs 10 GB of disk, and memory for the images to compare with.

    python -m benchmarks.large train FOLDER IN_MEMORY SECONDS STARTED    one training; prints JSON
    python -m benchmarks.large steps FOLDER STEPS                        some steps, of a rank; prints JSON
    python -m benchmarks.large decode FOLDER                             the pictures of a folder; prints JSON
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.distributed import LANES, WORLD, connection, in_ranks
from benchmarks.measuring import Benchmark, at_once, seconds_of, summary
from imagelet.data.saving import as_png

IMAGES = 5_000_000
FEW_IMAGES = 50_000
PICTURES = 200_000
SIDE, CLASSES = 28, 10
ROUNDS = 3
SECONDS = 30.0  # of training that each process measures
RANK_STEPS = 100  # of each training of ``large-ranks``
WARM_UP = 5.0  # seconds of training before, which do not count
RECIPE = "mnist-fast"
SMALL_NETWORK = "pool(4) flatten dense(classes)"  # so that epochs over all images take seconds
LIMITS = {"more_memory_mb": 700, "speed": 0.9, "first_step_seconds": 5.0, "pictures_per_second": 5_000}
AT_ONCE = 100_000


def large() -> dict[str, Any]:
    """Memory, images a second and first step of training from a store; resumption."""
    count = int(os.environ.get("IMAGELET_BENCHMARK_IMAGES", IMAGES))
    with tempfile.TemporaryDirectory() as place:
        many, few = (Path(place) / name for name in ("many", "few"))
        environment = _environment(place)
        make_arrays(many, count)
        make_arrays(few, min(count, FEW_IMAGES))
        first = _train(many, "false", environment, WARM_UP)
        rounds = [
            {
                "store": _train(many, "false", environment),
                "memory": _train(many, "true", environment),
                "few": _train(few, "true", environment),
            }
            for _ in range(ROUNDS)
        ]
        resumed = _resumption(many, environment, Path(place))
    return {
        "images": count,
        "limits": LIMITS,
        "conversion_seconds": first["first_step_seconds"],
        **{
            side: {
                "images_per_second": summary([one[side]["images_per_second"] for one in rounds]),
                "first_step_seconds": summary([one[side]["first_step_seconds"] for one in rounds]),
                "peak_mb": summary([one[side]["peak_mb"] for one in rounds]),
                "resident_mb": summary([one[side]["resident_mb"] for one in rounds]),
            }
            for side in ("store", "memory", "few")
        },
        "speed": summary(
            [one["store"]["images_per_second"] / one["memory"]["images_per_second"] for one in rounds]
        ),
        "more_memory_mb": summary([one["store"]["peak_mb"] - one["few"]["peak_mb"] for one in rounds]),
        "resumed_exactly": resumed,
    }


def large_ranks() -> dict[str, Any]:
    """Peak memory of each of two processes that train on millions of images from a store, against one."""
    count = int(os.environ.get("IMAGELET_BENCHMARK_IMAGES", IMAGES))
    with tempfile.TemporaryDirectory() as place, connection() as joined:
        environment = _environment(place)
        folder = Path(place) / "many"
        make_arrays(folder, count)
        _train(folder, "false", environment, 0.0, 0.0)  # converts the images
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "benchmarks.large",
            "steps",
            str(folder),
            str(RANK_STEPS),
        ]
        rounds = []
        for number in range(ROUNDS):
            worlds = (WORLD, 1) if number % 2 else (1, WORLD)
            rounds.append({world: in_ranks(command, world, joined, environment) for world in worlds})
    ranks = [summary([one[WORLD][rank]["peak_mb"] for one in rounds]) for rank in range(WORLD)]
    return {
        "images": count,
        "steps": RANK_STEPS,
        "connection": joined.name,
        "one_peak_mb": summary([one[1][0]["peak_mb"] for one in rounds]),
        "peak_mb": ranks,
    }


def many_pictures() -> dict[str, Any]:
    """Seconds in which a folder of PNG files is converted, and opened again."""
    count = int(os.environ.get("IMAGELET_BENCHMARK_IMAGES", PICTURES))
    with tempfile.TemporaryDirectory() as place:
        pictures = Path(place) / "pictures"
        make_pictures(pictures, count)
        return {"limits": LIMITS, **_ask(["decode", str(pictures)], _environment(place))}


def benchmarks() -> dict[str, Benchmark]:
    """Return what there is to measure, by name."""
    return {
        "large": at_once(large),
        "large-ranks": at_once(large_ranks),
        "many-pictures": at_once(many_pictures),
    }


def make_arrays(folder: Path, count: int) -> None:
    """Write ``count`` training images and 10,000 test images as ``.npy`` files."""
    folder.mkdir(parents=True)
    for part, number, seed in (("train", count, 0), ("test", 10_000, 1)):
        shape = (number, SIDE, SIDE)
        images = np.lib.format.open_memmap(folder / f"x_{part}.npy", "w+", np.uint8, shape)
        labels = np.random.default_rng(seed).integers(0, CLASSES, number).astype(np.uint8)
        for start in range(0, number, AT_ONCE):
            images[start : start + AT_ONCE] = make_images(labels[start : start + AT_ONCE], seed + start)
        images.flush()
        del images
        np.save(folder / f"y_{part}.npy", labels)


def make_images(labels: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Return images (n, 28, 28) of classes ``labels`` (n,): a pattern of the class under noise."""
    patterns = np.random.default_rng(7).integers(0, 128, (CLASSES, SIDE * SIDE), np.uint8)
    random = np.random.default_rng([8, seed])
    noise = random.integers(0, 128, 1 << 22, np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(noise, SIDE * SIDE)
    images: NDArray[np.uint8] = patterns[labels] + windows[random.integers(0, len(windows), len(labels))]
    return images.reshape(-1, SIDE, SIDE)


def make_pictures(folder: Path, count: int) -> None:
    """Write ``count`` PNG files, a subfolder a class."""
    labels = (np.arange(count) % CLASSES).astype(np.uint8)
    for label in range(CLASSES):
        (folder / "train" / str(label)).mkdir(parents=True)
        (folder / "test" / str(label)).mkdir(parents=True)
    for start in range(0, count, AT_ONCE):
        images = make_images(labels[start : start + AT_ONCE], start)
        for number, image in enumerate(images, start):
            part = "train" if number >= CLASSES else "test"
            path = folder / part / str(labels[number]) / f"{number:06}.png"
            path.write_bytes(as_png(image[..., np.newaxis]))


def train(folder: str, in_memory: str, seconds: str, started: str, warm_up: str) -> dict[str, Any]:
    """Train for so many seconds after a warm-up; return speed, seconds up to the first step, memory."""
    from imagelet.experiment.runner import run_experiment
    from imagelet.runs.definition import describe
    from imagelet.training.loop import Step

    experiment = describe(folder, recipe=RECIPE, settings={"epochs": 100})
    first_step, measured_from, images = 0.0, 0.0, 0
    for event in run_experiment(experiment, in_memory=in_memory == "true"):
        now = time.time()
        if not isinstance(event, Step):
            continue
        first_step = first_step or now - float(started)
        if not measured_from and now - float(started) - first_step >= float(warm_up):
            measured_from = now
        elif measured_from:
            images += experiment.recipe.batch_size
            if now - measured_from >= float(seconds):
                break
    speed = images / (now - measured_from) if images else None
    return {"first_step_seconds": first_step, "images_per_second": speed, **_memory()}


def steps(folder: str, count: str) -> dict[str, Any]:
    """Train so many steps, alone or as one of several processes; return this process's memory."""
    from imagelet.experiment.runner import run_experiment
    from imagelet.runs.definition import describe
    from imagelet.training.joining import joined
    from imagelet.training.loop import Step

    experiment = describe(folder, recipe=RECIPE, settings={"epochs": 100, "lanes": LANES}, threads=1)
    with joined():
        trained = (event for event in run_experiment(experiment, in_memory=False) if isinstance(event, Step))
        for number, _ in enumerate(trained, start=1):
            if number == int(count):
                break
        return _memory()


def _memory() -> dict[str, float]:
    """Return what this process holds now and held at most, in MB of a million bytes."""
    status = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines())
    return {"resident_mb": _megabytes(status["VmRSS"]), "peak_mb": _megabytes(status["VmHWM"])}


def decode(folder: str) -> dict[str, Any]:
    """Convert a folder's pictures, and open it again; return the seconds of both."""
    from imagelet.data.datasets import load_dataset

    first = seconds_of(lambda: load_dataset(folder).train)
    again = seconds_of(lambda: load_dataset(folder).train)
    images = len(load_dataset(folder).train)
    return {"images": images, "seconds": first, "again_seconds": again, "per_second": images / first}


def _environment(place: str) -> dict[str, str]:
    """Return the environment of a process whose caches and runs lie in ``place``."""
    return {**os.environ, "IMAGELET_HOME": f"{place}/home", "IMAGELET_RUNS": f"{place}/runs"}


def _train(
    folder: Path,
    in_memory: str,
    environment: dict[str, str],
    seconds: float = SECONDS,
    warm_up: float = WARM_UP,
) -> dict[str, Any]:
    words = ["train", str(folder), in_memory, str(seconds), str(time.time()), str(warm_up)]
    return _ask(words, environment)


def _ask(words: list[str], environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.large", *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    answer: dict[str, Any] = json.loads(done.stdout)
    print(f"  {' '.join(words[:3])}: {answer}", file=sys.stderr)
    return answer


def _resumption(folder: Path, environment: dict[str, str], place: Path) -> bool:
    """Train straight on, and killed in the second epoch and resumed; return whether both are equal."""
    settings = ["--network", SMALL_NETWORK, "--recipe", "keras", "--epochs", "2", "--batch-size", "2000"]
    words = [sys.executable, "-m", "imagelet", "train"]
    start = [*words, str(folder), *settings, "--in-memory", "false", "--runs", str(place / "runs"), "--name"]
    subprocess.run([*start, "straight"], check=True, env=environment, stdout=subprocess.DEVNULL)
    with subprocess.Popen([*start, "killed"], env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if line.lstrip().startswith("1/2"))
        time.sleep(1)
        process.send_signal(signal.SIGKILL)
    resume = [*words, "--resume", str(place / "runs" / "killed"), "--in-memory", "false"]
    subprocess.run(resume, check=True, env=environment, stdout=subprocess.DEVNULL)
    one, other = (place / "runs" / name / "classifier.safetensors" for name in ("straight", "killed"))
    return one.read_bytes() == other.read_bytes()


def _megabytes(text: str) -> float:
    """Return what ``/proc/self/status`` writes as ``123 kB``, in MB of a million bytes."""
    return int(text.split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    asked, *rest = sys.argv[1:]
    parts: dict[str, Callable[..., dict[str, Any]]] = {"train": train, "steps": steps, "decode": decode}
    print(json.dumps(parts[asked](*rest)))
