"""Make the pages of ``docs`` that hold measured figures of ``benchmarks/results``, through templates.

``benchmarks.md``, ``own-pictures.md`` and ``reliability.md`` of ``docs/explanation``. A page that is written
by hand holds markers, ``<!--: recipe-mnist-fast.test -->…<!--/-->``: a benchmark, and which of its figures.

python -m benchmarks.pages           write them, and the pictures in them
python -m benchmarks.pages --check   fail if a page is not what the results say

The templates are in ``benchmarks/templates``; no figure in them is typed by hand.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from benchmarks import framing_picture, plot, recipes, result_files, steps
from benchmarks.measuring import geometric_mean
from benchmarks.reliability import files, fuzzing, lab, service
from benchmarks.reliability.fuzzing import Fuzzer
from benchmarks.reliability.parts import PARTS
from benchmarks.result_files import Result
from imagelet import atomic_files, plots
from imagelet.course.lessons import lessons, trainings
from imagelet.networks import networks

Summary = dict[str, Any]
"""What :func:`benchmarks.measuring.summary` returns; older files lack its lowest and highest value."""

ROOT = Path(__file__).parents[1]
DOCUMENTS = ROOT / "docs"
MARKER = re.compile(r"<!--: (?P<name>[\w-]+)\.(?P<what>\w+) -->(?P<text>.*?)<!--/-->")
FIGURES: dict[str, Callable[[Any], str]] = {
    "test": lambda measured: _with_deviation(measured["test_accuracy"], 100, ".2f") + " %",
    "seconds": lambda measured: f"{measured['training_seconds']['median']:.0f} s",
}
BENCHMARKS = DOCUMENTS / "explanation" / "benchmarks.md"
OWN_PICTURES = DOCUMENTS / "explanation" / "own-pictures.md"
RELIABILITY = DOCUMENTS / "explanation" / "reliability.md"
CURVE = "accuracy-seconds.svg"  # in docs/images
FRAMING = "framing.png"
STEP_SIDES = (
    ("imagelet auto", "imagelet auto (ms)"),
    ("imagelet fp32", "imagelet float32 (ms)"),
    ("keras fp32", "Keras float32 (ms)"),
    ("keras bf16", "Keras bfloat16 (ms)"),
)
STEP_PAIRS = (
    ("imagelet auto", "keras fp32", "times as fast, each by default"),
    ("imagelet fp32", "keras fp32", "both in float32"),
    ("imagelet auto", "keras bf16", "auto against Keras bfloat16"),
)
KINDS = {
    "drawing": "drawn on a screen",
    "native28": "that are 28×28 already",
    "photo": "photographed",
    "scan": "scanned",
}


def benchmarks_page(results: Mapping[str, Result] | None = None) -> str:
    """Return the page of benchmarks for results by name; None: those in ``benchmarks/results``."""
    found = result_files.read_all() if results is None else results
    validated = [
        f"`{training.name}`"
        for training in trainings()
        if training.notes_seconds and training.printed[0].part == "validation"
    ]
    course = [
        (training, found[f"course-{training.name}"])
        for training in trainings()
        if f"course-{training.name}" in found
    ]
    return _template("benchmarks.md.jinja").render(
        found=found,
        points=plot.points(found),
        picture=f"../images/{CURVE}",
        validated=validated,
        recipes=[found[claim.name] for claim in recipes.CLAIMS if claim.name in found],
        daily=[found[name] for name in ("demo", "mnist") if name in found],
        step_sides=STEP_SIDES,
        step_pairs=STEP_PAIRS,
        step_measuring=f"{steps.SECONDS:g}",
        steps_measured=[(name, found[name]) for name in ("steps", "steps-avx2") if name in found],
        timings=[found[name] for name in ("startup", "loading") if name in found],
        course=course,
        own_digits=lessons.get("own-digits"),
        machines=_machines([result for name, result in found.items() if name != "reliability"]),
    )


def own_pictures_page(result: Result | None = None) -> str:
    """Return ``docs/explanation/own-pictures.md`` for a result; None: the one in ``benchmarks/results``.

    Raises:
        ValueError: nothing was measured.
    """
    result = result or result_files.read("own-pictures")
    if result is None:
        raise ValueError("python -m benchmarks.run own-pictures has not been run yet")
    measured = result["measured"]
    by_kind = {item["kind"]: item for item in measured["kinds"]}
    return _template("own-pictures.md.jinja").render(
        result=result,
        measured=measured,
        hand=by_kind["all but printed"],
        kinds=[item for item in measured["kinds"] if not item["kind"].startswith("all")],
        names=KINDS,
        picture=f"../images/{FRAMING}",
    )


def reliability_page(result: Result | None = None) -> str:
    """Return the page of reliability for a result; None: the one in ``benchmarks/results``, if any."""
    result = result or result_files.read("reliability")
    measured = result["measured"] if result else {}
    rows = [_counted(part, measured[part.name]) for part in PARTS.values() if measured.get(part.name)]
    limits = {
        "seconds": fuzzing.MOST_SECONDS,
        "bytes": fuzzing.MOST_BYTES,
        "one_large_in": files.ONE_LARGE_IN,
        "methods": len(lab.METHODS),
        "hosts": len(lab.HOSTS),
        "origins": len(lab.ORIGINS),
        "clients": lab.CLIENTS,
        "growth": lab.GROWTH,
        "rude": service.RUDE,
    }
    return _template("reliability.md.jinja").render(rows=rows, limits=limits)


def _counted(part: Fuzzer | lab.Soak, sessions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a part's row: the sums over its sessions, and with what they ran."""
    sums = ("cases", "passed", "refused", "finds", "seconds")
    slowest, memory = (max(item[name] for item in sessions) for name in ("slowest_seconds", "most_bytes"))
    dates = [item["date"] for item in sessions]

    def different(name: str) -> list[str]:
        return list(dict.fromkeys(str(item[name]) for item in sessions))

    return {
        "name": part.name,
        "unit": part.unit,
        "full": part.full,
        **{name: sum(item[name] for item in sessions) for name in sums},
        "slowest": short_seconds(slowest) if slowest else "–",
        "memory": megabytes(memory or None),
        "seeds": different("seed"),
        "first": min(dates),
        "last": max(dates),
        "commits": [short_commit(name) for name in different("commit")],
        "processors": different("processor"),
    }


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("benchmarks", "templates"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters |= {
        "interval": interval,
        "machine": machine,
        "megabytes": megabytes,
        "network_name": network_name,
        "percent": percent,
        "seconds": seconds,
        "short_percent": short_percent,
        "short_seconds": short_seconds,
        "speedup": speedup,
        "star": star,
        "thousands": thousands,
        "versions": versions,
    }
    return environment.get_template(name)


def _machines(results: Sequence[Result]) -> dict[tuple[str, ...], list[str]]:
    """Return the machines, each with what was measured on it."""
    measured_on: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        where = result["environment"]
        measured_on.setdefault(
            (
                where["processor"],
                str(where["threads"]),
                ", ".join(where["cuda_devices"]) or "–",
                where["python"],
                where["versions"]["torch"],
                short_commit(where["commit"] or "–"),
            ),
            [],
        ).append(result["name"])
    return measured_on


def speedup(times: Sequence[Mapping[str, Any]], pair: Sequence[str]) -> float:
    """Return the geometric mean of how many times as fast the first of a pair is as the second."""
    return geometric_mean([item[pair[1]]["median"] / item[pair[0]]["median"] for item in times])


def versions(result: Result) -> str:
    """Return the versions of the libraries that are compared; nothing where there is one only."""
    peers = {name: text for name, text in result["measured"].get("versions", {}).items() if name != "python"}
    if not peers:
        return ""
    compared = {"torch": result["environment"]["versions"]["torch"], **peers}
    return " with " + ", ".join(f"{name} {text}" for name, text in compared.items())


def star(result: Result) -> str:
    """Return what stands behind seconds that are too long, because other work ran at the same time."""
    return " *" if result.get("busy") else ""


def percent(value: Summary) -> str:
    """Return ``99.02 ± 0.05 %``, the mean and the sample standard deviation."""
    return f"{_with_deviation(value, 100, '.2f')} %"


def short_percent(fraction: float) -> str:
    """Return ``99.0 %``."""
    return f"{100 * fraction:.1f} %"


def seconds(value: Summary) -> str:
    """Return ``38.2 ± 2.7 s``."""
    return f"{_with_deviation(value, 1, '.1f')} s"


def interval(ends: Sequence[float]) -> str:
    """Return ``98.44 to 99.95 %``."""
    low, high = ends
    return f"{100 * low:.2f} to {100 * high:.2f} %"


def thousands(number: float) -> str:
    """Return a whole number with commas: ``10,000``."""
    return f"{number:,.0f}"


def short_seconds(value: float) -> str:
    """Return three digits and the unit that suits them: ``1.23 s``, ``45.6 ms``, ``789 µs``."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if value * factor >= 1:
            return f"{_three_digits(value * factor)} {unit}"
    return f"{_three_digits(value * 1e6)} µs"


def megabytes(number: float | None) -> str:
    """Return ``612 MB``; a megabyte is a million bytes."""
    return "–" if number is None else f"{number / 1e6:,.0f} MB"


def machine(result: Result) -> str:
    """Return processor, threads and graphics cards."""
    where = result["environment"]
    threads = f"{where['threads']} thread{'s' * (where['threads'] != 1)}"
    return ", ".join([where["processor"], threads, *where["cuda_devices"]])


def network_name(text: str) -> str:
    """Return the name under which network text is registered, else the text."""
    names = {networks.get(name).text: name for name in networks}
    return f"`{names.get(text, text)}`"


def short_commit(commit: str) -> str:
    """Return ten letters of a commit, and ``+changes`` where it has them."""
    name, plus, changes = commit.partition("+")
    return name[:10] + plus + changes


def _three_digits(value: float) -> str:
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"


def _with_deviation(value: Summary, factor: int, digits: str) -> str:
    mean = format(factor * value["mean"], digits)
    return mean if value["deviation"] is None else f"{mean} ± {factor * value['deviation']:{digits}}"


def marked_pages(results: Mapping[str, Result]) -> dict[Path, str]:
    """Return the pages that have markers, filled in; those of the course have a module of their own."""
    paths = [ROOT / "README.md", *(path for path in DOCUMENTS.rglob("*.md") if "course" not in path.parts)]
    texts = {path: path.read_text("utf-8") for path in paths}
    return {path: filled(text, results) for path, text in texts.items() if MARKER.search(text)}


def filled(text: str, results: Mapping[str, Result]) -> str:
    """Return a text with every marker filled in; a figure that was not measured becomes three dots.

    Raises:
        KeyError: a marker names an unknown figure.
    """

    def replace(match: re.Match[str]) -> str:
        result = results.get(match["name"])
        value = FIGURES[match["what"]](result["measured"]) if result else "…"
        return f"<!--: {match['name']}.{match['what']} -->{value}<!--/-->"

    return MARKER.sub(replace, text)


def main(words: list[str]) -> int:
    """Write the pages and their pictures, or check the pages."""
    results = result_files.read_all()
    pages = {BENCHMARKS: benchmarks_page(results), **marked_pages(results)}
    if own := results.get("own-pictures"):
        pages[OWN_PICTURES] = own_pictures_page(own)
    if reliability := results.get("reliability"):
        pages[RELIABILITY] = reliability_page(reliability)
    if words == ["--check"]:
        stale = [path.name for path, text in pages.items() if path.read_text("utf-8") != text]
        for name in stale:
            print(f"{name} is not what the results say: python -m benchmarks.pages", file=sys.stderr)
        return 1 if stale else 0
    if points := plot.points(results):
        plot.write(points, BENCHMARKS.parents[1] / "images" / CURVE)
    if OWN_PICTURES in pages:
        plots.save(framing_picture.steps_figure(), OWN_PICTURES.parents[1] / "images" / FRAMING)
    for path, text in pages.items():
        atomic_files.write_text(path, text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
