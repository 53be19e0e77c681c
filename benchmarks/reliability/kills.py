"""Sudden ends: `imagelet train` is killed at any moment, and what follows gives the same bytes.

A trial forks a process that trains a small network and kills it (SIGKILL): just before its n-th change of the
disk, so that every such moment has its turn, or after a random time. Then the run is resumed, or begun anew
where none is listed. A third of the trials kill the second process, too. Pictures are saved blank.
"""

import importlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, NoReturn

from benchmarks.reliability import fuzzing
from benchmarks.reliability.fuzzing import Case, Fuzzer, WrongAnswerError

NAME = "killed"
TRAIN = (
    *("train", "digits", "--network", "softmax", "--epochs", "3", "--batch-size", "200"),
    *("--precision", "fp32", "--device", "cpu", "--seed", "1", "--name", NAME),
)
RESUME = ("train", "--resume", NAME)
CHANGES = frozenset(
    {
        "os.rename",
        "os.mkdir",
        "os.remove",
        "os.rmdir",
        "os.link",
        "os.symlink",
        "os.truncate",
        "shutil.rmtree",
        "fsync",
    }
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
SAME = ("classifier.safetensors", "split.json", "history.jsonl")  # files whose bytes hold no times
TIMES = ("seconds", "images_per_second")  # of metrics.json
PATIENCE = 180.0  # seconds of the clock for a trial
LOADED = ("imagelet", "matplotlib", "PIL", "sklearn", "scipy", "safetensors", "torch", "rich", "filelock")
MOST_KILLS = 3


@dataclass(frozen=True)
class Uninterrupted:
    """What a training that nobody disturbs leaves.

    Attributes:
        files: the names of all its files.
        contents: what those hold in which every training must agree.
        changes: how often it changes the disk.
        seconds: that it takes.
    """

    files: frozenset[str]
    contents: dict[str, Any]
    changes: int
    seconds: float


@dataclass(frozen=True)
class Kill:
    """When a process is killed.

    Attributes:
        before_change: just before it changes the disk for the n-th time, counted from 1; or None.
        after_seconds: when it has run for so long; or None.
    """

    before_change: int | None = None
    after_seconds: float | None = None


NEVER = Kill()


def _nothing() -> None:
    return


def watch(folder: Path, before_a_change: Callable[[], None]) -> None:
    """Call a function before each change of the disk below ``folder`` that this process makes from now on."""
    place = os.fspath(folder)

    def changed(event: str, given: Sequence[Any]) -> None:
        opens = event == "open" and (given[2] or 0) & WRITING
        if (opens or event in CHANGES) and str(given[0]).startswith(place):
            before_a_change()

    flush, handles = os.fsync, Path("/proc/self/fd")

    def fsync(handle: int) -> None:
        changed("fsync", [(handles / str(handle)).readlink() if handles.exists() else place])
        flush(handle)

    os.fsync = fsync  # type: ignore[assignment]
    sys.addaudithook(changed)


def imagelet(
    words: Sequence[str], runs: Path, kill: Kill = NEVER, then: Callable[[], None] = _nothing
) -> int:
    """Run a command line in a forked process and return its exit status; negative: the signal that ended it.

    Args:
        words: of the command line.
        runs: where its runs are.
        kill: when it is killed.
        then: is called in the process when the command has ended.
    """
    child = os.fork()
    if not child:
        _run_and_exit(words, runs, kill, then)
    if kill.after_seconds is not None:
        until = time.monotonic() + kill.after_seconds
        while time.monotonic() < until:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(min(0.002, kill.after_seconds))
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run_and_exit(words: Sequence[str], runs: Path, kill: Kill, then: Callable[[], None]) -> NoReturn:
    status = 70
    try:
        fuzzing.unlimited_seconds()
        os.environ["IMAGELET_RUNS"] = str(runs)
        from imagelet.cli import main

        _leave_pictures_blank()
        _save_each_epoch()
        if kill.before_change is not None:
            _die_before(kill.before_change, runs)
        status = main(words)
        then()
    finally:
        os._exit(status)


def _save_each_epoch() -> None:
    """Let there be checkpoints to die at: the epochs are over in a few hundredths of a second."""
    from imagelet.experiment import runner

    runner.SECONDS_BETWEEN_EPOCHS = 0.0


def _leave_pictures_blank() -> None:
    """Let figures be saved blank: to draw them takes longer than all the rest."""
    from matplotlib.figure import Figure
    from PIL import Image

    def save_blank(_: Figure, file: Any, **__: Any) -> None:
        Image.new("L", (8, 8)).save(file, "png")

    Figure.savefig = save_blank  # type: ignore[method-assign,assignment]


def _die_before(change: int, folder: Path) -> None:
    remaining = change

    def before_a_change() -> None:
        nonlocal remaining
        remaining -= 1
        if remaining <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    watch(folder, before_a_change)


def _warm_up(runs: Path) -> None:
    """Load into this process what a training loads, so that each forked one begins at once."""
    names = runs / "modules"

    def write_names() -> None:
        names.write_text("\n".join(name for name in sys.modules if name.partition(".")[0] in LOADED), "utf-8")

    imagelet(TRAIN, runs, then=write_names)
    for name in names.read_text("utf-8").split():
        importlib.import_module(name)


@cache
def uninterrupted() -> Uninterrupted:
    """Train once without disturbance."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        _warm_up(place / "first")
        runs, counted = place / "runs", place / "changes"
        changes = 0

        def count() -> None:
            nonlocal changes
            changes += 1

        started = time.monotonic()
        child = os.fork()
        if not child:
            watch(runs, count)
            _run_and_exit(TRAIN, runs, NEVER, lambda: _write(counted, str(changes)))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        seconds = time.monotonic() - started
        if status:
            raise RuntimeError(f"imagelet {' '.join(TRAIN)} ends with {status}")
        run = runs / NAME
        return Uninterrupted(_files(run), _contents(run), int(counted.read_text()), seconds)


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _files(run: Path) -> frozenset[str]:
    return frozenset(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file())


def _contents(run: Path) -> dict[str, Any]:
    """Return what equal trainings have in common."""
    metrics = json.loads((run / "metrics.json").read_text("utf-8"))
    figures = {name: value for name, value in metrics.items() if name not in TIMES}
    return {"metrics.json": figures, **{name: (run / name).read_bytes() for name in SAME}}


def _trial(random: Random, number: int) -> Case:
    """Return a trial; every second one kills at the next change of the disk."""
    whole = uninterrupted()
    if number % 2 == 0:
        kills = [Kill(before_change=number // 2 % whole.changes + 1)]
    else:
        kills = [Kill(after_seconds=random.uniform(0.0, 1.1) * whole.seconds)]
    while len(kills) < MOST_KILLS and random.random() < 1 / 3:
        kills.append(Kill(before_change=random.randint(1, whole.changes)))
    return Case({"kills.txt": "\n".join(map(str, kills)).encode()}, partial(_kill_and_go_on, kills))


def _kill_and_go_on(kills: Sequence[Kill]) -> None:
    """Kill a training, then what follows it, and let the last one finish."""
    whole = uninterrupted()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder).resolve() / "runs"
        words: Sequence[str] = TRAIN
        for kill in (*kills, NEVER):
            status = imagelet(words, runs, kill)
            if status not in (0, -signal.SIGKILL if kill != NEVER else 0):
                raise WrongAnswerError(f"imagelet {' '.join(words)} ends with {status}")
            words = _next(runs)
            if not words:
                break
        _compare(runs / NAME, whole)


def _next(runs: Path) -> Sequence[str]:
    """Return the command that goes on: to begin where no run is listed; none where it is finished."""
    from imagelet.runs.store import list_runs

    listed = {run.name: run for run in list_runs(runs)} if runs.exists() else {}
    if NAME not in listed:
        return TRAIN
    return () if listed[NAME].finished else RESUME


def _compare(run: Path, whole: Uninterrupted) -> None:
    if missing := whole.files - _files(run):
        raise WrongAnswerError(f"the run lacks {', '.join(sorted(missing))}")
    differing = [name for name, content in _contents(run).items() if content != whole.contents[name]]
    if differing:
        raise WrongAnswerError(f"other than in an uninterrupted run: {', '.join(differing)}")


FUZZERS = (Fuzzer("kills", "trainings that were killed", 200, _trial, most_seconds=60, patience=PATIENCE),)
