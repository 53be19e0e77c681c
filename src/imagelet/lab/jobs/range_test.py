"""The learning rate range test of the tab Train, in a process of its own that can be ended at any time.

``python -m imagelet.lab.jobs.range_test`` reads an experiment from standard input, and writes lines of JSON
to standard output: the number of each step, and at the end what was measured or what went wrong.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass, field
from typing import IO, Any, Literal

from imagelet.errors import BusyError, ImageletError, RunError
from imagelet.lab.jobs.plan import Plan, for_a_page
from imagelet.lab.jobs.store import Failure
from imagelet.lab.jobs.worker import NICENESS
from imagelet.messages import Message, translate
from imagelet.runs.definition import Experiment

BROKEN = Failure(Message("the process of the test ended in the middle"), Message("try again"))


@dataclass
class RangeTest:
    """A test that runs or has ended.

    Attributes:
        id: names it in requests.
        process: the one that it runs in.
        state: how far it is.
        step: how many steps are taken.
        steps: how many there are at most.
        result: what was measured, as ``training.learning_rate_range.RangeTest.to_json`` has it.
        error: why it failed.
    """

    process: subprocess.Popen[str]
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    state: Literal["running", "finished", "failed"] = "running"
    step: int = 0
    steps: int | None = None
    result: dict[str, Any] | None = None
    error: Failure | None = None

    def facts(self) -> dict[str, Any]:
        """Return it as plain data, in the language of the request."""
        texts = self.error and {name: translate(text) for name, text in self.error.texts.items()}
        names = ("id", "state", "step", "steps", "result")
        return {**{name: getattr(self, name) for name in names}, "error": texts}

    def read(self) -> None:
        """Follow what the process writes, to its end."""
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                content = json.loads(line)
                self.step, self.steps = content.get("step", self.step), content.get("steps", self.steps)
                self.result = content.get("result")
                self.error = Failure.from_json(content["error"]) if "error" in content else None
        self.process.wait()
        if self.result is None:
            self.error = self.error or BROKEN
        self.state = "finished" if self.result else "failed"


class RangeTests:
    """The last test of the lab: one at a time."""

    def __init__(self) -> None:
        self._last: RangeTest | None = None
        self._lock = threading.Lock()

    def start(self, plan: Plan) -> RangeTest:
        """Start a test of what a plan trains.

        Raises:
            BusyError: another is under way.
        """
        with self._lock:
            if self._last and self._last.state == "running":
                raise BusyError(
                    "another learning rate test is under way", "wait until it is done, or cancel it"
                )
            self._last = RangeTest(_process(plan.experiment))
        threading.Thread(target=self._last.read, daemon=True).start()
        return self._last

    def find(self, identity: str) -> RangeTest:
        """Return a test.

        Raises:
            RunError: it is not the last one.
        """
        if self._last is None or self._last.id != identity:
            raise RunError("there is no such learning rate test", "start it again")
        return self._last

    def cancel(self, identity: str) -> None:
        """End a test and forget it; nothing of it is kept.

        Raises:
            RunError: it is not the last one.
        """
        self.find(identity)
        self.close()

    def close(self) -> None:
        """End what runs."""
        with self._lock:
            if self._last and self._last.process.poll() is None:
                self._last.process.kill()
            self._last = None


def _process(experiment: Experiment) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "imagelet.lab.jobs.range_test"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    with (
        process.stdin as asked,
        contextlib.suppress(BrokenPipeError),
    ):  # its end is read
        json.dump(experiment.to_toml(), asked)
    return process


def run(experiment: Experiment, out: IO[str]) -> None:
    """Run the test, and write a line for each step and one for the result or the error."""
    from imagelet.experiment.runner import prepared
    from imagelet.training import learning_rate_range

    def write(**content: Any) -> None:
        out.write(f"{json.dumps(content)}\n")
        out.flush()

    try:
        with for_a_page():
            setup, network, trained = prepared(experiment)
            events = learning_rate_range.run_range_test(setup, network, trained=trained)
            for step, event in enumerate(events, 1):
                if isinstance(event, learning_rate_range.RangeTest):
                    write(result=event.to_json())
                    return
                write(step=step, steps=learning_rate_range.STEPS)
    except ImageletError as error:
        write(error=Failure(error.message, error.hint).to_json())


def main() -> int:
    """Run what standard input describes; return the process's exit code."""
    with contextlib.suppress(OSError, AttributeError):  # as the worker does; Windows has no niceness
        os.nice(NICENESS)
    run(Experiment.from_toml(json.load(sys.stdin)), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
