"""Measure imagelet.

    python -m benchmarks.run                  what takes minutes, as ``quick``
    python -m benchmarks.run full             everything, hours: each recipe and the course with all seeds
    python -m benchmarks.run startup steps    these
    python -m benchmarks.run recipes          a group: quick, full, recipes, recipe-general, course
    python -m benchmarks.run list             nothing; print the names

Each writes ``benchmarks/results/<name>.json``: what was measured, mean and deviation over the repetitions,
seeds, commit, machine and versions. ``benchmarks/pages.py`` makes the page of benchmarks of these files.
"""

import json
import sys
from collections.abc import Sequence

from benchmarks import (
    course,
    daily,
    distributed,
    few,
    inside,
    lab,
    lanes,
    large,
    own_pictures,
    page,
    prediction,
    pupils,
    race,
    recipes,
    result_files,
    serve,
    steps,
    tune,
)
from benchmarks.measuring import Benchmark, LeftOut, at_once
from imagelet.errors import UnknownNameError
from imagelet.registry import Registry

QUICK = ("startup", "loading", "steps", "prediction", "memory", "demo", "recipe-mnist-fast")
QUICK_SEEDS = 3


def known() -> dict[str, Benchmark]:
    """Return every benchmark by its name, in the order of ``full``."""
    return {
        **daily.benchmarks(),
        **steps.benchmarks(),
        **prediction.benchmarks(),
        **inside.benchmarks(),
        **lab.benchmarks(),
        **pupils.benchmarks(),
        **page.benchmarks(),
        **serve.benchmarks(),
        **own_pictures.benchmarks(),
        **large.benchmarks(),
        **lanes.benchmarks(),
        **distributed.benchmarks(),
        **recipes.benchmarks(),
        **race.benchmarks(),
        **few.benchmarks(),
        **tune.benchmarks(),
        **{name: at_once(function) for name, function in course.benchmarks().items()},
    }


def groups() -> dict[str, dict[str, Benchmark]]:
    """Return the benchmarks that each name on the command line stands for: a group, or the one so called."""
    every = known()
    quick = {name: every[name] for name in QUICK}
    for claim in recipes.CLAIMS:
        if claim.name in quick:
            quick[claim.name] = recipes.benchmark(claim, min(QUICK_SEEDS, claim.seeds))
    return {
        "quick": quick,
        "full": every,
        "recipes": {claim.name: every[claim.name] for claim in recipes.CLAIMS},
        "recipe-general": {name: every[name] for name in every if name.startswith("recipe-general-")},
        "course": {name: every[name] for name in course.benchmarks()},
        **{name: {name: benchmark} for name, benchmark in every.items()},
    }


def main(words: Sequence[str]) -> int:
    """Measure and write what ``words`` ask for; what takes minutes if they are none."""
    asked: Registry[dict[str, Benchmark]] = Registry("benchmark", "python -m benchmarks.run list")
    for name, benchmarks in groups().items():
        asked.add(name, benchmarks)
    if list(words) == ["list"]:
        print("\n".join(asked))
        return 0
    try:
        chosen = {name: one for word in words or ["quick"] for name, one in asked.get(word).items()}
    except UnknownNameError as error:
        print(f"{error.message} ({error.hint})", file=sys.stderr)
        return 2
    for name, benchmark in chosen.items():
        print(f"{name}: {benchmark.__doc__}", file=sys.stderr)
        try:
            _run(name, benchmark)
        except KeyboardInterrupt:
            print(f"{name} was interrupted; what was written is kept", file=sys.stderr)
            return 130
    return 0


def _run(name: str, benchmark: Benchmark) -> None:
    """Run a benchmark and keep what it measures as soon as it is measured."""
    measured = None
    try:
        for measured in benchmark():
            result_files.write(name, measured)
    except LeftOut as reason:
        print(f"  left out: {reason}", file=sys.stderr)
    if measured:
        print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
