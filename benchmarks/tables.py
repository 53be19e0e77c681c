"""Make ``docs/benchmarks.md`` of the files in ``benchmarks/results``: no figure in it is typed by hand.

python -m benchmarks.tables           write it
python -m benchmarks.tables --check   fail if it is not what the results say
"""

import json
import sys
from pathlib import Path
from typing import Any

from imagelet import files
from imagelet.course.lessons import lessons, trainings

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"

INTRODUCTION = """\
# Benchmarks

Measured by `make bench` and `python -m benchmarks.run course`; `benchmarks/tables.py` makes this page of
`benchmarks/results/*.json`. Seconds are medians on the machine that each table names, with nothing else
running. Accuracies are means over seeds ± the sample deviation between them; the interval is Wilson's at 95 %
for one run's test images.
"""

COURSE = """\
`imagelet course` with three seeds each, the notes' own first where they set one. A validation figure is that
after the last epoch, as in the notes; the test images were looked at once in each run. Seconds are means ±
deviations. The pages of the [course](course/README.md) explain each.
"""


def page() -> str:
    """Return the page."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    parts = [INTRODUCTION]
    if trainings := [found[name] for name in ("demo", "mnist") if name in found]:
        parts += ["## Trainings", _trainings(trainings)]
    if any(name.startswith("course-") for name in found):
        parts += ["## The course", _course(found)]
    if "precision" in found:
        parts += ["## float32 and bfloat16", _precision(found["precision"]["measured"])]
    if timings := [found[name] for name in ("startup", "loading") if name in found]:
        parts += ["## Start-up and loading", _timings(timings)]
    parts += ["## Machines", _machines(list(found.values()))]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _trainings(results: list[dict[str, Any]]) -> str:
    headings = (
        "command",
        "seeds",
        "test accuracy",
        "first seed's interval",
        "training",
        "process",
        "images/s",
    )
    rows = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    for result in results:
        measured = result["measured"]
        accuracy, (low, high) = measured["test_accuracy"], measured["test_intervals"][0]
        rows.append(
            f"| `{measured['command']}` | {len(measured['seeds'])} "
            f"| {100 * accuracy['mean']:.2f} ± {100 * accuracy['deviation']:.2f} % "
            f"| {100 * low:.2f} to {100 * high:.2f} % of {measured['test_images']:,} images "
            f"| {measured['training_seconds']['median']:.1f} s "
            f"| {measured['process_seconds']['median']:.1f} s "
            f"| {measured['images_per_second']['median']:,.0f} |"
        )
    return "\n".join(rows)


def _course(found: dict[str, dict[str, Any]]) -> str:
    """Return the course's trainings, every figure that the notes print beside ours."""
    headings = ("experiment", "figure", "notes", "ours", "images", "training", "process")
    rows = [f"| {' | '.join(headings)} |", "|---" * 2 + "|---:" * 5 + "|"]
    for training in trainings():
        if f"course-{training.name}" not in found:
            continue
        measured = found[f"course-{training.name}"]["measured"]
        star = " *" if found[f"course-{training.name}"].get("busy") else ""
        for printed in training.printed:
            key = "test_accuracy" if printed.part == "test" else "last_val_accuracy"
            accuracy = measured[key]
            notes = (
                f"about {100 * printed.accuracy:.0f}" if printed.rough else f"{100 * printed.accuracy:.2f}"
            )
            rows.append(
                f"| `{training.name}` | {printed.part} | {notes} % "
                f"| {_percent(accuracy)} | {measured[f'{printed.part}_images']:,} "
                f"| {_seconds(measured['training_seconds'])}{star} "
                f"| {_seconds(measured['process_seconds'])}{star} |"
            )
    if own := found.get("course-own-digits"):
        measured, printed = own["measured"], lessons.get("own-digits").printed[0]
        rows.append(
            f"| `own-digits` | own pictures, framed | {100 * printed.accuracy:.2f} % "
            f"| {_percent(measured['ways']['framed'])} | {measured['images']:,} | – | – |"
        )
    busy = "\n\n\\* Other work ran on the machine at the same time: the seconds are too long."
    return (
        COURSE + "\n" + "\n".join(rows) + (busy if any(each.get("busy") for each in found.values()) else "")
    )


def _percent(value: dict[str, float]) -> str:
    return f"{100 * value['mean']:.2f} ± {100 * value['deviation']:.2f} %"


def _seconds(value: dict[str, float]) -> str:
    return f"{value['mean']:.1f} ± {value['deviation']:.1f} s"


def _precision(measured: dict[str, Any]) -> str:
    rows = ["| precision | validation accuracy | seconds of training |", "|---|---|---|"]
    for name, accuracy in measured["validation_accuracy"].items():
        seconds = measured["training_seconds"][name]["median"]
        rows.append(
            f"| {name} | {100 * accuracy['mean']:.2f} ± {100 * accuracy['deviation']:.2f} % | {seconds:.1f} |"
        )
    difference = measured["difference"]
    return (
        f"`{measured['command']}`, {len(measured['seeds'])} seeds, the two precisions in turn. "
        "`--precision auto` takes bfloat16 where the processor multiplies it in hardware.\n\n"
        + "\n".join(rows)
        + f"\n\nbfloat16 minus float32, seed by seed: {100 * difference['mean']:+.2f} ± "
        f"{100 * difference['deviation']:.2f} percentage points."
    )


def _timings(results: list[dict[str, Any]]) -> str:
    rows = ["| what | median seconds | mean ± deviation | repetitions |", "|---|---|---|---|"]
    for result in results:
        for name, value in result["measured"].items():
            what = name.removesuffix("_seconds")
            label = "`imagelet --help`" if what == "help" else f"{what}: files to arrays, train and test"
            rows.append(
                f"| {label} | {value['median']:.2f} | {value['mean']:.2f} ± {value['deviation']:.2f} "
                f"| {value['repetitions']} |"
            )
    return "\n".join(rows)


def _machines(results: list[dict[str, Any]]) -> str:
    """Return the machines, each with what was measured on it."""
    measured_on: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        where = result["environment"]
        versions = (where["python"], where["versions"]["torch"], str(where["commit"])[:10])
        machine = (where["processor"], str(where["threads"]), *versions)
        measured_on.setdefault(machine, []).append(result["name"])
    rows = ["| processor | threads | Python | torch | commit | benchmarks |", "|---|---|---|---|---|---|"]
    rows += [f"| {' | '.join(machine)} | {', '.join(names)} |" for machine, names in measured_on.items()]
    return "\n".join(rows)


def main(words: list[str]) -> int:
    """Write the page, or check it."""
    if words == ["--check"]:
        if PAGE.read_text() != page():
            print(
                "docs/benchmarks.md is not what benchmarks/results says: python -m benchmarks.tables",
                file=sys.stderr,
            )
            return 1
        return 0
    files.write_text(PAGE, page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
