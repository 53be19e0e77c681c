"""The learning rate range test of the tab Train, in a process of its own."""

import io
import json
import time

import pytest

from imagelet.errors import BusyError, RunError
from imagelet.lab.jobs import range_test
from imagelet.lab.jobs.plan import plan
from imagelet.lab.jobs.range_test import RangeTests
from imagelet.messages import use_language
from imagelet.training import learning_rate_range


def ended(test: range_test.RangeTest, seconds: float = 60) -> range_test.RangeTest:
    """Wait until a test has ended."""
    until = time.monotonic() + seconds
    while test.state == "running" and time.monotonic() < until:
        time.sleep(0.05)
    return test


def lines(experiment) -> list[dict]:
    """Return what the process of a test writes."""
    out = io.StringIO()
    range_test.run(experiment, out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_each_step_is_said_and_at_the_end_what_was_measured() -> None:
    experiment, _ = plan("digits", network="flatten dense(classes) softmax", recipe="keras")
    *steps, last = lines(experiment)
    assert [line["step"] for line in steps] == list(range(1, len(steps) + 1))
    assert {line["steps"] for line in steps} == {learning_rate_range.STEPS}
    assert set(last["result"]["settings"]) == {"learning_rate"}
    assert len(last["result"]["rates"]) == len(steps)


def test_what_cannot_be_tested_is_said_in_the_language_of_who_asks(monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BusyError("another learning rate test is under way", "wait until it is done, or cancel it")

    monkeypatch.setattr("imagelet.experiment.runner.prepared", refuse)
    experiment, _ = plan("digits")
    (line,) = lines(experiment)
    error = range_test.Failure.from_json(line["error"])
    assert error.message == "another learning rate test is under way"
    with use_language("ko"):
        assert range_test.translate(error.message).startswith("다른 학습률")


@pytest.mark.slow
def test_one_runs_at_a_time_in_a_process_and_can_be_cancelled() -> None:
    tests = RangeTests()
    _, planned = plan("digits")
    first = tests.start(planned)
    with pytest.raises(BusyError, match="under way"):
        tests.start(planned)
    tests.cancel(first.id)
    with pytest.raises(RunError, match="no such"):
        tests.find(first.id)
    assert ended(first).state == "failed"
    assert first.process.returncode != 0
    again = tests.start(planned)
    assert ended(again).state == "finished", again.facts()
    assert tests.find(again.id).facts()["result"]["suggestion"] > 0
    tests.close()
