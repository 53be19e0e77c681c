"""What `imagelet course` shows of its results: the notes' figures beside ours."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagelet.cli import printing, repeated
from imagelet.html_repr import write_percent

if TYPE_CHECKING:
    from imagelet.course.lessons import Lesson
    from imagelet.course.repeats import RepeatedResult
    from imagelet.course.results import Result


def show(
    selected: "Sequence[Result]",
    results: "Sequence[Result]",
    table: Path | None,
    listed: "Sequence[Lesson]" = (),
) -> None:
    """Print the table of the chosen experiments, the notes' summary, and the exercises among those listed."""
    from imagelet.course.results import summary

    if selected:
        headings = ("id", "teaches", "parameters", "notes", "ours (95 % interval)", "seconds")
        rows = [row for result in selected for row in _rows(result)]
        printing.say()
        printing.table(headings, rows, right=("parameters",), whole=("id", "notes", headings[4], "seconds"))
    printing.say()
    printing.say("the notes' summary of methods on MNIST, and ours", style="bold")
    for each in summary(results):
        ours = "not yet" if each["reached"] is None else f"{write_percent(each['reached'])} %"
        printing.say(
            "  {method:<22}  about {printed:.0f} %  {ours:>8}  ({id})",
            method=each["method"],
            printed=100 * each["printed"],
            ours=ours,
            id=each["id"],
        )
    if table:
        printing.advice("{table} has the whole table", table=table)
    for result in [each for each in selected if each.reached][:1]:
        printing.advice("imagelet predict {run} PICTURE classifies your own pictures", run=result.run)
    if listed:
        _list_exercises(listed)
        printing.advice("imagelet course ID carries one out, imagelet course all that are not yet")


def _list_exercises(chosen: "Sequence[Lesson]") -> None:
    from imagelet.course.lessons import Exercise

    rows = [(each.name, each.teaches, each.training or "–") for each in chosen if isinstance(each, Exercise)]
    if rows:
        printing.say()
        printing.table(("exercise", "teaches", "network"), rows)


def _rows(result: "Result") -> list[tuple[str, ...]]:
    """Return a line of the table for each figure that the notes print; shares in hundredths."""
    made: list[tuple[str, ...]] = []
    for place, printed in enumerate(result.lesson.printed):
        ours = "–"
        if result.reached:
            figure = result.reached[place]
            shares = [100 * share for share in (figure.accuracy, *figure.interval)]
            ours = "{:.2f} ({:.2f} to {:.2f})".format(*shares)
        notes = f"~{100 * printed.accuracy:.0f}" if printed.rough else f"{100 * printed.accuracy:.2f}"
        facts = (result.lesson.name, result.lesson.teaches, f"{result.training.parameters:,}")
        seconds = "–" if result.seconds is None else f"{result.seconds:.1f}"
        first = place == 0
        made.append(
            (
                *(facts if first else ("", "", "")),
                f"{notes} {printed.part.split()[0]}",
                ours,
                seconds if first else "",
            )
        )
    return made


def document(
    selected: "Sequence[Result]",
    results: "Sequence[Result]",
    shown: list[dict[str, Any]],
    errors: list[dict[str, str]],
    table: Path | None,
) -> None:
    """Print what ``--json`` promises: chosen and all results, exercises, errors, and the table's place."""
    from imagelet.course.results import summary

    printing.document(
        {
            "experiments": [result.to_json() for result in selected],
            "summary": summary(results),
            "exercises": shown,
            "errors": errors,
            "table": table,
        }
    )


def show_repeated(results: "Sequence[RepeatedResult]", table: Path | None) -> None:
    """Print the notes' figures beside the mean of ours."""
    headings = ("id", "notes", "ours, mean", "95 % interval", "seeds", "seconds")
    rows: list[tuple[str, ...]] = []
    for result in results:
        for place, printed in enumerate(result.training.printed):
            found, first = result.spread(place), place == 0
            notes = f"~{100 * printed.accuracy:.0f}" if printed.rough else f"{100 * printed.accuracy:.2f}"
            ours = interval = "–"
            if found is not None:
                ours = repeated.write_spread(found.mean, found.deviation)
                interval = " to ".join(write_percent(end) for end in found.interval)
            seconds = "–" if result.seconds is None else f"{result.seconds:.1f}"
            facts = (str(len(result.reached)), seconds) if first else ("", "")
            name = result.training.name if first else ""
            rows.append((name, f"{notes} {printed.part}", ours, interval, *facts))
    printing.say()
    printing.table(headings, rows, right=("seeds", "seconds"), whole=headings[:4])
    printing.note("± is the standard deviation; the interval is of the mean, over what the seed decides")
    if table:
        printing.advice("{table} has the table", table=table)
