"""Trainings in processes of their own: the same bytes, however many run at a time; what ends them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from imagelet.errors import RunError, SettingError, UsageError
from imagelet.experiment import child_messages, side_by_side
from imagelet.experiment.child_messages import Failed, decode, encode, sentence_about
from imagelet.experiment.once import Task, locked, train_once
from imagelet.experiment.repeats import Repeated, plan, repeat
from imagelet.experiment.side_by_side import choose_parallel, train_side_by_side
from imagelet.messages import Message
from imagelet.runs.definition import AS_SUITS, Computing, Experiment, describe
from imagelet.runs.run import Run
from imagelet.training.history import EpochFigures

QUICK = {"epochs": 2, "batch_size": 100}
NETWORK = "conv(4, 3x3) relu flatten dense(classes)"


def quick() -> Experiment:
    return describe("digits", NETWORK, settings=QUICK)


def files_of(result: Repeated) -> list[tuple[bytes, str]]:
    """Return what trainings leave that holds no times and no paths."""
    return [
        (member.run.classifier_file.read_bytes(), (member.run.folder / "history.jsonl").read_text())
        for member in result.members
    ]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("two_threads")
def test_two_at_a_time_leave_the_bytes_of_one_after_the_other(tmp_path: Path) -> None:
    alone = repeat(quick(), seeds=[0, 1], folder=tmp_path / "alone")
    beside = repeat(quick(), seeds=[0, 1], folder=tmp_path / "beside", parallel=2)
    assert files_of(alone) == files_of(beside)
    assert [member.run.environment["threads"] for member in beside.members] == [2, 2]
    assert [member.run.name for member in beside.members] == ["digits-network-seed0", "digits-network-seed1"]
    assert beside.to_json()["mean"] == alone.to_json()["mean"]


@pytest.mark.slow
def test_one_that_fails_ends_the_series_and_what_is_finished_stays(tmp_path: Path) -> None:
    series = plan(quick(), seeds=[0, 1, 2], folder=tmp_path)
    held = series.parts[2].task
    with contextlib.closing(train_once(held)) as training:
        next(training)  # as another machine would
        with pytest.raises(RunError, match="seed 2: another process trains seed 2 already"):
            repeat(quick(), seeds=[0, 1, 2], folder=tmp_path, parallel=2)
    again = plan(quick(), seeds=[0, 1, 2], folder=tmp_path)
    assert any(part.complete for part in again.parts)
    assert len(repeat(quick(), seeds=[0, 1, 2], folder=tmp_path).members) == 3


def test_a_process_that_dies_is_told_and_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = (sys.executable, "-c", "import sys; sys.stdin.readline(); sys.exit(3)")
    monkeypatch.setattr(side_by_side, "command_of", lambda _: dying)
    events = list(train_side_by_side([task(tmp_path), task(tmp_path, seed=1)], parallel=1))
    assert [place for place, _ in events] == [0, 1]
    for _, event in events:
        assert isinstance(event, Failed)
        assert "ended in the middle" in str(event.error)


def task(folder: Path, seed: int = 0) -> Task:
    experiment = describe("digits", NETWORK, settings=QUICK, seed=seed, input_shape=(8, 8), threads=1)
    label = Message("seed {number}", number=seed)
    return Task(label, experiment, folder, None, "digits", test=True, in_memory=False, data_sha256="ab")


def test_a_task_travels_as_plain_data(tmp_path: Path) -> None:
    sent = task(tmp_path)
    received = Task.from_json(json.loads(json.dumps(sent.to_json())))
    assert received == sent
    assert received.label.template == sent.label.template


@pytest.mark.parametrize(
    "event",
    [
        child_messages.Reading(3, None),
        child_messages.Started(Run(Path("a")), (1, 0), (Message("so {word}", word="it is"),)),
        child_messages.Started(Run(Path("a")), None, ()),
        child_messages.Steps(3, 20),
        child_messages.Epoch(EpochFigures(1, 0.5, 0.75, None, None, 0.1), True, 2.0, 10.0),
        child_messages.StoppedEarly(),
        child_messages.Warned(Message("beware")),
        child_messages.Done(Run(Path("a"))),
        child_messages.Interrupted(),
    ],
    ids=lambda event: type(event).__name__,
)
def test_events_travel_as_lines(event: child_messages.ChildEvent) -> None:
    line = encode(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == event


def test_an_error_travels_with_its_class_and_its_template() -> None:
    received = decode(encode(Failed(SettingError("{given} is not allowed", "try {other}", given=1, other=2))))
    assert isinstance(received, Failed)
    assert isinstance(received.error, SettingError)
    assert received.error.message.template == "{given} is not allowed"
    assert received.error.hint == "try 2"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device", "a/b"), "a/b: No space left on device"),
        (MemoryError(), "not enough memory for so many trainings"),
        (ValueError("two\nlines"), "something unexpected went wrong: ValueError: two lines"),
    ],
)
def test_any_error_becomes_a_sentence(error: Exception, sentence: str) -> None:
    assert sentence in str(sentence_about(error))


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'{"event": "Exit"}', b'{"event": "Done", "x": 1}'])
def test_other_lines_are_no_events(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"no event|Expecting"):
        decode(line)


class TestHowManyAtATime:
    @pytest.mark.parametrize(
        ("cores", "torch_threads", "threads", "tasks", "most"),
        [
            (8, 8, "auto", 10, 4),  # four threads share a core
            (2, 2, "auto", 10, 2),
            (8, 1, "auto", 10, 8),
            (8, 8, "auto", 3, 3),
            (8, 8, 2, 10, 4),  # each has the two cores that were chosen
            (8, 8, 1, 10, 8),
            (8, 8, 8, 10, 1),
            (1, 1, "auto", 10, 1),
            (4, 4, "auto", 0, 1),
        ],
    )
    def test_follows_the_cores(
        self,
        monkeypatch: pytest.MonkeyPatch,
        cores: int,
        torch_threads: int,
        threads: int | str,
        tasks: int,
        most: int,
    ) -> None:
        monkeypatch.setattr(side_by_side, "usable_cores", lambda: cores)
        monkeypatch.setattr("imagelet.device.usable_cores", lambda: cores)
        monkeypatch.setattr(torch, "get_num_threads", lambda: torch_threads)
        monkeypatch.setattr(side_by_side, "memory_bytes", lambda: 0)
        assert choose_parallel("auto", tasks, Computing("cpu", "auto", threads)) == most

    def test_follows_the_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(side_by_side, "usable_cores", lambda: 8)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
        monkeypatch.setattr(side_by_side, "memory_bytes", lambda: 3 * 10**9)
        assert choose_parallel("auto", 8, Computing("cpu")) == 3
        monkeypatch.setattr(side_by_side, "memory_bytes", lambda: 10**8)
        assert choose_parallel("auto", 8, Computing("cpu")) == 1

    def test_is_what_was_asked_for_or_refused(self) -> None:
        assert choose_parallel(5, 8, AS_SUITS) == 5
        assert choose_parallel(5, 3, AS_SUITS) == 3
        for given in (0, -1, "many", True, 1.5):
            with pytest.raises(UsageError, match=r"--parallel .* is not allowed"):
                choose_parallel(given, 8, AS_SUITS)  # type: ignore[arg-type]


def test_a_lock_is_of_one_thing_and_free_again(tmp_path: Path) -> None:
    label = Message("fold {number}", number=2)
    with locked(tmp_path, ["a", None], label):
        with (
            pytest.raises(RunError, match="another process trains fold 2 already"),
            locked(tmp_path, ["a", None], label),
        ):
            pass
        with locked(tmp_path, ["b", None], label):
            pass
    with locked(tmp_path, ["a", None], label):
        pass


LONG = ("--network", "softmax", "--epochs", "100000", "-b", "20", "--seeds", "2", "--parallel", "2")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are other signals")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_training_outlives_what_started_it_and_all_save(tmp_path: Path, ending: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "imagelet", "train", "digits", *LONG, "--runs", str(tmp_path), "--name", "x"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        text=True,
    )
    runs = [Run(tmp_path / f"x-seed{seed}") for seed in (0, 1)]
    wait_until(lambda: all(list(run.checkpoints.glob("*.checkpoint")) for run in runs))
    process.send_signal(ending)
    _, stderr = process.communicate(timeout=120)
    wait_until(lambda: not any(map(in_use, runs)))
    for run in runs:
        assert list(run.checkpoints.glob("*.checkpoint"))
        assert not run.finished
    if ending is signal.SIGINT:
        assert process.returncode == 130
        assert "stopped: 0 of 2 trainings are finished; nothing of the others is lost" in stderr
        assert "type the same again to resume" in stderr
        assert "Traceback" not in stderr


def in_use(run: Run) -> bool:
    try:
        with run.in_use():
            return False
    except RunError:
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.04)
    raise AssertionError("it did not come about in two minutes")
