"""Write the measured figures into the course's pages, from ``benchmarks/results``; nobody types them.

A page holds a marker such as ``<!--: cnn-3.test -->…<!--/-->``: an experiment of the course, and which of its
figures. ``VALUES`` lists the single figures; ``table`` and ``summary`` are whole tables.

    python -m benchmarks.course_pages           write them
    python -m benchmarks.course_pages --check   fail if a page is not what the results say

Then ``python -m tools.course_html`` renders them for the lab.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.course import SEEDS
from benchmarks.course_words import WORDS
from imagelet import atomic_files
from imagelet.course.exercises import WAYS
from imagelet.course.lessons import Exercise, Lesson, Printed, Training, lessons, training_of, trainings
from imagelet.course.results import SUMMARY

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = ROOT / "docs" / "course"
MARKER = re.compile(r"<!--: (?P<name>[\w-]+)\.(?P<what>\w+) -->(?P<text>.*?)<!--/-->", re.DOTALL)

Measured = dict[str, Any]


def filled(text: str, language: str) -> str:
    """Return a page with every marker filled in; a figure without a measurement stays three dots.

    Args:
        text: the page in Markdown.
        language: of the page, ``en`` or ``ko``.

    Raises:
        KeyError: a marker names an unknown figure.
        UnknownNameError: a marker names an unknown experiment.
    """

    def replace(match: re.Match[str]) -> str:
        name, what = match["name"], match["what"]
        if name != "course":
            lessons.get(name)
        if what in ("table", "summary"):
            content = f"\n{_table(name, what, WORDS[language])}\n"
        else:
            content = _value(name, what, WORDS[language])
        return f"<!--: {name}.{what} -->{content}<!--/-->"

    return MARKER.sub(replace, text)


def percentage(value: dict[str, float]) -> str:
    """Return an accuracy as ``99.02 ± 0.05 %``, with the number of runs where it differs from ``SEEDS``."""
    runs = "" if value["repetitions"] == SEEDS else f" (n = {value['repetitions']})"
    return f"{100 * value['mean']:.2f} ± {100 * value['deviation']:.2f} %{runs}"


def measured(benchmark: str) -> Measured | None:
    """Return the measurements of a benchmark, None where it was not run."""
    path = RESULTS / f"{benchmark}.json"
    return json.loads(path.read_text())["measured"] if path.exists() else None


def _accuracy(benchmark: str, key: str) -> Callable[[str], str]:
    def value(name: str) -> str:
        results = measured(f"{benchmark}-{name}")
        return percentage(results[key]) if results else "…"

    return value


def _seconds(name: str) -> str:
    results = measured(f"course-{name}")
    return f"{results['training_seconds']['median']:.0f} s" if results else "…"


def _unchanged(name: str) -> str:
    """Return the validation accuracy to compare the changed command with."""
    changed = measured(f"change-{name}")
    if changed is None:
        return "…"
    unchanged = changed.get("unchanged") or measured(f"course-{name}")
    return percentage(unchanged["last_val_accuracy"]) if unchanged else "…"


def _best_epoch(name: str) -> str:
    """Return the epoch, counted from 1, with the lowest mean validation loss."""
    results = measured(f"course-{name}")
    if results is None:
        return "…"
    losses = results["history"]["val_loss"]
    return str(1 + losses.index(min(losses)))


def _way(way: str) -> Callable[[str], str]:
    def value(name: str) -> str:
        results = measured(f"course-{name}")
        return percentage(results["ways"][way]) if results else "…"

    return value


VALUES: dict[str, Callable[[str], str]] = {
    "test": _accuracy("course", "test_accuracy"),
    "validation": _accuracy("course", "last_val_accuracy"),
    "train": _accuracy("course", "last_accuracy"),
    "seconds": _seconds,
    "parameters": lambda name: f"{_training(lessons.get(name)).parameters:,}",
    "change": _accuracy("change", "last_val_accuracy"),
    "change_train": _accuracy("change", "last_accuracy"),
    "unchanged": _unchanged,
    "best_epoch_loss": _best_epoch,
    "notes_way": _way("notes"),
    "scaled": _way("scaled"),
    "framed": _way("framed"),
}


def _value(name: str, what: str, words: dict[str, str]) -> str:
    if what == "printed":
        return _printed(lessons.get(name).printed[0], words["about"])
    return VALUES[what](name)


def _table(name: str, what: str, words: dict[str, str]) -> str:
    if what == "summary":
        return _summary(words)
    if name == "course":
        return _course(words)
    lesson = lessons.get(name)
    return _ways(name, words) if isinstance(lesson, Exercise) else _experiment(_training(lesson), words)


def _experiment(training: Training, words: dict[str, str]) -> str:
    """Return the table of a training: the notes' figures beside ours, parameters and seconds."""
    results = measured(f"course-{training.name}")
    rows = [f"| {words['figure']} | {words['notes']} | {words['ours']} |", "|---|---:|---:|"]
    rows += [
        f"| {words[printed.part]} | {_printed(printed, words['about'])} | {_ours(results, printed)} |"
        for printed in training.printed
    ]
    rows.append(f"| {words['parameters']} | {training.parameters:,} | {training.parameters:,} |")
    seconds = f"{results['training_seconds']['median']:.1f}" if results else "…"
    rows.append(f"| {words['seconds']} | {_notes_seconds(training)} | {seconds} |")
    return "\n".join([*rows, "", _caption(f"course-{training.name}", words)])


def _course(words: dict[str, str]) -> str:
    heads = ("experiment", "parameters", "figure", "notes", "ours", "seconds")
    rows = [f"| {' | '.join(words[head] for head in heads)} |", "|---|---:|---|---:|---:|---:|"]
    for training in trainings():
        results, printed = measured(f"course-{training.name}"), training.printed[0]
        seconds = f"{results['training_seconds']['median']:.1f}" if results else "…"
        seconds += " *" if _is_busy(training) else ""
        rows.append(
            f"| [`{training.name}`]({training.name}.md) | {training.parameters:,} | {words[printed.part]} "
            f"| {_printed(printed, words['about'])} | {_ours(results, printed)} | {seconds} |"
        )
    own = lessons.get("own-digits")
    results = measured("course-own-digits")
    framed = percentage(results["ways"]["framed"]) if results else "…"
    rows.append(
        f"| [`own-digits`](own-digits.md) | {_training(own).parameters:,} | {words['own pictures']} "
        f"| {_printed(own.printed[0], words['about'])} | {framed} | – |"
    )
    busy = ["", f"\\* {words['busy']}"] if any(map(_is_busy, trainings())) else []
    return "\n".join([*rows, "", _caption("course-softmax", words), *busy])


def _summary(words: dict[str, str]) -> str:
    rows = [f"| {words['method']} | {words['notes']} | {words['ours']} |", "|---|---:|---:|"]
    for _, name, about in SUMMARY:
        results = measured(f"course-{name}")
        ours = percentage(results["test_accuracy"]) if results else "…"
        notes = words["about"].format(f"{100 * about:.0f} %")
        rows.append(f"| {words[name]} ([`{name}`]({name}.md)) | {notes} | {ours} |")
    return "\n".join(rows)


def _ways(name: str, words: dict[str, str]) -> str:
    results = measured(f"course-{name}")
    rows = [f"| {words['way']} | {words['correct']} |", "|---|---:|"]
    for way in WAYS:
        label = words["notes way"] if way == "notes" else words[way]
        rows.append(f"| {label} | {percentage(results['ways'][way]) if results else '…'} |")
    images, seeds = (results["images"], len(results["seeds"])) if results else ("…", "…")
    return "\n".join([*rows, "", words["pictures"].format(images=images, seeds=seeds)])


def _caption(benchmark: str, words: dict[str, str]) -> str:
    path = RESULTS / f"{benchmark}.json"
    if not path.exists():
        return "…"
    content = json.loads(path.read_text())
    environment = content["environment"]
    caption = words["caption"].format(
        seeds=len(content["measured"]["seeds"]),
        processor=environment["processor"],
        threads=environment["threads"],
    )
    return f"{caption} {words['busy']}" if content.get("busy") else caption


def _is_busy(training: Training) -> bool:
    path = RESULTS / f"course-{training.name}.json"
    return path.exists() and bool(json.loads(path.read_text()).get("busy"))


def _ours(results: Measured | None, printed: Printed) -> str:
    if results is None:
        return "…"
    return percentage(results["test_accuracy" if printed.part == "test" else "last_val_accuracy"])


def _printed(printed: Printed, about: str) -> str:
    number = f"{100 * printed.accuracy:.0f} %" if printed.rough else f"{100 * printed.accuracy:.2f} %"
    return about.format(number) if printed.rough else number


def _notes_seconds(training: Training) -> str:
    return f"{training.notes_seconds:,}" if training.notes_seconds else "–"


def _training(lesson: Lesson) -> Training:
    training = training_of(lesson)
    assert training is not None  # every exercise with a printed figure has a network
    return training


def pages() -> list[Path]:
    """Return the course's pages in both languages."""
    return sorted(PAGES.glob("*/*.md"))


def main(words: list[str]) -> int:
    """Write the pages, or check them."""
    stale = []
    for page in pages():
        text = page.read_text("utf-8")
        filled_text = filled(text, page.parent.name)
        if filled_text != text:
            stale.append(str(page.relative_to(ROOT)))
            if words != ["--check"]:
                atomic_files.write_text(page, filled_text)
    if stale and words == ["--check"]:
        print(f"not what benchmarks/results says: {', '.join(stale)}", file=sys.stderr)
        print("run python -m benchmarks.course_pages", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
