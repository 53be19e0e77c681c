"""Sections of ``docs/benchmarks.md``: what trainings come to.

Each function takes the results by name and returns heading, text and table; "" where the results are missing.
"""

from collections.abc import Mapping

from benchmarks import recipes
from benchmarks.measuring import Measured
from benchmarks.result_files import Result
from benchmarks.writing import interval, machine, megabytes, percent, seconds, star, table, with_busy
from imagelet.course.lessons import Printed, Training, lessons, trainings

RECIPES = """\
`imagelet train DATASET --recipe NAME`, a process for each seed; accuracies and seconds are means ± sample
deviations over the seeds. The interval is Wilson's at 95 % for the answers of all seeds together. As every
seed answers the same images, it is too narrow for a guess at other images of the same kind; pictures from
elsewhere are another matter altogether. *One view* is what the same classifiers reach without the shifted
and mirrored views of an image that some of them average. The validation images chose the best epoch, so
their accuracy is a little too good; the test images were looked at once in each run: all of them, on
CIFAR-10 the first 1,000 of the official test batch. Training seconds are those of the training loop,
validation included; the process has start-up, reading, the test and drawing as well. Peak memory is a mean
too, in millions of bytes. Another machine needs other seconds and, by rounding, may reach slightly other
accuracies.
"""

DAILY = """\
Whole processes; seconds and images a second are medians over the seeds. Both trainings are short: they say
how long it takes until there is a classifier, not how good one can get.
"""

PRECISION = """\
`{command}`, {seeds} seeds, the two precisions in turn; seconds are medians, accuracies those on validation
images. `--precision auto` takes bfloat16 where the processor multiplies it in hardware; elsewhere there is
nothing to gain.
"""

COURSE = """\
`imagelet course` with three seeds each, the notes' own first where they set one. A validation figure is
that after the last epoch, as in the notes; the test images were looked at once in each run. Seconds are
means ± deviations. The notes' figures come from other machines and one run each, so a difference of a few
tenths of a percentage point says nothing. The pages of the
[course](course/README.md) explain each.
"""


def recipe_section(found: Mapping[str, Result]) -> str:
    """Return what the recipes come to."""
    results = [found[claim.name] for claim in recipes.CLAIMS if claim.name in found]
    if not results:
        return ""
    headings = ["recipe", "dataset", "test accuracy", "seeds", "interval", "one view", "validation"]
    headings += ["training", "process", "peak memory", "machine"]
    rows = []
    for result in results:
        measured, busy = result["measured"], star(result)
        number = len(measured["seeds"])
        rows.append(
            (
                f"`{measured['recipe']}`",
                _dataset(measured),
                percent(measured["test_accuracy"]),
                str(number),
                interval(measured["test_interval"], f"{number} × {measured['test_images']:,} images"),
                percent(measured["test_one_view_accuracy"]),
                percent(measured["validation_accuracy"]),
                seconds(measured["training_seconds"]) + busy,
                seconds(measured["process_seconds"]) + busy,
                megabytes(measured["peak_bytes"] and measured["peak_bytes"]["mean"]),
                machine(result),
            )
        )
    return f"## Recipes\n\n{RECIPES}\n{with_busy(table(headings, rows, words=2), results)}"


def _dataset(measured: Measured) -> str:
    limit = f", {measured['limit']:,} training images" if measured["limit"] else ""
    return f"{measured['dataset']}{limit}"


def daily_section(found: Mapping[str, Result]) -> str:
    """Return the demo and one epoch of MNIST."""
    results = [found[name] for name in ("demo", "mnist") if name in found]
    if not results:
        return ""
    headings = (
        "command",
        "test accuracy",
        "seeds",
        "first seed's interval",
        "training",
        "process",
        "images/s",
    )
    rows = []
    for result in results:
        measured, busy = result["measured"], star(result)
        rows.append(
            (
                f"`{measured['command']}`",
                percent(measured["test_accuracy"]),
                str(len(measured["seeds"])),
                interval(measured["test_intervals"][0], f"{measured['test_images']:,} images"),
                f"{measured['training_seconds']['median']:.1f} s{busy}",
                f"{measured['process_seconds']['median']:.1f} s{busy}",
                f"{measured['images_per_second']['median']:,.0f}{busy}",
            )
        )
    return f"## The demo, and an epoch of MNIST\n\n{DAILY}\n{with_busy(table(headings, rows), results)}"


def precision_section(found: Mapping[str, Result]) -> str:
    """Return float32 beside bfloat16."""
    if "precision" not in found:
        return ""
    result = found["precision"]
    measured, difference = result["measured"], result["measured"]["difference"]
    rows = [
        (name, percent(accuracy), f"{measured['training_seconds'][name]['median']:.1f} s{star(result)}")
        for name, accuracy in measured["validation_accuracy"].items()
    ]
    text = PRECISION.format(command=measured["command"], seeds=len(measured["seeds"]))
    drawn = with_busy(table(("precision", "validation accuracy", "training"), rows), [result])
    return (
        f"## float32 and bfloat16\n\n{text}\n{drawn}\n\n"
        f"bfloat16 minus float32, seed by seed: {100 * difference['mean']:+.2f} ± "
        f"{100 * difference['deviation']:.2f} percentage points."
    )


def course_section(found: Mapping[str, Result]) -> str:
    """Return the course's trainings, every figure that the notes print beside ours."""
    rows, used = [], []
    for training in trainings():
        if result := found.get(f"course-{training.name}"):
            rows += [_course_row(training, printed, result) for printed in training.printed]
            used.append(result)
    if own := found.get("course-own-digits"):
        measured, printed = own["measured"], lessons.get("own-digits").printed[0]
        framed, images = percent(measured["ways"]["framed"]), f"{measured['images']:,}"
        row = ("`own-digits`", "own pictures, framed", f"{100 * printed.accuracy:.2f} %", framed, images)
        rows.append((*row, "–", "–"))
    if not rows:
        return ""
    headings = ("experiment", "figure", "notes", "ours", "images", "training", "process")
    return f"## The course\n\n{COURSE}\n{with_busy(table(headings, rows, words=2), used)}"


def _course_row(training: Training, printed: Printed, result: Result) -> tuple[str, ...]:
    measured, busy = result["measured"], star(result)
    notes = f"about {100 * printed.accuracy:.0f}" if printed.rough else f"{100 * printed.accuracy:.2f}"
    return (
        f"`{training.name}`",
        printed.part,
        f"{notes} %",
        percent(measured["test_accuracy" if printed.part == "test" else "last_val_accuracy"]),
        f"{measured[f'{printed.part}_images']:,}",
        seconds(measured["training_seconds"]) + busy,
        seconds(measured["process_seconds"]) + busy,
    )
