"""The section of ``docs/benchmarks.md`` on the lab: what is asked for beside what was measured."""

from collections.abc import Mapping
from typing import Any

from benchmarks.result_files import Result
from benchmarks.writing import machine, megabytes, short_seconds, star, table, with_busy

TEXT = """\
{clients} clients on the same machine ask `imagelet lab` for the classifier `{classifier}` for {seconds:.0f}
seconds, while the lab trains {training} in a process of its own. Each sends a drawing, waits for the answer,
and sends the next: {number:,} answers, {per_second:.0f} a second, {errors}. The lab's process had {before} of
memory before and {after} after it. The training goes on with what is left: {beside:,.0f} images a second,
where alone it has {alone:,.0f}.

A stroke is drawn in a browser while nothing is trained, with {moves} moves of the pen, 60 a second; the time
is from a move to the bars that show it. Measured on one machine ({machine}).
"""


def lab_section(found: Mapping[str, Result]) -> str:
    """Return heading, text and table; "" where the result is missing."""
    if "lab" not in found:
        return ""
    result = found["lab"]
    measured = result["measured"]
    answers, strokes, memory = (
        measured["answer_seconds"],
        measured["stroke_seconds"],
        measured["memory_bytes"],
    )
    errors, speed = sum(measured["errors"].values()), measured["training_images_per_second"]
    text = TEXT.format(
        **{name: measured[name] for name in ("clients", "classifier", "seconds", "training")},
        number=answers["number"],
        per_second=answers["number"] / measured["seconds"],
        errors=f"{errors:,} errors" if errors else "none of them an error",
        before=megabytes(memory[0]),
        after=megabytes(memory[-1]),
        **speed,
        moves=strokes["number"],
        machine=machine(result),
    )
    limits = measured["limits"]
    rows = [
        _row(f"an answer to one of {measured['clients']}", answers, "p95", limits["answer"], result),
        _row("from stroke to bars", strokes, "median", limits["stroke"], result),
    ]
    headings = ("what", "median", "95th percentile", "99th", "longest", "asked for")
    return f"## The lab\n\n{text}\n{with_busy(table(headings, rows), [result])}"


def _row(what: str, seconds: Mapping[str, Any], figure: str, limit: float, result: Result) -> tuple[str, ...]:
    asked = {"p95": "95th percentile", "median": "median"}[figure]
    times = [short_seconds(seconds[name]) + star(result) for name in ("median", "p95", "p99", "max")]
    return (what, *times, f"{asked} under {short_seconds(limit)}")
