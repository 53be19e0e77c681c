"""Fuzzing: numbered cases, run in processes whose time and memory are limited.

A case is a function of seed and number. It passes where it ends well, or with an :class:`ImageletError` whose
sentence can be shown in every language. Any other exception, a crash, too much time or memory, and another
program that is started, are finds.
"""

import contextlib
import functools
import json
import math
import os
import re
import select
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from imagelet.errors import ImageletError
from imagelet.messages import LANGUAGES, translate

MEGABYTE = 10**6
MOST_SECONDS = 5.0  # of the processor, for one case
MOST_BYTES = 500 * MEGABYTE  # of memory that one case adds
MORE_ADDRESSES = 4096 * MEGABYTE  # than at the start: what a case may reserve before the system refuses
LONGEST_SENTENCE = 10_000  # letters of an error
CASES_A_PROCESS = 500
PATIENCE = 60.0  # seconds of the clock without a finished case
EXAMPLES = 3  # cases that are kept of each kind of find

PASSED, REFUSED = "passed", "refused"
NO_CASE = "no case"  # a mistake of the fuzzer


STARTING = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "socket.connect")

_started: list[str] = []  # what a case has started, of ``STARTING``


class WrongAnswerError(Exception):
    """A case ended without an error, but its answer breaks a promise."""


@dataclass(frozen=True)
class Case:
    """One input and what is done with it.

    Attributes:
        files: what is kept where the case finds something: names and contents.
        check: reads the input; raises ImageletError where it is refused.
    """

    files: Mapping[str, bytes]
    check: Callable[[], object]


@dataclass(frozen=True)
class Fuzzer:
    """Cases of one kind.

    Attributes:
        name: of the part.
        unit: what a case is, in the plural.
        full: the number of cases that a full count has.
        case: the case of a number; whatever it draws comes from the random generator, which depends on the
            seed and the number alone.
        most_seconds: of the processor, for one case.
        patience: seconds of the clock that a case may take.
    """

    name: str
    unit: str
    full: int
    case: Callable[[Random, int], Case]
    most_seconds: float = MOST_SECONDS
    patience: float = PATIENCE


@dataclass(frozen=True)
class Find:
    """A case that broke a promise.

    Attributes:
        number: of the case.
        kind: what happened, in a few words.
        text: the traceback, or what else is known.
    """

    number: int
    kind: str
    text: str = ""

    @property
    def cause(self) -> str:
        """What finds of the same cause have in common: the kind, and where the exception was raised."""
        places = re.findall(r'File "([^"]+)", line (\d+)', self.text)
        return f"{self.kind} {places[-1] if places else ''}"


@dataclass
class Tally:
    """What a number of cases came out as.

    Attributes:
        outcomes: how many passed and how many were refused.
        finds: the others.
        seconds: of the clock, for all of them.
        slowest_seconds: of the processor, for the slowest case.
        most_bytes: of memory, that the hungriest case added.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    finds: list[Find] = field(default_factory=list)
    seconds: float = 0.0
    slowest_seconds: float = 0.0
    most_bytes: int = 0

    @property
    def cases(self) -> int:
        """How many cases there were."""
        return self.outcomes.total() + len(self.finds)

    def add(self, outcome: Mapping[str, Any]) -> None:
        """Count the outcome of one case, as :func:`attempt` returns it."""
        if outcome["kind"] in (PASSED, REFUSED):
            self.outcomes[outcome["kind"]] += 1
        else:
            self.finds.append(Find(outcome["number"], outcome["kind"], outcome.get("text", "")))
        self.slowest_seconds = max(self.slowest_seconds, outcome.get("seconds", 0.0))
        self.most_bytes = max(self.most_bytes, outcome.get("bytes", 0))


def case_of(fuzzer: Fuzzer, seed: int, number: int) -> Case:
    """Return a case; equal seeds and numbers give equal cases."""
    return fuzzer.case(Random(f"{seed} {fuzzer.name} {number}"), number)


def attempt(fuzzer: Fuzzer, seed: int, number: int) -> dict[str, Any]:
    """Run one case in this process; return its number, kind, text, seconds of the processor and bytes."""
    try:
        case = case_of(fuzzer, seed, number)
    except Exception:
        return {"number": number, "kind": NO_CASE, "text": traceback.format_exc()}
    _watch_starts()
    _started.clear()
    before, started = _memory_reset(), time.process_time()
    kind, text = PASSED, ""
    try:
        case.check()
    except ImageletError as error:
        kind, text = _refusal(error)
    except WrongAnswerError as error:
        kind, text = "wrong answer", str(error)
    except Exception:  # also RecursionError and MemoryError: everything else is a find
        kind, text = "foreign exception", traceback.format_exc()
    seconds, memory = time.process_time() - started, max(0, _memory_peak() - before)
    if kind in (PASSED, REFUSED) and _started:
        kind, text = "started something", ", ".join(_started)
    if kind in (PASSED, REFUSED) and seconds > fuzzer.most_seconds:
        kind, text = "too slow", f"{seconds:.1f} s"
    if kind in (PASSED, REFUSED) and memory > MOST_BYTES:
        kind, text = "too much memory", f"{memory / MEGABYTE:.0f} MB"
    return {"number": number, "kind": kind, "text": text, "seconds": seconds, "bytes": memory}


@functools.cache
def _watch_starts() -> None:
    """Note from now on whenever this process starts another program or connects to a server."""

    def note(event: str, given: tuple[Any, ...]) -> None:
        if event in STARTING:
            _started.append(f"{event} {given!r}"[:500])

    sys.addaudithook(note)


def _refusal(error: ImageletError) -> tuple[str, str]:
    """Say whether an error's sentence can be shown in every language."""
    try:
        for language in LANGUAGES:
            sentence = translate(error.sentence, language)
            if not error.message.strip() or len(sentence) > LONGEST_SENTENCE:
                return "bad sentence", f"{len(sentence)} letters: {sentence[:500]}"
    except Exception:
        return "bad sentence", traceback.format_exc()
    return REFUSED, ""


def run(
    fuzzer: Fuzzer,
    seed: int,
    *,
    count: int | None = None,
    seconds: float | None = None,
    start: int = 0,
    progress: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Run cases in other processes, until there are ``count`` of them or the time is over.

    Args:
        fuzzer: makes the cases.
        seed: of all of them.
        count: how many; None: as many as the time allows.
        seconds: of the clock; None: as many as it takes.
        start: the number of the first case.
        progress: is called with what was counted until now.
    """
    tally, started = Tally(), time.monotonic()
    until = math.inf if seconds is None else started + seconds
    number, end = start, math.inf if count is None else start + count
    while number < end and time.monotonic() < until:
        numbers = range(number, int(min(end, number + CASES_A_PROCESS)))
        for outcome in _outcomes(fuzzer, seed, numbers, until):
            tally.add(outcome)
            number = outcome["number"] + 1
            tally.seconds = time.monotonic() - started
            progress(tally)
    return tally


def _outcomes(fuzzer: Fuzzer, seed: int, numbers: range, until: float) -> Iterator[dict[str, Any]]:
    """Yield the outcomes of some cases, run in one process; the last is a find where the process died."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(reading)
        _work(fuzzer, seed, numbers, until, writing)
    os.close(writing)
    running = numbers.start
    try:
        with os.fdopen(reading, "rb") as lines:
            for line in _lines(lines.fileno(), fuzzer.patience):
                outcome = json.loads(line)
                running = outcome["number"] + 1
                yield outcome
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, -signal.SIGTERM) or (status and running in numbers):
        kind = "too slow" if status in (-signal.SIGXCPU, -signal.SIGTERM, -signal.SIGKILL) else "crash"
        yield {"number": running, "kind": kind, "text": f"the process ended with {status}"}


def _lines(handle: int, patience: float) -> Iterator[bytes]:
    """Yield the lines that come through a pipe, until it is closed or nothing comes for too long."""
    rest = b""
    while select.select([handle], [], [], patience)[0]:
        piece = os.read(handle, 65536)
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines


def _work(fuzzer: Fuzzer, seed: int, numbers: range, until: float, writing: int) -> None:
    """Run cases and write a line about each; never return."""
    status = 1
    try:
        _quiet()
        _limit_addresses()
        with contextlib.suppress(Exception):
            attempt(fuzzer, seed, -1)  # what is loaded at first use is counted for no case
        for number in numbers:
            _limit_seconds(fuzzer.most_seconds)
            os.write(writing, json.dumps(attempt(fuzzer, seed, number)).encode() + b"\n")
            if time.monotonic() > until:
                break
        status = 0
    finally:
        os._exit(status)


def _quiet() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)


def _limit_addresses() -> None:
    import resource

    sizes = Path("/proc/self/statm")
    if sizes.exists():
        here = int(sizes.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (here + MORE_ADDRESSES, resource.RLIM_INFINITY))


def _limit_seconds(seconds: float) -> None:
    """Let the system end this process where a case goes on after its time, in C code too."""
    import resource

    spent = math.ceil(time.process_time() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (spent, resource.RLIM_INFINITY))


def unlimited_seconds() -> None:
    """Take the limit of time away from this process, which a case has started."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@functools.cache
def _can_reset() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _memory_reset() -> int:
    """Forget the peak of this process's memory and return the bytes that it has now; 0 if unknown."""
    if not _can_reset():
        return 0
    Path("/proc/self/clear_refs").write_text("5")
    return _memory_peak()


def _memory_peak() -> int:
    """Return the most bytes of memory that this process has had since; 0 if unknown."""
    if not _can_reset():
        return 0
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text("ascii"))
    return 1024 * int(found[1]) if found else 0


def keep(fuzzer: Fuzzer, seed: int, tally: Tally, folder: Path) -> list[Path]:
    """Write the inputs of the finds, some of each cause, with what happened; return their folders."""
    kept: list[Path] = []
    seen: Counter[str] = Counter()
    for find in tally.finds:
        seen[find.cause] += 1
        if seen[find.cause] > EXAMPLES:
            continue
        place = folder / f"{fuzzer.name}-{seed}-{find.number}"
        place.mkdir(parents=True, exist_ok=True)
        files = {} if find.kind == NO_CASE else case_of(fuzzer, seed, find.number).files
        for name, content in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
        about = f"{find.kind}\n{find.text}\n"
        (place / "what-happened.txt").write_text(about, "utf-8", "backslashreplace")
        kept.append(place)
    return kept
