"""Sections of ``docs/benchmarks.md``: seconds and memory, whatever the accuracy.

Each function takes the results by name and returns heading, text and table; "" where the results are missing.
"""

from collections.abc import Mapping
from typing import Any

from benchmarks.measuring import geometric_mean
from benchmarks.result_files import Result
from benchmarks.steps import SECONDS
from benchmarks.writing import machine, megabytes, network_name, short_seconds, star, table, with_busy

STEPS = """\
Milliseconds of an optimizer step, medians of {rounds} measurements of about {seconds:g} seconds each, on
random images in memory, with optimizer, learning rate and batch size of the
[course](course/README.md).
{sides} Measured on one machine ({machine}){versions}. It says nothing of accuracy, of reading data or of
start-up, and nothing of larger networks or of graphics cards.
"""

AGAINST = """\
imagelet and Keras took turns, each a process of its own: the same layers with as many parameters,
imagelet's trained by the loop of `imagelet train`, Keras's by `compile` and `fit` on arrays. *Times as
fast* is Keras's median over imagelet's. Keras computes in float32 unless told otherwise; imagelet's `auto`
is what it does unless told otherwise.
"""

ALONE = """\
The loop is that of `imagelet train`.
"""

PREDICTION = """\
Medians, with the classifier of `{command}`: {network}, {parameters:,} parameters. The first four rows are a
new process each time, whose files had been read before; the framed images are predicted with
`Classifier.predict_proba` in one process after a warm-up. Measured on one machine ({machine}); a larger
network, or a classifier that averages more views of an image, takes longer.
"""

MEMORY = """\
The most memory that the process had at any time, libraries and data included, in millions of bytes, as the
system counts it (`ru_maxrss`); measured once each. The memory of a graphics card is not in it, and one
epoch says nothing of what more epochs take.
"""

TIMINGS = """\
Start-up is a whole process; loading is done in a running one. The files had been read before: what a disk
needs the first time is not in it.
"""

SIDES = {
    "imagelet auto": "imagelet auto",
    "imagelet fp32": "imagelet float32",
    "keras fp32": "Keras float32",
    "keras bf16": "Keras bfloat16",
}
COMPARED = {
    ("imagelet auto", "keras fp32"): "times as fast, each by default",
    ("imagelet fp32", "keras fp32"): "both in float32",
    ("imagelet auto", "keras bf16"): "auto against Keras bfloat16",
}


def step_section(found: Mapping[str, Result]) -> str:
    """Return how long a step takes; where Keras was measured too, how many times as fast imagelet is."""
    if "steps" not in found:
        return ""
    result = found["steps"]
    networks = result["measured"]["networks"]
    measured = [each["step_seconds"] for each in networks.values()]
    sides = [side for side in SIDES if side in measured[0]]
    pairs = [pair for pair in COMPARED if set(pair) <= set(sides)]
    rows = []
    for network, each in networks.items():
        times = [f"{1000 * each['step_seconds'][side]['median']:.2f}{star(result)}" for side in sides]
        ratios = [f"{_ratio(each['step_seconds'], pair):.2f}" for pair in pairs]
        rows.append((f"`{network}`", str(each["batch_size"]), *times, *ratios))
    if pairs:
        means = [geometric_mean([_ratio(each, pair) for each in measured]) for pair in pairs]
        rows.append(("geometric mean", "", *[""] * len(sides), *[f"{mean:.2f}" for mean in means]))
    headings = (
        "network",
        "batch",
        *(f"{SIDES[side]} (ms)" for side in sides),
        *(COMPARED[pair] for pair in pairs),
    )
    text = STEPS.format(
        rounds=measured[0][sides[0]]["repetitions"],
        seconds=SECONDS,
        sides=(AGAINST if pairs else ALONE).strip(),
        machine=machine(result),
        versions=_versions(result),
    )
    title = "Steps against Keras" if pairs else "Steps"
    return f"## {title}\n\n{text}\n{with_busy(table(headings, rows), [result])}"


def _ratio(step_seconds: Mapping[str, Any], pair: tuple[str, str]) -> float:
    """Return how many times as fast the first side is as the second."""
    first, second = (float(step_seconds[side]["median"]) for side in pair)
    return second / first


def _versions(result: Result) -> str:
    """Return the versions of what is compared; nothing where there is no other library."""
    peers = {name: text for name, text in result["measured"].get("versions", {}).items() if name != "python"}
    if not peers:
        return ""
    versions = {"torch": result["environment"]["versions"]["torch"], **peers}
    return " with " + ", ".join(f"{name} {text}" for name, text in versions.items())


def prediction_section(found: Mapping[str, Result]) -> str:
    """Return what predicting takes."""
    if "prediction" not in found:
        return ""
    result = found["prediction"]
    measured, peak = result["measured"], result["measured"]["peak_bytes"]
    labels = {
        "process_seconds": "`imagelet predict RUN PICTURE`, the whole process",
        "import_seconds": "importing `Classifier`, PyTorch included",
        "load_seconds": "`Classifier.load`",
        "first_picture_seconds": "its first answer, about a picture file",
        "image_seconds": "one framed image",
        "batch_seconds": f"{measured['batch']} framed images",
        "all_seconds": f"{measured['images']:,} framed images",
    }
    rows = [
        (label, short_seconds(measured[name]["median"]) + star(result), str(measured[name]["repetitions"]))
        for name, label in labels.items()
    ]
    if peak:
        label = "peak memory of `imagelet predict RUN PICTURE`"
        rows.append((label, megabytes(peak["median"]), str(peak["repetitions"])))
    text = PREDICTION.format(
        command=measured["command"],
        network=network_name(measured["network"]),
        parameters=measured["parameters"],
        machine=machine(result),
    )
    headings = ("what", "median", "repetitions")
    return f"## Prediction\n\n{text}\n{with_busy(table(headings, rows), [result])}"


def memory_section(found: Mapping[str, Result]) -> str:
    """Return how much memory training takes."""
    if "memory" not in found:
        return ""
    rows = [
        (f"`{each['command']}`", network_name(each["network"]), megabytes(each["peak_bytes"]))
        for each in found["memory"]["measured"]["trainings"]
    ]
    return f"## Memory\n\n{MEMORY}\n{table(('training', 'network', 'peak memory'), rows, words=2)}"


def timing_section(found: Mapping[str, Result]) -> str:
    """Return the seconds of start-up and of loading."""
    results = [found[name] for name in ("startup", "loading") if name in found]
    rows = []
    for result in results:
        for name, value in result["measured"].items():
            what = name.removesuffix("_seconds")
            label = "`imagelet --help`" if what == "help" else f"{what}: files to arrays, train and test"
            spread = f"{value['mean']:.2f} ± {value['deviation']:.2f} s"
            median = f"{value['median']:.2f} s{star(result)}"
            rows.append((label, median, spread, str(value["repetitions"])))
    headings = ("what", "median", "mean ± deviation", "repetitions")
    return (
        f"## Start-up and loading\n\n{TIMINGS}\n{with_busy(table(headings, rows), results)}" if rows else ""
    )
