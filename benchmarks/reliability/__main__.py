"""Try what imagelet must survive, and count it.

    python -m benchmarks.reliability                   every part, ten minutes in all
    python -m benchmarks.reliability --minutes 60      the same for an hour
    python -m benchmarks.reliability --part pictures --part texts --count 50000
    python -m benchmarks.reliability --part kills --full
    python -m benchmarks.reliability --part texts --seed 7 --from 412 --count 1 --no-result     one case again
    python -m benchmarks.reliability --list            the parts, and how many cases a full count has

The figures go to ``benchmarks/results/reliability.json``, from which ``python -m benchmarks.pages`` makes
docs/explanation/reliability.md. A case that breaks a promise is kept in a folder, and the exit code is 1.
"""

import argparse
import datetime
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import filelock

from benchmarks import result_files
from benchmarks.reliability import fuzzing, lab
from benchmarks.reliability.fuzzing import Fuzzer, Tally
from benchmarks.reliability.parts import PARTS
from imagelet.runs.environment import commit, processor_name

RESULT = "reliability"
MINUTES = 10.0
SECONDS_BETWEEN_LINES = 20.0


def main(words: Sequence[str]) -> int:
    """Run the parts that ``words`` ask for, keep the figures and the finds; return 1 if there are finds."""
    asked = _parser().parse_args(words)
    if asked.list:
        for part in PARTS.values():
            print(f"{part.name:14} {part.full:>6,} {part.unit}")
        return 0
    if not hasattr(os, "fork"):
        print("this needs a system that can fork processes: Linux or macOS", file=sys.stderr)
        return 2
    names = asked.part or list(PARTS)
    seconds = None
    if not (asked.count or asked.full):
        seconds = 60 * asked.minutes / len(names)
    found, version = False, commit()  # asked before the result changes a file
    for name in names:
        part = PARTS[name]
        count = part.full if asked.full else asked.count
        tally = _run(part, asked.seed, count, seconds, asked.start)
        if not asked.no_result:
            record(part.name, session(tally, asked.seed, asked.start, version))
        found |= bool(tally.finds)
        if isinstance(part, Fuzzer):
            for place in fuzzing.keep(part, asked.seed, tally, asked.finds):
                print(f"  kept in {place}", flush=True)
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.reliability", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("--part", action="append", choices=list(PARTS), help="may be repeated; without it: every part")
    add("--minutes", type=float, default=MINUTES, help="in all, shared equally among the parts")
    add("--count", type=int, help="of cases in each part, however long it takes")
    add("--full", action="store_true", help="as many cases as a full count has")
    add("--seed", type=int, default=int(time.time()), help="equal seeds give equal cases")
    add("--from", dest="start", type=int, default=0, help="the number of the first case")
    add("--finds", type=Path, default=Path("fuzz-finds"), help="where inputs that find something are kept")
    add("--no-result", action="store_true", help="leave benchmarks/results as it is")
    add("--list", action="store_true", help="print the parts and the cases of their full counts")
    return parser


def _run(part: Fuzzer | lab.Soak, seed: int, count: int | None, seconds: float | None, start: int) -> Tally:
    """Run a part, tell how it goes on, and print its finds."""
    last = 0.0

    def progress(tally: Tally) -> None:
        nonlocal last
        if time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(f"{part.name}: {_line(part, tally)}", file=sys.stderr, flush=True)

    run: Callable[..., Tally] = (
        partial(fuzzing.run, part, start=start) if isinstance(part, Fuzzer) else part.run
    )
    tally = run(seed=seed, count=count, seconds=seconds, progress=progress)
    print(f"{part.name}, seed {seed}: {_line(part, tally)}", flush=True)
    for find in tally.finds:
        lines = find.text.strip().splitlines() or [""]
        print(f"  case {find.number}: {find.kind}: {lines[-1][:300]}", flush=True)
    return tally


def _line(part: Fuzzer | lab.Soak, tally: Tally) -> str:
    return (
        f"{tally.cases:,} {part.unit} in {tally.seconds:.0f} s, {len(tally.finds)} finds "
        f"({tally.outcomes[fuzzing.PASSED]:,} passed, {tally.outcomes[fuzzing.REFUSED]:,} refused)"
    )


def session(tally: Tally, seed: int, start: int, version: str | None) -> dict[str, Any]:
    """Return what is kept of the cases that were run together."""
    return {
        "seed": seed,
        "from": start,
        "cases": tally.cases,
        "passed": tally.outcomes[fuzzing.PASSED],
        "refused": tally.outcomes[fuzzing.REFUSED],
        "finds": len(tally.finds),
        "seconds": round(tally.seconds, 1),
        "slowest_seconds": round(tally.slowest_seconds, 3),
        "most_bytes": tally.most_bytes,
        "processor": processor_name(),
        "commit": version or "–",
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
    }


def record(part: str, new: dict[str, Any]) -> None:
    """Add a session to the part's; one of the same seed and start, which has the same cases, is replaced."""
    path = result_files.path_of(RESULT)
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(Path(tempfile.gettempdir()) / "imagelet-reliability.lock"):
        measured = (result_files.read(RESULT) or {"measured": {}})["measured"]
        same = (new["seed"], new["from"])
        others = [old for old in measured.get(part, []) if (old["seed"], old["from"]) != same]
        merged = {**measured, part: [*others, new]}
        result_files.write(RESULT, {name: merged[name] for name in PARTS if name in merged})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
