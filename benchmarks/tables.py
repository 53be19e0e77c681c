"""Make ``docs/benchmarks.md`` of the files in ``benchmarks/results``: no figure in it is typed by hand.

python -m benchmarks.tables           write it, and the picture in it
python -m benchmarks.tables --check   fail if the page is not what the results say
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import plot, result_files, speed_sections, training_sections
from benchmarks.inside_section import inside_section
from benchmarks.lab_section import lab_section
from benchmarks.result_files import Result
from benchmarks.writing import table
from imagelet import atomic_files
from imagelet.course.lessons import trainings

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PICTURE = Path("pictures") / "accuracy-seconds.svg"  # from the page

INTRODUCTION = """\
# Benchmarks

`make bench` (minutes) and `make bench-full` (hours) measure and write `benchmarks/results/*.json`;
`benchmarks/tables.py` makes this page of them. Every figure belongs to the machine and the versions that
stand with it, and to a machine that does nothing else unless a star says otherwise. ± is the sample
deviation.
"""

PICTURE_TEXT = """\
![For MNIST, Fashion-MNIST and CIFAR-10: accuracy over seconds of training, of the course's networks as the
notes print them and as imagelet trains them, and of imagelet's recipes]({picture})

Equal distances upwards are equal factors between the shares of wrong answers, to the right between seconds
of training. A line joins a network of the course as its notes timed it, on their authors' machines, with
the same network in imagelet: the same epochs on another machine, so the distance is not the library's merit
alone. The accuracy is that on test images, for {validated} that on validation images, because the notes
print no other. Bars are sample deviations over the seeds; the notes have one run each. The tables below say
how each was measured.{busy}
"""

BUSY = " For a name with a star other work ran on the machine at the same time: it is too far to the right."

MACHINES = """\
What was measured on what. A commit with `+changes` had files that were not committed yet.
"""


def page(found: Mapping[str, Result] | None = None) -> str:
    """Return the page of these results, by name; of those in ``benchmarks/results`` where none are given."""
    found = result_files.read_all() if found is None else found
    sections = [
        INTRODUCTION,
        _picture(found),
        training_sections.recipe_section(found),
        training_sections.daily_section(found),
        speed_sections.step_section(found),
        speed_sections.prediction_section(found),
        inside_section(found),
        lab_section(found),
        speed_sections.memory_section(found),
        speed_sections.timing_section(found),
        training_sections.precision_section(found),
        training_sections.course_section(found),
        _machines(list(found.values())),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def _picture(found: Mapping[str, Result]) -> str:
    points = plot.points(found)
    if not points:
        return ""
    busy = BUSY if any(point.busy for point in points) else ""
    validated = [
        f"`{each.name}`"
        for each in trainings()
        if each.notes_seconds and each.printed[0].part == "validation"
    ]
    return PICTURE_TEXT.format(picture=PICTURE.as_posix(), validated=" and ".join(validated), busy=busy)


def _machines(results: Sequence[Result]) -> str:
    """Return the machines, each with what was measured on it."""
    if not results:
        return ""
    measured_on: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        where = result["environment"]
        cards = ", ".join(where["cuda_devices"]) or "–"
        versions = (where["python"], where["versions"]["torch"], _short(where["commit"]))
        machine = (where["processor"], str(where["threads"]), cards, *versions)
        measured_on.setdefault(machine, []).append(result["name"])
    headings = ("processor", "threads", "graphics cards", "Python", "torch", "commit", "benchmarks")
    rows = [(*machine, ", ".join(names)) for machine, names in measured_on.items()]
    return f"## Machines\n\n{MACHINES}\n{table(headings, rows, words=len(headings))}"


def _short(commit: str | None) -> str:
    """Return the first ten characters of a commit, and whether files differed from it."""
    name, plus, changes = (commit or "–").partition("+")
    return name[:10] + plus + changes


def main(words: list[str]) -> int:
    """Write page and picture, or check the page."""
    found = result_files.read_all()
    if words == ["--check"]:
        if PAGE.read_text("utf-8") != page(found):
            print(
                "docs/benchmarks.md is not what benchmarks/results says: python -m benchmarks.tables",
                file=sys.stderr,
            )
            return 1
        return 0
    if points := plot.points(found):
        plot.write(points, PAGE.parent / PICTURE)
    atomic_files.write_text(PAGE, page(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
