"""The processes of one training meet: who holds the port and says nothing is not waited for."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagelet import ranks
from imagelet.errors import TrainingError
from imagelet.ranks import Placement
from imagelet.training import meeting
from tests.training.processes import free_port


def test_another_program_that_holds_the_port_in_silence_is_not_process_0(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(meeting, "MUTE", 0.5)
    monkeypatch.delenv(ranks.LAUNCHER, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = Placement(rank=1, world=2, address="127.0.0.1", port=silent.getsockname()[1])
        with pytest.raises(TrainingError, match="process 1 of 2 does not reach process 0"):
            meeting.meet(place)


FIRST = {"imagelet": "0.2.0", "torch": "2.9.1", "state": "a"}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"imagelet": "0.1.0", "state": "b"}, "runs imagelet 0.1.0, and process 0 runs imagelet 0.2.0"),
        ({"torch": "2.8.0"}, "runs torch 2.8.0, and process 0 runs torch 2.9.1"),
        ({"state": "b"}, "runs imagelet 0.2.0 with another state of its code than process 0"),
    ],
)
def test_what_differs_in_the_code_of_two_processes_is_said(changed: dict[str, str], sentence: str) -> None:
    with pytest.raises(TrainingError) as caught:
        meeting.check_code(1, {**FIRST, **changed, "host": "node2"}, {**FIRST, "host": "node1"})
    assert str(caught.value.message) == f"process 1 on node2 {sentence}"


def test_all_processes_say_what_differs_in_their_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ranks.LAUNCHER, raising=False)
    mine = threading.local()
    monkeypatch.setattr(meeting, "code", lambda: {**FIRST, "state": mine.state})
    monkeypatch.setattr(socket, "gethostname", lambda: "node")
    port = free_port()

    def said_by(rank: int) -> str:
        mine.state = str(rank)
        with pytest.raises(TrainingError) as caught:
            meeting.meet(Placement(rank=rank, world=2, address="127.0.0.1", port=port), patience=60)
        return str(caught.value.message)

    with ThreadPoolExecutor(2) as threads:
        said = list(threads.map(said_by, range(2)))
    assert said[0] == said[1]
    assert said[0] == "process 1 on node runs imagelet 0.2.0 with another state of its code than process 0"


def test_the_same_code_is_no_difference() -> None:
    here = meeting.code()
    assert set(here) == set(FIRST)
    meeting.check_code(1, {**here, "host": "node2", "number": "1"}, {**here, "host": "node1", "number": "2"})
