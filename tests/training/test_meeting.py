"""The processes of one training meet: who holds the port and says nothing is not waited for."""

import socket

import pytest

from imagelet import ranks
from imagelet.errors import TrainingError
from imagelet.ranks import Placement
from imagelet.training import meeting


def test_another_program_that_holds_the_port_in_silence_is_not_process_0(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(meeting, "MUTE", 0.5)
    monkeypatch.delenv(ranks.LAUNCHER, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = Placement(rank=1, world=2, address="127.0.0.1", port=silent.getsockname()[1])
        with pytest.raises(TrainingError, match="process 1 of 2 does not reach process 0"):
            meeting.meet(place)
