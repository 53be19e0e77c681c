"""How figures and tables are written in ``docs/benchmarks.md``."""

from collections.abc import Sequence
from typing import Any

from benchmarks.result_files import Result
from imagelet.networks import networks

Summary = dict[str, Any]
"""What :func:`benchmarks.measuring.summary` returns; older files lack its lowest and highest value."""

NONE = "–"
BUSY = "\\* Other work ran on the machine at the same time: the seconds are too long."


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """Return a Markdown table; all columns but the first ``words`` hold figures and end flush right."""
    lines = [f"| {' | '.join(headings)} |"]
    lines.append("|---" * words + "|---:" * (len(headings) - words) + "|")
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def star(result: Result) -> str:
    """Return what stands behind seconds that are too long: see ``BUSY``."""
    return " *" if result.get("busy") else ""


def with_busy(text: str, results: Sequence[Result]) -> str:
    """Return a table with the line that explains the star, where one of its results has it."""
    return f"{text}\n\n{BUSY}" if any(map(star, results)) else text


def percent(value: Summary) -> str:
    """Return ``99.02 ± 0.05 %``, the mean and the sample deviation."""
    return f"{_with_deviation(value, 100, '.2f')} %"


def seconds(value: Summary) -> str:
    """Return ``38.2 ± 2.7 s``."""
    return f"{_with_deviation(value, 1, '.1f')} s"


def interval(ends: Sequence[float], images: str) -> str:
    """Return ``98.44 to 99.95 % of 360 images``."""
    low, high = ends
    return f"{100 * low:.2f} to {100 * high:.2f} % of {images}"


def short_seconds(value: float) -> str:
    """Return three digits and the unit that suits them: ``1.23 s``, ``45.6 ms``, ``789 µs``."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if value * factor >= 1:
            return f"{_three_digits(value * factor)} {unit}"
    return f"{_three_digits(value * 1e6)} µs"


def megabytes(number: float | None) -> str:
    """Return ``612 MB``; a megabyte is a million bytes."""
    return NONE if number is None else f"{number / 1e6:,.0f} MB"


def machine(result: Result) -> str:
    """Return processor, threads and graphics cards."""
    where = result["environment"]
    threads = f"{where['threads']} thread{'s' * (where['threads'] != 1)}"
    return ", ".join([where["processor"], threads, *where["cuda_devices"]])


def network_name(text: str) -> str:
    """Return the name under which network text is registered, else the text."""
    names = {networks.get(name).text: name for name in networks}
    return f"`{names.get(text, text)}`"


def _three_digits(value: float) -> str:
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"


def _with_deviation(value: Summary, factor: int, digits: str) -> str:
    mean = format(factor * value["mean"], digits)
    return mean if value["deviation"] is None else f"{mean} ± {factor * value['deviation']:{digits}}"
